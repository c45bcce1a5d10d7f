--- Waiting for the end of a batch: asking again and again, ever less often.

local errors = require("claude.errors")
local tasks = require("claude.tasks")

local M = {}

---@class claude.BatchWait
---@field interval? number seconds between two looks; without it from 1 to 60, growing
---@field timeout? number seconds to wait at most; without it as long as it takes
---@field on_poll? fun(batch: table?, err: claude.Error?) called after each look

local FIRST, GROWTH, LONGEST = 1, 1.5, 60
-- A day is long: an outage in it must not end the wait, nor may it last for ever.
local FAILURES = 10

local TYPES = { interval = "number", on_poll = "function", timeout = "number" }

--- Raises when it says wrongly how to wait.
---@param wait any
---@param level integer stack level to blame
---@return claude.BatchWait
function M.check(wait, level)
  if wait ~= nil and type(wait) ~= "table" then
    error("client.messages.batches:wait takes a table such as { timeout = 3600 }", level + 1)
  end
  for name, value in pairs(wait or {}) do
    local expected = TYPES[name]
    if not expected then error(("there is no option %s"):format(tostring(name)), level + 1) end
    local wrong = type(value) ~= expected
    if not wrong and expected == "number" then wrong = value <= 0 or value ~= value end
    if wrong then
      local what = expected == "number" and "a number of seconds above 0" or "a function"
      error(("option %s must be %s"):format(name, what), level + 1)
    end
  end
  return wait or {}
end

---@param id string
---@param seconds number
---@return claude.Error
local function timeout_error(id, seconds)
  return errors.new({
    kind = "timeout",
    message = ("the batch %s has not ended within %.4g s; it goes on"):format(id, seconds),
    hint = "wait again: its id is all that takes",
  })
end

---@param interval number?
---@param look integer
---@return number seconds
local function pause(interval, look)
  return interval or math.min(FIRST * GROWTH ^ (look - 1), LONGEST)
end

--- Looks until the batch has ended. Failures that may pass are borne, ten in a row.
---@param id string
---@param retrieve fun(): table?, string?, claude.Error?
---@param wait claude.BatchWait
---@return table? batch
---@return string? text
---@return claude.Error? err
function M.run(id, retrieve, wait)
  local ends_at = wait.timeout and tasks.now() + wait.timeout or math.huge
  local failures, look = 0, 0
  while true do
    local batch, text, err = retrieve()
    look = look + 1
    failures = batch and 0 or failures + 1
    if wait.on_poll then wait.on_poll(batch, err) end
    if batch and batch.processing_status == "ended" then return batch end
    if err and (not err.retryable or failures >= FAILURES) then return nil, text, err end
    local left = ends_at - tasks.now()
    if left <= 0 then return errors.fail(timeout_error(id, wait.timeout)) end
    local slept, why, stopped = tasks.sleep(math.min(pause(wait.interval, look), left))
    if not slept then return nil, why, stopped end
  end
end

return M
