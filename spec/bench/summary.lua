--- What the tree keeps of the raw samples: medians, the least and the greatest, and what became
--- of the goals.
local statistics = require("spec.bench.statistics")

local M = {}

-- Of what sides report.
local REPORTED = {
  "added_kb",
  "after_10",
  "after_50",
  "after_100",
  "after_200",
  "after_400",
  "instructions",
  "kb_per_stream",
  "p50_us",
  "p99_us",
}

local function spread(values)
  if #values == 0 then return nil end
  local median, least, greatest = statistics.spread(values)
  return { median = median, least = least, greatest = greatest }
end

local function of_field(samples, pick)
  local values = {}
  for _, sample in ipairs(samples) do
    values[#values + 1] = pick(sample)
  end
  return spread(values)
end

local function of_side(samples, without_cost)
  local side = {
    runs = #samples,
    cost = not without_cost and of_field(samples, function(sample) return sample.cost end) or nil,
    peak_kb = of_field(samples, function(sample) return sample.peak_kb end),
  }
  for _, name in ipairs(REPORTED) do
    side[name] = of_field(samples, function(sample) return sample.report[name] end)
  end
  return side
end

--- The summary of the file that spec/bench/samples.lua writes.
---@param rows table
---@return table
function M.of(rows)
  local summary = {}
  for name, row in pairs(rows) do
    local sides = {}
    for side, samples in pairs(row.sides) do
      local without_cost = row.without_cost and row.without_cost[side]
      if #samples > 0 then sides[side] = of_side(samples, without_cost) end
    end
    summary[name] = {
      about = row.about,
      unit = row.unit,
      machine = row.machine,
      sides = sides,
      goals = row.goals,
      no_measurement = #row.problems,
    }
  end
  return summary
end

return M
