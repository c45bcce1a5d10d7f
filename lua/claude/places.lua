--- How many requests of a client may be under way at once (`max_concurrency`). Who comes
--- when all places are taken waits in line, and no timer runs meanwhile.
local errors = require("claude.errors")
local failures = require("claude.transport.failures")
local guard = require("claude.guard")
local progress = require("claude.progress")
local queue = require("claude.queue")
local tasks = require("claude.tasks")

---@class claude.Places
---@field package limit integer
---@field package taken integer
---@field package line claude.Queue of { waiter }: who waits
---@field package holders table<claude.Exchange, boolean> what has a place, unless it was dropped,
--- and whether it may be taken in before it is read
local Places = {}
Places.__index = Places
Places.__name = "claude.Places"

-- A host may end a coroutine that waits without a word: its place in line is then worth
-- nothing, and what was given to it comes back when it is collected.
local WEAK = { __mode = "v" }

local function line_up(places)
  local waiter = { signal = tasks.signal(), given = false }
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
---@param waiter table
---@param seconds? number
---@return "cancelled"|"timeout"|nil why
local function wait_and_look(waiter, seconds)
  local ends_at = tasks.now() + (seconds or math.huge)
  while true do
    local _, why = waiter.signal:wait(math.min(LOOK, ends_at - tasks.now()))
    if why ~= "timeout" or tasks.now() >= ends_at then return why end
    waiter.looks = true
    look_for_the_dead()
    waiter.looks = nil
  end
end

---@param waiter table
---@param seconds? number
---@return "cancelled"|"timeout"|nil why
local function wait_in_line(waiter, seconds)
  if tasks.are_hosted() then return wait_and_look(waiter, seconds) end
  local _, why = waiter.signal:wait(seconds)
  return why
end

-- Whoever could not wait, as in a coroutine of the user's inside a task, is not there.
local function is_there(waiter)
  if not waiter or waiter.gone then return false end
  return waiter.looks or waiter.signal:is_awaited()
end

-- A finalizer gives a place back in the middle of anything, also of this.
local function first_in_line(places)
  local line = places.line
  while line.count > 0 do
    local entry = line:peek()
    local waiter = entry[1]
    local there = is_there(waiter)
    if line:peek() == entry then
      if there then return waiter end
      line:pop()
    end
  end
end

-- A place is the first's in line, who is to be told; false: nobody's. Where there is no memory it
-- is done or not, and nothing between.
local function pass_on(places)
  local waiter = first_in_line(places)
  if not waiter then
    places.taken = places.taken - 1
    return false
  end
  places.line:remove(waiter.place)
  waiter.given = true
  return waiter
end

--- Takes a place if that needs no waiting.
---@return boolean taken
function Places:try()
  if self.taken >= self.limit then return false end
  self.taken = self.taken + 1
  return true
end

--- The place that was taken is this exchange's until it ends. One that is streamed is a body
--- of any size: it is never taken in before it is read.
---@param exchange claude.Exchange
---@param streamed? boolean
function Places:keep_for(exchange, streamed)
  self.holders[exchange] = not streamed
  local heir -- who is to be told; false: nobody any more
  exchange.on_end = function() -- again, where there was no memory
    self.holders[exchange] = nil
    if heir == nil then heir = pass_on(self) end
    if heir then heir.signal:set() end
    heir = false
  end
  if exchange.let_in and not streamed and self.line.count > 0 then exchange:let_in() end
end

--- The exchange goes on without its place, if it has one.
---@param exchange claude.Exchange
function Places.give_back(_, exchange)
  local leave = not exchange.ended and exchange.on_end
  exchange.on_end = nil
  if leave then leave() end
end

-- A long reply stops where nobody reads it, and so would its place: who should read it may be
-- the one that waits here, or wait for that, or be gone. So all are taken in to their ends.
local function let_in_unread(places)
  for exchange, may_be_taken_in in pairs(places.holders) do
    if may_be_taken_in and exchange.let_in then exchange:let_in() end
  end
end

-- Whoever gave up while a place was being handed over gives it back.
local function give_up(places, waiter)
  places.line:remove(waiter.place)
  if waiter.given then places:leave() end
end

---@param control claude.RetryControl
---@param why "cancelled"|"timeout"|nil how the wait ended
---@return claude.Error? err
local function problem_of(control, why)
  if why == "cancelled" then return tasks.cancelled_error() end
  if control.cancelled then
    return errors.new({ kind = "cancelled", message = "the request was cancelled" })
  end
  if why == "timeout" then
    return failures.of_place(control.time_budget --[[@as number]])
  end
  return nil
end

--- Takes a place, waiting for one if need be, for no longer than the call has time.
---@param control claude.RetryControl what cancels the wait
---@param seconds? number that the call has left
---@return true? taken
---@return claude.Error? err of kind "cancelled" or "timeout"
function Places:take(control, seconds)
  if self:try() then return true end
  -- The transfer that waits for its on_progress has a place, which stands still meanwhile.
  if progress.is_telling() then
    self.taken = self.taken + 1
    return true
  end
  let_in_unread(self)
  local waiter = line_up(self)
  control.waiting = waiter.signal
  local why = wait_in_line(waiter, seconds and math.max(0, seconds))
  control.waiting = nil
  local err = problem_of(control, why)
  if err then
    give_up(self, waiter)
    return nil, err
  end
  waiter.given = false -- it is its owner's now
  return true
end

--- Gives a place back: to the first in line, if there is one.
function Places:leave()
  local heir = pass_on(self)
  if heir then heir.signal:set() end
end

local M = {}

---@param limit integer
---@return claude.Places
function M.new(limit)
  local holders = setmetatable({}, { __mode = "k" })
  return setmetatable({ limit = limit, taken = 0, line = queue.new(), holders = holders }, Places)
end

return M
