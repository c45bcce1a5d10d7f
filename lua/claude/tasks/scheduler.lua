--- Tasks, signals, and who waits for whom. How a task runs and waits is the business of
--- claude.tasks.own (our coroutines, over an event loop) or claude.tasks.hosted (coroutines
--- of a host that owns them).
local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local guard = require("claude.guard")
local host = require("claude.host")
local queue = require("claude.queue")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local M = {
  -- On PUC 5.1 an iterator is called through C, which no yield can cross.
  ITERATORS_CANNOT_WAIT = _VERSION == "Lua 5.1" and not rawget(_G, "jit"),
  holds_failures = false, -- inside claude.loop and claude.step
}

--- Called with the failure of a task that nobody waits for, outside claude.loop.
---@param text string with a traceback
function M.on_error(text) host.log("error", "error in a task: " .. text) end

local way ---@type table? claude.tasks.own or claude.tasks.hosted, once it is known
local NONE = {} -- not to be changed
local live = 0 -- tasks that have not finished
local unseen = queue.new() -- failed tasks whose failure nobody has looked at

local function pack(...) return { n = select("#", ...), ... } end

---@class claude.Task
---@field fn function? until it has returned
---@field arguments table|false|nil until it has begun
---@field started boolean
---@field cancelled boolean
---@field returned claude.Outcome? what its function came to; its children may go on
---@field outcome claude.Outcome? once they have ended, too
---@field ticket claude.Ticket? what it waits with
---@field package done claude.Signal|false|nil made for the first that waits for its end
---@field package told boolean? a wait has said that the task was cancelled
---@field package reason { kind: string, message: string }? why it was cancelled
---@field package parent claude.Task?
---@field package children table<claude.Task, true>|false false: none yet
---@field package child_count integer
---@field package forget_timeout fun()?
---@field package on_end false|fun(outcome: claude.Outcome)
---@field holds_failures boolean? what fails under it is kept for take_failures
---@field package counted boolean among those that are live
---@field package seen boolean? somebody looked at how it ended
---@field package unseen_at integer? its place among those that nobody looked at
---@field spare claude.Ticket|false|nil of a wait that nobody knows of any more: for the next
---@field package iterating string? the step function of the iterator that is being called
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

--- One wait. Good for once, unless it lasts: who comes later with an old one wakes nobody.
---@class claude.Ticket
---@field task claude.Task? nil: waits outside tasks
---@field why "set"|"timeout"|"cancelled"|false|nil
---@field shielded boolean? a cancel does not end this wait
---@field lasts boolean? a wait with it ends when there is more, without a `why`: good for another
---@field co thread? of its task, if it lasts
---@field package signal claude.Signal|false|nil what it waits for, if it is the first
---@field package line claude.Queue|false|nil of those that wait behind the first
---@field package place integer? in the line
---@field timer claude.Timer? when it gives up
---@field in_line boolean|nil its task goes on with its next turn
---@field behind claude.Ticket|false|nil whose turn comes next
local Ticket = {}
Ticket.__index = Ticket

---@param why "set"|"timeout"|"cancelled"
function Ticket:wake(why)
  if not self.why then way.wake(self, why) end
end

--- It wakes nobody any more: the wait ended, or never began.
function Ticket:drop()
  self.why = self.why or "dropped"
  if self.lasts then self.co = nil end -- it may be kept
  local signal = self.signal
  if self.line then
    self.line:remove(self.place)
  elseif signal and signal.first == self then
    signal.first = false
  end
  if signal then self.signal = false end
end

local CANCELLED = { kind = "cancelled", message = "the task was cancelled" }

---@param reason { kind: string, message: string }?
---@return claude.Error
local function error_of(reason)
  reason = reason or CANCELLED
  return errors.new({ kind = reason.kind, message = reason.message, retryable = false })
end

--- What a task is told that was cancelled.
---@return claude.Error
function Task:_cancelled_error() return error_of(self.reason) end

-- Whether it is the root's or was started, however indirectly, by that.
local function is_under(task, root)
  while task and task ~= root do
    task = task.parent
  end
  return task == root
end

