--- Prints what was measured: the costs of a row's sides, and a line for each goal.
local goals = require("spec.bench.goals")
local statistics = require("spec.bench.statistics")

local M = {}

local number = statistics.figures

---@param machine table
function M.machine(machine)
  print(("%s; %s"):format(machine.system, machine.software))
  print("Medians (least - greatest) of paired runs; CPU is user + system time of the process.")
end

---@param row bench.Row
---@param why string
---@param quick boolean in the words of .ci/suites
function M.left_out(row, why, quick)
  print((quick and "%s: skipped (%s)" or "\n%s: left out: %s"):format(row.name, why))
end

local function cost_of(samples, field)
  local values = {}
  for i, sample in ipairs(samples) do
    values[i] = sample[field]
  end
  return statistics.spread(values)
end

local function print_side(side, samples)
  local cost, least, greatest = cost_of(samples, "cost")
  local peak = cost_of(samples, "peak_kb")
  print(
    ("  %-12s %9s  (%s - %s), %d %s, peak memory %.1f MB"):format(
      side.name,
      number(cost),
      number(least),
      number(greatest),
      #samples,
      #samples == 1 and "run" or "runs",
      peak / 1024
    )
  )
end

local function print_sides(row, result)
  for _, side in ipairs(row.sides) do
    local samples, why = result.sides[side.name], result.left_out[side.name]
    if why then
      print(("  %-12s left out: %s"):format(side.name, why))
    elseif #samples > 0 and not side.only_reports then
      print_side(side, samples)
    end
  end
end

--- What a goal came to.
---@param goal bench.Goal
---@param result bench.Result
---@return { median: number, least: number, greatest: number, ok: boolean }?
function M.reached(goal, result)
  local values = {}
  for _, round in ipairs(result.rounds) do
    values[#values + 1] = goal.value(round)
  end
  if #values == 0 then return nil end
  local median, least, greatest = statistics.spread(values)
  return { median = median, least = least, greatest = greatest, ok = goal.good(median) }
end

local function print_goal(row, goal, result)
  local reached = M.reached(goal, result)
  if not reached then
    local line = "  %-44s %30s  goal %-9s not measured"
    print(line:format(row.name .. ": " .. goal.text, "", goal.goal))
    return
  end
  local form = goal.form or "%.4g"
  local figure = ("%s (%s - %s)"):format(
    form:format(reached.median),
    form:format(reached.least),
    form:format(reached.greatest)
  )
  local verdict = goal.goal == goals.NONE and "" or reached.ok and "ok" or "short"
  local line = "  %-44s %30s  goal %-9s %s"
  print(line:format(row.name .. ": " .. goal.text, figure, goal.goal, verdict))
end

---@param row bench.Row
---@param result bench.Result
---@param quick boolean only whether it ran and was right
function M.result(row, result, quick)
  print(
    ("%s%s: %s%s"):format(
      quick and "" or "\n",
      row.name,
      row.about,
      quick and "" or ("; " .. row.unit)
    )
  )
  for _, problem in ipairs(result.problems) do
    print(("%s %s: %s"):format(quick and "FAILED" or "  no measurement:", row.name, problem))
  end
  if quick then
    for _, side in ipairs(row.sides) do
      local why = result.left_out[side.name]
      if why then print(("%s-%s: skipped (%s)"):format(row.name, side.name, why)) end
    end
    return
  end
  print_sides(row, result)
  for _, goal in ipairs(row.goals) do
    print_goal(row, goal, result)
  end
  io.stdout:flush()
end

return M
