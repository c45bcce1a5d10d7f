--- Tasks on coroutines of our own, over the hub of claude.loop.
---
--- A task waits by yielding its ticket; the hub runs the tasks that can go on whenever something
--- has happened, and then begins new ones. One that never waits gives way after SLICE.
local hub = require("claude.loop")
local text_of = require("claude.errors").text_of

local continue, running, yield = coroutine.resume, coroutine.running, coroutine.yield
local unpack = rawget(table, "unpack") or rawget(_G, "unpack")
local SLICE = 0.004 -- seconds
local BEGINNINGS = 0.001 -- seconds that new tasks may take before those that wait are looked at
local SHARE = 0.2 -- of a round that is short: so much of it is left to new tasks
local NO_MEMORY = "not enough memory" -- what every Lua raises then

local FOREIGN = "a task yielded to a scheduler that is not there: inside claude's tasks wait with "
  .. "claude.sleep and the library's own calls"
local FOREIGN_COROUTINE = "this would wait in a coroutine of your own inside a task, and hold up "
  .. "all others: start it with claude.spawn instead"
local ITERATOR = "on this Lua a `for` iterator cannot wait inside a task: call %s in a loop instead"

local M = {
  now = hub.now,
  flush = hub.flush,
  turn_clock = hub.now, -- what turns and rounds are measured by; specs have it jump
}

---@class claude.Turns tickets in a chain: there is always memory to stand in line
---@field first claude.Ticket|false
---@field last claude.Ticket|false

local line = { first = false, last = false } ---@type claude.Turns of tasks that can go on
local begins = { first = false, last = false } ---@type claude.Turns of new tasks
local underway ---@type claude.Ticket? whose turn it is, until all of it is done
local current ---@type claude.Task? the task whose code is running, unless the hub gave it its turn
local turn = { false, false } -- given by the hub: the ticket; when its task first asked to give way
local TICKET, BEGAN = 1, 2
local round_ends ---@type number? when this round of tasks has to end
local line_first = false -- whether tasks in line have their turns before those that read on

---@type fun(task: claude.Task, ok: boolean, ...: any)
local settle
---@type fun(ticket: claude.Ticket): true?, string?
local awake

-- The task whose code is running.
local function task_now()
  if current then return current end
  local ticket = turn[TICKET]
  return ticket and ticket.task or nil
end

local function fail(task, raised)
  local text = text_of(raised)
  local found, trace = pcall(debug.traceback, task.co, text)
  settle(task, false, raised, found and trace or text)
end

--- A ticket that lasts is good no more, once its task waits for something else. On PUC 5.1 a yield
--- fails under pcall, too: what the task would have waited with is left over.
---@param task claude.Task
function M.forget_wait(task)
  local ticket = task.ticket
  if not ticket then return end
  ticket.why = ticket.why or "dropped" -- first of all: there may be no memory for a call
  task.ticket = false
  hub.forget(ticket.timer or nil)
  if ticket.drop then ticket:drop() end
end

local forget_wait = M.forget_wait

local function stand_in_line(turns, ticket)
  ticket.in_line, ticket.behind = true, false
  if turns.first then
    turns.last.behind = ticket
  else
    turns.first = ticket
  end
  turns.last = ticket
end

local function come_back(task, before, ok, ...)
  current = before
  local ticket = task.ticket
  if ok and ticket and ... == ticket then return end
  local ended = coroutine.status(task.co) == "dead"
  forget_wait(task)
  if ended and ok then
    settle(task, true, ...)
  else
    fail(task, not ended and FOREIGN or (...))
  end
  task.co = nil -- and what it holds
end

local function come_back_first(task, before, ...)
  task.arguments = false -- not sooner: where there is no memory to begin, it begins again
  come_back(task, before, ...)
end

local function begin(task, ...)
  local before = current
  task.started, task.ticket = true, false
  current, turn[BEGAN] = task, false
  come_back_first(task, before, continue(task.co, ...))
end

-- That is all there is to know of one that lasts: of many tasks nothing is in a cache.
local function come_back_for_more(ticket, before, ok, ...)
  if not (ok and ... == ticket) then return come_back(ticket.task, before, ok, ...) end
  current = before
end

local function go_on(ticket)
  local task = ticket.task
  if ticket.lasts and not ticket.why then
    local before = current
    current, turn[BEGAN] = task, false
    return come_back_for_more(ticket, before, continue(ticket.co))
  end
  if task.returned or task.ticket ~= ticket then return end
  if task.started then
    local before = current
    current, turn[BEGAN] = task, false
    return come_back(task, before, continue(task.co))
  end
  if task.cancelled then
    task.started, task.ticket = true, false
    fail(task, task:_cancelled_error())
    task.co = nil
    return
  end
  begin(task, unpack(task.arguments, 1, task.arguments.n))
