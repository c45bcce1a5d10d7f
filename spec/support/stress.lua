--- busted helper: collects garbage all the time, so that what is freed too early is found out,
--- and says at the end how often it did.
---
--- Without a word the collector goes round and round, a step with every few allocations, and
--- between two calls of whatever function all garbage is collected at once, each time that so
--- many lines of Lua have run. STRESS=generational does the same with the generational
--- collector of Lua 5.4. (Zero means "leave as it is" to Lua 5.4's own call.)
---
--- The clock by which tasks have their turns jumps ahead by up to 5 ms, and waits to be caught
--- up with: a round is over anywhere, as on a machine that has other things to do, and tasks
--- come in whatever order.
local INSTRUCTIONS = 1000000 -- between two full collections

local full, cycles = 0, 0
require("spec.helpers").collects_always = true

if os.getenv("STRESS") == "generational" then
  collectgarbage("generational", 1, 10)
else
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", 1000)
end

-- An object whose finalizer makes the next: one for each cycle.
local function count_cycles()
  local function again()
    cycles = cycles + 1
    count_cycles()
  end
  local new_proxy = rawget(_G, "newproxy")
  if new_proxy then
    getmetatable(new_proxy(true)).__gc = again
  else
    setmetatable({}, { __gc = again })
  end
end
count_cycles()

-- Coroutines have the hook of whoever made them. LuaJIT calls none from what it has compiled.
debug.sethook(function()
  full = full + 1
  collectgarbage()
end, "", INSTRUCTIONS)

local own = require("claude.tasks.own")
local clock, last = own.turn_clock, 0
function own.turn_clock()
  last = math.max(last, clock() + math.random() ^ 4 * 0.005)
  return last
end

require("busted").subscribe({ "suite", "end" }, function()
  debug.sethook()
  print(("stress: %d full collections, %d cycles of the collector"):format(full, cycles))
  return nil, true
end)
