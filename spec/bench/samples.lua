--- Keeps every sample in a file, from which plots are made. Rows that are not measured anew stay.
local child = require("spec.support.child")
local core = require("claude.core")
local print_rows = require("spec.bench.print_rows")

local M = {}

local PATH = os.getenv("SAMPLES") or "build/bench/samples.json"

local kept = {}

local function output(command) return (child.run(command).out:gsub("%s+$", "")) end

--- What was measured on, for who reads the figures.
---@return { system: string, software: string, date: string }
function M.machine()
  local cpu = output([[sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1]])
  local lua = output((os.getenv("LUA") or "lua5.4") .. " -v 2>&1"):match("^%S+ %S+")
  local curl = output("curl-config --version 2>/dev/null || pkg-config --modversion libcurl")
  return {
    system = ("%s, %s processors, %s"):format(cpu, output("nproc"), output("uname -sr")),
    software = ("%s, libcurl %s, node %s"):format(
      lua or "?",
      curl:gsub("^libcurl ", ""),
      output("node --version 2>/dev/null")
    ),
    date = os.date("!%Y-%m-%d"),
  }
end

local function goals_of(row, result)
  local goals = {}
  for i, goal in ipairs(row.goals) do
    local reached = print_rows.reached(goal, result) or {}
    reached.text, reached.goal = goal.text, goal.goal
    goals[i] = reached
  end
  return goals
end

-- Sides whose cost says nothing: what they print counts.
local function without_cost(row)
  local names = {}
  for _, side in ipairs(row.sides) do
    if side.only_reports then names[side.name] = true end
  end
  return names
end

---@param row bench.Row
---@param result bench.Result
function M.keep(row, result)
  kept[row.name] = {
    about = row.about,
    unit = row.unit,
    sides = result.sides,
    without_cost = without_cost(row),
    goals = goals_of(row, result),
    problems = result.problems,
    machine = M.machine(),
  }
end

local function read()
  local file = io.open(PATH)
  if not file then return {} end
  local value = core.decode(file:read("*a"))
  file:close()
  return type(value) == "table" and value or {}
end

--- Writes what was kept.
function M.write()
  local all = read()
  for name, row in pairs(kept) do
    all[name] = row
  end
  os.execute(("mkdir -p %s"):format(child.quote(PATH:match("^(.*)/") or ".")))
  local file = assert(io.open(PATH, "w"))
  file:write(assert(core.encode(all)), "\n")
  file:close()
  print("\nRaw samples: " .. PATH)
end

return M