end

-- There was no memory for a turn, or for saying how its task had ended: it has its turn again,
-- or has failed with that.
local function make_up(ticket)
  local task = ticket.task
  if task.returned or coroutine.status(task.co) == "dead" then
    forget_wait(task)
    settle(task, false, NO_MEMORY, NO_MEMORY)
    task.co = nil
  elseif not task.ticket then -- it never began
    task.started, task.ticket = false, ticket
    stand_in_line(begins, ticket)
  elseif (task.ticket.why or task.ticket.lasts) and not task.ticket.in_line then
    stand_in_line(line, task.ticket)
  end
  underway = nil
end

local function give_turn(turns)
  local ticket = turns.first
  underway, turns.first, ticket.in_line, ticket.behind = ticket, ticket.behind, false, false
  if not turns.first then turns.last = false end
  go_on(ticket)
  underway = nil
  return ticket
end

local function go_on_with_all(stop_at)
  local ran, last = 0, line.last
  while line.first do
    ran = ran + 1
    if give_turn(line) == last then break end
    if stop_at and line.first and M.turn_clock() >= stop_at then break end
  end
  return ran
end

-- What a task came to that the hub gave its turn.
local function come_back_to_hub(ticket, ...)
  underway, turn[TICKET] = ticket, false
  come_back(ticket.task, nil, ...)
  underway = nil
end

local function count_turns(turns, ticket, ...)
  if ticket then come_back_to_hub(ticket, ...) end
  return turns, ticket
end

-- Those that wait for nothing but more of what they read.
local function read_on(stop_at)
  local ran = 0
  repeat
    local turns, ticket = count_turns(hub.give_turns(stop_at))
    ran = ran + turns
  until not ticket or stop_at and M.turn_clock() >= stop_at
  return ran
end

-- Whoever comes second may be left with next to nothing of the round, and comes first in the next.
local function go_on_with_those_that_wait(stop_at)
  local first, second = read_on, go_on_with_all
  if line_first then
    first, second = second, first
  end
  local ran = first(stop_at)
  ran = ran + second(stop_at)
  line_first = not line_first and line.first ~= false
  return ran
end

-- Thousands may begin at once, and what the others wait for shall not wait for all of them.
local function begin_some(stop_at)
  local ran, last = 0, begins.last
  if not last then return 0 end
  local ends = M.turn_clock() + BEGINNINGS
  if stop_at then ends = math.min(ends, stop_at) end
  repeat
    ran = ran + 1
  until give_turn(begins) == last or M.turn_clock() >= ends
  return ran
end

-- When those that waited leave the rest of the round to new ones: they may always have much to do.
local function first_part_ends(stop_at)
  if not (stop_at and begins.first) then return stop_at end
  local left = math.max(0, stop_at - M.turn_clock())
  return stop_at - math.min(BEGINNINGS, left * SHARE)
end

-- Runs what can run now; what that makes runnable has to wait for its turn.
local function run_tasks(stop_at)
  if underway then make_up(underway) end
  local before = round_ends
  round_ends = first_part_ends(stop_at)
  local ran = go_on_with_those_that_wait(round_ends)
  round_ends = stop_at
  ran = ran + begin_some(stop_at)
  round_ends = before
  return ran
end

local function has_tasks() return line.first or begins.first or underway end

-- Its function has ended, and how was too much for the stack.
local function is_unheard(task)
  return not task.returned and task.co and coroutine.status(task.co) == "dead"
end

-- What a round left that has failed. What it was doing goes on with the next if it was only
-- that there was no memory.
local function after_failure(raised)
  current, round_ends = nil, nil
  local ticket = underway or turn[TICKET] or nil
  turn[TICKET] = false
  underway = ticket and (raised == NO_MEMORY or is_unheard(ticket.task)) and ticket or nil
end

--- The task that is running; nil outside tasks.
---@return claude.Task?
M.running = task_now

-- PUC 5.1 makes no coroutine of a function that is written in C.
local function coroutine_of(fn)
  local made, co = pcall(coroutine.create, fn)
  if made then return co end
  return coroutine.create(function(...) return fn(...) end)
end

--- All that a task needs for its beginning.
---@param task claude.Task
function M.prepare(task)
  task.co = coroutine_of(task.fn)
  task.ticket = { task = task, why = "start", in_line = false, behind = false }
end

--- Lets the task begin: soon, never inside this call.
---@param task claude.Task
function M.start(task)
  stand_in_line(begins, task.ticket)
  hub.flush()
end

