--- The rows of short requests, which differ in how the server cuts them into HTTP chunks.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

---@param framing string as stream_server.c has them
---@param about string
---@return bench.Row
return function(framing, about)
  local slow = { sides.cjson(200), sides.sdk(200) }
  for _, side in ipairs(slow) do
    side.every = 2
  end
  return {
    name = "short-" .. framing,
    about = "requests of 300 events over a kept connection, " .. about,
    unit = "CPU us per request",
    path = "/events-300/framing-" .. framing,
    per = 1e-6,
    sides = { sides.project("deltas", 2000), sides.bare(3000), slow[1], slow[2] },
    goals = {
      goals.ratio("project", "bare", { at_most = 1.5 }),
      goals.ratio("sdk", "project", { at_least = 35 }),
    },
  }
end
