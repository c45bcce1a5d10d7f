local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local events = sides.project("events", 4)
events.name = "events"

return {
  name = "events",
  about = "the API's events as tables, of 200,000-event streams, HTTP chunks of 64 KiB",
  unit = "CPU s per million events",
  path = "/events-{events}/framing-64k",
  events = 200000,
  sides = { sides.project("deltas", 15), events },
  goals = { goals.ratio("events", "project", { at_most = 6 }) },
}
