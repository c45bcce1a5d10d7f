--- Functions that run at once, and their outcomes as they finish.
local queue = require("claude.queue")
local scheduler = require("claude.tasks.scheduler")

---@class claude.Group
---@field package limit number
---@field package owner claude.Task? the task that made it
---@field package running integer
---@field package tasks table<claude.Task, true>
---@field package pending claude.Queue what waits for its turn
---@field package finished claude.Queue of { key, outcome, task }
---@field package signal claude.Signal
---@field package starting boolean? inside start_pending
local Group = {}
Group.__index = Group
Group.__name = "claude.Group"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function end_one(group, key, outcome, task)
  group.finished:push({ key, outcome, task })
  group.signal:set()
end

local start

-- A loop: where a host starts no task, it has ended at once.
local function start_pending(group)
  if group.starting then return end
  group.starting = true
  while group.running < group.limit and group.pending.count > 0 do
    start(group, group.pending:pop())
  end
  group.starting = nil
end

function start(group, entry)
  local task = scheduler.spawn_under(group.owner, entry.fn, unpack(entry, 1, entry.n))
  group.tasks[task] = true
  group.running = group.running + 1
  task.on_end = function(outcome)
    if group.tasks[task] then -- it may be called again where there was no memory
      group.tasks[task] = nil
      group.running = group.running - 1
    end
    end_one(group, entry.key, outcome, task)
    start_pending(group)
  end
  local outcome = task:result() -- says, too, that somebody looks
  if outcome then task.on_end(outcome) end
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
  self.pending:push(entry)
end

--- Whether another one would start at once.
---@return boolean
function Group:has_room() return self.running < self.limit end

--- Waits until one has finished: its key and outcome, or nil when none is left. If the task
--- that waits is cancelled, so are all in the group.
---@return any key
---@return claude.Outcome? outcome
function Group:next()
  while self.finished.count == 0 do
    if self.running == 0 then return nil end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then
      self:cancel()
      if self.finished.count == 0 then self.signal:wait_to_the_end() end
    end
  end
  local one = self.finished:pop()
  if one[3] then scheduler.join(one[3]) end
  return one[1], one[2]
end

--- Cancels those that run; those that had not begun end as cancelled.
function Group:cancel()
  local pending = self.pending
  self.pending = queue.new()
  for entry in pending:each() do
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
    pending = queue.new(),
    finished = queue.new(),
    signal = scheduler.signal(),
  }, Group)
end

return M
