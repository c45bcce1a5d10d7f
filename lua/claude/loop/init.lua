--- Waiting: one place that knows the HTTP engine, the timers and the tasks, over a
--- small driver that knows the event loop of the host.
---
--- `require("claude.loop").use("luv")` selects a driver by name (the module
--- `claude.loop.<name>`), `use(adapter)` takes one of your own. Without a word it is "nvim"
--- in Neovim, else "blocking", which waits by itself (epoll, kqueue or poll).
---
--- ## Writing an adapter
---
---     local adapter = {}
---     function adapter.new(ready)
---       return { watch = function(fd, mask) … end, timer = function(ms) … end }
---     end
---     require("claude.loop").use(adapter)
---
--- `watch(fd, mask)` says what to wait for on a descriptor from now on: 0 stop, 1 read,
--- 2 write, 3 both. Changes come in order. When `watch(fd, 0)` returns, the loop must not
--- touch the descriptor again: it may be closed, and its number may come back at once as
--- another connection's. Several watches of one descriptor do not add up: the last counts.
--- The same may be said twice, and a stop may come for what is not watched, even for a
--- number that is no descriptor any more: both change nothing.
---
--- `timer(ms)` asks for one call of `ready()` after so many milliseconds, and replaces what
--- was asked before; negative cancels. 0 means soon, but never inside the call itself.
---
--- The adapter calls `ready(fd, mask)` when a descriptor is ready (1 read, 2 write, 4 error,
--- added together) and `ready()` when the time is up. Too many calls do no harm. `ready`
--- never raises and may run tasks, so call it where the host allows any Lua code to run.
---
--- Optional: `run(wait)` drives the host's loop from outside — until at least one thing
--- happened if `wait` is true, else only what is ready — and returns false when there is
--- nothing left to wait for. Where it is missing (the host owns its loop, and blocking
--- would freeze it) a blocking call is an error that names `claude.spawn`.
---
--- Optional: `slice`, seconds: tasks that have much to do go on in the next `ready` after so
--- long (0.01 without it), so that the host can handle its own events in between.
---
--- Optional: `waiter()`, for a host with coroutines of its own: called in one of them it
--- returns an object with `wait(self)`, which waits in that coroutine until `post(self)`;
--- elsewhere nil. Calls outside tasks then wait there instead of blocking.
---
--- Optional: `sync(fd, done)` has threads of the host bring a file to the disk, and calls
--- `done(problem)` where it would call `ready`, never inside the call itself. Where it is
--- missing, who syncs a file (a conversation with a journal) blocks meanwhile.
---
--- `new` has a second argument, for a driver that waits with a poller of claude.net and only in
--- `run`: `take(wait)` waits as `run` is to, does everything that what is ready allows, and returns
--- what `run` returns. Such a driver has that `poller` in a field; `watch` is called for
--- descriptors that are no request's, and `timer` never.
---
--- Optional: `forked()` is called once in a process that was forked since the first request, or,
--- of a driver with a poller, since it was made: what `watch` and `timer` were told is the
--- parent's, and forgotten.
---
--- Optional: `close()` gives everything back when another adapter is chosen.
local host_program = require("claude.host")
local timers = require("claude.loop.timers").new()

---@class claude.Driver
---@field watch fun(fd: integer, mask: integer)
---@field timer? fun(ms: integer)
---@field poller? userdata of claude.net
---@field run? fun(wait: boolean): boolean
---@field slice? number seconds
---@field waiter? fun(): { wait: function, post: function }?
---@field sync? fun(fd: integer, done: fun(problem: string?))
---@field forked? fun()
---@field close? fun()

---@class claude.LoopAdapter
---@field name? string
---@field new fun(ready: claude.Ready, take: claude.Take): claude.Driver?, string?

---@alias claude.Ready fun(fd: integer?, mask: integer?)
---@alias claude.Take fun(wait: boolean): boolean

local M = {}

local SLICE = 0.01 -- seconds that tasks may take before descriptors are looked at again
local NO_MEMORY = "not enough memory" -- what every Lua raises then
local LONGEST = 1e9 -- milliseconds; drivers count in 32 bits, and it may be for ever

