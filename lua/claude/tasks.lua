--- Many things at once, in one thread.
---
--- A task is a function in a coroutine of its own. Every wait of this library (a request, a
--- `sleep`, another task) lets the other tasks run meanwhile. Outside tasks the same calls
--- block, and tasks that were spawned go on while they do. A coroutine of the user's own is
--- never yielded: outside tasks waiting in it blocks, inside a task it raises.
---
--- A task that was spawned inside another is its child: it is cancelled with it, and when the
--- parent's function fails; the parent has ended when it and its children have. What is
--- spawned outside tasks ends by itself.
---
--- In a host that owns its coroutines (nginx) tasks are the host's: claude/tasks/hosted.lua.
---
--- For the rest of the library:
---
--- * `tasks.parallel{ f, g, … }` runs functions of the user concurrently and gives their
---   outcomes in order, whatever they did: returned, raised, were cancelled. It works the
---   same in a task, outside, and without a loop; functions that never wait simply run one
---   after the other.
--- * `tasks.call(f, …)` is the protected call: `true, results…` or `false, raised, text`.
---   Unlike under `pcall`, what it calls may wait, on every Lua.
--- * `tasks.signal()` is what to wait for something with: `set`, `clear`, `wait(seconds)`. What has
---   a signal's fields can be one, too: `tasks.set(it)`, `tasks.wait_for(it, seconds)`, and for
---   what comes again and again `tasks.tell_of_more(it)`, `tasks.wait_for_more(it)`.
--- * `tasks.group(limit)` gives outcomes as they come: `add(key, f, …)`, `next()`, `cancel()`.
--- * `tasks.iterator(step, name)` makes a `for` iterator of a step function.
--- * `tasks.give_way()` lets others have their turn, where a task reads much and never waits.
--- * `tasks.cancelled_error()` is what the task that runs is told when it was cancelled.
---
--- An outcome is `{ ok = true, n = count, results… }` or `{ ok = false, raised = value,
--- text = what was raised with a traceback, cancelled = whether it was that }`.
---
--- On PUC Lua 5.1 a task cannot wait under `pcall`, in a metamethod or in a `for` iterator;
--- use `tasks.call` and the step functions there.
local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local scheduler = require("claude.tasks.scheduler")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

-- Where the host owns the coroutines there is no loop to know of.
local function hub() return require("claude.loop") end

local M = {
  spawn = scheduler.spawn,
  spawn_under = scheduler.spawn_under,
  running = scheduler.running,
  task_that_may_wait = scheduler.task_that_may_wait,
  count_above = scheduler.count_above,
  signal = scheduler.signal,
  set = scheduler.set,
  wait_for = scheduler.wait_for,
  wait_for_more = scheduler.wait_for_more,
  tell_of_more = scheduler.tell_of_more,
  use = scheduler.use,
  host_name = scheduler.host_name,
  cancelled_error = scheduler.cancelled_error,
  iterators_can_wait = not scheduler.ITERATORS_CANNOT_WAIT,
}

--- Seconds on a clock that only goes forward.
---@return number
function M.now() return scheduler.way().now() end

--- Whether the tasks run on the coroutines of a host that owns them.
---@return boolean
function M.are_hosted() return scheduler.way().host ~= nil end

--- See claude/tasks/own.lua.
---@param slice? number
function M.give_way(slice) scheduler.way().give_way(slice) end

--- Whether the task that runs was cancelled.
---@return boolean
function M.is_cancelled()
  local task = scheduler.running()
  return task ~= nil and task.cancelled
end

--- For waits by other means than ours: true in a task that was cancelled. Raises where
--- nothing may wait.
---@return boolean
function M.must_not_wait()
  local task = scheduler.task_that_may_wait()
  return task ~= nil and task.cancelled
end

--- Raises where nothing may wait, or where waiting would block the host's loop.
function M.check_may_wait()
  if not scheduler.task_that_may_wait() then hub().check_may_block() end
end

--- Whether what waits may be called under pcall here: not in a coroutine of PUC 5.1.
---@return boolean
function M.can_protect()
  local anywhere = not scheduler.ITERATORS_CANNOT_WAIT
  return anywhere or coroutine.running() == nil
end

