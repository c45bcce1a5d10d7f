--- Takes secrets out of what people will see: errors, warnings, logs.
---
--- Two kinds: values that are known to be secret, in any spelling in which a server may
--- echo them, and what looks like a secret by its shape or by the name before it.

local M = {}

--- What stands in place of a secret.
M.MARK = "[redacted]"

-- What is shorter may be a word, and guards nothing.
local SHORTEST = 10

-- Words of names whose values are secret: `x-api-key`, `access_token`, `Set-Cookie`.
local SECRET_WORDS = {}
for word in
  ([[apikey auth authentication authorization bearer cookie credential credentials jwt key
  passwd password pwd secret session sig signature token]]):gmatch("%a+")
do
  SECRET_WORDS[word] = true
end

-- Names that have such a word and no secret.
local HARMLESS = {
  ["idempotency-key"] = true,
  ["access-control-allow-credentials"] = true,
  ["www-authenticate"] = true,
}

--- Whether a header, or a parameter of a URL, of this name holds a secret.
---@param name string
---@return boolean
function M.is_secret(name)
  name = name:lower()
  if HARMLESS[name] then return false end
  for word in name:gmatch("%a+") do
    if SECRET_WORDS[word] then return true end
  end
  return false
end

-- Request headers that may be shown; any other may be somebody's way to say who they are.
local SHOWN = {}
for name in
  ([[accept accept-encoding accept-language connection content-encoding content-length
  content-type date expect host idempotency-key origin referer http-referer te traceparent
  tracestate transfer-encoding user-agent x-amz-date x-correlation-id x-request-id
  x-title]]):gmatch("%S+")
do
  SHOWN[name] = true
end

--- Whether the value of a request header may be shown.
---@param name string
---@return boolean
function M.is_shown(name)
  name = name:lower()
  if SHOWN[name] then return true end
  return (name:find("^anthropic%-") or name:find("^x%-stainless%-")) ~= nil
    and not M.is_secret(name)
end

local BACKSLASH, PERCENT = ("\\"):byte(), ("%"):byte()

-- Where the backslashes that begin there end: each level of escaping doubles them.
---@param text string
---@param from integer
---@return integer behind
local function behind_backslashes(text, from) return (text:match("^\\*()", from)) end

-- Where one character ends that stands at `from` as it is, as %XX or as \uXXXX, however often
-- the text around it was escaped. All is in lower case: that is how names of headers come.
---@param text string
---@param from integer
---@param byte integer
---@param encoded boolean %XX and \uXXXX are never taken as they are
---@return integer? behind
local function behind_character(text, from, byte, encoded)
  local at = behind_backslashes(text, from)
  local hex = text:match("^%%(%x%x)", at) or (at > from and text:match("^u00(%x%x)", at))
  if text:byte(at) == byte and not (encoded and hex) then return at + 1 end
  if not hex or string.char(tonumber(hex, 16)):lower():byte() ~= byte then return nil end
  return at + (text:byte(at) == PERCENT and 3 or 5)
end

-- A secret's own backslashes are at least as many in the text.
---@param text string
---@param from integer
---@param secret string
---@param i integer where backslashes begin in the secret
---@return integer? behind
---@return integer count
local function behind_own_backslashes(text, from, secret, i)
  local count = behind_backslashes(secret, i) - i
  local behind = behind_backslashes(text, from)
  return behind - from >= count and behind or nil, count
end

---@param text string
---@param from integer?
---@param secret string
---@param encoded boolean
---@return integer? behind
local function behind_secret(text, from, secret, encoded)
  local i = 1
  while from and i <= #secret do
    local byte, count = secret:byte(i), 1
    local behind = behind_character(text, from, byte, encoded)
    if not behind and byte == BACKSLASH then
      behind, count = behind_own_backslashes(text, from, secret, i)
    end
    from, i = behind, i + count
  end
  return from
end