local net -- the C module, loaded at the first wait
local engine -- of this Lua state, made at the first request
local next_news -- its method
local driver ---@type claude.Driver?
local chosen -- the adapter of the driver
local left_to_parent = false -- this process is a copy of the one that made the engine
local leaving = false -- it is, and not everybody has heard of it
local waits_alone = false -- it is, and the driver waits with nothing of the parent's
local listeners = {} -- whom to tell of a transfer's news, by its id
-- Tickets of those who wait for nothing but more of one, by the engine's numbers for readers. They
-- are held by what is waited for.
local readers = setmetatable({}, { __mode = "v" }) ---@type claude.Ticket[]
local turn -- set by claude.tasks; 1: the ticket of the coroutine that runs; 2: false when it begins
local told_at -- when the driver was asked to call; false: never; nil: it is to be asked anew
local lingering = {} -- things that end by themselves soon, as a set
local descriptors ---@type claude.Descriptors? that are not the engine's; made at the first
local discarded = {} -- what finalizers left behind, to be cancelled where it is safe
local run_tasks -- set by claude.tasks: runs what tasks can, until a time; tells how many ran
local has_tasks -- set by claude.tasks: whether any can run
local after_failure -- set by claude.tasks: hears what a round of them was ended by
local after_turns -- set by claude.tasks: hears what a task came to that `give_turns` resumed
local processing = false -- inside process or wait_and_read: code of tasks may run
local driving = false -- inside driver.run
local failure -- an error that must not unwind through the host's loop
local round_ends -- when M.poll wants its turn back
local touched = true -- something may have changed that the driver has not been told of
local flushing, again = false, false -- inside M.flush, and once more after it
local untold_fd, untold_mask ---@type integer?, integer? a change that the driver is told next
local telling_changes = false -- of descriptors that are not the engine's
local cancelling ---@type integer? place in discarded of what is being cancelled
local timer ---@type claude.Timer? that is being run
local telling = false -- a listener is being told the news below
-- What listeners are being told. It stays where they have no memory to hear it: it is told again.
local news_id, news_done, news_paused, news_text
local code, connected, first_byte_at, version, reused
local events = 0 -- things that happened: how `step` knows that nothing did

---@return table? net
---@return string? text why it cannot be loaded
local function load_net()
  if net then return net end
  local loaded, found = pcall(require, "claude.net")
  if not loaded then return nil, require("claude.loading").explained("claude.net", found) end
  net = found
  return net
end

--- Seconds on a clock that only goes forward.
---@return number
function M.now()
  if net then return net.now() end
  local loaded, text = load_net()
  if not loaded then error(text, 0) end
  return loaded.now()
end

local notice_fork

--- The engine, made at the first request.
---@return userdata? engine
---@return string? text why there is none
function M.engine()
  touched = true
  if engine then return engine end
  local loaded, text = load_net()
  if not loaded then return nil, text end
  local noticed, problem = pcall(notice_fork)
  if not noticed then return nil, problem end
  engine, text = loaded.engine()
  next_news = engine and engine.next
  return engine, text
end

local function is_called_soon()
  return has_tasks and has_tasks() or discarded[1] ~= nil or news_id ~= nil or leaving
end

-- Whether anything is to happen at some time.
local function is_awaited()
  return is_called_soon() or timers:soonest() ~= nil or engine ~= nil and engine:timeout() >= 0
end

-- The engine's milliseconds or those until a time, whichever is sooner; -1: neither.
local function sooner(left, at)
  if not at then return left end
  local wait = math.max(0, math.ceil(math.min((at - M.now()) * 1000, LONGEST)))
  return (left < 0 or wait < left) and wait or left
end

-- As a rule nothing but the limits of exchanges is waited for, and they do not move.
local function tell_time(host, left)
  if is_called_soon() then left = 0 end
  local at = left ~= 0 and timers:soonest() or false
  if left < 0 and at == told_at then return end
  told_at = nil -- also when it raises
  host.timer(sooner(left, at))
  if left < 0 then told_at = at end
end

