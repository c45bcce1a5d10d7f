--- Things to do at a time: a binary heap, soonest first.

---@class claude.Timer
---@field at number
---@field run fun()
---@field package index integer? place in the heap; nil: not in it

---@class claude.Timers
---@field package heap claude.Timer[]
local Timers = {}
Timers.__index = Timers
Timers.__name = "claude.Timers"

local function swap(heap, i, j)
  heap[i], heap[j] = heap[j], heap[i]
  heap[i].index, heap[j].index = i, j
end

local function rise(heap, i)
  local parent = (i - i % 2) / 2
  while i > 1 and heap[i].at < heap[parent].at do
    swap(heap, i, parent)
    i = parent
    parent = (i - i % 2) / 2
  end
end

local function sink(heap, i)
  while true do
    local least = i
    for child = 2 * i, 2 * i + 1 do
      if heap[child] and heap[child].at < heap[least].at then least = child end
    end
    if least == i then return end
    swap(heap, i, least)
    i = least
  end
end

--- Runs `run` at the time `at`, unless cancelled before.
---@param at number
---@param run fun()
---@return claude.Timer
function Timers:add(at, run)
  local timer = { at = at, run = run, index = #self.heap + 1 }
  self.heap[timer.index] = timer
  rise(self.heap, timer.index)
  return timer
end

--- Forgets a timer; one that has run already is ignored.
---@param timer claude.Timer
function Timers:cancel(timer)
  local heap, i = self.heap, timer.index
  if not i then return end
  swap(heap, i, #heap)
  heap[#heap] = nil
  timer.index = nil
  if heap[i] then
    rise(heap, i)
    sink(heap, i)
  end
end

--- When the soonest is due; nil without any.
---@return number?
function Timers:soonest() return self.heap[1] and self.heap[1].at end

--- Takes the soonest if its time has come.
---@param now number
---@return claude.Timer?
function Timers:due(now)
  local timer = self.heap[1]
  if not timer or timer.at > now then return nil end
  self:cancel(timer)
  return timer
end

local M = {}

---@return claude.Timers
function M.new() return setmetatable({ heap = {} }, Timers) end

return M
