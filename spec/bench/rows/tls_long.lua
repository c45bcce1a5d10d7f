local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local tls_server = require("spec.bench.tls_server")

local tls = { ca_file = tls_server.CA, version = "1.1" }
local joined = sides.secure_project("coalesce", 4, tls_server.CA)
joined.name = "coalesce"

return {
  name = "tls-long",
  about = "every delta of 200,000-event streams over TLS and HTTP/1.1",
  unit = "CPU s per million events",
  path = "/events-{events}/framing-64k",
  events = 200000,
  start = tls_server.start(),
  missing = tls_server.missing,
  -- Bare libcurl has two at once, which is no dearer.
  sides = {
    sides.secure_project("deltas", 4, tls_server.CA),
    sides.bare_many(2, tls, sides.buffer("RECEIVE_BUFFER")),
    sides.trusting(sides.floor(4), tls_server.CA),
    joined,
    sides.trusting(sides.decoded(4), tls_server.CA),
  },
  goals = {
    goals.ratio("project", "bare", { at_most = 1.25 }),
    goals.ratio("floor", "bare"),
    goals.ratio("coalesce", "bare", { at_most = 1.25 }),
    goals.ratio("decoded", "bare"),
  },
}
