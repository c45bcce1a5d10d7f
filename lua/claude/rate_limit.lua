--- What an answer's headers tell of rate limits: how much is allowed, how much of it is
--- left, and in how many seconds it is whole again.

local dates = require("claude.dates")

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

local M = {}

local MOST_KNOWN = 100

---@class claude.RateLimitHeader what a header tells by its name
---@field what string
---@field member "limit"|"remaining"|"reset"

local known = {} ---@type table<string, claude.RateLimitHeader|false>
local known_count = 0

-- "anthropic-ratelimit-requests-limit", "anthropic-priority-input-tokens-reset", …
---@param header string in lower case
---@return claude.RateLimitHeader|false
local function parts(header)
  local rest = header:match("^anthropic%-(.+)$")
  local what, member = (rest or ""):match("^(.+)%-(%a+)$")
  if member ~= "limit" and member ~= "remaining" and member ~= "reset" then return false end
  what = what:match("^ratelimit%-(.+)$") or what:match("^priority%-.+$") or what:match("^fast%-.+$")
  return what and { what = what:gsub("-", "_"), member = member } or false
end

-- Every answer has the same names; a server that makes up others is not remembered for ever.
---@param header string in lower case
---@return claude.RateLimitHeader|false
local function learn(header)
  local found = parts(header)
  if known_count < MOST_KNOWN then
    known_count = known_count + 1
    known[header] = found
  end
  return found
end

---@param member "limit"|"remaining"|"reset"
---@param text string
---@param answered_at fun(): number
---@return number?
local function value_of(member, text, answered_at)
  if member ~= "reset" then return tonumber(text:match("^%s*(%d+)%s*$")) end
  local at = dates.rfc3339(text)
  return at and math.max(0, at - answered_at())
end

--- Nil when no header tells of a limit.
---@param headers table<string, string> by lowercase name
---@return claude.RateLimits?
function M.read(headers)
  local limits, at
  local function answered_at()
    at = at or dates.of_answer(headers)
    return at
  end
  for name, text in pairs(headers) do
    local told = known[name]
    if told == nil then told = learn(name) end
    local value = told and value_of(told.member, text, answered_at)
    if value then
      limits = limits or {}
      local limit = limits[told.what] or {}
      limits[told.what], limit[told.member] = limit, value
    end
  end
  return limits
end

return M
