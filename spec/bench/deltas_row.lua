--- The rows of long streams, which differ in how the server cuts them into HTTP chunks.
local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")

--- Turns are taken by the project in three ways; by bare libcurl; by the least that any program
--- must do which hands out each delta (`floor`, in both Luas), and by the least that decodes them
--- (`decoded`); and now and then by the others.
---@param framing string as stream_server.c has them
---@param about string
---@return bench.Row
return function(framing, about)
  -- About a second each: with five streams a quarter of what joined deltas took was the memory that
  -- the first of a process get from the system, page by page.
  local luajit, joined = sides.project("deltas", 15, "luajit"), sides.project("coalesce", 30)
  joined.name = "coalesce"
  local slow = { sides.cjson(1), sides.sdk(1) }
  for _, side in ipairs(slow) do
    side.every = 2
  end
  return {
    name = "deltas-" .. framing,
    about = "every delta of 200,000-event streams, " .. about,
    unit = "CPU s per million events",
    path = "/events-{events}/framing-" .. framing,
    events = 200000,
    sides = {
      sides.project("deltas", 15),
      sides.bare(100),
      sides.floor(15),
      joined,
      sides.decoded(40),
      luajit,
      sides.floor(15, "luajit"),
      slow[1],
      slow[2],
    },
    goals = {
      goals.ratio("project", "bare", { at_most = 5 }),
      goals.ratio("floor", "bare"),
      goals.floor_and_decoding("bare"),
      goals.ratio("coalesce", "bare", { at_most = 2 }),
      goals.ratio("decoded", "bare"),
      goals.ratio("luajit", "project", { at_most = 1 }),
      goals.ratio("luajit-floor", "floor"),
      goals.ratio("cjson", "project", { at_least = 20 }),
      goals.ratio("sdk", "project", { at_least = 28 }),
    },
  }
end
