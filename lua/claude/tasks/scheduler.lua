--- The scheduler under claude.tasks: tasks, signals, and who may run next.
---
--- A task waits by yielding a value that nobody else has; the hub of claude.loop runs the
--- tasks that can go on whenever something has happened.
local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local hub = require("claude.loop")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local WAIT = {} -- what a task of ours yields; nothing else may

-- On PUC 5.1 an iterator is called through C, which no yield can cross.
local ITERATORS_CANNOT_WAIT = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

local M = {
  ITERATORS_CANNOT_WAIT = ITERATORS_CANNOT_WAIT,
  holds_failures = false, -- inside claude.loop
}

--- Called with the failure of a task that nobody waits for, outside claude.loop.
---@param text string with a traceback
function M.on_error(text) io.stderr:write("lua-claude: error in a task: ", text, "\n") end

local current ---@type claude.Task? the task whose code is running
local queue, head, tail = {}, 1, 0 -- tickets of tasks that can go on
local live = 0 -- tasks that have not finished
local unseen = {} -- failed tasks whose failure nobody has looked at

local function pack(...) return { n = select("#", ...), ... } end

---@class claude.Task
---@field package co thread
---@field package started boolean
---@field package cancelled boolean
---@field package told boolean? a wait has said that the task was cancelled
---@field package ticket table? what it waits with
---@field package children table<claude.Task, true>
---@field package parent claude.Task?
---@field package arguments table
---@field package on_end fun(outcome: claude.Outcome)?
---@field done claude.Signal
---@field package seen boolean? somebody looked at how it ended
---@field package iterating string? the step function of the iterator that is being called
---@field package outcome claude.Outcome?
local Task = {}
Task.__index = Task
Task.__name = "claude.Task"

--- How a task ended: its results as 1…n, or what it raised.
---@class claude.Outcome
---@field ok boolean
---@field n? integer number of results
---@field raised? any
---@field text? string what was raised, as text, with a traceback
---@field cancelled? boolean

local function put(ticket)
  tail = tail + 1
  queue[tail] = ticket
end

-- A ticket is good for one wait: who comes later with an old one wakes nobody.
local function wake(ticket, why)
  if ticket.why or ticket.task.ticket ~= ticket then return end
  ticket.why = why
  put(ticket)
end

---@return claude.Error
function M.cancelled_error()
  return errors.new({ kind = "cancelled", message = "the task was cancelled", retryable = false })
end

local function describe(co, raised)
  local shown, text = pcall(tostring, raised) -- the __tostring of a user's error may raise
  if not shown or type(text) ~= "string" then text = "an error that has no text" end
  local ok, trace = pcall(debug.traceback, co, text)
  return ok and trace or text
end

local function report_unseen()
  if M.holds_failures then return end -- claude.loop raises them at its end
  for task in pairs(unseen) do
    unseen[task] = nil
    M.on_error(task.outcome.text, task.outcome.raised)
  end
end

local function finish(task, outcome)
  task.outcome = outcome
  task.ticket = nil
  live = live - 1
  if task.parent then task.parent.children[task] = nil end
  if task.cancelled and errors.is(outcome.raised) then
    outcome.cancelled = outcome.raised.kind == "cancelled"
  end
  if not (outcome.ok or outcome.cancelled or task.seen) then
    unseen[task] = true
    hub.at(hub.now(), report_unseen) -- who asks before then sees it
  end
  if task.on_end then task.on_end(outcome) end
  task.done:set()
end

local FOREIGN = "a task yielded to a scheduler that is not there: inside claude's tasks wait with "
  .. "claude.sleep and the library's own calls"

local function settle(task, ok, ...)
  if coroutine.status(task.co) == "dead" then
    if ok then return finish(task, { ok = true, n = select("#", ...), ... }) end
    local raised = ...
    return finish(task, { ok = false, raised = raised, text = describe(task.co, raised) })
  end
  if ... ~= WAIT then
    finish(task, { ok = false, raised = FOREIGN, text = describe(task.co, FOREIGN) })
  end
end

local function come_back(task, before, ...)
  current = before
  settle(task, ...)
end

local function resume(task, ...)
  local before = current
  current = task
  come_back(task, before, coroutine.resume(task.co, ...))
end

local function start(task)
  task.started = true
  if task.cancelled then
    local err = M.cancelled_error()
    return finish(task, { ok = false, raised = err, text = tostring(err) })
  end
  resume(task, unpack(task.arguments, 1, task.arguments.n))
end

local function go_on(ticket)
  local task = ticket.task
  if task.outcome or task.ticket ~= ticket then return end
  if not task.started then return start(task) end
  resume(task)
end

-- Runs what can run now; what that makes runnable has to wait for its turn.
local function run_tasks()
  local last, ran = tail, 0
  while head <= last do
    local ticket = queue[head]
    queue[head] = nil
    head = head + 1
    ran = ran + 1
    go_on(ticket)
  end
  return ran
end

hub.set_tasks(run_tasks, function() return head <= tail end)

--- Whether this is running inside a task; raises where waiting is impossible.
---@return claude.Task?
function M.task_that_may_wait()
  local task = current
  if not task then return nil end
  if coroutine.running() ~= task.co then
    error(
      "this would wait in a coroutine of your own inside a task, and hold up all others: "
        .. "start it with claude.spawn instead",
      0
    )
  end
  if task.iterating then
    error(
      ("on this Lua a `for` iterator cannot wait inside a task: call %s in a loop instead"):format(
        task.iterating
      ),
      0
    )
  end
  return task