--- How many there are among a task and those that started it, however indirectly.
---@param task claude.Task?
---@param counts fun(task: claude.Task): boolean?
---@return integer
function M.count_above(task, counts)
  local count = 0
  while task do
    if counts(task) then count = count + 1 end
    task = task.parent
  end
  return count
end

local function is_held(task)
  while task and not task.holds_failures do
    task = task.parent
  end
  return task ~= nil
end

-- Somebody looks at how it ended, or will.
local function mark_seen(task)
  task.seen = true
  if task.unseen_at then unseen:remove(task.unseen_at) end
  task.unseen_at = nil
end

-- What failed and was seen by nobody is told, unless claude.loop raises it at its end.
local function report_unseen()
  if M.holds_failures then return end
  for task in unseen:each() do
    if not is_held(task) then
      mark_seen(task)
      M.on_error(task.outcome.text, task.outcome.raised)
    end
  end
end

-- A program may end before anything comes round again.
M.at_the_end = guard.new(function() pcall(report_unseen) end)

-- It has ended, and so has the last of its children. Where there is no memory for a step, all of
-- them come again (`settle`).
local function finish_one(task)
  local outcome = task.returned
  if not task.outcome then
    task.outcome = outcome -- may find no memory: then it is not counted out either
    live = live - 1
  end
  if task.forget_timeout then task.forget_timeout() end
  if not (outcome.ok or outcome.cancelled or task.seen or task.unseen_at) then
    way.soon(report_unseen) -- who asks before then sees it
    task.unseen_at = unseen:push(task)
  end
  if task.on_end then
    task.on_end(outcome)
    task.on_end = false
  end
  if task.done then task.done:set() end
end

-- The parent that only waited for this child; nil if there is none.
local function leave_parent(task)
  local parent = task.parent
  if not parent then return nil end
  if parent.children[task] then
    parent.children[task] = nil
    parent.child_count = parent.child_count - 1
  end
  return parent.returned and parent.child_count == 0 and parent or nil
end

-- A loop: tasks that each start the next make long chains.
local function finish(task)
  while task do
    finish_one(task)
    task = leave_parent(task)
  end
end