-- A change that found no memory on its way to the driver is told again. What it is about may be
-- gone meanwhile: then the driver cannot do it, and need not.
local function tell_untold(host)
  local ok, err = pcall(host.watch, untold_fd, untold_mask)
  if err == NO_MEMORY and not ok then error(err, 0) end
end

-- In C: what the driver waits with is known there.
local function tell_poller(poller)
  local no_memory
  untold_fd, untold_mask, no_memory = engine:tell(poller)
  if untold_fd then error(no_memory and NO_MEMORY or "a descriptor cannot be watched", 0) end
end

local function tell_changes(host)
  untold_fd, untold_mask = engine:change()
  while untold_fd do
    host.watch(untold_fd, untold_mask)
    untold_fd, untold_mask = engine:change()
  end
  return untold_mask -- there is no more: these are milliseconds
end

-- Before there is an engine nobody but the driver is to hear of it.
local function leave_poller_to_parent()
  local poller = driver and driver.poller
  if not (poller and poller:forked()) then return end
  touched = true
  if descriptors then descriptors:tell_again() end -- again, where what follows fails
  if driver.forked then driver.forked() end
end

-- Transfers go on in the process that began them, and end in a copy of it. Any step may find no
-- memory, and the driver no descriptor: then it is called again.
local function leave_to_parent(text)
  touched, leaving = true, true
  untold_fd, told_at = nil, nil
  if not waits_alone then
    if driver and driver.forked then driver.forked() end
    if descriptors then descriptors:tell_again() end
    waits_alone = true
  end
  for id, listener in pairs(listeners) do
    events = events + 1
    if listener.on_fork then listener:on_fork(text) end
    listeners[id] = nil
  end
  left_to_parent, leaving = true, false
end

function notice_fork()
  if left_to_parent then return end
  if not engine then return leave_poller_to_parent() end
  local text = engine:forked()
  if text then leave_to_parent(text) end
end

local function tell_driver(host)
  flushing = true -- not before: there may be no memory even to call this
  if untold_fd then tell_untold(host) end
  local poller, left = host.poller, -1
  if engine and poller then
    tell_poller(poller)
  elseif engine then
    left = tell_changes(host)
  end
  if descriptors then
    if not waits_alone then notice_fork() end -- what the parent waits with is not to hear of them
    telling_changes = true
    descriptors:tell(host)
    telling_changes = false
  end
  if not poller then tell_time(host, left) end
end

-- The one that the driver cannot do, so that others follow.
local function skip_change()
  if untold_fd then
    untold_fd = nil
  elseif telling_changes then
    descriptors:skip()
  end
end

local function tell_all(host)
  touched = true -- until the driver knows
  local ok, err
  repeat
    again = false
    ok, err = pcall(tell_driver, host)
  until not (ok and again)
  flushing, touched = false, not ok
  if not ok and err ~= NO_MEMORY then skip_change() end
  telling_changes = false
  return ok, err
end

--- Tells the driver what changed. Descriptors are closed after it stopped watching them.
function M.flush()
  if processing then
    touched = true -- comes when all is done
    return
  end
  again = true
  if flushing then return end -- a finalizer, in the middle of it: changes come in order
  local ok, err = tell_all(assert(M.driver()))
  if not ok then error(err, 0) end
end

local function tell_of_end(listener, id)
  if listener then listener:on_done(code, news_text, connected, first_byte_at, version, reused) end
  listeners[id] = nil
end

-- Few news are of an end, which has more to tell.
local function take_news()
  local id, done, a, b, c, d, e, f = next_news(engine)
  news_id, news_done, news_paused = id, done, a
  if done then
    code, news_text, connected, first_byte_at, version, reused = a, b, c, d, e, f
  end
  return id
end

local function hand_out_news()
  local id = news_id or take_news()
  while id do
    events, telling = events + 1, true
    local listener = listeners[id]
    if news_done then
      tell_of_end(listener, id)
    elseif listener then
      listener:on_more(news_paused)
    end
    telling = false
    id = take_news()
  end
end

