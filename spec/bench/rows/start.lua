local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local PROCESSES = 20

local bare = sides.bare(1)
bare.times, bare.started = PROCESSES, true

local function start(name, way)
  return {
    name = name,
    command = {
      sides.LUA,
      "spec/bench/clients/start.lua",
      way,
      "{base}",
      sides.buffer("RECEIVE_BUFFER"),
    },
    requests = 1,
    times = PROCESSES,
    started = true,
  }
end

local IMPORT = "import('node:module').then((m) => {"
  .. " m.createRequire(process.cwd() + '/build/npm/')('@anthropic-ai/sdk');"
  .. [[ console.log('{"way":"import"}') })]]

-- Milliseconds above a Lua that does nothing.
local function above_empty(side)
  return function(round)
    return round[side] and round.empty and (round[side].cpu - round.empty.cpu) * 1000
  end
end

return {
  name = "start",
  about = "a process that starts",
  unit = "CPU ms",
  path = "/message-100",
  per = 1e-3,
  check = function(report)
    if report.way == "require" and report.libcurl then return "require maps libcurl" end
    return not report.way and not report.bytes and "it said nothing" or nil
  end,
  sides = {
    start("empty", "empty"),
    start("require", "require"),
    start("ready", "ready"),
    start("request", "request"),
    start("floor", "floor"),
    bare,
    {
      name = "sdk",
      command = { "node", "-e", IMPORT },
      requests = 1,
      times = 3,
      every = 2,
      started = true,
      missing = sides.sdk_misses,
    },
  },
  goals = {
    goals.goal("require 'claude': ms above lua", { at_most = 2.5 }, above_empty("require")),
    goals.goal("first request ready: ms above lua", { at_most = 12 }, above_empty("ready")),
    goals.goal("first request answered: ms above lua", { at_most = 12 }, above_empty("request")),
    goals.goal("floor, libcurl alone: ms above lua", nil, above_empty("floor")),
    goals.ratio("sdk", "require", { at_least = 1 }),
  },
}
