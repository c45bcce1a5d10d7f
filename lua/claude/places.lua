--- How many requests of a client may be under way at once (`max_concurrency`). Who comes
--- when all places are taken waits in line, and no timer runs meanwhile.
local errors = require("claude.errors")
local guard = require("claude.guard")
local queue = require("claude.queue")
local tasks = require("claude.tasks")

---@class claude.Places
---@field package limit integer
---@field package taken integer
---@field package line claude.Queue of { waiter }: who waits
---@field package holders table<claude.Exchange, true> what has a place, unless it was dropped
local Places = {}
Places.__index = Places
Places.__name = "claude.Places"

-- A host may end a coroutine that waits without a word: its place in line is then worth
-- nothing, and what was given to it comes back when it is collected.
local WEAK = { __mode = "v" }

local function line_up(places)
  local waiter = { signal = tasks.signal() }
  waiter.place = places.line:push(setmetatable({ waiter }, tasks.are_hosted() and WEAK or nil))
  if tasks.are_hosted() then
    -- Lua 5.1 and LuaJIT leave what has a finalizer in weak tables for a while after it ran.
    waiter.guard = guard.new(function()
      waiter.gone = true
      if waiter.given then places:leave() end
    end)
  end
  return waiter
end

local LOOK = 1 -- seconds
local looked_at = -math.huge

-- However many wait: a whole collection holds up everybody.
local function look_for_the_dead()
  if tasks.now() - looked_at < LOOK then return end
  collectgarbage()
  looked_at = tasks.now()
end

-- Nor does such a host say a word of those who had a place: theirs come back when what they
-- held is collected, and who waits sees to that.
---@return "cancelled"|nil why
local function wait_in_line(waiter)
  local seconds = tasks.are_hosted() and LOOK or nil
  local _, why = waiter.signal:wait(seconds)
  while why == "timeout" do
    waiter.looks = true
    look_for_the_dead()
    waiter.looks = nil
    _, why = waiter.signal:wait(seconds)
  end
  return why
end

-- Whoever could not wait, as in a coroutine of the user's inside a task, is not there.
local function next_in_line(places)
  while places.line.count > 0 do
    local waiter = places.line:pop()[1]
    local is_there = waiter and not waiter.gone
    if is_there and (waiter.looks or waiter.signal:is_awaited()) then return waiter end
  end
end

--- Takes a place if that needs no waiting.
---@return boolean taken
function Places:try()
  if self.taken >= self.limit then return false end
  self.taken = self.taken + 1
  return true
end

--- The place that was taken is this exchange's until it ends.
---@param exchange claude.Exchange
function Places:keep_for(exchange)
  self.holders[exchange] = true
  exchange.on_end = function()
    self.holders[exchange] = nil
    self:leave()
  end
  if exchange.let_in and self.line.count > 0 then exchange:let_in() end
end

-- A long reply stops where nobody reads it, and so would its place: who should read it may be
-- the one that waits here, or wait for that, or be gone. So all are taken in to their ends.
local function let_in_unread(places)
  for exchange in pairs(places.holders) do
    if exchange.let_in then exchange:let_in() end
  end
end

-- Whoever gave up while a place was being handed over gives it back.
local function give_up(places, waiter)
  places.line:remove(waiter.place)
  if waiter.given then places:leave() end
end

--- Takes a place, waiting for one if need be.
---@param control claude.RetryControl what cancels the wait
---@return true? taken
---@return claude.Error? err of kind "cancelled"
function Places:take(control)
  if self:try() then return true end
  let_in_unread(self)
  local waiter = line_up(self)
  control.waiting = waiter.signal
  local why = wait_in_line(waiter)
  control.waiting = nil
  if why == "cancelled" or control.cancelled then
    give_up(self, waiter)
    if why == "cancelled" then return nil, tasks.cancelled_error() end
    return nil, errors.new({ kind = "cancelled", message = "the request was cancelled" })
  end
  waiter.given = false -- it is its owner's now
  return true
end

--- Gives a place back: to the first in line, if there is one.
function Places:leave()
  local waiter = next_in_line(self)
  if not waiter then
    self.taken = self.taken - 1
    return
  end
  waiter.given = true
  waiter.signal:set()
end

local M = {}

---@param limit integer
---@return claude.Places
function M.new(limit)
  local holders = setmetatable({}, { __mode = "k" })
  return setmetatable({ limit = limit, taken = 0, line = queue.new(), holders = holders }, Places)
end

return M