--- Lets so many seconds pass. In a cancelled task it returns an error at once, and raises
--- it when called again, so that no loop of sleeps goes on for ever.
---@param seconds number
---@return true?
---@return string?
---@return claude.Error?
function M.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds then
    error("claude.sleep: a number of seconds expected", 2)
  end
  local task = scheduler.running()
  local told = task and task.told
  local _, why = scheduler.signal():wait(math.max(0, seconds))
  if why ~= "cancelled" then return true end
  local err = scheduler.cancelled_error()
  if told then error(err, 0) end
  return errors.fail(err)
end

--- Outcomes as they come: `add(key, f, …)`, `next()`, `cancel()`.
---@param limit? number how many may run at once; all without it
---@return claude.Group
function M.group(limit) return require("claude.tasks.group").new(limit) end

--- Calls `fn(...)` so that it may wait and raise: `true, results…` or `false, raised, text`.
---@param fn function
---@param ... any
---@return boolean
---@return any ...
function M.call(fn, ...)
  local group = M.group()
  group:add(1, fn, ...)
  local _, outcome = group:next()
  if outcome.ok then return true, unpack(outcome, 1, outcome.n) end
  return false, outcome.raised, outcome.text
end

---@class claude.ParallelOptions
---@field limit? integer how many may run at once; all without it
---@field on_done? fun(index: integer, outcome: claude.Outcome) called as each one finishes

--- Runs all functions at once and returns their outcomes in the order of the functions,
--- when the last has ended. If the task that waits is cancelled, they are too.
---@param functions function[]
---@param options? claude.ParallelOptions
---@return claude.Outcome[]
function M.parallel(functions, options)
  local group = M.group(options and options.limit)
  local outcomes = {}
  for i, fn in ipairs(functions) do
    group:add(i, fn)
  end
  local i, outcome = group:next()
  while i do
    outcomes[i] = outcome
    if options and options.on_done then options.on_done(i, outcome) end
    i, outcome = group:next()
  end
  return outcomes
end

--- Makes a `for` iterator of a step function. Where iterators cannot wait (PUC 5.1, inside
--- a task) it raises an error that names the step function.
---@generic F: function
---@param step F
---@param name string how the user calls the step function, such as "stream:next()"
---@return F
function M.iterator(step, name)
  if not scheduler.ITERATORS_CANNOT_WAIT then return step end
  return function(...)
    local task = scheduler.running()
    if not task then return step(...) end
    local before = task.iterating
    task.iterating = name
    local results = { n = 0 }
    local function keep(...) results = { n = select("#", ...), ... } end
    keep(pcall(step, ...))
    task.iterating = before
    if not results[1] then error(results[2], 0) end
    return unpack(results, 2, results.n)
  end
end

---@class claude.Map
---@field package list any[]
---@field package timeout number?
---@field package fn function
---@field package group claude.Group
---@field package started integer
---@field package step function
local Map = {}
Map.__index = Map
Map.__name = "claude.Map"

--- The next element whose function has finished, and what it returned (or `nil, text,
--- raised`); nil when there are no more.
---@return any item
---@return any ...
function Map:next()
  check_receiver(self, Map, "map:next()")
  while self.started < #self.list and self.group:has_room() do
    self.started = self.started + 1
    local task = self.group:add(self.started, self.fn, self.list[self.started], self.started)
    if self.timeout then task:set_timeout(self.timeout) end
  end
  local i, outcome = self.group:next()
  if not i then return nil end
  if outcome.ok then return self.list[i], unpack(outcome, 1, outcome.n) end
  return self.list[i], nil, outcome.text, outcome.raised
end

--- Cancels what runs and begins nothing more.
function Map:cancel()
  check_receiver(self, Map, "map:cancel()")
  self.started = #self.list
  self.group:cancel()
end

Map.__close = Map.cancel

function Map:__call() return self.step() end

---@class claude.MapOptions
---@field limit? integer how many run at once; 10 without it
---@field timeout? number seconds that one element may take; then it is cancelled

local MAP_OPTIONS = { limit = true, timeout = true }

---@return string? problem
local function map_options_problem(options)
  if options == nil then return nil end
  if type(options) ~= "table" then return "options must be a table" end
  for name in pairs(options) do
    if not MAP_OPTIONS[name] then return "there is no option " .. tostring(name) end
  end
  local limit, timeout = options.limit, options.timeout
  if limit ~= nil and not (type(limit) == "number" and limit >= 1) then
    return "limit must be at least 1"
  end
  if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
    return "timeout must be a number of seconds from 0"
  end
