local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

-- Of the texts in a stream of the row's events; signatures count as nothing.
local function message_bytes(report) return report.thinking + report.text + report.input_json end

return {
  name = "memory",
  about = "one stream of 400,000 events, from the start of the process to its end",
  unit = "CPU s per million events",
  path = "/events-{events}/framing-64k",
  events = 400000,
  rounds = 3,
  sides = { sides.project("deltas", 1), sides.cjson(1), sides.sdk(1) },
  goals = {
    goals.goal("MB above 1.5 x the message", { at_most = 12 }, function(round)
      local sample = round.project
      return sample and sample.peak_kb / 1024 - 1.5 * message_bytes(sample.report) / 2 ^ 20
    end, "%.3g"),
    goals.ratio("cjson", "project", { at_least = 1 }, "peak_kb"),
    goals.ratio("sdk", "project", { at_least = 1 }, "peak_kb"),
  },
}
