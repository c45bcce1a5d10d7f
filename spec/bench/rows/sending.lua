local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local TURNS = 300
local SMALL, LARGE = "10", "20000" -- bytes of a tool's result

-- CPU for each byte more, between two conversations with as many requests and the same replies.
local function cost(large, small)
  return large and small and (large.cpu - small.cpu) / (large.report.sent - small.report.sent)
end

return {
  name = "sending",
  about = "the requests of a conversation of 300 turns, with the bytes that go out",
  unit = "CPU us per turn",
  path = "/events-16",
  per = 1e-6,
  check = function(report) return not report.sent and "it counted nothing" or nil end,
  sides = {
    sides.conversation("project", LARGE, TURNS),
    sides.bare_growing("bare", TURNS, 3000, 21700),
    sides.conversation("small", SMALL, TURNS),
    sides.bare_growing("bare-small", TURNS, 3000, 1000),
  },
  goals = {
    goals.goal("a byte more: project / bare", { at_most = 1.1 }, function(round)
      local project = cost(round.project, round.small)
      local bare = cost(round.bare, round["bare-small"])
      return project and bare and project / bare or nil
    end, "%.3g"),
  },
}