end

--- Calls `fn(item, index)` for each element of a list, many at once, and gives the results
--- as they finish: `for item, result in claude.map(list, fn, { limit = 20 }) do … end`.
---@param list any[]
---@param fn function
---@param options? claude.MapOptions
---@return claude.Map
function M.map(list, fn, options)
  if type(list) ~= "table" then error("claude.map: a list expected", 2) end
  if type(fn) ~= "function" then error("claude.map: a function expected", 2) end
  local problem = map_options_problem(options)
  if problem then error("claude.map: " .. problem, 2) end
  local map = setmetatable({
    list = list,
    fn = fn,
    timeout = options and options.timeout,
    group = M.group(options and options.limit or 10),
    started = 0,
  }, Map)
  map.step = M.iterator(function() return map:next() end, "map:next()")
  return map
end

local function raise(outcome)
  error(type(outcome.raised) == "string" and outcome.text or outcome.raised, 0)
end

local function tell(failures, from)
  for i = from, #failures do
    scheduler.on_error(failures[i].text, failures[i].raised)
  end
end

-- Raises the first failure that nobody looked at; tells the others.
local function raise_unseen(root)
  local failures = scheduler.take_failures(root)
  tell(failures, 2)
  if failures[1] then raise(failures[1]) end
end

-- Where something else is raised all are told.
local function tell_unseen(root) tell(scheduler.take_failures(root), 1) end

-- Meanwhile failures that nobody sees are kept, to be raised.
local function holding_failures(fn, ...)
  local before = scheduler.holds_failures
  scheduler.holds_failures = true
  local ok, result = pcall(fn, ...)
  scheduler.holds_failures = before
  if not ok then error(result, 0) end
  return result
end

local function run_all()
  local loop = hub()
  while scheduler.count() > 0 do
    loop.wait()
  end
end

local function results_of(outcome)
  if not outcome.ok then raise(outcome) end
  return unpack(outcome, 1, outcome.n)
end

-- Where the host owns the coroutines there is no loop of ours that others wait for, too.
local function run_hosted(root)
  if not root then return end
  root.holds_failures = true
  root:_done_signal():wait()
  local outcome = root:result()
  if outcome.ok then
    raise_unseen(root)
  else
    tell_unseen(root)
  end
  return results_of(outcome)
end

local function run_here(root)
  local ran, raised = pcall(holding_failures, run_all)
  local outcome = root and root:result()
  if not ran or (outcome and not outcome.ok) then tell_unseen() end
  if ran then return outcome end
  if root then root:cancel() end -- it does not go on later
  error(raised, 0)
end

--- Runs `fn(...)` as a task and everything that was or is spawned, until all have ended.
--- Returns what `fn` returns; raises what it raises, or what a task raised that nobody
--- waited for. Inside a task it only calls `fn`.
---@param fn? function
---@param ... any
---@return any ...
function M.loop(fn, ...)
  if fn ~= nil and type(fn) ~= "function" then error("claude.loop: a function expected", 2) end
  if scheduler.running() then
    if fn then return fn(...) end
    return
  end
  local root = fn and scheduler.spawn(fn, ...)
  if root then root:result() end
  if M.are_hosted() then return run_hosted(root) end
  local outcome = run_here(root)
  if not outcome or outcome.ok then raise_unseen() end
  if outcome then return results_of(outcome) end
end

local function step(stop_at)
  repeat
    local worked = hub().poll(stop_at)
  until not worked or hub().now() >= stop_at
end

--- For programs that draw frames: does what can be done now, for at most so many
--- milliseconds, and never waits. Raises what a task raised that nobody waits for. Tells how
--- many tasks have not ended.
---@param milliseconds? number 1 without it
---@return integer
function M.step(milliseconds)
  if milliseconds ~= nil and (type(milliseconds) ~= "number" or milliseconds ~= milliseconds) then
    error("claude.step: a number of milliseconds expected", 2)
  end
  if scheduler.running() then error("claude.step: not inside a task", 2) end
  if M.are_hosted() then error("claude.step: this host runs the tasks by itself", 2) end
  holding_failures(step, hub().now() + (milliseconds or 1) / 1000)
  raise_unseen()
  return scheduler.count()
end

return M
