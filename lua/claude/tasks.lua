--- Many things at once, in one thread.
---
--- A task is a function in a coroutine of its own. Every wait of this library (a request, a
--- `sleep`, another task) lets the other tasks run meanwhile. Outside tasks the same calls
--- block, and tasks that were spawned go on while they do. A coroutine of the user's own is
--- never yielded: outside tasks waiting in it blocks, inside a task it raises.
---
--- For the rest of the library:
---
--- * `tasks.parallel{ f, g, … }` runs functions of the user concurrently and gives their
---   outcomes in order, whatever they did: returned, raised, were cancelled. It works the
---   same in a task, outside, and without a loop; functions that never wait simply run one
---   after the other.
--- * `tasks.call(f, …)` is the protected call: `true, results…` or `false, raised, text`.
---   Unlike under `pcall`, what it calls may wait, on every Lua.
--- * `tasks.signal()` is what to wait for something with: `set`, `clear`, `wait(seconds)`.
--- * `tasks.group(limit)` gives outcomes as they come: `add(key, f, …)`, `next()`, `cancel()`.
--- * `tasks.iterator(step, name)` makes a `for` iterator of a step function.
---
--- An outcome is `{ ok = true, n = count, results… }` or `{ ok = false, raised = value,
--- text = what was raised with a traceback, cancelled = whether it was that }`.
---
--- On PUC Lua 5.1 a task cannot wait under `pcall`, in a metamethod or in a `for` iterator;
--- use `tasks.call` and the step functions there.
local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local hub = require("claude.loop")
local scheduler = require("claude.tasks.scheduler")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local M = {
  spawn = scheduler.spawn,
  running = scheduler.running,
  signal = scheduler.signal,
}

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
    self.group:add(self.started, self.fn, self.list[self.started], self.started)
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

--- Calls `fn(item, index)` for each element of a list, many at once, and gives the results
--- as they finish: `for item, result in claude.map(list, fn, { limit = 20 }) do … end`.
---@param list any[]
---@param fn function
---@param options? claude.MapOptions
---@return claude.Map
function M.map(list, fn, options)
  if type(list) ~= "table" then error("claude.map: a list expected", 2) end
  if type(fn) ~= "function" then error("claude.map: a function expected", 2) end
  if options ~= nil and type(options) ~= "table" then
    error("claude.map: options must be a table", 2)
  end
  local limit = options and options.limit or 10
  if type(limit) ~= "number" or limit < 1 or limit ~= limit then
    error("claude.map: limit must be at least 1", 2)
  end
  local map = setmetatable({ list = list, fn = fn, group = M.group(limit), started = 0 }, Map)
  map.step = M.iterator(function() return map:next() end, "map:next()")
  return map
end

local function raise(outcome)
  error(type(outcome.raised) == "string" and outcome.text or outcome.raised, 0)
end

local function run_all(root)
  local stopped = false
  while scheduler.count() > 0 do
    hub.wait()
    if root and root.outcome and not root.outcome.ok and not stopped then
      stopped = true
      for child in pairs(root.children) do
        child:cancel()
      end
    end
  end
end

--- Runs `fn(...)` as a task and everything that was or is spawned, until all have ended.
--- Returns what `fn` returns; raises what it raises, or what a task raised that nobody
--- waited for. Inside a task it only calls `fn`.
---@param fn? function
---@param ... any
---@return any ...
function M.loop(fn, ...)
  if fn ~= nil and type(fn) ~= "function" then error("claude.loop: a function expected", 2) end
  if scheduler.running() then return fn and fn(...) end
  local root = fn and scheduler.spawn(fn, ...)
  if root then root:result() end
  local before = scheduler.holds_failures
  scheduler.holds_failures = true
  local ok, err = pcall(run_all, root)
  scheduler.holds_failures = before
  if not ok then error(err, 0) end
  local outcome = root and root:result()
  if outcome and not outcome.ok then raise(outcome) end
  local failure, another = scheduler.take_failure(), scheduler.take_failure()
  while another do
    scheduler.on_error(another.text)
    another = scheduler.take_failure()
  end
  if failure then raise(failure) end
  if outcome then return unpack(outcome, 1, outcome.n) end
end

--- For programs that draw frames: does what can be done now, for at most so many
--- milliseconds, and never waits. Tells how many tasks have not ended.
---@param milliseconds? number 1 without it
---@return integer
function M.step(milliseconds)
  if milliseconds ~= nil and (type(milliseconds) ~= "number" or milliseconds ~= milliseconds) then
    error("claude.step: a number of milliseconds expected", 2)
  end
  if scheduler.running() then error("claude.step: not inside a task", 2) end
  local stop = hub.now() + (milliseconds or 1) / 1000
  repeat
    local worked = hub.poll()
  until not worked or hub.now() >= stop
  return scheduler.count()
end

return M
