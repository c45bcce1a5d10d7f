--- First come, first served; who no longer wants to may leave from anywhere. All of it
--- takes the same time however many there are.

---@class claude.Queue
---@field count integer how many are in it
---@field package first integer place of the first
---@field package last integer
---@field [integer] any
local Queue = {}
Queue.__index = Queue
Queue.__name = "claude.Queue"

--- Puts a value (not nil) at the end.
---@param value any
---@return integer place for `remove`
function Queue:push(value)
  local place = self.last + 1
  self[place], self.last = value, place
  self.count = self.count + 1
  return place
end

-- Where some have left there are holes at the front.
local function skip_holes(queue)
  while queue.first <= queue.last and queue[queue.first] == nil do
    queue.first = queue.first + 1
  end
end

--- The first, which stays; nil when there is none.
---@return any
function Queue:peek()
  if self.count == 0 then return nil end
  skip_holes(self)
  return self[self.first]
end

--- Takes the first; nil when there is none.
---@return any
function Queue:pop()
  if self.count == 0 then return nil end
  skip_holes(self)
  local place = self.first
  local value = self[place]
  self[place], self.first = nil, place + 1
  self.count = self.count - 1
  return value
end

--- Takes away what stands in a place; nothing if it is gone.
---@param place integer
function Queue:remove(place)
  if self[place] == nil then return end
  self[place] = nil
  self.count = self.count - 1
end

--- The values in order; what is removed meanwhile is left out.
---@return fun(): any
function Queue:each()
  skip_holes(self)
  local place = self.first - 1
  return function()
    while place < self.last do
      place = place + 1
      if self[place] ~= nil then return self[place] end
    end
  end
end

local M = {}

---@return claude.Queue
function M.new() return setmetatable({ count = 0, first = 1, last = 0 }, Queue) end

return M
