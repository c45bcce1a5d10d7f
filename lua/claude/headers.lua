--- Request headers: credentials, version, betas and what users add. Credentials
--- live in closures and leave them only on the way to the transport.

local version = require("claude.version")

local M = {}

--- The API version sent unless another is asked for.
M.API_VERSION = "2026-10-21"

local BETA = "anthropic-beta"

-- Where secrets are looked for and taken out: that part loads when there is a text.
local function redact() return require("claude.redact") end

---@param text string?
---@return string? trimmed nil when there is nothing in it
local function trimmed(text)
  text = text and text:match("^%s*(.-)%s*$")
  return text ~= "" and text or nil
end

--- Whether a header can be sent as it is; the value never is in the answer.
---@param name any
---@param value any
---@return string? problem
function M.problem(name, value)
  if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    return "has a name that is not a header name"
  end
  if type(value) ~= "string" then return ("%s is not a string"):format(name) end
  if value:find("[%z\1-\8\10-\31\127]") then
    return ("%s has a line break or control character in it"):format(name)
  end
  return nil
end

--- Headers as lines of `Name: value`.
---@param text string
---@return { [1]: string, [2]: string }[]? list
---@return string? problem
function M.parse_lines(text)
  local list = {}
  for line in text:gmatch("[^\r\n]+") do
    if trimmed(line) then
      local name, value = line:match("^%s*([^:]-)%s*:%s*(.-)%s*$")
      if not name then return nil, "has a line without a colon" end
      local problem = M.problem(name, value)
      if problem then return nil, problem end
      list[#list + 1] = { name, value }
    end
  end
  return list
end

--- Headers given as a table of name to value, sorted so that every process sends
--- them alike. False takes a header away.
---@param headers table<string, string|false>
---@return { [1]: string, [2]: string|false }[]? list
---@return string? problem
function M.from_table(headers)
  local list = {}
  for name, value in pairs(headers) do
    local problem = M.problem(name, value or "")
    if problem then return nil, problem end
    list[#list + 1] = { name, value }
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

---@class claude.Credentials
---@field headers fun(): { [1]: string, [2]: string }[]
---@field scrub fun(text: string): string without any secret in it
---@field present boolean
---@field problem? string why the credentials cannot be used

-- Any of these lets the API know who asks.
local IDENTIFIES = { ["api-key"] = true, authorization = true, ["x-api-key"] = true }

---@param lists { [1]: string, [2]: string|false }[][]
---@return boolean
local function identified(lists)
  for _, list in ipairs(lists) do
    for _, header in ipairs(list) do
      if IDENTIFIES[header[1]:lower()] and header[2] then return true end
    end
  end
  return false
end

-- The values of all headers but those that are known to be harmless.
---@param list { [1]: string, [2]: string|false }[]
---@param secrets string[]
local function note_secrets(list, secrets)
  for _, header in ipairs(list) do
    local name, value = header[1], header[2]
    if value and not redact().is_shown(name) then
      secrets[#secrets + 1] = value
      -- "Bearer KEY": the key alone is as secret.
      secrets[#secrets + 1] = value:match("^%a[%w-]*%s+(.+)$")
    end
  end
end

--- What takes the secrets among request headers, and whatever looks like one, out of a text.
---@param ... { [1]: string, [2]: string|false }[]
---@return fun(text: string): string
function M.scrubber(...)
  local lists, secrets = { ... }, nil
  return function(text)
    if not secrets then
      secrets = {}
      for _, list in ipairs(lists) do
        note_secrets(list, secrets)
      end
    end
    return redact().text(text, secrets)
  end
end

--- Keeps credentials, and knows the secrets among users' headers too. An api_key
--- of false means that none is wanted: something on the way adds it.
---@param given { api_key: string|false?, auth_token: string?, headers: table[] }
---@return claude.Credentials
function M.credentials(given)
  local own = {}
  local key, token = trimmed(given.api_key or nil), trimmed(given.auth_token)
  if key then
    own[1] = { "x-api-key", key }
  elseif token then
    own[1] = { "authorization", "Bearer " .. token }
  end
  return {
    headers = function() return own end,
    scrub = M.scrubber(own, given.headers),
    present = identified({ own, given.headers }) or given.api_key == false,
    problem = own[1] and M.problem(own[1][1], own[1][2]),
  }
end

--- What takes a client's secrets out of a text, and those in the headers of one call.
---@param client claude.Client
---@param options? claude.CallOptions
---@return fun(text: string): string
function M.scrub_for(client, options)
  local scrub = client.credentials.scrub
  local own = options and options.headers and M.from_table(options.headers)
  if not own then return scrub end
  local scrub_own = M.scrubber(own)
  return function(text) return scrub_own(scrub(text)) end
end

--- A copy of response headers without what nobody should see.
---@param headers table<string, string>
---@return table<string, string>
function M.redacted(headers)
  local copy = {}
  for name, value in pairs(headers) do
    copy[name] = redact().is_secret(name) and redact().MARK or value
  end
  return copy
end

---@class claude.RateLimit
---@field limit? integer how much is allowed
---@field remaining? integer how much is left
---@field reset? number seconds from this answer until it is whole again

--- By what is limited. The API has requests, tokens, input_tokens and output_tokens;
--- priority_input_tokens, priority_output_tokens and those that begin with fast_ where the
--- account has such tiers.
---@class claude.RateLimits
---@field requests? claude.RateLimit
---@field tokens? claude.RateLimit the strictest of the limits on tokens
---@field input_tokens? claude.RateLimit
---@field output_tokens? claude.RateLimit
---@field [string] claude.RateLimit

local core -- with the first answer: the doctor works without

-- The part that reads dates loads where a limit has one.
local function answered_at(date) return require("claude.dates").of_answer(date) end

---@param given table<string, string>
---@return string
local function as_lines(given)
  local lines = {}
  for name, value in pairs(given) do
    local are_texts = type(name) == "string" and type(value) == "string"
    if are_texts and not (name .. value):find("\n", 1, true) then
      lines[#lines + 1] = name .. ":" .. value .. "\n"
    end
  end
  return table.concat(lines)
end

--- What an answer's headers tell of rate limits; nil when none does.
---@param given string|table<string, string> as `response:header_lines()` gives them, or by
--- lower-case name
---@return claude.RateLimits?
function M.rate_limit(given)
  core = core or require("claude.core")
  return core.rate_limits(type(given) == "string" and given or as_lines(given), answered_at)
end

--- Several lists become one; a later header replaces an earlier one of its name.
---@param lists { [1]: string, [2]: string|false }[][]
---@return { [1]: string, [2]: string }[]
function M.merged(lists)
  local last, merged = {}, {}
  for _, list in ipairs(lists) do
    for _, header in ipairs(list) do
      last[header[1]:lower()] = header
    end
  end
  for _, list in ipairs(lists) do
    for _, header in ipairs(list) do
      local name = header[1]:lower()
      local winner = last[name]
      last[name] = nil
      if winner and winner[2] then merged[#merged + 1] = winner end
    end
  end
  return merged
end

--- The beta names among headers.
---@param list { [1]: string, [2]: string|false }[]
---@return string[]
function M.betas_in(list)
  local names = {}
  for _, header in ipairs(list) do
    if header[1]:lower() == BETA and header[2] then
      for name in header[2]:gmatch("[^,%s]+") do
        names[#names + 1] = name
      end
    end
  end
  return names
end

--- What this library says it is.
---@return string
function M.user_agent()
  local jit = rawget(_G, "jit")
  local lua = type(jit) == "table" and jit.version or _VERSION
  return ("lua-claude/%s (%s)"):format(version, (lua:gsub("[^%w ._-]", "")))
end

local NONE = {} -- not to be changed

local function names_any(list) return list ~= nil and list[1] ~= nil end

--- Beta names of up to four lists in order, each once.
---@param first? string[]
---@param second? string[]
---@param third? string[]
---@param fourth? string[]
---@return string[] names not to be changed
function M.union(first, second, third, fourth)
  -- Most requests name none.
  if not (names_any(first) or names_any(second) or names_any(third) or names_any(fourth)) then
    return NONE
  end
  local seen, names = {}, {}
  for _, list in ipairs({ first or NONE, second or NONE, third or NONE, fourth or NONE }) do
    for _, name in ipairs(list) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  return names
end

return M
