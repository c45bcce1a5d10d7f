--- The rows of many streams at once, 20 events a second each, over plain HTTP/1.1.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local TEXT = 1.5 -- of the bytes that a stream has received it may hold so many

---@param round table<string, bench.Sample>
---@return number?
local function beside_text(round)
  local report = round.project and round.project.report
  return report and report.kb_per_stream - TEXT * report.text_kb
end

---@param streams integer
---@return bench.Row
return function(streams)
  local peers = { sides.luv_many(streams), sides.sdk_many(streams) }
  for _, side in ipairs(peers) do
    side.every = 3
  end
  return {
    name = ("streams-%d"):format(streams),
    about = ("%d streams at once, 20 events per second each, over HTTP/1.1"):format(streams),
    unit = "CPU us per event",
    path = "/events-{events}/pace-50000/stamped",
    events = 200,
    quick_events = 20,
    rounds = 3,
    sides = {
      sides.many(streams),
      sides.bare_many(streams),
      sides.floor_many(streams),
      peers[1],
      peers[2],
    },
    goals = {
      goals.ratio("project", "bare", { at_most = 1.3 }),
      goals.ratio("floor", "bare"),
      goals.goal("kB per stream, less 1.5 x its text", { at_most = 24 }, beside_text, "%.1f"),
      goals.reported("floor", "kb_per_stream", nil, "kB, keeps no text"),
      goals.reported("project", "p99_us", { at_most = 5000 }, "us"),
    },
  }
end