end

local function suspend(task, ticket)
  task.ticket = ticket
  coroutine.yield(WAIT)
  task.ticket = nil
  return ticket.why
end

---@class claude.Signal something to wait for
---@field is_set boolean
---@field package tickets table[]
local Signal = {}
Signal.__index = Signal
Signal.__name = "claude.Signal"

--- Wakes everyone who waits, and lets everyone through until `clear`.
function Signal:set()
  self.is_set = true
  local tickets = self.tickets
  self.tickets = {}
  for _, ticket in ipairs(tickets) do
    wake(ticket, "set")
  end
  if tickets[1] then hub.flush() end
end

function Signal:clear() self.is_set = false end

local function forget_ticket(signal, ticket)
  for i, one in ipairs(signal.tickets) do
    if one == ticket then
      table.remove(signal.tickets, i)
      return
    end
  end
end

-- Outside tasks: drives everything until the signal is set.
local function block(signal, seconds)
  local timer, late
  if seconds then timer = hub.at(hub.now() + seconds, function() late = true end) end
  while not signal.is_set and not late do
    hub.wait()
  end
  hub.forget(timer)
  if signal.is_set then return true end
  return nil, "timeout"
end

local function park(signal, task, seconds, shielded)
  local ticket, timer = { task = task, shielded = shielded }, nil
  signal.tickets[#signal.tickets + 1] = ticket
  if seconds then timer = hub.at(hub.now() + seconds, function() wake(ticket, "timeout") end) end
  local why = suspend(task, ticket)
  hub.forget(timer)
  if why == "set" then return true end
  forget_ticket(signal, ticket)
  if why == "cancelled" then task.told = true end
  return nil, why
end

--- Waits for `set`, at most so many seconds. In a task the others run meanwhile.
---@param seconds? number
---@return true? set
---@return "timeout"|"cancelled"|nil why not
function Signal:wait(seconds)
  local task = M.task_that_may_wait()
  if task and task.cancelled then
    task.told = true
    return nil, "cancelled"
  end
  if self.is_set then return true end
  if not task then return block(self, seconds) end
  return park(self, task, seconds, false)
end

--- Waits for `set` even in a task that is cancelled: for what is about to end anyway.
function Signal:wait_to_the_end()
  if self.is_set then return end
  local task = M.task_that_may_wait()
  if task then
    park(self, task, nil, true)
  else
    block(self)
  end
end

--- Something that one side sets and another waits for.
---@return claude.Signal
function M.signal() return setmetatable({ is_set = false, tickets = {} }, Signal) end

--- The task that is running; nil outside tasks.
---@return claude.Task?
function M.running() return current end

--- Starts `fn(...)` as a task and child of `parent`; see `spawn`.
---@param parent claude.Task?
---@param fn function
---@param ... any
---@return claude.Task
function M.spawn_under(parent, fn, ...)
  local task = setmetatable({
    co = coroutine.create(fn),
    arguments = pack(...),
    started = false,
    cancelled = parent ~= nil and parent.cancelled,
    children = {},
    parent = parent,
    done = M.signal(),
  }, Task)
  if parent then parent.children[task] = true end
  live = live + 1
  task.ticket = { task = task }
  put(task.ticket)
  hub.flush()
  return task
end

--- Starts `fn(...)` as a task: soon, never inside this call. Started inside a task it is
--- that task's child, and cancelled with it.
---@param fn function
---@param ... any
---@return claude.Task
function M.spawn(fn, ...)
  if type(fn) ~= "function" then error("claude.spawn: a function expected", 2) end
  return M.spawn_under(current, fn, ...)
end

--- Waits until it has ended: its results, or `nil, text, raised`. The text of an error has
--- a traceback; `raised` is what was raised (a claude.Error of kind "cancelled" if so).
---@return any ...
function Task:wait()
  check_receiver(self, Task, "task:wait()")
  if self == current then error("task:wait() in the task itself would wait for ever", 2) end
  self.seen = true
  unseen[self] = nil
  local finished = self.outcome or self.done:wait()
  if not finished then return errors.fail(M.cancelled_error()) end
  local outcome = self.outcome
  unseen[self] = nil
  if outcome.ok then return unpack(outcome, 1, outcome.n) end
  return nil, outcome.text, outcome.raised
end

--- Cancels it and its children: the call in which it waits returns an error of kind
--- "cancelled", and so does every later one. A task that has ended is left alone.
function Task:cancel()
  check_receiver(self, Task, "task:cancel()")
  if self.outcome or self.cancelled then return end
  self.cancelled = true
  local children = {}
  for child in pairs(self.children) do
    children[#children + 1] = child
  end
  for _, child in ipairs(children) do
    child:cancel()
  end
  local ticket = self.started and self.ticket
  if ticket and not ticket.shielded then wake(ticket, "cancelled") end
  hub.flush()
end

--- How it ended; nil while it has not. Who looks is expected to deal with a failure.
---@return claude.Outcome?
function Task:result()
  check_receiver(self, Task, "task:result()")
  self.seen = true
  unseen[self] = nil
  return self.outcome
end

---@return boolean
function Task:is_done()
  check_receiver(self, Task, "task:is_done()")
  return self.outcome ~= nil
end

--- Tasks that have not ended.
---@return integer
function M.count() return live end

--- Takes one failure that nobody has looked at.
---@return claude.Outcome?
function M.take_failure()
  local task = next(unseen)
  if not task then return nil end
  unseen[task] = nil
  return task.outcome
end

return M
