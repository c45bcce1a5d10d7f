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

-- The same of a coroutine that gets strings, and of the core, with what both have of libcurl once.
---@param round table<string, bench.Sample>
---@return number?
local function least_beside_text(round)
  local project, floor, decoded, bare = round.project, round.floor, round.decoded, round.bare
  if not (project and floor and decoded and bare) then return nil end
  local least = floor.report.kb_per_stream
    + decoded.report.kb_per_stream
    - bare.report.kb_per_stream
  return least - TEXT * project.report.text_kb
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
      sides.decoded_many(streams),
      peers[1],
      peers[2],
    },
    goals = {
      goals.ratio("project", "bare", { at_most = 1.3 }),
      goals.ratio("floor", "bare"),
      goals.floor_and_decoding("bare"),
      goals.goal("kB per stream, less 1.5 x its text", { at_most = 24 }, beside_text, "%.1f"),
      goals.goal("floor + decoding: kB, less 1.5 x its text", nil, least_beside_text, "%.1f"),
      goals.reported("project", "p99_us", { at_most = 5000 }, "us"),
    },
  }
end
