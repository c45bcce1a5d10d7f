local goals = require("spec.bench.goals")
local sides = require("spec.bench.sides")
local statistics = require("spec.bench.statistics")

local MESSAGE, RESULTS = 30 * 1024 * 1024, 100000
local EVENTS = 280000 -- about 10 MB of input

local function side(name, way, path, quick_path)
  return {
    name = name,
    command = { sides.LUA, "spec/bench/clients/bodies.lua", way, "{base}", "{requests}" },
    requests = 1,
    path = path,
    quick_path = quick_path,
  }
end

local function message(name, bytes)
  return side(name, "message", ("/message-%d"):format(bytes), "/message-100000")
end

local function input(name, events)
  local form = "/tool/framing-64k/events-%d"
  return side(name, "input", form:format(events), form:format(1000))
end

local function results(name, count)
  return side(name, "results", ("/results-%d"):format(count), "/results-100")
end

-- How the cost grows from a quarter to the whole.
local function growth(name)
  return goals.goal(name .. ": exponent of its CPU time", { at_most = 1.15 }, function(round)
    local quarter, whole = round["quarter-" .. name], round[name]
    if not quarter or not whole then return nil end
    return statistics.exponent({ size = 1, cost = quarter.cost }, { size = 4, cost = whole.cost })
  end, "%.2f")
end

local function memory(name, field)
  local text = name .. ": memory before decoding / bytes"
  return goals.goal(text, { at_most = 2 }, function(round)
    local report = round[name] and round[name].report
    return report and report.added_kb * 1024 / report[field]
  end, "%.2f")
end

return {
  name = "bodies",
  about = "a message of 30 MB in one piece, 10 MB of tool input, 100,000 results of a batch",
  unit = "CPU s",
  path = "/events-300",
  per = 1,
  rounds = 3,
  sides = {
    message("message", MESSAGE),
    message("quarter-message", MESSAGE / 4),
    input("input", EVENTS),
    input("quarter-input", EVENTS / 4),
    results("results", RESULTS),
    results("quarter-results", RESULTS / 4),
  },
  goals = {
    growth("message"),
    memory("message", "text"),
    growth("input"),
    memory("input", "input_json"),
    growth("results"),
    goals.reported_ratio("results", "quarter-results", "added_kb", { at_most = 1.1 }),
  },
}
