--- The rows of many streams at once over TLS, which differ in the version of HTTP.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local tls_server = require("spec.bench.tls_server")

local STREAMS = 100

local function beside_bare(side)
  return function(round)
    local own, bare = round[side], round.bare
    return own and bare and own.report.kb_per_stream - bare.report.kb_per_stream
  end
end

-- Of a coroutine that gets strings, and of the core.
local function least_beside_bare(round)
  local floor, decoded = beside_bare("floor")(round), beside_bare("decoded")(round)
  return floor and decoded and floor + decoded
end

---@param version "1.1"|"2"
---@return bench.Row
return function(version)
  local tls = { ca_file = tls_server.CA, version = version }
  return {
    name = version == "2" and "tls-streams-http2" or "tls-streams-http1",
    about = ("%d streams at once, 20 events per second each, over TLS and HTTP/%s"):format(
      STREAMS,
      version
    ),
    unit = "CPU us per event",
    path = "/events-{events}/pace-50000/stamped",
    events = 200,
    quick_events = 20,
    rounds = 3,
    start = tls_server.start(),
    missing = tls_server.missing,
    sides = {
      sides.many(STREAMS, tls),
      sides.bare_many(STREAMS, tls),
      sides.floor_many(STREAMS, tls),
      sides.decoded_many(STREAMS, tls),
    },
    goals = {
      goals.ratio("project", "bare", { at_most = 1.2 }),
      goals.floor_and_decoding("bare"),
      goals.goal(
        "kB per stream, more than bare libcurl",
        { at_most = 10 },
        beside_bare("project"),
        "%.1f"
      ),
      goals.goal("floor + decoding: kB, more than bare libcurl", nil, least_beside_bare, "%.1f"),
    },
  }
end
