--- Tasks on the coroutines of a host that owns them (nginx): the host runs them, and a task
--- waits by the host's own means.
---
--- ## Writing an adapter
---
---     local host = { name = "mine" }
---     function host.now() … end
---     function host.spawn(fn) … end
---     function host.semaphore() … end
---     function host.running() … end
---     function host.connect(options) … end
---     function host.fork(fn, argument) … end
---     function host.kill(handle) … end
---     require("claude.tasks").use(host)
---
--- `now()`: seconds on a clock that only goes forward.
---
--- `spawn(fn)`: runs `fn()` in a coroutine of the host's, which may wait: soon, never inside
--- this call. `fn` never raises. Returns a handle, or nil and why there can be none. A host
--- that ends before calls `fn(true)`, and the task ends as cancelled.
---
--- `semaphore()`: an object with `wait(self, seconds)`, which waits in the coroutine that
--- calls it until there was a `post(self)` for it and returns true, or false when so many
--- seconds (never less than 0) were up; without seconds there is no limit. A post before the
--- wait is not lost.
---
--- `running()`: a value that stands for the coroutine that is running, different from that
--- of every other and the same each time.
---
--- `connect(options)`, `fork(fn, argument)`, `kill(handle)`: what requests need, and is
--- described in claude/transport/socket.lua.
---
--- Tasks run under `xpcall`, so the host's Lua must let coroutines wait under it: all do but
--- PUC Lua 5.1.
---
--- Optional: `join(handle)` is called once `fn` has ended by a coroutine that waited for it,
--- and gives back what the host keeps of it; it never raises. `problem()` returns a text and
--- a hint where nothing can wait at this moment, and nil where it can. A host whose waits
--- yield needs it: in a coroutine that the user made, and in none, a yield would reach somebody
--- who does not expect it. It sees that in `running()`, and its hint names `claude.spawn`.
local text_of = require("claude.errors").text_of

local M = {}

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

---@class claude.TaskHost
---@field name string
---@field now fun(): number
---@field spawn fun(fn: fun(ending: boolean?)): any?, string?
---@field semaphore fun(): claude.Semaphore
---@field running fun(): any
---@field connect fun(options: table): table?, string?, string?
---@field fork fun(fn: function, argument: any): any
---@field kill fun(handle: any)
---@field join? fun(handle: any)
---@field problem? fun(): string?, string?
---@field give_way? fun()
---@field duplex? boolean a socket sends in one coroutine while it receives in another

---@class claude.Semaphore
---@field post fun(self: claude.Semaphore)
---@field wait fun(self: claude.Semaphore, seconds: number?): boolean

---@type fun(task: claude.Task, ok: boolean, ...: any)
local settle
---@type fun(ticket: claude.Ticket): true?, string?
local awake

local host ---@type claude.TaskHost
local here = setmetatable({}, { __mode = "k" }) -- the task that a coroutine of the host runs

-- Semaphores that nobody waits for and nobody will post: making one is most of a short wait.
local MOST_SPARE = 1000
local spare = {}

local REQUIRED = { "now", "spawn", "semaphore", "running", "connect", "fork", "kill" }

--- The first function that an adapter lacks; nil when it has all.
---@param adapter table
---@return string? name
function M.missing(adapter)
  for _, name in ipairs(REQUIRED) do
    if type(adapter[name]) ~= "function" then return name end
  end
end

--- Says whose coroutines these are.
---@param adapter claude.TaskHost
function M.use(adapter)
  host, spare = adapter, {}
  M.now = adapter.now
end

--- The host in use.
---@return claude.TaskHost
function M.host() return host end

---@return claude.Task?
function M.running() return here[host.running()] end

-- Nothing is ever left to be told to a loop.
function M.flush() end

-- What xpcall hands on of an error is one value.
local function with_trace(raised)
  return { raised = raised, text = debug.traceback(text_of(raised), 2) }
end

local function end_task(task, ok, ...)
  if ok then return settle(task, true, ...) end
  local failure = ...
  settle(task, false, failure.raised, failure.text)
end

local function run(task)
  local me = host.running()
  here[me] = task
  task.started = true
  local function call()
    if task.cancelled then error(task:_cancelled_error(), 0) end
    local arguments = task.arguments
    task.arguments = nil
    return task.fn(unpack(arguments, 1, arguments.n))
  end
  end_task(task, xpcall(call, with_trace))
  here[me] = nil
end

-- A coroutine of the host's is made and started in one.
function M.prepare() end

---@param task claude.Task
function M.start(task)
  local handle, text = host.spawn(function(ending)
    if ending then task:cancel() end
    run(task)
  end)
  if handle == nil then
    text = text or "the host starts no coroutine"
    return settle(task, false, text, text)
  end
  task.handle = handle
end

--- Gives back what the host keeps of a task that has ended and was waited for.
---@param task claude.Task
function M.join(task)
  local handle = task.handle
  task.handle = nil
  if handle ~= nil and host.join then host.join(handle) end
end

--- Why nothing can wait here; nil where it can.
---@return string? problem
---@return string? hint
function M.problem()
  if host.problem then return host.problem() end
end

---@return claude.Task?
function M.task_that_may_wait()
  local problem, hint = M.problem()
  if problem then error(hint and problem .. ": " .. hint or problem, 0) end
  return M.running()
end

---@param task claude.Task
function M.forget_wait(task) task.ticket = nil end

---@param task claude.Task?
---@param ticket claude.Ticket
---@param seconds number?
---@return true? set
---@return string? why not
function M.park(task, ticket, seconds)
  local semaphore = table.remove(spare) or host.semaphore()
  ticket.semaphore = semaphore
  if task then task.ticket = ticket end
  -- Between what a wait may last and here the time may have come.
  local posted = semaphore:wait(seconds and math.max(0, seconds))
  if task then task.ticket = nil end
  ticket.semaphore = nil
  if not posted and ticket.why then return awake(ticket) end -- a post is still to be taken
  if not posted then ticket.why = "timeout" end
  if #spare < MOST_SPARE then spare[#spare + 1] = semaphore end
  return awake(ticket)
end

---@param ticket claude.Ticket
---@param why "set"|"timeout"|"cancelled"
function M.wake(ticket, why)
  ticket.why = why
  if ticket.semaphore then ticket.semaphore:post() end
end

-- The host sees to it that others have their turn: whatever reads yields to it.
function M.give_way() end

---@param fn fun()
function M.soon(fn) host.spawn(fn) end

---@param seconds number
---@param fn fun()
---@return fun() forget
function M.after(seconds, fn)
  local semaphore = host.semaphore()
  host.spawn(function()
    if not semaphore:wait(seconds) then fn() end
  end)
  return function() semaphore:post() end
end

---@param on_end fun(task: claude.Task, ok: boolean, ...: any)
function M.on_end(on_end) settle = on_end end

---@param on_awake fun(ticket: claude.Ticket): true?, string?
function M.on_awake(on_awake) awake = on_awake end

return M
