--- Exit statuses, for scripts that call the command.
---
---     0  done
---     1  something else failed (a file, a tool, an answer cut on its way)
---     2  the command line is wrong
---     3  no key, or the API does not take it
---     4  the request is one that the API does not take
---     5  network, time limit, rate limit or overload: trying again may help
---     6  the answer ended early: refused, or out of tokens or context
---   130  interrupted
---   141  nobody reads the output any more
local M = {
  ok = 0,
  failed = 1,
  usage = 2,
  credentials = 3,
  refused_request = 4,
  try_again = 5,
  cut_answer = 6,
  interrupted = 130,
  summary = "0 done, 1 failed, 2 wrong usage, 3 no valid key, 4 request not taken, "
    .. "5 try again later, 6 answer ended early, 130 interrupted.",
}

local CREDENTIAL_STATUS = { [401] = true, [403] = true }
local EARLY = { max_tokens = true, refusal = true, model_context_window_exceeded = true }

--- Whether an error is what the Lua interpreter raises for Ctrl-C.
---@param problem any
---@return boolean
function M.is_interrupt(problem)
  return type(problem) == "string" and problem:find("interrupted!", 1, true) ~= nil
end

--- The status for an error.
---@param err any a `claude.Error`, or anything
---@return integer
function M.of_error(err)
  if M.is_interrupt(err) then return M.interrupted end
  if type(err) ~= "table" then return M.failed end
  if err.exit_status then return err.exit_status end
  if err.kind == "cancelled" then return M.interrupted end
  if err.type == "authentication_error" or CREDENTIAL_STATUS[err.status] then
    return M.credentials
  end
  if err.retryable or err.kind == "network" or err.kind == "timeout" then return M.try_again end
  if err.kind == "invalid" or err.kind == "api" then return M.refused_request end
  return M.failed
end

--- The status for an answer that arrived whole.
---@param stop_reason string|nil
---@return integer
function M.of_stop(stop_reason) return EARLY[stop_reason] and M.cut_answer or M.ok end

return M
