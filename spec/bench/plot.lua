--- Draws what was measured, as SVG: events for each second of CPU and memory against the peers, and
--- what a turn of a conversation costs when it has many.
local svg = require("spec.bench.svg")

local M = {}

local WIDTH, HEIGHT = 920, 700
local COLORS = {
  project = "#2563eb",
  coalesce = "#1e3a8a",
  luajit = "#60a5fa",
  bare = "#6b7280",
  cjson = "#d97706",
  sdk = "#b91c1c",
}
local NAMES = {
  project = "lua-claude, Lua 5.4",
  coalesce = "lua-claude, joined",
  luajit = "lua-claude, LuaJIT",
  bare = "bare libcurl",
  cjson = "LuaSocket + lua-cjson",
  sdk = "TypeScript SDK",
}
local ORDER = { "bare", "coalesce", "project", "luajit", "cjson", "sdk" }

---@class bench.Bar
---@field label string
---@field value number
---@field text string
---@field color string

-- The sides that were measured, as bars.
local function bars(row, value_of, text_of)
  local list = {}
  for _, name in ipairs(ORDER) do
    local side = row and row.sides[name]
    local value = side and value_of(side)
    if value then
      local bar = { label = NAMES[name], value = value, color = COLORS[name] }
      bar.text = text_of(value)
      list[#list + 1] = bar
    end
  end
  return list
end

-- A half goes up on every Lua; the format of LuaJIT has its own mind about halves.
local function rounded(value) return ("%d"):format(math.floor(value + 0.5)) end

local function events_per_second(side) return side.cost and 1 / side.cost.median end

local function throughput(all, name)
  return bars(all[name], events_per_second, function(value) return ("%.3g M/s"):format(value) end)
end

local function memory(all)
  local function peak(side) return side.peak_kb and side.peak_kb.median / 1024 end
  return bars(all.memory, peak, function(value) return rounded(value) .. " MB" end)
end

local function memory_of_many(all)
  local function each(side) return side.kb_per_stream and side.kb_per_stream.median end
  return bars(all["streams-500"], each, function(value) return rounded(value) .. " kB" end)
end

local TURNS = { 10, 50, 100, 200, 400 }

-- Milliseconds of CPU for a turn, on the average of the first T.
local function turn_costs(row, name)
  if name == "project" and row and row.sides.serialise then name = "serialise" end
  local side, points = row and row.sides[name], {}
  for _, turns in ipairs(side and TURNS or {}) do
    local after = side["after_" .. turns]
    if after then points[#points + 1] = { x = turns, y = after.median / turns * 1000 } end
  end
  return points
end

local function lines(all)
  local list = {}
  for _, name in ipairs({ "project", "cjson", "sdk" }) do
    local points = turn_costs(all.turns, name)
    if #points > 0 then
      list[#list + 1] = { label = NAMES[name], color = COLORS[name], points = points }
    end
  end
  return list
end

--- The picture of a summary (spec/bench/summary.lua).
---@param all table
---@return string svg
function M.draw(all)
  local picture = svg.new(WIDTH, HEIGHT)
  picture:bars({
    x = 20,
    y = 20,
    title = "Million events per CPU second, 64 KiB chunks (logarithmic)",
    bars = throughput(all, "deltas-64k"),
  })
  picture:bars({
    x = 480,
    y = 20,
    title = "The same, a chunk for each event (logarithmic)",
    bars = throughput(all, "deltas-event"),
  })
  picture:bars({
    x = 20,
    y = 300,
    title = "Most memory of the process, one stream of 400,000 events",
    linear = true,
    bars = memory(all),
  })
  picture:bars({
    x = 20,
    y = 480,
    title = "Memory that each of 500 streams at once adds",
    linear = true,
    bars = memory_of_many(all),
  })
  picture:lines({
    x = 480,
    y = 300,
    title = "CPU ms to make a request, mean of the first T turns",
    lines = lines(all),
  })
  return picture:text()
end

return M
