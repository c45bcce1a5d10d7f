--- A host that owns its coroutines, as small as one can be: an adapter of claude.tasks for
--- specs, and an example of one.
local now = require("claude.net").now

local M = { name = "coroutine_host" }

local ready = {} -- coroutines that can go on, first come first
local killed = setmetatable({}, { __mode = "k" })
local sleepers = {} -- { at =, semaphore = }

local function runs_here()
  local co, is_main = coroutine.running()
  return co ~= nil and not is_main
end

local function wakes_later(one, other) return one.at > other.at end

local function wake_sleepers()
  table.sort(sleepers, wakes_later)
  for i = #sleepers, 1, -1 do
    local sleeper = sleepers[i]
    if sleeper.semaphore.waiting ~= sleeper.co then
      table.remove(sleepers, i)
    elseif sleeper.at <= now() then
      table.remove(sleepers, i)
      sleeper.semaphore.waiting = nil
      ready[#ready + 1] = sleeper.co
    end
  end
end

-- One round of the host's loop; at a time, or when something happens.
local function round(at)
  wake_sleepers()
  local batch = ready
  ready = {}
  for _, co in ipairs(batch) do
    if not killed[co] then assert(coroutine.resume(co)) end
  end
  assert(at or batch[1] or ready[1] or sleepers[1], "nothing is left to wait for")
end

M.now = now

function M.running() return runs_here() and coroutine.running() or "the main program" end

function M.spawn(fn)
  local co = coroutine.create(fn)
  ready[#ready + 1] = co
  return co
end

function M.fork(fn, argument)
  local co = coroutine.create(fn)
  assert(coroutine.resume(co, argument))
  return co
end

function M.kill(co) killed[co] = true end

local Semaphore = {}
Semaphore.__index = Semaphore

function Semaphore:post()
  self.count = self.count + 1
  if not self.waiting then return end
  ready[#ready + 1] = self.waiting
  self.waiting = nil
end

function Semaphore:wait(seconds)
  assert(not seconds or seconds >= 0, "no negative number") -- as nginx says
  local at = seconds and now() + seconds
  if self.count == 0 and runs_here() then
    self.waiting = coroutine.running()
    if at then sleepers[#sleepers + 1] = { at = at, semaphore = self, co = self.waiting } end
    coroutine.yield()
  end
  while self.count == 0 and not runs_here() and not (at and now() >= at) do
    round(at)
  end
  if self.count == 0 then return false end
  self.count = self.count - 1
  return true
end

function M.semaphore() return setmetatable({ count = 0 }, Semaphore) end

function M.connect() return nil, "this host has no sockets", "error" end

return M