local function run_timers(now)
  timer = timers:due(now)
  while timer do
    events = events + 1
    timer.run(timer.argument)
    timers:cancel(timer)
    timer = timers:due(now)
  end
end

-- While one is cancelled, others may come.
local function drop_cancelled()
  local last = #discarded
  discarded[cancelling] = discarded[last]
  discarded[last], cancelling = nil, nil
end

local function cancel_discarded()
  while discarded[1] do
    cancelling = #discarded
    discarded[cancelling]:cancel()
    drop_cancelled()
  end
end

-- What failed is not done again, unless it was only that there was no memory; what was not begun
-- is still to be done.
local function after_work(raised)
  if after_failure then after_failure(raised) end
  if raised ~= NO_MEMORY then
    if cancelling then drop_cancelled() end
    if timer then timers:cancel(timer) end
    if telling then
      if news_done then listeners[news_id] = nil end
      news_id, news_done = nil, nil
    end
  end
  cancelling, timer, telling = nil, nil, false
end

local function work()
  processing = true -- not before: there may be no memory even to call this
  notice_fork()
  if discarded[1] then cancel_discarded() end
  if descriptors then descriptors:hand_out() end
  local now = M.now()
  run_timers(now)
  if engine then hand_out_news() end
  if not run_tasks then return end
  events = events + run_tasks(round_ends or now + (driver and driver.slice or SLICE))
end

-- What must not unwind through the host's loop.
local function keep_failure(err)
  if driving then
    failure = failure or { err }
  else
    host_program.log("error", tostring(err))
  end
end

-- Does everything that can be done without waiting, once.
local function process()
  if processing then return end -- a task's code drives the host's loop: the outer call goes on
  local ok, err = pcall(work)
  processing = false
  if not ok then after_work(err) end
  if flushing then
    again = true
  else
    local told, problem = tell_all(driver)
    if ok then
      ok, err = told, problem
    end
  end
  if not ok then keep_failure(err) end
end

--- What was begun goes out now, and not in the next round: for who is about to wait.
function M.begin()
  touched = true
  engine:socket_action(-1)
end

local function ready(fd, mask)
  if not fd then
    told_at = nil -- a timer calls once
  else
    events = events + 1
    if descriptors and descriptors:has(fd) then
      descriptors:note(fd, mask or 0)
    elseif engine then
      engine:socket_action(fd, mask or 0)
    end
  end
  if engine then engine:socket_action(-1) end
  process()
end

-- Whether there is nothing to do but to wait for more.
local function goes_on() return not (touched or failure or is_called_soon()) end

local function after_reading(n, others, ticket, ...)
  if ticket then after_turns(ticket, ...) end
  return n, others
end

local function read(poller, ms)
  processing = true -- not before: there may be no memory even to call this
  local slice = driver and driver.slice or SLICE
  return after_reading(engine:read(readers, turn, slice, poller, ms, goes_on))
end

-- As long as nothing happens but that there is more for those who wait for that, they have their
-- turns in C, and nothing else is looked at.
local function wait_and_read(poller, ms)
  local ok, n, others = pcall(read, poller, ms)
  processing = false
  if ok then return n, others end
  after_work(n)
  keep_failure(n)
  return 1, 0 -- turns are given only where no descriptor of others is ready
end

-- Milliseconds that the driver may wait beside what the engine waits for; -1: for ever.
local function longest_wait() return is_called_soon() and 0 or sooner(-1, timers:soonest()) end

-- How many events there were, and how many that are not the engine's.
local function wait_with(poller, ms)
  if not engine then
    local n = poller:wait(ms)
    return n, n
  end
  if ms ~= 0 and turn and not processing and engine.read then return wait_and_read(poller, ms) end
  return engine:turn(poller, ms)
end

-- Whether something is watched, or the engine is to be called at some time.
local function is_anything_awaited()
  if descriptors and descriptors:has_any() then return true end
  if not engine then return false end
  local _, watched = engine:counts()
  return watched > 0 or engine:timeout() >= 0
end

