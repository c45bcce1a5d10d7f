--- Trying again: which failures, how often, and after how long.
---
--- Only what failed before anything was handed out comes here. An error says by itself
--- whether the same request may succeed later (claude/errors.lua) and how long the API
--- asked to wait (claude/api_error.lua).

local errors = require("claude.errors")
local tables = require("claude.tables")

local M = {}

local FIRST_DELAY, LONGEST_DELAY = 0.5, 8

--- What a client sets for all its calls, and a call for itself.
---@class claude.RetryOptions
---@field max_retries? integer how often a failed attempt is followed by another: 2
---@field max_retry_wait? number seconds; a longer retry-after is returned, not waited for: 120
---@field time_budget? number seconds for all attempts and waits together, until an answer begins
---@field on_retry? claude.OnRetry

--- Called before the wait for another attempt: the error, which attempt it ended (from 1)
--- and the seconds to wait. Returns false to return the error instead.
---@alias claude.OnRetry fun(err: claude.Error, attempt: integer, delay: number): boolean?

---@class claude.RetryControl: claude.RetryOptions
---@field cancelled? boolean
---@field waiting? claude.Signal what the back-off waits with, while it does
---@field failed? integer how many attempts have
---@field began_at? number when the first attempt did, on the clock of claude.tasks.now

local NONE = {} -- not to be changed
local NOT_NEGATIVE = { max_retry_wait = true, time_budget = true }

--- Raises when one of the options is wrong.
---@param options table may hold others as well
---@param level integer stack level to blame
---@param prefix? string
function M.check(options, level, prefix)
  local function refuse(text) error((prefix or "") .. text, level + 2) end
  local most = options.max_retries
  if most ~= nil and not (type(most) == "number" and most >= 0 and most % 1 == 0) then
    refuse("max_retries must be an integer from 0")
  end
  for name in pairs(NOT_NEGATIVE) do
    local seconds = options[name]
    if seconds ~= nil and not (type(seconds) == "number" and seconds >= 0) then
      refuse(name .. " must be a number of seconds from 0")
    end
  end
  if options.on_retry ~= nil and type(options.on_retry) ~= "function" then
    refuse("on_retry must be a function")
  end
end

--- What the attempts of one call share. What the call does not say, its client does.
---@param client claude.Client
---@param options? claude.CallOptions
---@return claude.RetryControl
function M.control(client, options)
  options = options or NONE
  return {
    max_retries = options.max_retries or client.max_retries,
    max_retry_wait = options.max_retry_wait or client.max_retry_wait,
    time_budget = options.time_budget or client.time_budget,
    on_retry = options.on_retry or client.on_retry,
  }
end

-- Lua before 5.4 gives the same random numbers to every process, and later ones where addresses
-- are alike: those that were refused together would come back together.
local own_chance
---@return number from 0 to 1
local function chance()
  if not own_chance then
    own_chance = tonumber(require("claude.entropy")():sub(1, 6), 16) / 2 ^ 24
  end
  return (math.random() + own_chance) % 1
end

--- Seconds to wait after the failed attempt `number` (0 is the first).
---@param number integer
---@param err claude.Error
---@param random? fun(): number
---@return number
function M.delay(number, err, random)
  if err.retry_after then return err.retry_after end
  local delay = math.min(FIRST_DELAY * 2 ^ number, LONGEST_DELAY)
  return delay * (1 - 0.25 * (random or chance)())
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

-- Where claude.net does not load there is no clock, and no attempt either.
---@return number
local function now()
  local clock, seconds = pcall(function() return require("claude.tasks").now() end)
  return clock and seconds or 0
end

-- The call's time begins with its first attempt. May be called again.
---@param control claude.RetryControl
local function begin(control)
  if control.time_budget then control.began_at = control.began_at or now() end
end

--- Seconds that a call has left; nil without a limit.
---@param control claude.RetryControl
---@return number? seconds
function M.time_left(control)
  return control.time_budget and control.began_at + control.time_budget - now()
end

--- The time that all attempts of a call have together; nil without a limit.
---@param control? claude.RetryControl
---@return claude.TimeBudget?
function M.budget(control)
  if not control then return nil end
  begin(control)
  local seconds = control.time_budget
  return seconds and { seconds = seconds, ends_at = control.began_at + seconds }
end

-- An attempt that has no time at all fails by its limits: as every other, and not at once.
local SHORTEST = 0.001

--- Limits of an attempt that ends, if no connection stands, when the call's time is used up.
---@param budget? claude.TimeBudget
---@param limits claude.Limits
---@return claude.Limits
function M.limits(budget, limits)
  if not budget then return limits end
  local left = math.max(SHORTEST, budget.ends_at - now())
  local connect = limits.connect
  if connect == nil then connect = require("claude.transport.limits").DEFAULTS.connect end
  return tables.merged(limits, { connect = math.min(connect or left, left) })
end

---@param control claude.RetryControl
---@param wait number
---@return boolean
local function is_in_time(control, wait)
  if wait > control.max_retry_wait then return false end
  local left = M.time_left(control)
  return not left or wait <= left
end

-- The limit that was reached was none of the user's.
---@param control claude.RetryControl
---@param err claude.Error
---@return claude.Error
local function explained(control, err)
  local left, details = M.time_left(control), err.details
  if left and left <= SHORTEST and details and details.limit == "connect" then
    err.hint = ("the call's time_budget of %g s is used up"):format(control.time_budget)
  end
  return err
end

-- Waits until the next attempt is due; the error to return when there shall be none.
---@param client claude.Client
---@param control claude.RetryControl
---@param err claude.Error
---@return claude.Error? err
local function prepare_next(client, control, err)
  if control.cancelled then return cancelled_error() end
  local failed = (control.failed or 0) + 1
  control.failed = failed
  local wait = M.delay(failed - 1, err)
  if not err.retryable or failed > control.max_retries then return explained(control, err) end
  if not is_in_time(control, wait) then return explained(control, err) end
  if control.on_retry and control.on_retry(err, failed, wait) == false then return err end
  if control.cancelled then return cancelled_error() end
  if client.log then client.log:retrying(err, failed - 1, wait) end
  return back_off(control, wait)
end

--- Calls `attempt` until it succeeds, fails for good, or the retries are used up. With
--- `failure`, an attempt that began well has ended so: another one is due.
---@param client claude.Client
---@param attempt fun(number: integer): any, claude.Error?
---@param control claude.RetryControl
---@param failure? claude.Error
---@return any? result
---@return claude.Error? err
function M.run(client, attempt, control, failure)
  begin(control)
  if control.cancelled then return nil, cancelled_error() end
  while true do
    if not failure then
      local result, why = attempt(control.failed or 0)
      if result then return result end
      failure = why
    end
    failure = prepare_next(client, control, failure --[[@as claude.Error]])
    if failure then return nil, failure end
  end
end

return M
