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

-- "anthropic-ratelimit-requests-limit", "anthropic-priority-input-tokens-reset", …
---@param header string in lower case
---@return string? what
---@return "limit"|"remaining"|"reset"|nil member
local function parts(header)
  local rest = header:match("^anthropic%-(.+)$")
  local what, member = (rest or ""):match("^(.+)%-(%a+)$")
  if member ~= "limit" and member ~= "remaining" and member ~= "reset" then return nil end
  what = what:match("^ratelimit%-(.+)$") or what:match("^priority%-.+$") or what:match("^fast%-.+$")
  return what and (what:gsub("-", "_")), member
end

---@param member "limit"|"remaining"|"reset"
---@param text string
---@param headers table<string, string>
---@return number?
local function value_of(member, text, headers)
  if member ~= "reset" then return tonumber(text:match("^%s*(%d+)%s*$")) end
  local at = dates.rfc3339(text)
  return at and math.max(0, at - dates.of_answer(headers))
end

--- Nil when no header tells of a limit.
---@param headers table<string, string> by lowercase name
---@return claude.RateLimits?
function M.read(headers)
  local limits
  for name, text in pairs(headers) do
    local what, member = parts(name)
    local value = what and value_of(member, text, headers)
    if value then
      limits = limits or {}
      limits[what] = limits[what] or {}
      limits[what][member] = value
    end
  end
  return limits
end

return M
