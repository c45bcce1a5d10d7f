--- Runs the sides of a row in turns, and looks at what they print and cost.
local child = require("spec.support.child")
local core = require("claude.core")
local statistics = require("spec.bench.statistics")

local M = {}

local QUICK_EVENTS, QUICK_REQUESTS = 2000, 2
local STARTS = 3 -- runs with 0 requests
local LIMIT = 120 -- seconds that a turn may take

---@class bench.Result
---@field rounds table<string, bench.Sample>[]
---@field sides table<string, bench.Sample[]>
---@field left_out table<string, string> why a side was not measured
---@field problems string[] turns that were no measurement
---@field passed integer
---@field failed integer

local start_costs = {} -- CPU seconds by command

local function fill(words, values)
  local filled = {}
  for i, word in ipairs(words) do
    filled[i] = child.quote((word:gsub("{(%l+)}", values)))
  end
  return table.concat(filled, " ")
end

local function decode_line(line)
  local value = line and line:sub(1, 1) == "{" and core.decode(line)
  return type(value) == "table" and value or nil
end

-- The last two lines of JSON: what the side reports, and what launch.c says of it.
---@param programs string
---@param command string
---@param times? integer
---@return table? report
---@return table|string cost or what is wrong
local function launch(programs, command, times)
  local line = ("%s/launch -c 0 -n %d -t %d %s"):format(programs, times or 1, LIMIT, command)
  local ran = child.run(line)
  local report, cost
  for text in ran.out:gmatch("[^\n]+") do
    report, cost = cost, decode_line(text) or cost
  end
  if not cost or not cost.status then return nil, "it did not run: " .. ran.err end
  if cost.status ~= 0 then
    local said = ran.err:match("^%s*(.-)%s*$"):sub(1, 300)
    return nil, ("it ended with status %d: %s"):format(cost.status, said)
  end
  if not report then return nil, "it printed no JSON" end
  return report, cost
end

---@param values table<string, string>
local function start_cost(bench, side, values)
  if bench.quick or side.started then return 0 end
  local none = setmetatable({ requests = "0" }, { __index = values })
  local key = fill(side.command, { url = "", base = "", requests = "0" })
  if not start_costs[key] then
    local costs = {}
    for i = 1, STARTS do
      local report, cost = launch(bench.programs, fill(side.command, none))
      assert(report, ("%s does not start: %s"):format(side.name, cost))
      costs[i] = cost.cpu
    end
    start_costs[key] = statistics.median(costs)
  end
  return start_costs[key]
end

-- Every total that the report has must be the server's, and it must have one.
local function compare(report, requests, totals)
  local compared = 0
  for field in pairs(totals) do
    if report[field] then
      compared = compared + 1
      local wanted = totals[field] * requests
      if report[field] ~= wanted then
        return ("%s: %.0f instead of %.0f"):format(field, report[field], wanted)
      end
    end
  end
  if compared == 0 then return "it counted nothing" end
end

local function check(row, report, requests, totals)
  if (report.failed or 0) ~= 0 then return ("%.0f streams failed"):format(report.failed) end
  if row.check then return row.check(report, requests, totals, compare) end
  return compare(report, requests, totals)
end

---@return bench.Sample?
---@return string? problem
local function turn(bench, row, side, setting)
  local requests = bench.quick and math.min(side.requests, QUICK_REQUESTS) or side.requests
  local values = setmetatable({ requests = tostring(requests) }, { __index = setting.values })
  local started = start_cost(bench, side, setting.values)
  local times = bench.quick and 1 or side.times or 1
  local report, cost = launch(bench.programs, fill(side.command, values), times)
  if not report then return nil, cost end
  local problem = check(row, report, requests, setting.totals)
  if problem then return nil, problem end
  local per = row.per or setting.events / 1e6
  local cpu = report.cpu or cost.cpu / times
  return {
    cost = (cpu - started) / (requests * per),
    cpu = cpu,
    wall = cost.wall,
    peak_kb = cost.peak_kb,
    report = report,
  }
end

local function setting_of(bench, row, side, server)
  local events = row.events or 0
  if bench.quick then events = math.min(events, row.quick_events or QUICK_EVENTS) end
  local path = bench.quick and side.quick_path or side.path or row.path
  path = path:gsub("{events}", tostring(events))
  local totals = child.run(("%s/stream_server totals %s"):format(bench.programs, path))
  return {
    events = events,
    totals = assert(core.decode(totals.out)),
    values = {
      base = server.url .. path,
      url = server.url .. path .. "/v1/messages",
      events = tostring(events),
    },
  }
end

local function add(result, side, number, sample, problem)
  if not sample then
    result.failed = result.failed + 1
    table.insert(result.problems, ("%s: %s"):format(side.name, problem))
    return
  end
  result.passed = result.passed + 1
  result.rounds[number][side.name] = sample
  table.insert(result.sides[side.name], sample)
end

local function sides_here(row, result)
  local here = {}
  for _, side in ipairs(row.sides) do
    local why = side.missing and side.missing()
    result.sides[side.name] = {}
    result.left_out[side.name] = why
    if not why then here[#here + 1] = side end
  end
  return here
end

--- Measures a row.
---@param bench bench.Bench
---@param row bench.Row
---@param rounds integer
---@return bench.Result
function M.row(bench, row, rounds)
  local result = { rounds = {}, sides = {}, left_out = {}, problems = {}, passed = 0, failed = 0 }
  local server = row.start and row.start(bench, row) or bench.server
  local here, settings = sides_here(row, result), {}
  for i, side in ipairs(here) do
    settings[i] = setting_of(bench, row, side, server)
  end
  for number = 1, rounds do
    result.rounds[number] = {}
    for i, side in ipairs(here) do
      if (number - 1) % (side.every or 1) == 0 then
        add(result, side, number, turn(bench, row, side, settings[i]))
      end
    end
  end
  if row.start then server:stop() end
  return result
end

return M
