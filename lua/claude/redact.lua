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

---@param text string
---@param hex string format of a byte
---@return string
local function percent_encoded(text, hex)
  return (text:gsub("[^%w._~-]", function(char) return hex:format(char:byte()) end))
end

-- As JSON with and without escaped slashes writes it, and as URLs do.
---@param secret string
---@return string[]
local function spellings(secret)
  local quoted = secret:gsub('[\\"]', "\\%0")
  local list = { secret, quoted, (quoted:gsub("/", "\\/")) }
  list[4], list[5] = percent_encoded(secret, "%%%02X"), percent_encoded(secret, "%%%02x")
  return list
end

---@param text string
---@param needle string
---@return string
local function without(text, needle)
  local from = 1
  while true do
    local first, last = text:find(needle, from, true)
    if not first then return text end
    text = text:sub(1, first - 1) .. M.MARK .. text:sub(last + 1)
    from = first + #M.MARK
  end
end

--- Takes known secrets out of a text.
---@param text string
---@param secrets string[]
---@return string
function M.known(text, secrets)
  for _, secret in ipairs(secrets) do
    if #secret >= SHORTEST then
      for _, spelling in ipairs(spellings(secret)) do
        text = without(text, spelling)
      end
    end
  end
  return text
end

-- Keys by the prefix that their makers give them; the number is the shortest there is.
local SHAPES = {
  { "%f[%w]sk%-ant%-[%w_-]+", 8 },
  { "%f[%w]sk%-[%w_-]+", 20 },
  { "%f[%w]eyJ[%w_-]+%.[%w_-]+%.?[%w_-]*", 20 },
  { "%f[%w]A[KS]IA[%u%d]+", 20 },
  { "%f[%w]AIza[%w_-]+", 30 },
  { "%f[%w]ya29%.[%w_-]+", 20 },
  { "%f[%w]gh[pousr]_%w+", 20 },
  { "%f[%w]hf_%w+", 20 },
  { "%f[%w]gsk_%w+", 20 },
  { "%f[%w]xai%-%w+", 20 },
  { "%f[%w]xox[abprs]%-[%w-]+", 15 },
}

---@param text string
---@return string
local function without_shapes(text)
  for _, shape in ipairs(SHAPES) do
    text = text:gsub(shape[1], function(found)
      if #found >= shape[2] then return M.MARK end
    end)
  end
  return text
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
    local slashes = #text:sub(from, first - 1):match("\\*$")
    if slashes % 2 == 0 then return first - 1 end
    at = first + 1
  end
end

---@param text string
---@param name string pattern of the end of a member's name
---@return string
local function without_member(text, name)
  local pattern = '"[%w_-]*' .. name .. '(\\?")%s*:%s*%1()'
  local from = 1
  while true do
    local first, _, quote, start = text:find(pattern, from)
    if not first then return text end
    local last = string_end(text, start, quote)
    text = text:sub(1, start - 1) .. M.MARK .. text:sub(last + 1)
    from = start + #M.MARK
  end
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