-- It and all that it started, marked as cancelled; those that are already are left out.
local function marked(tasks, reason)
  local list = {}
  local function mark(task)
    if task.outcome or task.cancelled then return end
    task.cancelled, task.reason = true, reason
    list[#list + 1] = task
  end
  for _, task in ipairs(tasks) do
    mark(task)
  end
  local i = 1
  while list[i] do
    for child in pairs(list[i].children or NONE) do
      mark(child)
    end
    i = i + 1
  end
  return list
end

-- Children learn of it before their parents.
---@param tasks claude.Task[]
---@param reason { kind: string, message: string }?
local function cancel_all(tasks, reason)
  local list = marked(tasks, reason)
  for i = #list, 1, -1 do
    local ticket = list[i].started and list[i].ticket
    if ticket and not ticket.shielded then ticket:wake("cancelled") end
  end
  if list[1] then way.flush() end
end

---@param task claude.Task
local function cancel_children(task)
  local children = {}
  for child in pairs(task.children or NONE) do
    children[#children + 1] = child
  end
  cancel_all(children)
end

local function failure_of(task, raised, text)
  local cancelled = task.cancelled and errors.is(raised)
  cancelled = cancelled and raised.kind == (task.reason or CANCELLED).kind
  return { ok = false, raised = raised, text = text, cancelled = cancelled or nil }
end

-- The function has ended; the task has when its children have, too. Who was interrupted in this,
-- for lack of memory, calls it once more: what was done is not done again.
local function settle(task, ok, ...)
  if not task.returned then
    task.returned = ok and { ok = true, n = select("#", ...), ... } or failure_of(task, ...)
  end
  if not task.returned.ok then cancel_children(task) end
  task.fn, task.arguments = nil, nil
  if task.child_count == 0 then finish(task) end
end

-- A wait is over: what it returns.
---@param ticket claude.Ticket
---@return true? set
---@return "timeout"|"cancelled"|"dropped"|nil why not
local function awake(ticket)
  local why = ticket.why
  if why == "set" then
    -- The ticket may be kept, and a signal may be all of an exchange.
    if ticket.signal then ticket.signal = false end
    return true
  end
  ticket:drop()
  if why == "cancelled" then ticket.task.told = true end
  return nil, why
end

---@param chosen table
local function take(chosen)
  way = chosen
  way.on_end(settle)
  way.on_awake(awake)
  return way
end

--- How tasks run here, chosen on first need.
---@return table
function M.way()
  if way then return way end
  local name = host.tasks()
  if not name then return take(require("claude.tasks.own")) end
  local hosted = require("claude.tasks.hosted")
  hosted.use(require("claude.tasks." .. name))
  return take(hosted)
end

--- Runs tasks on a host's coroutines (see claude/tasks/hosted.lua); nil: on our own. Not
--- while tasks run.
---@param adapter string|claude.TaskHost|nil
function M.use(adapter)
  if live > 0 then error("claude.tasks.use: not while tasks run", 2) end
  if adapter == nil then
    take(require("claude.tasks.own"))
    return
  end
  if type(adapter) == "string" then adapter = require("claude.tasks." .. adapter) end
  if type(adapter) ~= "table" then
    error("claude.tasks.use: a name or an adapter (claude/tasks/hosted.lua) expected", 2)
  end
  local hosted = require("claude.tasks.hosted")
  local missing = hosted.missing(adapter)
  if missing then
    error(("claude.tasks.use: the adapter has no function `%s`"):format(missing), 2)
  end
  hosted.use(adapter)
  take(hosted)
end

--- The name of the host whose coroutines tasks run on, or would; nil: on our own.
---@return string?
function M.host_name()
  if not way then return host.tasks() end
  local hosted = package.loaded["claude.tasks.hosted"]
  if way ~= hosted then return nil end
  return hosted.host().name or "a host without a name"
end

--- The task that waits here; raises where waiting is impossible.
---@return claude.Task?
function M.task_that_may_wait() return (way or M.way()).task_that_may_wait() end

--- The task that is running; nil outside tasks.
---@return claude.Task?
function M.running() return M.way().running() end

--- What the task that is running is told when it was cancelled.
---@return claude.Error
function M.cancelled_error()
  local task = M.running()
  return error_of(task and task.reason)
end

---@class claude.Signal something to wait for
---@field is_set boolean
---@field package first claude.Ticket|false who waits: as a rule there is only one
---@field package others claude.Queue|false who came while somebody waited already
local Signal = {}
Signal.__index = Signal
Signal.__name = "claude.Signal"

--- Wakes everyone who waits, and lets everyone through until `clear`.
function Signal:set()
  self.is_set = true
  local first, others = self.first, self.others
  if not (first or others) then return end
  -- Who was not told for lack of memory is told by the next `set`.
  if first then
    if not first.why then way.wake(first, "set") end
    self.first = false
  end
  if others then
    for ticket in others:each() do
      ticket:wake("set")
    end
    self.others = false
  end
  way.flush()
end

function Signal:clear() self.is_set = false end

-- The task that runs waits for nothing: on PUC 5.1 a yield may have failed.
local function waits(ticket, here) return not ticket.why and (ticket.task or 0) ~= here end

--- Whether anybody waits who was not told to go on.
---@return boolean
function Signal:is_awaited()
  local here = M.running()
  if self.first and waits(self.first, here) then return true end
  if not self.others then return false end
  for ticket in self.others:each() do
    if waits(ticket, here) then return true end
  end
  return false
end

-- One that lasts stays there when it is dropped.
local function is_taken(signal)
  local first = signal.first
  return signal.others or first and not first.why
end

local function stand_behind(signal, ticket)
  if signal.first then signal.first.lasts = false end -- all are woken then
  signal.others = signal.others or queue.new()
  ticket.line, ticket.place = signal.others, signal.others:push(ticket)
end

local function park(signal, task, seconds, shielded)
  if task and task.ticket then way.forget_wait(task) end
  local ticket = task and task.spare
  if ticket then
    task.spare = false
    ticket.why, ticket.shielded, ticket.line = false, shielded, false
  else
    ticket = setmetatable(
      { task = task, why = false, shielded = shielded, in_line = false, behind = false },
      Ticket
    )
  end
  -- First come, first woken: whoever finds others waiting goes behind them.
  if is_taken(signal) then
    stand_behind(signal, ticket)
  else
    signal.first, ticket.signal = ticket, signal
  end
  -- A tail call, here and there: thousands may wait, and each call on their stacks takes room.
  return way.park(task, ticket, seconds)
end

--- Waits for `set`, at most so many seconds. In a task the others run meanwhile.
---@param seconds? number
---@return true? set
---@return "timeout"|"cancelled"|nil why not
function Signal:wait(seconds)
  local task = (way or M.way()).task_that_may_wait()
  if task and task.cancelled then
    task.told = true
    return nil, "cancelled"
  end
  if self.is_set then return true end
  return park(self, task, seconds, false)
end

--- Waits for `set` even in a task that is cancelled: for what is about to end anyway.
function Signal:wait_to_the_end()
  if self.is_set then return end
  park(self, M.task_that_may_wait(), nil, true)
end

M.set, M.wait_for = Signal.set, Signal.wait

--- Waits as `wait_for` does, with a ticket that lasts where there can be one: then what there is
--- more of is not `set` again, and the third value is that ticket (see claude/tasks/own.lua). It
--- holds nothing of the signal, which may be kept by nobody else.
---@param signal claude.Signal
---@return true? set
---@return "timeout"|"cancelled"|nil why not
---@return claude.Ticket? ticket
function M.wait_for_more(signal)
  local task = M.task_that_may_wait()
  local stand = way.stand
  if not (stand and task) or task.cancelled or signal.is_set then return Signal.wait(signal) end
  local ticket = task.ticket
  if not (ticket and ticket == signal.first) or ticket.why then
    if ticket then way.forget_wait(task) end
    if is_taken(signal) then return Signal.wait(signal) end
    ticket = setmetatable({
      task = task,
      co = task.co,
      why = false,
      lasts = true,
      in_line = false,
      behind = false,
    }, Ticket)
    -- The task's first: there may be no memory to call `stand`, and nobody looks whether there was.
    task.ticket = ticket
    signal.first = ticket
  end
  return stand(task, ticket)
end

--- There is more of what a signal stands for: true where somebody waits for that with a ticket that
--- lasts, and nobody else waits. Elsewhere nothing happens: it is to be `set`.
---@param signal claude.Signal
---@return boolean
function M.tell_of_more(signal)
  local first = signal.first
  if not (first and first.lasts) or first.why then return false end
  way.wake_for_more(first)
  return true
end

--- Something that one side sets and another waits for.
---@return claude.Signal
function M.signal()
  local signal = { is_set = false, first = false, others = false }
  return setmetatable(signal, Signal)
end

-- Counted first: it may have ended when this returns.
local function start(task)
  local parent = task.parent
  if parent then parent.child_count = parent.child_count + 1 end
  live, task.counted = live + 1, true
  way.start(task)
end

-- What could not be started, for the host's reasons or for lack of memory, was never there.
local function take_back(task)
  if way.take_back then way.take_back(task) end
  live = live - 1
  leave_parent(task)
end

--- Starts `fn(...)` as a task and child of `parent`; see `spawn`.
---@param parent claude.Task?
---@param fn function
---@param ... any
---@return claude.Task
function M.spawn_under(parent, fn, ...)
  if parent and parent.outcome then parent = nil end
  local task = setmetatable({
    fn = fn,
    arguments = pack(...),
    started = false,
    cancelled = parent ~= nil and parent.cancelled,
    reason = parent and parent.reason,
    children = false,
    child_count = 0,
    parent = parent,
    done = false,
    on_end = false,
    counted = false,
  }, Task)
  if parent then
    parent.children = parent.children or {}
    parent.children[task] = true
  end
  M.way().prepare(task)
  local started, raised = pcall(start, task)
  if not started then
    if task.counted and not (task.started or task.returned) then take_back(task) end
    error(raised, 0)
  end
  return task
end

--- Starts `fn(...)` as a task: soon, never inside this call. Started inside a task it is
--- that task's child: cancelled with it, and the parent has not ended before it.
---@param fn function
---@param ... any
---@return claude.Task
function M.spawn(fn, ...)
  if type(fn) ~= "function" then error("claude.spawn: a function expected", 2) end
  return M.spawn_under(M.running(), fn, ...)
end

-- A task ends after its children: one of them would wait for ever.
local function check_no_ancestor(task)
  if is_under(M.running(), task) then
    error("task:wait() in the task itself, or in one that it started, would wait for ever", 3)
  end
end

--- Set once it has ended. For whoever waits: most tasks end without anybody.
---@return claude.Signal
function Task:_done_signal()
  if not self.done then
    self.done = M.signal()
    if self.outcome then self.done:set() end
  end
  return self.done
end

---@param seconds any
---@param call string
---@param level integer
local function check_seconds(seconds, call, level)
  if type(seconds) == "number" and seconds >= 0 then return end
  error(call .. ": a number of seconds expected", level + 1)
end

--- Waits until it has ended: its results, or `nil, text, raised`. The text of an error has
--- a traceback; `raised` is what was raised (a claude.Error of kind "cancelled" if so).
--- With a number of seconds it waits no longer than that (kind "timeout"), and the task
--- goes on.
---@param seconds? number
---@return any ...
function Task:wait(seconds)
  check_receiver(self, Task, "task:wait()")
  if seconds ~= nil then check_seconds(seconds, "task:wait", 2) end
  check_no_ancestor(self)
  mark_seen(self)
  if not self.outcome then
    local _, why = self:_done_signal():wait(seconds)
    if why == "cancelled" then return errors.fail(M.cancelled_error()) end
    if why == "timeout" then
      local text = ("the task has not ended within %.4g s"):format(seconds)
      return errors.fail(errors.new({ kind = "timeout", message = text }))
    end
  end
  local outcome = self.outcome
  M.join(self)
  if outcome.ok then return unpack(outcome, 1, outcome.n) end
  return nil, outcome.text, outcome.raised
end

---@param reason { kind: string, message: string }?
function Task:_cancel(reason) cancel_all({ self }, reason) end

--- Cancels it and its children: the call in which it waits returns an error of kind
--- "cancelled", and so does every later one. A task that has ended is left alone.
function Task:cancel()
  check_receiver(self, Task, "task:cancel()")
  self:_cancel()
end

--- Cancels it and its children unless it ends within so many seconds from now: what it
--- waits for then fails with kind "timeout". Another number replaces the one before.
---@param seconds number
---@return claude.Task self
function Task:set_timeout(seconds)
  check_receiver(self, Task, "task:set_timeout(…)")
  check_seconds(seconds, "task:set_timeout", 2)
  if self.forget_timeout then self.forget_timeout() end
  if self.outcome then return self end
  local text = ("the task was not done within %.4g s"):format(seconds)
  self.forget_timeout = way.after(
    seconds,
    function() self:_cancel({ kind = "timeout", message = text }) end
  )
  way.flush()
  return self
end

--- How it ended; nil while it has not. Who looks is expected to deal with a failure.
---@return claude.Outcome?
function Task:result()
  check_receiver(self, Task, "task:result()")
  mark_seen(self)
  return self.outcome
end

---@return boolean
function Task:is_done()
  check_receiver(self, Task, "task:is_done()")
  return self.outcome ~= nil
end

--- Gives back what the host keeps of a task that has ended.
---@param task claude.Task
function M.join(task)
  if way.join then way.join(task) end
end

--- Tasks that have not ended.
---@return integer
function M.count() return live end

--- Takes the failures that nobody has looked at, first come first.
---@param root claude.Task? only of what was started under it
---@return claude.Outcome[]
function M.take_failures(root)
  local failures = {}
  for task in unseen:each() do
    if not root or is_under(task, root) then
      mark_seen(task)
      failures[#failures + 1] = task.outcome
    end
  end
  return failures
end

return M
