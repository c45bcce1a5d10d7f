--- Trying again: which failures, how often, and after how long.
---
--- Only what failed before anything was handed out comes here.

local errors = require("claude.errors")

local M = {}

local FIRST_DELAY, LONGEST_DELAY = 0.5, 8

---@class claude.RetryControl
---@field cancelled? boolean
---@field max_retries? integer
---@field waiting? claude.Signal what the back-off waits with, while it does

--- Seconds to wait after the failed attempt `number` (0 is the first).
---@param number integer
---@param err claude.Error
---@param random? fun(): number
---@return number
function M.delay(number, err, random)
  if err.retry_after then return err.retry_after end
  local delay = math.min(FIRST_DELAY * 2 ^ number, LONGEST_DELAY)
  return delay * (1 - 0.25 * (random or math.random)())
end

---@return claude.Error
local function cancelled_error()
  return errors.new({ kind = "cancelled", message = "the request was cancelled" })
end

-- Nil to go on; an error when somebody cancelled the request or its task.
---@param control claude.RetryControl
---@param seconds number
---@return claude.Error? err
local function back_off(control, seconds)
  local tasks = require("claude.tasks")
  local signal = tasks.signal()
  control.waiting = signal
  local _, why = signal:wait(seconds)
  control.waiting = nil
  if control.cancelled then return cancelled_error() end
  return why == "cancelled" and tasks.cancelled_error() or nil
end

--- Ends the back-off, and any further attempt.
---@param control claude.RetryControl
function M.cancel(control)
  control.cancelled = true
  if control.waiting then control.waiting:set() end
end

--- Calls `attempt` until it succeeds, fails for good, or the retries are used up.
---@param client claude.Client
---@param attempt fun(number: integer): any, claude.Error?
---@param control claude.RetryControl
---@return any? result
---@return claude.Error? err
function M.run(client, attempt, control)
  local most = control.max_retries or client.max_retries
  local number = 0
  while true do
    local result, err = attempt(number)
    if result then return result end
    if control.cancelled then return nil, cancelled_error() end
    local wait = M.delay(number, err)
    if not err.retryable or number >= most or wait > client.max_retry_wait then return nil, err end
    if client.log then client.log:retrying(err, number, wait) end
    local stopped = back_off(control, wait)
    if stopped then return nil, stopped end
    number = number + 1
  end
end

return M
