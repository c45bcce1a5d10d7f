--- The driver over cqueues. The contract is at the top of claude/loop/init.lua.
---
---     require("claude.loop").use("cqueues")
---
--- In a coroutine of a controller (`controller:wrap(function() … end)`) waiting calls let
--- the controller's other coroutines run, and tasks of `claude.spawn` go on as long as the
--- controller is stepped. A controller is known from the first call in one of its
--- coroutines, or from `attach`. Outside of all, waiting calls step a controller of ours.
---
--- Each controller has one coroutine here, the pump, as long as there is anything to wait
--- for: a program's `controller:loop()` ends when its own work and our tasks have ended.
local cqueues = require("cqueues")
local condition = require("cqueues.condition")
local net = require("claude.c_part")("claude.net")

local M = { name = "cqueues" }

local SLICE = 0.004 -- seconds that tasks may have before the controller has its turn

local IN_COROUTINE = "this would block the controller of cqueues: call it in one of the "
  .. "controller's own coroutines or in claude.spawn(function() … end)"

local attach ---@type fun(controller: userdata)? of the driver in use

--- Lets tasks run in this controller from now on, and waiting calls outside of all
--- controllers step it.
---@param controller userdata from cqueues.new()
function M.attach(controller)
  if cqueues.type(controller) ~= "controller" then
    error("claude.loop.cqueues.attach: a controller of cqueues.new() expected", 2)
  end
  require("claude.loop").use("cqueues")
  assert(require("claude.loop").driver())
  attach(controller)
end

-- A coroutine of a controller waits with this.
local Waiter = {}
Waiter.__index = Waiter

function Waiter:wait()
  while not self.posted do
    self.condition:wait()
  end
  self.posted = false
end

function Waiter:post()
  self.posted = true
  self.condition:signal()
end

-- The pumps: a coroutine in each controller that was seen, which ends when there is nothing
-- to wait for and begins anew when there is.
local function new_pumps(is_idle, begin, turn)
  -- By controller: until when its pump waits at most; 0 while it does not wait.
  local waiting = setmetatable({}, { __mode = "k" })
  local changed = condition.new()
  local P = {}

  local function pump()
    local me = cqueues.running()
    begin()
    while not is_idle() do
      turn(changed, function(until_when) waiting[me] = until_when end)
    end
    waiting[me] = nil
  end

  function P.ensure(controller)
    if waiting[controller] or is_idle() then return end
    waiting[controller] = 0
    controller:wrap(pump)
  end

  --- Those that would wait for longer look again.
  function P.wake(until_when)
    for _, at in pairs(waiting) do
      if at > until_when then return changed:signal() end
    end
  end

  function P.has(controller) return waiting[controller] ~= nil end

  return P
end

---@param ready fun(fd: integer?, mask: integer?)
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready)
  local poller, text = net.poller()
  if not poller then return nil, text end
  -- A descriptor that is closed while cqueues polls it would end the coroutine: cqueues
  -- polls that of a poller of our own, which watches all the others.
  local object = { pollfd = poller:descriptor(), events = "r" }
  if not object.pollfd then return nil, "cqueues needs a system with epoll or kqueue" end
  local watched, count = {}, 0
  local due -- when ready() was asked for, on the clock of net.now
  local closed = false
  local home = cqueues.new() -- what waiting calls outside of all controllers step

  local function is_idle() return closed or count == 0 and not due end

  local function run_due()
    if closed or not due or net.now() < due then return end
    due = nil
    ready()
  end

  local function hand_out()
    local got, n = {}, poller:wait(0)
    for i = 1, n do
      got[2 * i - 1], got[2 * i] = poller:event(i)
    end
    for i = 1, 2 * n, 2 do
      if watched[got[i]] then ready(got[i], got[i + 1]) end
    end
  end

  local function turn(changed, waits_until)
    waits_until(due or math.huge)
    cqueues.poll(object, changed, due and math.max(0, due - net.now()))
    waits_until(0)
    hand_out()
    run_due()
  end

  local pumps = new_pumps(is_idle, run_due, turn)

  local function ensure_pumps()
    local controller = cqueues.running()
    if controller then pumps.ensure(controller) end
    pumps.ensure(home)
  end

  local D = { slice = SLICE }

  function D.watch(fd, mask)
    local is_watched, problem = poller:watch(fd, mask)
    if not is_watched then error(problem, 0) end
    local wanted, before = mask ~= 0 or nil, watched[fd]
    watched[fd] = wanted
    if wanted ~= before then count = count + (wanted and 1 or -1) end
    if is_idle() then pumps.wake(0) end
    ensure_pumps()
  end

  function D.timer(ms)
    due = ms >= 0 and net.now() + ms / 1000 or nil
    if is_idle() then pumps.wake(0) end
    if due then pumps.wake(due) end
    ensure_pumps()
  end

  function D.waiter()
    local controller, inside = cqueues.running()
    if not (controller and inside) then return nil end
    pumps.ensure(controller)
    return setmetatable({ condition = condition.new() }, Waiter)
  end

  function D.run(wait)
    if cqueues.running() then error(IN_COROUTINE, 0) end
    pumps.ensure(home)
    if wait and home:empty() then return false end
    local ok, problem = home:step(not wait and 0 or nil)
    if not ok then error(problem, 0) end
    return true
  end

  function D.close()
    closed = true
    cqueues.cancel(object.pollfd)
    pumps.wake(0)
    while pumps.has(home) and not cqueues.running() do
      home:step(0)
    end
  end

  function attach(controller)
    home = controller
    pumps.ensure(home)
  end

  return D
end

return M