--- It could not be started: it stands in line no more.
---@param task claude.Task
function M.take_back(task)
  local before, ticket = false, begins.first
  while ticket and ticket ~= task.ticket do
    before, ticket = ticket, ticket.behind
  end
  if not ticket then return end
  if before then
    before.behind = ticket.behind
  else
    begins.first = ticket.behind
  end
  if begins.last == ticket then begins.last = before end
end

--- The task that would wait; raises where waiting is impossible.
---@return claude.Task?
function M.task_that_may_wait()
  local task = task_now()
  if not task then return nil end
  if running() ~= task.co then error(FOREIGN_COROUTINE, 0) end
  if task.iterating then error(ITERATOR:format(task.iterating), 0) end
  return task
end

local function wait_for_anything(ticket)
  local ok, raised = pcall(hub.wait)
  if ok then return end
  ticket:drop()
  hub.forget(ticket.timer)
  error(raised, 0)
end

-- Outside tasks: in a coroutine that the host looks after, by the host's own means; else
-- everything is driven until the ticket's time has come.
local function block(ticket)
  ticket.waiter = hub.waiter()
  while not ticket.why do
    if ticket.waiter then
      hub.flush()
      ticket.waiter:wait()
    else
      wait_for_anything(ticket)
    end
  end
end

--- Waits until the ticket is woken, at most so many seconds, and returns what a wait does.
---@param task claude.Task?
---@param ticket claude.Ticket
---@param seconds number?
---@return true? set
---@return string? why not
function M.park(task, ticket, seconds)
  local timer = seconds and hub.at(hub.now() + seconds, function() ticket:wake("timeout") end)
  ticket.timer = timer
  if task then
    task.ticket = ticket
    yield(ticket)
    task.ticket, task.spare = false, ticket -- which nobody else knows of any more
  else
    block(ticket)
  end
  if timer then hub.forget(timer) end
  return awake(ticket)
end

--- Waits with a ticket that lasts: until there is more, and then the third value is that ticket, or
--- as `park`.
---@param task claude.Task
---@param ticket claude.Ticket the task's
---@return true? set
---@return string? why not
---@return claude.Ticket? ticket to yield in order to wait again, as long as it has no `why`
function M.stand(task, ticket)
  yield(ticket)
  if not ticket.why then return true, nil, ticket end
  task.ticket = false
  ticket:drop()
  return awake(ticket)
end

--- There is more for whoever waits with a ticket that lasts.
---@param ticket claude.Ticket
function M.wake_for_more(ticket)
  if not ticket.in_line then stand_in_line(line, ticket) end
end

--- Lets whoever waits with the ticket go on. Once this has begun it does not fail in tasks.
---@param ticket claude.Ticket
---@param why "set"|"timeout"|"cancelled"
function M.wake(ticket, why)
  ticket.why = why
  local task = ticket.task
  if task then
    if task.ticket ~= ticket or ticket.in_line then return end
    -- stand_in_line written out: for a call there may be no memory.
    ticket.in_line, ticket.behind = true, false
    if line.first then
      line.last.behind = ticket
    else
      line.first = ticket
    end
    line.last = ticket
  elseif ticket.waiter then
    ticket.waiter:post()
  end
end

--- For a task that has much to do and does not wait: lets others and the host have their
--- turn once its own has lasted long enough. Does nothing where waiting is impossible.
---@param slice? number seconds that are long enough; SLICE without it
function M.give_way(slice)
  local task = task_now()
  if not task then return end
  local now = M.turn_clock()
  if not turn[BEGAN] then turn[BEGAN] = now end
  local turn_ends = math.min(turn[BEGAN] + (slice or SLICE), round_ends or math.huge)
  if now < turn_ends or running() ~= task.co or task.iterating then return end
  forget_wait(task)
  local ticket = { task = task, why = "turn", shielded = true, in_line = false, behind = false }
  task.ticket = ticket
  stand_in_line(line, ticket)
  yield(ticket)
  task.ticket = false
end

--- Calls `fn` soon, outside tasks.
---@param fn fun()
function M.soon(fn) hub.at(hub.now(), fn) end

--- Calls `fn` after so many seconds unless the function returned is called before.
---@param seconds number
---@param fn fun()
---@return fun() forget
function M.after(seconds, fn)
  local timer = hub.at(hub.now() + seconds, fn)
  return function() hub.forget(timer) end
end

--- For claude.tasks.scheduler alone: what to call when a task's function has ended.
---@param on_end fun(task: claude.Task, ok: boolean, ...: any)
function M.on_end(on_end) settle = on_end end

--- The same: what a wait returns once its ticket was woken.
---@param on_awake fun(ticket: claude.Ticket): true?, string?
function M.on_awake(on_awake) awake = on_awake end

hub.set_tasks(run_tasks, has_tasks, after_failure, come_back_to_hub, turn)

return M
