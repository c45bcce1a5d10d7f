local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local socket = {
  name = "socket",
  command = { sides.LUA, "spec/bench/clients/latency_socket.lua", "{url}", "{requests}" },
  requests = 1,
  missing = function() return sides.lua_misses(sides.LUA, "socket") end,
}

local bare = sides.bare_many(1, { ca_file = "", version = "1.1" }, sides.buffer("RECEIVE_BUFFER"))
table.insert(bare.command, "stamped")

local floor = sides.floor_many(1, nil, sides.buffer("RECEIVE_BUFFER"))

-- How a side's figure compares with that of the faster of the two others.
local function beside(side, field)
  return function(round)
    local own, others = round[side], {}
    for _, name in ipairs({ "bare", "socket" }) do
      others[#others + 1] = round[name] and round[name].report[field]
    end
    if not own or #others == 0 then return nil end
    return own.report[field] / math.min(others[1], others[2] or others[1])
  end
end

return {
  name = "latency",
  about = "from the server's write until Lua has the text, an event per 5 ms",
  unit = "CPU us per event",
  path = "/events-{events}/pace-5000/stamped",
  events = 2000,
  quick_events = 100,
  sides = { sides.many(1), bare, floor, socket },
  -- LuaSocket counts lines: it knows no kinds of text.
  check = function(report, requests, totals, compare)
    if not report.lines then return compare(report, requests, totals) end
    return report.stamps == 0 and "there were no stamps" or nil
  end,
  goals = {
    goals.goal(
      "p50_us: project / the better",
      { at_most = 1.1 },
      beside("project", "p50_us"),
      "%.3g"
    ),
    goals.goal("p50_us: floor / the better", nil, beside("floor", "p50_us"), "%.3g"),
    goals.goal(
      "p99_us: project / the better",
      { at_most = 1.2 },
      beside("project", "p99_us"),
      "%.3g"
    ),
    goals.goal("p99_us: floor / the better", nil, beside("floor", "p99_us"), "%.3g"),
  },
}
