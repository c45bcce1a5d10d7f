local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local tls_server = require("spec.bench.tls_server")

local function cost_of(side)
  return function(round) return round[side] and round[side].cost end
end

return {
  name = "tls-kept",
  about = "requests of 30 events, over a kept TLS connection",
  unit = "CPU ms per request",
  path = "/events-30",
  per = 1e-3,
  start = tls_server.start(),
  missing = tls_server.missing,
  sides = {
    sides.secure_project("deltas", 2000, tls_server.CA),
    sides.trusting(sides.bare(3000), tls_server.CA),
    sides.trusting(sides.decoded(3000), tls_server.CA),
  },
  goals = {
    goals.goal("project: CPU ms per request", { at_most = 0.2 }, cost_of("project")),
    goals.goal("bare: CPU ms per request", nil, cost_of("bare")),
    goals.goal("decoded: CPU ms per request", nil, cost_of("decoded")),
  },
}
