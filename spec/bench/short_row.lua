--- The rows of short requests, which differ in how the server cuts them into HTTP chunks. The
--- project reads whole messages; "deltas" is the same read piece by piece.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

---@param framing string as stream_server.c has them
---@param about string
---@return bench.Row
return function(framing, about)
  local deltas = sides.project("deltas", 1000)
  deltas.name = "deltas"
  local others = { deltas, sides.cjson(200), sides.sdk(200) }
  for _, side in ipairs(others) do
    side.every = 2
  end
  return {
    name = "short-" .. framing,
    about = "requests of 300 events over a kept connection, " .. about,
    unit = "CPU us per request",
    path = "/events-300/framing-" .. framing,
    per = 1e-6,
    sides = {
      sides.project("message", 2000),
      sides.bare(3000),
      sides.decoded(3000),
      unpack(others),
    },
    goals = {
      goals.ratio("project", "bare", { at_most = 1.5 }),
      goals.ratio("decoded", "bare"),
      goals.ratio("sdk", "project", { at_least = 35 }),
    },
  }
end
