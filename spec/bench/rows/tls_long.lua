local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local tls_server = require("spec.bench.tls_server")

local tls = { ca_file = tls_server.CA, version = "1.1" }

return {
  name = "tls-long",
  about = "every delta of 200,000-event streams, two at once, over TLS and HTTP/1.1",
  unit = "CPU s per million events",
  path = "/events-{events}/framing-64k",
  events = 200000,
  start = tls_server.start(),
  missing = tls_server.missing,
  sides = { sides.many(2, tls), sides.bare_many(2, tls, sides.buffer("RECEIVE_BUFFER")) },
  goals = { goals.ratio("project", "bare", { at_most = 1.25 }) },
}