-- The engine's own descriptors are seen to in C, all before any task goes on.
local function take(wait)
  local poller = driver.poller
  local ms = wait and longest_wait() or 0
  if ms < 0 and not is_anything_awaited() then return false end
  local n, others = wait_with(poller, ms)
  touched = true -- what is to be watched now is told also where what follows finds no memory
  events = events + n
  for i = 1, others do
    local fd, mask = poller:event(i)
    if descriptors and descriptors:has(fd) then descriptors:note(fd, mask) end
  end
  process()
  return true
end

-- Whoever writes an adapter hears of what it lacks here, not in the middle of a request.
local function check_driver(made)
  local has_poller = type(made) == "table" and made.poller ~= nil
  for _, name in ipairs({ "watch", has_poller and "run" or "timer" }) do
    if type(made) ~= "table" or type(made[name]) ~= "function" then
      local text = "claude.loop: `new` of %s returned no table with a function `%s`"
      error(text:format(M.adapter_name(), name), 0)
    end
  end
end

--- The driver that is in use, made on first need.
---@return claude.Driver?
---@return string? text why there is none
function M.driver()
  if driver then return driver end
  chosen = chosen or require("claude.loop." .. host_program.loop())
  local made, text = chosen.new(ready, take)
  if made == nil and text then return nil, text end
  check_driver(made)
  driver, told_at = made, nil
  return driver
end

--- What waits here: the name of the adapter in use, or of the one that would be.
---@return string
function M.adapter_name()
  if not chosen then return host_program.loop() end
  return chosen.name or "an adapter without a name"
end

-- An adapter that is in no file is the caller's mistake; what one of these misses, it says itself.
local function named(name)
  local found, adapter = pcall(require, "claude.loop." .. name)
  if found then return adapter end
  local text = tostring(adapter)
  if text:find(("module 'claude.loop.%s' not found"):format(name), 1, true) then
    text = ("there is no adapter %q: there are blocking, cqueues, luv and nvim"):format(name)
  end
  error("claude.loop.use: " .. text, 3)
end

--- Selects how to wait, by name or by an adapter of your own (see the top of this file).
--- Not inside tasks, nor while requests are in flight.
---@param adapter string|claude.LoopAdapter
function M.use(adapter)
  if type(adapter) == "string" then adapter = named(adapter) end
  if type(adapter) ~= "table" or type(adapter.new) ~= "function" then
    error("claude.loop.use: a name or a table with a function `new` expected", 2)
  end
  if adapter == chosen then return end
  if processing then error("claude.loop.use: not inside a task or a callback of the loop", 2) end
  for thing in pairs(lingering) do
    thing:cancel()
  end
  if engine and engine:counts() > 0 then
    error("claude.loop.use: not while requests are in flight", 2)
  end
  if driver then
    M.flush()
    if driver.close then driver.close() end
  end
  driver, chosen = nil, adapter
  local watches = descriptors and descriptors:tell_again()
  if watches or is_awaited() then M.flush() end -- what was going on goes on there
end

--- Runs `run(argument)` at a time on the clock of `now`; again if it raises that there is no
--- memory.
---@param at number
---@param run fun(argument: any)
---@param argument any
---@return claude.Timer
function M.at(at, run, argument)
  touched = true
  return timers:add(at, run, argument)
end

---@param forgotten claude.Timer?
function M.forget(forgotten)
  touched = true
  if forgotten then timers:cancel(forgotten) end
end

--- Calls `listener:on_more(paused)` whenever more of the transfer has come, and once
--- `listener:on_done(code, text, connected, first_byte_at, version, reused)`; again where that
--- raised for lack of memory. In a forked process, where it ends, `listener:on_fork(text)`. Nil
--- stops.
---@param id number
---@param listener { on_more: function, on_done: function, on_fork: function? }?
function M.listen(id, listener) listeners[id] = listener end

--- Who waits with a ticket that lasts waits for more of the transfer. When there is more
--- `M.give_turns` resumes that coroutine: its listener does not hear of it.
---@param id number
---@param ticket claude.Ticket
function M.read_for(id, ticket)
  local number = engine:read_for(id)
  if number then readers[number] = ticket end
end

