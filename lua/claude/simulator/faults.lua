--- Answers that are not a message: the API's error bodies.
local core = require("claude.core")

local M = {}

local TYPES = {
  [400] = "invalid_request_error",
  [401] = "authentication_error",
  [402] = "billing_error",
  [403] = "permission_error",
  [404] = "not_found_error",
  [405] = "invalid_request_error",
  [408] = "timeout_error",
  [409] = "conflict_error",
  [413] = "request_too_large",
  [422] = "invalid_request_error",
  [429] = "rate_limit_error",
  [504] = "timeout_error",
  [529] = "overloaded_error",
}

local MESSAGES = {
  [429] = "This request would exceed your account's rate limit. Please try again later.",
  [500] = "Internal server error",
  [503] = "Service unavailable",
  [504] = "Gateway timeout",
  [529] = "Overloaded",
}

---@class claude.simulator.Fault
---@field status integer HTTP status
---@field type? string the API's error type; default: the one that goes with the status
---@field message? string
---@field details? table e.g. `{ error_code = "…" }`
---@field headers? table<string, string> more response headers, such as `retry-after`
---@field body? string sent as it is instead of the API's error body

--- Fills in what a fault leaves open.
---@param fault claude.simulator.Fault
---@return claude.simulator.Fault
function M.complete(fault)
  local status = fault.status or 500
  return {
    status = status,
    type = fault.type
      or TYPES[status]
      or (status >= 500 and "api_error")
      or "invalid_request_error",
    message = fault.message or MESSAGES[status] or "Error",
    details = fault.details,
    headers = fault.headers,
    body = fault.body,
  }
end

--- The refusal of a request by a rule.
---@param message string
---@return claude.simulator.Fault
function M.invalid(message)
  return { status = 400, type = "invalid_request_error", message = message }
end

---@param fault claude.simulator.Fault completed
---@param request_id string
---@return string json
function M.body(fault, request_id)
  if fault.body then return fault.body end
  local details = fault.details and (',"details":' .. assert(core.encode(fault.details))) or ""
  return ('{"type":"error","error":{"type":%s,"message":%s%s},"request_id":%s}'):format(
    assert(core.encode(fault.type)),
    assert(core.encode((core.utf8_scrub(fault.message)))),
    details,
    assert(core.encode(request_id))
  )
end

return M
