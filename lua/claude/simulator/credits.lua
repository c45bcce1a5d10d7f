--- Credit tokens: what a refusal gives for asking another model, and whether a request
--- that redeems one is still the one that was refused.
local core = require("claude.core")
local faults = require("claude.simulator.faults")

local M = {}

local BETAS = { "fallback-credit-2026-07-01", "server-side-fallback-2026-07-01" }

-- What may differ between the refused request and the next.
local FREE = { model = true, fallback_credit_token = true, messages = true, stream = true }

---@class claude.simulator.Credits
---@field private issued table<string, { body: string, messages: string[], claim: boolean }>
local Credits = {}
Credits.__index = Credits
Credits.__name = "claude.simulator.Credits"

local function encode(value) return assert(core.encode(value, { request = true })) end

local function fingerprint(request)
  local rest = {}
  for name, value in pairs(request) do
    if not FREE[name] then rest[name] = value end
  end
  local messages = {}
  for i, message in ipairs(request.messages) do
    messages[i] = encode(message)
  end
  return encode(rest), messages
end

--- Completes a refusal's details, where the request asks for credit. A turn that says of a
--- token itself is left as it is.
---@param turn claude.simulator.Turn
---@param request table
---@param beta table<string, boolean>
---@param ids fun(prefix: string): string
---@return table? stop_details
function Credits:details(turn, request, beta, ids)
  local details = turn.stop_details
  if turn.stop_reason ~= "refusal" or not (beta[BETAS[1]] or beta[BETAS[2]]) then return details end
  local completed = { type = "refusal", category = core.null, explanation = core.null }
  for name, value in pairs(details or {}) do
    completed[name] = value
  end
  if completed.fallback_credit_token == nil then
    completed.fallback_credit_token = ids("fct_")
    completed.fallback_has_prefill_claim = completed.fallback_has_prefill_claim or false
  end
  local token = completed.fallback_credit_token
  if type(token) == "string" then
    local body, messages = fingerprint(request)
    local claim = completed.fallback_has_prefill_claim == true
    self.issued[token] = { body = body, messages = messages, claim = claim }
  end
  return completed
end

-- Whether it is the refused request, with at most one assistant turn that was granted.
local function matches(credit, request)
  local body, messages = fingerprint(request)
  if body ~= credit.body then return false end
  for i, message in ipairs(credit.messages) do
    if messages[i] ~= message then return false end
  end
  local more = #messages - #credit.messages
  if more == 0 then return true end
  return more == 1 and credit.claim and request.messages[#messages].role == "assistant"
end

--- Judges a request's token.
---@param request table
---@return string? status "redeemed" or "not_applied"; nil without a token
---@return claude.simulator.Fault? fault
function Credits:redeem(request)
  local given = request.fallback_credit_token
  if given == nil then return nil end
  local token = type(given) == "table" and given.token or given
  local credit = self.issued[token]
  if credit and matches(credit, request) then return "redeemed" end
  if type(given) == "table" and given.mode == "best_effort" then return "not_applied" end
  return nil,
    faults.invalid("fallback_credit_token: the request body does not match the refused request")
end

---@return claude.simulator.Credits
function M.new() return setmetatable({ issued = {} }, Credits) end

return M