--- For claude.tasks alone: resumes those who wait for more, until a time.
---@param stop_at number?
---@return integer turns
---@return claude.Ticket? ticket, still turn[1], of a coroutine that did not wait for more again;
--- others may be left
---@return boolean? ok
---@return any ... what it came to
function M.give_turns(stop_at)
  if not (engine and engine.give_turns) then return 0 end
  return engine:give_turns(readers, turn, stop_at)
end

--- For finalizers, which may run in the middle of anything: `thing:cancel()` is called soon.
---@param thing { cancel: function }
function M.discard(thing) discarded[#discarded + 1] = thing end

--- Marks what is about to end by itself and may be cut short; false: it has ended.
---@param thing { cancel: function }
---@param is_lingering boolean
function M.linger(thing, is_lingering) lingering[thing] = is_lingering or nil end

--- Says what to wait for on a descriptor that is not a request's: 1 read, 2 write, 3 both.
--- `listener(mask)` is called when it is ready, outside tasks; it must not raise or wait.
---@param fd integer
---@param mask integer
---@param listener fun(mask: integer)
function M.watch(fd, mask, listener)
  descriptors = descriptors or require("claude.loop.descriptors").new()
  descriptors:watch(fd, mask, listener)
  M.flush()
end

--- Waits for nothing on it any more. `stopped` is called once the loop knows, which may be
--- later: only then may the descriptor be closed.
---@param fd integer
---@param stopped? fun()
function M.unwatch(fd, stopped)
  descriptors = descriptors or require("claude.loop.descriptors").new()
  descriptors:stop(fd, stopped)
  M.flush()
end

--- Whether what is watched is heard of without anybody waiting: the host runs the loop.
---@return boolean
function M.runs_by_itself()
  local host = M.driver()
  return host ~= nil and host.run == nil
end

--- For claude.tasks alone.
---@param run fun(): integer
---@param has fun(): any
---@param failed fun(raised: any)
---@param turned fun(ticket: claude.Ticket, ok: boolean, ...: any)
---@param given table<integer, any> 1: the ticket of who was given a turn; 2: false when it begins
function M.set_tasks(run, has, failed, turned, given)
  run_tasks, has_tasks, after_failure, after_turns, turn = run, has, failed, turned, given
end

--- For calls outside tasks: raises where waiting would block the host's loop.
function M.check_may_block()
  if not (driver or assert(M.driver())).run then
    error("this would block the host's event loop: call it in claude.spawn(function() … end)", 0)
  end
  if driving or processing then
    error(
      "this would block inside a callback of the event loop: "
        .. "call it in claude.spawn(function() … end)",
      0
    )
  end
end

local function run_host(host, wait)
  driving = true
  return host.run(wait)
end

local function drive(wait)
  M.check_may_block()
  notice_fork()
  local host = driver
  if touched or is_called_soon() then M.flush() end
  local ok, went_on = pcall(run_host, host, wait)
  driving = false
  if not ok then error(went_on, 0) end
  if failure then
    local err = failure[1]
    failure = nil
    error(err, 0)
  end
  return went_on
end

local function drive_until(stop_at)
  round_ends = stop_at
  drive(false)
end

--- Waits until something happened, whatever it is. Only outside tasks.
function M.wait()
  if drive(true) == false then
    error("nothing is left to wait for: what is being waited for can never happen", 0)
  end
end

--- Does what is ready and does not wait; tells whether anything was. Tasks that have more
--- to do then go on later.
---@param stop_at number? on the clock of `now`
---@return boolean
function M.poll(stop_at)
  local before = events
  local ok, err = pcall(drive_until, stop_at)
  round_ends = nil
  if not ok then error(err, 0) end
  return events > before
end

--- How a file is synced by threads of the host; nil where there are none.
---@return fun(fd: integer, done: fun(problem: string?))? sync
function M.file_sync()
  local host = M.driver()
  return host and host.sync
end

--- What a call outside tasks waits with in a coroutine that the host looks after; nil where
--- it blocks.
---@return { wait: function, post: function }?
function M.waiter()
  local host = assert(M.driver())
  return host.waiter and host.waiter()
end

return M
