--- Answers that are not a message: the API's error bodies.
local core = require("claude.core")
local tables = require("claude.tables")

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

-- Status and text of the error codes that a program may want to meet.
local CODES = {
  available_tools_limit_exceeded = { 400, "tools: too many tools are available at once" },
  compaction_nothing_to_summarize = { 400, "compaction: there is nothing to summarize" },
  compaction_signature_invalid = { 400, "compaction: the block's signature is not valid" },
  compaction_unavailable = { 529, "Compaction is not available at the moment" },
  contract_spend_limit_reached = { 429, "The spend limit of your contract is reached" },
  enforced_spend_limit_reached = { 429, "The spend limit of your organization is reached" },
  file_expired = { 404, "The file has expired" },
  image_dimensions_too_large = { 400, "At least one image is larger than allowed" },
  organization_on_hold = { 400, "Your organization is on hold" },
  ramp_limit_exceeded = { 429, "Your traffic grows too fast. Please raise it step by step" },
  request_body_encoding_invalid = { 400, "The request body cannot be decompressed" },
  request_body_timeout = { 400, "The request body did not arrive in time" },
  request_body_too_large_after_decoding = { 413, "The decompressed request is too large" },
  thread_already_continued = { 400, "The thread was continued from this message already" },
  thread_continue_in_flight = { 400, "Another request continues the thread" },
  thread_fingerprint_mismatch = { 400, "The request does not fit its thread" },
  thread_not_found = { 404, "There is no such thread" },
  thread_unsupported_request = { 400, "The request does not go with a thread" },
  tool_name_conflict = { 400, "tools: two tools have one name" },
  tool_reference_unresolved = { 400, "tools: a reference names no tool" },
}

---@class claude.simulator.Fault
---@field status? integer HTTP status; default: the one that goes with the error code, or 500
---@field error_code? string the API's code in the error's details
---@field type? string the API's error type; default: the one that goes with the status
---@field message? string
---@field details? table e.g. `{ error_code = "…" }`
---@field headers? table<string, string> more response headers, such as `retry-after`
---@field body? string sent as it is instead of the API's error body

---@param details? table
---@param code? string
---@return table?
local function with_code(details, code)
  return code and tables.merged({ error_code = code }, details) or details
end

--- What is wrong with a fault's error code.
---@param fault claude.simulator.Fault
---@return string? problem
function M.code_problem(fault)
  local code = fault.error_code
  if code == nil or CODES[code] or (type(code) == "string" and fault.status) then return nil end
  return ("unknown error_code %s: give its status as well"):format(tostring(code))
end

--- Fills in what a fault leaves open.
---@param fault claude.simulator.Fault
---@return claude.simulator.Fault
function M.complete(fault)
  local code = fault.error_code
  local known = CODES[code] or {}
  local status = fault.status or known[1] or 500
  return {
    status = status,
    type = fault.type
      or TYPES[status]
      or (status >= 500 and "api_error")
      or "invalid_request_error",
    message = fault.message or known[2] or MESSAGES[status] or "Error",
    details = with_code(fault.details, code),
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

--- A refusal that programs tell by its code.
---@param status integer
---@param code string the API's `error_code`
---@param message string
---@return claude.simulator.Fault
function M.coded(status, code, message)
  return { status = status, message = message, details = { error_code = code } }
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
