--- Things to do at a time: a binary heap, soonest first.

---@class claude.Timer
---@field at number
---@field run fun(argument: any)
---@field argument any
---@field package index integer? place in the heap; nil: not in it

---@class claude.Timers
---@field package heap claude.Timer[]
local Timers = {}
Timers.__index = Timers
Timers.__name = "claude.Timers"

-- Puts a timer into place `i`, or where it belongs above or below; in the place of the one
-- that goes, if any. Calls nothing: a call may find no memory, and leave half of it done.
local function put(heap, i, timer, gone)
  heap[i] = timer
  local count = #heap
  if gone then
    heap[count], gone.index, count = nil, nil, count - 1
    if gone == timer then return end
  end
  local up = (i - i % 2) / 2
  while up >= 1 and timer.at < heap[up].at do
    heap[i], heap[up].index = heap[up], i
    i, up = up, (up - up % 2) / 2
  end
  local down = 2 * i
  while down <= count do
    if down < count and heap[down + 1].at < heap[down].at then down = down + 1 end
    if timer.at <= heap[down].at then break end
    heap[i], heap[down].index = heap[down], i
    i, down = down, 2 * down
  end
  heap[i], timer.index = timer, i
end

--- Runs `run(argument)` at the time `at`, unless cancelled before.
---@param at number
---@param run fun(argument: any)
---@param argument any
---@return claude.Timer
function Timers:add(at, run, argument)
  local timer = { at = at, run = run, argument = argument, index = #self.heap + 1 }
  put(self.heap, timer.index, timer)
  return timer
end

--- Forgets a timer; one that has run already is ignored.
---@param timer claude.Timer
function Timers:cancel(timer)
  if not timer.index then return end
  put(self.heap, timer.index, self.heap[#self.heap], timer)
end

--- When the soonest is due; nil without any.
---@return number?
function Timers:soonest() return self.heap[1] and self.heap[1].at end

--- The soonest if its time has come; it stays until it is cancelled.
---@param now number
---@return claude.Timer?
function Timers:due(now)
  local timer = self.heap[1]
  return timer and timer.at <= now and timer or nil
end

local M = {}

---@return claude.Timers
function M.new() return setmetatable({ heap = {} }, Timers) end

return M
