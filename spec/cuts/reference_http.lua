--- What an HTTP/1.1 answer says, by RFC 9112 and in plain Lua: a second opinion on what the C
--- decoder makes of it. Where the RFC leaves a choice, the one in csrc/core/http1.h is taken.
local M = {}

local TOKEN = "^[%w!#%$%%&'%*%+%-%.%^_`|~]+$"

local function refuse(what) error({ refused = what }, 0) end

local function need(condition, what) return condition or refuse(what) end

local function has_control(text) return text:gsub("\t", ""):find("%c") ~= nil end

local function trimmed(text) return text:match("^[ \t]*(.-)[ \t]*$") end

-- A line and where the next one begins; nil where none ends.
local function line_at(bytes, at)
  local last = bytes:find("\n", at, true)
  if not last then return nil end
  local line = bytes:sub(at, last - 1)
  return (line:gsub("\r$", "")), last + 1, line:sub(-1) == "\r"
end

local function cut(state) error({ cut = true, body = state.body }, 0) end

local function read_line(state)
  local line, at, is_crlf = line_at(state.bytes, state.at)
  if not line then cut(state) end
  state.at = at
  return line, is_crlf
end

local function read_status(state)
  local line = read_line(state)
  local minor, status, rest = line:match("^HTTP/1%.(%d) ([1-9]%d%d)(.*)$")
  need(minor and (rest == "" or rest:sub(1, 1) == " "), "a status line")
  need(not has_control(line), "no control character")
  state.minor, state.status = tonumber(minor), tonumber(status)
  need(state.status ~= 101, "HTTP")
end

-- Header lines up to the empty one, unfolded.
local function read_fields(state)
  local fields = {}
  while true do
    local line = read_line(state)
    if line == "" then return fields end
    if line:find("^[ \t]") then
      need(#fields > 0, "a field that is folded")
      fields[#fields] = fields[#fields] .. " " .. trimmed(line)
    else
      fields[#fields + 1] = line
    end
  end
end

local HEED = {}

HEED["content-length"] = function(state, value)
  for element in (value .. ","):gmatch("([^,]*),") do
    local digits = need(trimmed(element):match("^%d+$"), "a length")
    need((state.length or tonumber(digits)) == tonumber(digits), "one length")
    state.length = tonumber(digits)
  end
end

HEED["transfer-encoding"] = function(state, value)
  need(state.minor > 0 and not state.chunked and value:lower() == "chunked", "chunked")
  state.chunked = true
end

HEED["content-encoding"] = function(_, value)
  need(value == "" or value:lower() == "identity", "no encoding")
end

local function take_fields(state, fields, heeds)
  for _, line in ipairs(fields) do
    local name, value = line:match("^([^:]*):(.*)$")
    need(name and name:find(TOKEN), "a field's name")
    need(not has_control(trimmed(value)), "no control character")
    local heed = heeds and HEED[name:lower()]
    if heed then heed(state, trimmed(value)) end
  end
end

local function take_bytes(state, count)
  local bytes = state.bytes:sub(state.at, state.at + count - 1)
  state.body, state.at = state.body .. bytes, state.at + #bytes
  if #bytes < count then cut(state) end
end

local function read_crlf(state)
  local two = state.bytes:sub(state.at, state.at + 1)
  if #two < 2 and ("\r\n"):sub(1, #two) == two then cut(state) end
  need(two == "\r\n", "CRLF behind a chunk")
  state.at = state.at + 2
end

local function read_chunks(state)
  while true do
    local line, is_crlf = read_line(state)
    need(is_crlf and not has_control(line), "a chunk's header")
    local digits, rest = line:match("^(%x+)(.*)$")
    need(digits and (rest == "" or rest:find("^[ \t]*;")), "a chunk's size")
    need(#digits:gsub("^0+", "") < 13, "a size that can be")
    local size = tonumber(digits, 16)
    if size == 0 then return take_fields(state, read_fields(state), false) end
    take_bytes(state, size)
    read_crlf(state)
  end
end

local function read_body(state)
  if state.status == 204 or state.status == 304 then return end
  need(not (state.chunked and state.length), "one framing")
  if state.chunked then return read_chunks(state) end
  if state.length then return take_bytes(state, state.length) end
  state.body = state.bytes:sub(state.at)
end

local function read_answer(state)
  repeat
    read_status(state)
    local fields = read_fields(state)
    take_fields(state, fields, state.status >= 200)
  until state.status >= 200
  read_body(state)
end

---@class spec.Answered
---@field status? integer
---@field body string as far as it came
---@field how "done"|"cut"|"refused"

--- What the bytes of a connection come to that was closed behind them.
---@param bytes string
---@return spec.Answered
function M.read(bytes)
  local state = { bytes = bytes, at = 1, body = "" }
  local ok, result = pcall(read_answer, state)
  if not ok and type(result) ~= "table" then error(result, 0) end
  local how = ok and "done" or result.cut and "cut" or "refused"
  return { status = state.status, body = state.body, how = how }
end

return M
