--- The requests of a conversation of 400 turns with a tool, whose results have 2 kB.
---
--- `serialise` is judged: the CPU time from the value that a tool returned to the list of slices
--- that libcurl reads, and from a reply that is whole to its bytes in the conversation. Inside: the
--- result encoded, the block and the message around it, its check (JSON, UTF-8, depth, halves of
--- surrogate pairs), its place in the transcript, whether what stands around the messages (tools,
--- system and the other parameters) is what it was, the list of slices, and the reply sealed (what
--- that takes is shown by itself as well: it is done once, when the reply is whole). Not inside:
--- receiving the reply, checks of parameters and of the open turn, headers, transport. The peers'
--- loops do what corresponds: they encode all messages and what stands around them for each
--- request; the SDK's has its call around that, with a fetch that answers at once.
---
--- `floor` is the same work by the core alone, in a C program.
---
--- `project` is the whole turn beside it: from `chat:pending()` over `chat:answer` until the
--- request of `chat:stream()` is on its way.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local statistics = require("spec.bench.statistics")

local TURNS = 400
local LARGE, HUGE = "2000", "50000" -- bytes of a tool's result

-- What it prints counts: that comes at the end of all turns.
local function reporting(side, every)
  side.requests, side.only_reports, side.every = TURNS, true, every
  return side
end

local function peer(name, program, client, missing)
  return reporting({
    name = name,
    command = { program, "spec/bench/clients/" .. client, "{requests}", LARGE },
    missing = missing,
  }, 5)
end

local function serialise()
  local client = "spec/bench/clients/serialise.lua"
  return reporting({
    name = "serialise",
    command = { sides.LUA, client, "{base}", "{requests}", LARGE },
  })
end

local function floor()
  return reporting({
    name = "floor",
    command = { sides.PROGRAMS .. "/serialise", "{requests}", LARGE },
  })
end

local function milliseconds(side, field)
  return function(round)
    local report = round[side] and round[side].report
    return report and report[field] and report[field] * 1000
  end
end

local function exponent(round)
  local report = round.serialise and round.serialise.report
  if not report or not report.after_400 then return nil end
  return statistics.exponent(
    { size = 50, cost = report.after_50 },
    { size = 400, cost = report.after_400 }
  )
end

local function memory(field, scale)
  return function(round) return round.memory and round.memory.report[field] * scale end
end

local huge = sides.conversation("memory", HUGE, 100)
huge.every, huge.only_reports = 2, true
table.insert(huge.command, "memory")

return {
  name = "turns",
  about = "the requests of a conversation of 400 turns with a tool",
  unit = "CPU us per turn, with its reply",
  path = "/events-40/delta-128",
  per = 1e-6,
  check = function(report)
    if not report.sent and not report.made then return "it counted nothing" end
  end,
  sides = {
    sides.conversation("project", LARGE, TURNS),
    serialise(),
    floor(),
    huge,
    peer(
      "cjson",
      sides.LUA,
      "turns_cjson.lua",
      function() return sides.lua_misses(sides.LUA, "cjson") end
    ),
    peer("sdk", "node", "turns.mjs", sides.sdk_misses),
  },
  goals = {
    goals.goal(
      "ms of CPU to serialise 400 requests",
      { at_most = 2 },
      milliseconds("serialise", "after_400")
    ),
    goals.goal("ms of these to seal the 400 replies", nil, milliseconds("serialise", "replies")),
    goals.goal("floor: ms of CPU, without Lua", nil, milliseconds("floor", "after_400")),
    goals.goal("exponent of its growth, 50 to 400", { at_most = 1.1 }, exponent, "%.2f"),
    goals.goal(
      "ms of CPU until 400 requests are on their way",
      nil,
      milliseconds("project", "after_400")
    ),
    goals.goal(
      "memory / bytes of the transcript",
      { at_most = 1.2 },
      memory("resident_per_byte", 1)
    ),
    goals.goal("MB for 100 forks", { at_most = 5 }, memory("forks", 1e-6), "%.3g"),
    goals.reported_ratio("cjson", "serialise", "after_400", { at_least = 1 }),
    goals.reported_ratio("sdk", "serialise", "after_400", { at_least = 1 }),
  },
}
