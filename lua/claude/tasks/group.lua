--- Functions that run at once, and their outcomes as they finish.
local queue = require("claude.queue")
local scheduler = require("claude.tasks.scheduler")

---@class claude.Group
---@field package limit number
---@field package owner claude.Task? the task that made it
---@field package running integer
---@field package tasks table<table, claude.Task|false> of what was added; false: it is being made
---@field package pending claude.Queue what waits for its turn
---@field package finished claude.Queue of { key, outcome, task }
---@field package signal claude.Signal
---@field package starting boolean inside start_all
---@field package next_up table|false what is to start next, if it is pending no more
local Group = {}
Group.__index = Group
Group.__name = "claude.Group"

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local function end_one(group, entry, outcome, task)
  if not entry.ended then
    group.finished:push({ entry.key, outcome, task })
    entry.ended = true
  end
  if group.tasks[entry] then -- no sooner: who asks for the next waits while one runs
    group.tasks[entry] = nil
    group.running = group.running - 1
  end
  group.signal:set()
end

local start_pending

-- What needs memory comes before the task is there, which is known from then on. Where there
-- was none for its end, that is told again.
local function start(group, entry)
  local task
  local function on_end(outcome)
    end_one(group, entry, outcome, task)
    start_pending(group)
  end
  group.tasks[entry] = false
  task = scheduler.spawn_under(group.owner, entry.fn, unpack(entry, 1, entry.n))
  group.tasks[entry], task.on_end = task, on_end
  group.running = group.running + 1
  if group.next_up == entry then group.next_up = false end
  local outcome = task:result() -- says, too, that somebody looks
  if outcome then on_end(outcome) end
  return task
end

-- A loop: where a host starts no task, it has ended at once.
local function start_all(group)
  group.starting = true -- not before: there may be no memory even to call this
  while group.running < group.limit and (group.next_up or group.pending.count > 0) do
    group.next_up = group.next_up or group.pending:pop()
    start(group, group.next_up)
  end
end

function start_pending(group)
  if group.starting then return end
  local ok, raised = pcall(start_all, group)
  group.starting = false
  if not ok then error(raised, 0) end
end

--- Runs `fn(...)` as soon as the limit allows; `next` will return its outcome with `key`.
---@param key any
---@param fn function
---@param ... any
---@return claude.Task? task nil if it has to wait for its turn
function Group:add(key, fn, ...)
  local entry = { key = key, fn = fn, ended = false, n = select("#", ...), ... }
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
    if self.running == 0 then start_pending(self) end -- there was no memory for it before
    if self.running == 0 or self.finished.count > 0 then break end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then
      self:cancel()
      if self.finished.count == 0 then self.signal:wait_to_the_end() end
    end
  end
  local one = self.finished:pop()
  if not one then return nil end
  if one[3] then scheduler.join(one[3]) end
  return one[1], one[2]
end

--- Cancels those that run; those that had not begun end as cancelled.
function Group:cancel()
  while self.next_up or self.pending.count > 0 do
    self.next_up = self.next_up or self.pending:pop()
    local err = scheduler.cancelled_error()
    local outcome = { ok = false, cancelled = true, raised = err, text = tostring(err) }
    end_one(self, self.next_up, outcome)
    self.next_up = false
  end
  local tasks = {}
  for _, task in pairs(self.tasks) do
    if task then tasks[#tasks + 1] = task end
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
    starting = false,
    next_up = false,
    pending = queue.new(),
    finished = queue.new(),
    signal = scheduler.signal(),
  }, Group)
end

return M