-- Where the secret ends; a "%" or "u" of its own may be the beginning of an escape as well.
-- The longer reading leaves nothing of it behind.
---@param text string
---@param from integer
---@param secret string
---@return integer? behind
local function behind_any(text, from, secret)
  local plain = behind_secret(text, from, secret, false)
  local encoded = secret:find("[%%u]") and behind_secret(text, from, secret, true)
  if plain or encoded then return math.max(plain or 0, encoded or 0) end
  return text:sub(from, from + #secret - 1) == secret and from + #secret or nil
end

-- What a spelling of the secret begins with: its first character, or what escapes it.
---@param secret string
---@return string pattern
local function beginnings(secret)
  local first = secret:sub(1, 1)
  return "[" .. first:gsub("%W", "%%%0") .. "\\%%]"
end

-- Where to look next when no secret begins there: what is true of the first of several
-- backslashes is true of all.
---@param lower string
---@param at integer
---@return integer
local function behind_failure(lower, at)
  return lower:byte(at) == BACKSLASH and behind_backslashes(lower, at) or at + 1
end

---@param text string
---@param secret string
---@return string
local function without(text, secret)
  secret = secret:lower()
  local lower, parts, from, pattern = text:lower(), {}, 1, beginnings(secret)
  local at = lower:find(pattern)
  while at do
    local behind = behind_any(lower, at, secret)
    if behind then
      parts[#parts + 1] = text:sub(from, at - 1) .. M.MARK
      from = behind
    end
    at = lower:find(pattern, behind or behind_failure(lower, at))
  end
  return #parts > 0 and table.concat(parts) .. text:sub(from) or text
end

--- Takes known secrets out of a text, in any spelling that JSON and URLs have for them, also
--- where JSON stands in JSON, in upper and lower case.
---@param text string
---@param secrets string[]
---@return string
function M.known(text, secrets)
  for _, secret in ipairs(secrets) do
    if #secret >= SHORTEST then text = without(text, secret) end
  end
  return text
end

-- Whatever is looked for here is looked for in texts that somebody hostile wrote: no pattern may
-- begin anew within what it has looked through, or long texts take hours.

-- Keys by the prefix that their makers give them; the number is the shortest there is.
local SHAPES = {
  { "%f[%w]sk%-ant%-[%w_-]+", 8 },
  { "%f[%w]sk%-[%w_-]+", 20 },
  { "%f[%w]A[KS]IA[%u%d]+", 20 },
  { "%f[%w]AIza[%w_-]+", 30 },
  { "%f[%w]ya29%.[%w_-]+", 20 },
  { "%f[%w]gh[pousr]_%w+", 20 },
  { "%f[%w]hf_%w+", 20 },
  { "%f[%w]gsk_%w+", 20 },
  { "%f[%w]xai%-%w+", 20 },
  { "%f[%w]xox[abprs]%-[%w-]+", 15 },
}

-- What follows the last dot is no part of it: the end of a sentence.
---@param text string
---@return string
local function without_tokens(text)
  return (
    text:gsub("%f[%w]eyJ[%w_.-]+", function(found)
      local token = found:match("^eyJ[%w_-]+%.[%w_-][%w_.-]*")
      if token and #token >= 20 then return M.MARK .. (token:find("%.$") and "." or "") end
    end)
  )
end

---@param text string
---@return string
local function without_shapes(text)
  for _, shape in ipairs(SHAPES) do
    text = text:gsub(shape[1], function(found)
      if #found >= shape[2] then return M.MARK end
    end)
  end
  return without_tokens(text)
end

-- "Bearer realm" and "Basic authentication" are words.
---@param text string
---@return string
local function without_schemes(text)
  local function replace(scheme, between, token)
    if #token < 20 and not token:find("%d") then return nil end
    return scheme .. between .. M.MARK
  end
  text = text:gsub("%f[%a]([Bb]earer)(%s+)([%w._~+/=-]+)", replace)
  return (text:gsub("%f[%a]([Bb]asic)(%s+)([%w._~+/=-]+)", replace))
end

---@param text string
---@return string
local function without_url_parts(text)
  text = text:gsub("(://)[^/%s\"'@]+@", "%1" .. M.MARK .. "@")
  return (
    text:gsub("([?&])([%w._-]+)=([^&#%s\"'\\]+)", function(mark, name)
      if M.is_secret(name) or name:lower() == "code" then return mark .. name .. "=" .. M.MARK end
    end)
  )
end

-- Members of JSON that hold a secret. Not every name a header would be known by: signatures
-- of thinking and keys of maps are none.
local MEMBERS = { "api[_-]?key", "authorization", "password", "passwd", "secret", "token" }

---@param text string
---@param at integer
---@param from integer where to look no further
---@return integer count
local function backslashes_before(text, at, from)
  local first = at
  while first > from and text:byte(first - 1) == BACKSLASH do
    first = first - 1
  end
  return at - first
end

-- Where a JSON string that begins at `from` ends; in JSON inside JSON quotes have backslashes.
---@param text string
---@param from integer behind the opening quote
---@param quote string
---@return integer last of the string's contents
local function string_end(text, from, quote)
  local at = from
  while true do
    local first = text:find(quote, at, true)
    if not first then return #text end
    if backslashes_before(text, first, from) % 2 == 0 then return first - 1 end
    at = first + 1
  end
end

---@param text string
---@param name string pattern of the end of a member's name
---@return string
local function without_member(text, name)
  local pattern = '"[%w_-]*' .. name .. '(\\?")%s*:%s*%1()'
  local parts, kept = {}, 1
  local _, _, quote, start = text:find(pattern)
  while start do
    parts[#parts + 1] = text:sub(kept, start - 1) .. M.MARK
    kept = string_end(text, start, quote) + 1
    _, _, quote, start = text:find(pattern, kept)
  end
  return #parts > 0 and table.concat(parts) .. text:sub(kept) or text
end

---@param text string
---@return string
local function without_members(text)
  for _, name in ipairs(MEMBERS) do
    text = without_member(text, name)
  end
  return text
end

--- Takes out what looks like a secret.
---@param text string
---@return string
function M.shaped(text)
  return without_members(without_url_parts(without_schemes(without_shapes(text))))
end

--- A text that may be shown.
---@param text string
---@param secrets string[] known ones
---@return string
function M.text(text, secrets) return M.shaped(M.known(text, secrets)) end

return M
