--- The tables of doc/performance.md, from the summary of what was measured.
local goals = require("spec.bench.goals")
local order = require("spec.bench.rows")
local statistics = require("spec.bench.statistics")

local M = {}

local SIDES = { "project", "bare", "cjson", "sdk" }

local function number(value) return value and statistics.figures(value) or "" end

local function figure(goal)
  if not goal.median then return "not measured" end
  local form = "%s (%s – %s)"
  return form:format(number(goal.median), number(goal.least), number(goal.greatest))
end

local function verdict(goal)
  if not goal.median then return "–" end
  if goal.goal == goals.NONE then return "" end
  return goal.ok and "ok" or "**short**"
end

-- Whatever a row has beside the sides of the other columns.
local function others(row)
  local names = {}
  for name, side in pairs(row.sides) do
    local own = name ~= "project" and name ~= "bare" and name ~= "cjson" and name ~= "sdk"
    if own and side.cost then names[#names + 1] = name .. " " .. number(side.cost.median) end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local function each_row(all, write_row)
  local lines = {}
  for _, name in ipairs(order) do
    if all[name] then write_row(lines, name, all[name]) end
  end
  return table.concat(lines, "\n")
end

local function goals_table(all)
  local head = "| row | figure | median (least – greatest) | goal | |\n|---|---|---|---|---|\n"
  return head
    .. each_row(all, function(lines, name, row)
      for _, goal in ipairs(row.goals) do
        local cells = { name, goal.text, figure(goal), goal.goal, verdict(goal) }
        lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
      end
    end)
end

local function costs_table(all)
  local head =
    "| row | unit | project | bare | cjson | SDK | others |\n|---|---|---|---|---|---|---|\n"
  return head
    .. each_row(all, function(lines, name, row)
      local cells = { name, row.unit }
      for _, side in ipairs(SIDES) do
        local there = row.sides[side]
        cells[#cells + 1] = number(there and there.cost and there.cost.median)
      end
      cells[#cells + 1] = others(row)
      lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |"
    end)
end

-- Where and when, and which rows elsewhere or with other software than most.
local function machine_of(all)
  local places, by_name = {}, {}
  for _, name in ipairs(order) do
    local machine = all[name] and all[name].machine
    if machine then
      local where = ("%s; %s"):format(machine.system, machine.software)
      local place = by_name[where]
      if not place then
        place = { where = where, first = machine.date, last = machine.date, rows = {} }
        by_name[where], places[#places + 1] = place, place
      end
      if machine.date < place.first then place.first = machine.date end
      if machine.date > place.last then place.last = machine.date end
      table.insert(place.rows, name)
    end
  end
  table.sort(places, function(a, b) return #a.rows > #b.rows end)
  for i, place in ipairs(places) do
    local date = place.first == place.last and place.last or place.first .. " to " .. place.last
    local rows = i > 1 and table.concat(place.rows, ", ") .. ": " or ""
    places[i] = ("%s%s. %s."):format(rows, place.where, date)
  end
  return table.concat(places, "\n")
end

local function put_between(text, name, part)
  local begin, finish = ("<!-- %s -->"):format(name), ("<!-- end of %s -->"):format(name)
  local _, from = text:find(begin, 1, true)
  local to = text:find(finish, 1, true)
  assert(from and to, "the page has no place for " .. name)
  return text:sub(1, from) .. "\n" .. part .. "\n" .. text:sub(to)
end

--- The page with its tables written anew.
---@param text string the page
---@param all table the summary
---@return string
function M.write(text, all)
  text = put_between(text, "machine", machine_of(all))
  text = put_between(text, "goals", goals_table(all))
  return put_between(text, "costs", costs_table(all))
end

return M
