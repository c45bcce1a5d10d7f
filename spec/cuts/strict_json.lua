--- JSON by the letter of RFC 8259, in plain Lua: a second opinion on what the C reader says.
---
--- A string is kept as it is written (its inside, escapes and all), a number as its digits:
--- values that are equal here have the same bytes, but for blanks and the order of members.
---
---     { string = 'a\\n' }  { number = "1.50" }  { array = { … } }  { object = { key = … } }
---     { word = "true" }
local M = {}

local DEPTH = 1000

-- Well-formed UTF-8 behind the first byte, by what that byte is: Unicode's table 3-7.
local SECOND = {
  { 0xC2, 0xDF, "^[\128-\191]" },
  { 0xE0, 0xE0, "^[\160-\191][\128-\191]" },
  { 0xE1, 0xEC, "^[\128-\191][\128-\191]" },
  { 0xED, 0xED, "^[\128-\159][\128-\191]" },
  { 0xEE, 0xEF, "^[\128-\191][\128-\191]" },
  { 0xF0, 0xF0, "^[\144-\191][\128-\191][\128-\191]" },
  { 0xF1, 0xF3, "^[\128-\191][\128-\191][\128-\191]" },
  { 0xF4, 0xF4, "^[\128-\143][\128-\191][\128-\191]" },
}

local function after_character(text, at)
  local byte = text:byte(at)
  for _, row in ipairs(SECOND) do
    if byte >= row[1] and byte <= row[2] then
      local _, last = text:find(row[3], at + 1)
      return last and last + 1
    end
  end
  return nil
end

local function is_utf8(text)
  local at = text:find("[\128-\255]")
  while at do
    at = after_character(text, at)
    if not at then return false end
    at = text:find("[\128-\255]", at)
  end
  return true
end

local function refuse(at) error({ at = at }, 0) end

local function after_blanks(text, at) return select(2, text:find("^[ \t\r\n]*", at)) + 1 end

local function after_escape(text, at)
  local last = select(2, text:find('^\\["\\/bfnrt]', at))
    or select(2, text:find("^\\u%x%x%x%x", at))
  return last and last + 1 or refuse(at)
end

local QUOTE, BACKSLASH, DELETE = 34, 92, 127

-- Where a quote or a backslash is; DEL is a control character that a string may have.
local function after_plain(text, at)
  while true do
    at = text:find('["\\%c]', at) or refuse(#text)
    local byte = text:byte(at)
    if byte == QUOTE or byte == BACKSLASH then return at end
    if byte ~= DELETE then refuse(at) end
    at = at + 1
  end
end

local function read_string(text, at)
  if text:byte(at) ~= QUOTE then refuse(at) end
  local from = at + 1
  at = after_plain(text, from)
  while text:byte(at) == BACKSLASH do
    at = after_plain(text, after_escape(text, at))
  end
  local inside = text:sub(from, at - 1)
  if not is_utf8(inside) then refuse(from) end
  return { string = inside }, at + 1
end

local function read_number(text, at)
  local last = select(2, text:find("^-?[1-9]%d*", at)) or select(2, text:find("^-?0", at))
  if not last then refuse(at) end
  if text:find("^%.", last + 1) then
    last = select(2, text:find("^%.%d+", last + 1)) or refuse(last)
  end
  if text:find("^[eE]", last + 1) then
    last = select(2, text:find("^[eE][+-]?%d+", last + 1)) or refuse(last)
  end
  return { number = text:sub(at, last) }, last + 1
end

local read_value

-- Elements up to the closing bracket; `read_one` reads one from a place.
local function read_list(text, at, close, read_one)
  at = after_blanks(text, at + 1)
  if text:sub(at, at) == close then return at + 1 end
  while true do
    at = after_blanks(text, read_one(at))
    local mark = text:sub(at, at)
    if mark == close then return at + 1 end
    if mark ~= "," then refuse(at) end
    at = after_blanks(text, at + 1)
  end
end

local function read_array(text, at, depth)
  local array = {}
  local after = read_list(text, at, "]", function(from)
    local value, next_at = read_value(text, from, depth)
    array[#array + 1] = value
    return next_at
  end)
  return { array = array }, after
end

local function read_object(text, at, depth)
  local object = {}
  local after = read_list(text, at, "}", function(from)
    local key, next_at = read_string(text, from)
    next_at = after_blanks(text, next_at)
    if text:sub(next_at, next_at) ~= ":" then refuse(next_at) end
    object[M.plain(key.string)], next_at = read_value(text, after_blanks(text, next_at + 1), depth)
    return next_at
  end)
  return { object = object }, after
end

local function read_word(text, at)
  for _, word in ipairs({ "true", "false", "null" }) do
    if text:sub(at, at + #word - 1) == word then return { word = word }, at + #word end
  end
  return read_number(text, at)
end

function read_value(text, at, depth)
  local first = text:sub(at, at)
  if first == '"' then return read_string(text, at) end
  if first ~= "{" and first ~= "[" then return read_word(text, at) end
  if depth >= DEPTH then refuse(at) end
  return (first == "{" and read_object or read_array)(text, at, depth + 1)
end

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 0x40), 0x80 + code % 0x40) end
  local tail = string.char(0x80 + math.floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  if code < 0x10000 then return string.char(0xE0 + math.floor(code / 0x1000)) .. tail end
  return string.char(0xF0 + math.floor(code / 0x40000), 0x80 + math.floor(code / 0x1000) % 0x40)
    .. tail
end

local function pair_of(high, low)
  return utf8_of(0x10000 + (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00)
end

--- The text that the inside of a string says; half of a surrogate pair is U+FFFD.
---@param inside string
---@return string
function M.plain(inside)
  if not inside:find("\\", 1, true) then return inside end
  local text = inside:gsub("\\\\", "\1") -- no string has a bare control character in it
  text = text:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)", pair_of)
  text = text:gsub("\\u[dD][89a-fA-F]%x%x", "\239\191\189")
  text = text:gsub("\\u(%x%x%x%x)", function(digits) return utf8_of(tonumber(digits, 16)) end)
  text = text:gsub("\\(.)", function(letter) return ESCAPES[letter] or letter end)
  return (text:gsub("\1", "\\"))
end

--- Reads a whole JSON text.
---@param text string
---@return table? value nil if it is none
---@return integer? at where that shows
function M.read(text)
  local ok, value, at = pcall(read_value, text, after_blanks(text, 1), 0)
  if not ok then
    if type(value) ~= "table" then error(value, 0) end
    return nil, value.at
  end
  at = after_blanks(text, at)
  if at <= #text then return nil, at end
  return value
end

--- Whether two values are the same, whatever the order of their members.
---@param one any
---@param other any
---@return boolean
function M.equal(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then return one == other end
  for key, value in pairs(one) do
    if not M.equal(value, other[key]) then return false end
  end
  for key in pairs(other) do
    if one[key] == nil then return false end
  end
  return true
end

return M
