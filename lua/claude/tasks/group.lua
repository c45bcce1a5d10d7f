--- Functions that run at once, and their outcomes as they finish.
local scheduler = require("claude.tasks.scheduler")

---@class claude.Group
---@field package limit number
---@field package owner claude.Task? the task that made it
---@field package running integer
---@field package tasks table<claude.Task, true>
---@field package pending table[] what waits for its turn
---@field package finished table[] { key, outcome, task }, first come first
---@field package signal claude.Signal
local Group = {}
Group.__index = Group
Group.__name = "claude.Group"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function end_one(group, key, outcome, task)
  group.finished[#group.finished + 1] = { key, outcome, task }
  group.signal:set()
end

local function start(group, entry)
  local task = scheduler.spawn_under(group.owner, entry.fn, unpack(entry, 1, entry.n))
  task.seen = true
  group.tasks[task] = true
  group.running = group.running + 1
  task.on_end = function(outcome)
    group.tasks[task] = nil
    group.running = group.running - 1
    end_one(group, entry.key, outcome, task)
    local waiting = table.remove(group.pending, 1)
    if waiting then start(group, waiting) end
  end
  return task
end

--- Runs `fn(...)` as soon as the limit allows; `next` will return its outcome with `key`.
---@param key any
---@param fn function
---@param ... any
---@return claude.Task? task nil if it has to wait for its turn
function Group:add(key, fn, ...)
  local entry = { key = key, fn = fn, n = select("#", ...), ... }
  if self.running < self.limit then return start(self, entry) end
  self.pending[#self.pending + 1] = entry
end

--- Whether another one would start at once.
---@return boolean
function Group:has_room() return self.running < self.limit end

--- Waits until one has finished: its key and outcome, or nil when none is left. If the task
--- that waits is cancelled, so are all in the group.
---@return any key
---@return claude.Outcome? outcome
function Group:next()
  while not self.finished[1] do
    if self.running == 0 then return nil end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then
      self:cancel()
      if not self.finished[1] then self.signal:wait_to_the_end() end
    end
  end
  local one = table.remove(self.finished, 1)
  if one[3] then scheduler.join(one[3]) end
  return one[1], one[2]
end

--- Cancels those that run; those that had not begun end as cancelled.
function Group:cancel()
  local pending = self.pending
  self.pending = {}
  for _, entry in ipairs(pending) do
    local err = scheduler.cancelled_error()
    end_one(self, entry.key, { ok = false, cancelled = true, raised = err, text = tostring(err) })
  end
  local tasks = {}
  for task in pairs(self.tasks) do
    tasks[#tasks + 1] = task
  end
  for _, task in ipairs(tasks) do
    task:cancel()
  end
end

local M = {}

---@param limit? number how many may run at once; all without it
---@return claude.Group
function M.new(limit)
  return setmetatable({
    limit = limit or math.huge,
    owner = scheduler.running(),
    running = 0,
    tasks = {},
    pending = {},
    finished = {},
    signal = scheduler.signal(),
  }, Group)
end

return M
