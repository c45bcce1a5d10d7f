local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local statistics = require("spec.bench.statistics")

local TURNS = 400
local LARGE, HUGE = "2000", "50000" -- bytes of a tool's result

local function peer(name, program, client, missing)
  return {
    name = name,
    command = { program, "spec/bench/clients/" .. client, "{requests}", LARGE },
    requests = TURNS,
    every = 5,
    only_reports = true,
    missing = missing,
  }
end

local function exponent(round)
  local report = round.project and round.project.report
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
    goals.goal("ms of CPU to make 400 requests", { at_most = 2 }, function(round)
      local report = round.project and round.project.report
      return report and report.after_400 and report.after_400 * 1000
    end),
    goals.goal("exponent of its growth, 50 to 400", { at_most = 1.1 }, exponent, "%.2f"),
    goals.goal(
      "memory / bytes of the transcript",
      { at_most = 1.2 },
      memory("resident_per_byte", 1)
    ),
    goals.goal("MB for 100 forks", { at_most = 5 }, memory("forks", 1e-6), "%.3g"),
    goals.reported_ratio("cjson", "project", "after_400", { at_least = 1 }),
    goals.reported_ratio("sdk", "project", "after_400", { at_least = 1 }),
  },
}
