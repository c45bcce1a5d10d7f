local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local EVENTS, PIECE = "20000", "65536"

local PROGRAMS = sides.PROGRAMS

local function no_valgrind()
  if not sides.succeeds("command -v valgrind") then return "valgrind is not installed" end
end

return {
  name = "core",
  about = "the core alone, from bytes in memory to typed events",
  unit = "CPU ns per event",
  path = "/events-" .. EVENTS,
  per = tonumber(EVENTS) / 1e9,
  check = function(report, requests, totals, compare)
    return not report.instructions and compare(report, requests, totals) or nil
  end,
  sides = {
    {
      name = "core",
      command = { PROGRAMS .. "/core", EVENTS, "{requests}", PIECE },
      requests = 200,
    },
    {
      name = "cjson",
      command = {
        sides.LUA,
        "spec/bench/clients/decode.lua",
        PROGRAMS .. "/stream_server",
        "/events-" .. EVENTS,
        "{requests}",
      },
      requests = 10,
      missing = function() return sides.lua_misses(sides.LUA, "cjson") end,
    },
    {
      name = "callgrind",
      command = {
        sides.LUA,
        "spec/bench/clients/instructions.lua",
        PROGRAMS .. "/core",
        EVENTS,
        PIECE,
      },
      requests = 1,
      every = 5,
      started = true,
      only_reports = true,
      missing = no_valgrind,
    },
  },
  goals = {
    goals.goal(
      "ns per event",
      { at_most = 60 },
      function(round) return round.core and round.core.cost end
    ),
    goals.reported("callgrind", "instructions", { at_most = 450 }, "per event"),
    goals.ratio("cjson", "core", { at_least = 25 }),
  },
}
