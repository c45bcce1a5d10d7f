--- Goals of rows: what is looked at in a round, and when it is good.
local M = {}

--- The goal of what is printed beside the others, and not judged.
M.NONE = "none"

-- What is compared, as it is printed and judged.
---@param limits? { at_most?: number, at_least?: number }
---@param form string
local function judged(limits, form)
  if not limits then
    return M.NONE, function() return true end
  end
  local most, least = limits.at_most, limits.at_least
  local goal = most and "<= " .. form:format(most) or ">= " .. form:format(least)
  return goal, function(value) return value <= (most or value) and value >= (least or value) end
end

--- A goal of one's own. In all goals, what has no limits is not judged.
---@param text string what is looked at
---@param limits? { at_most?: number, at_least?: number }
---@param value fun(round: table<string, bench.Sample>): number? nil where a side is missing
---@param form? string of numbers ("%.4g")
---@return bench.Goal
function M.goal(text, limits, value, form)
  form = form or "%.4g"
  local goal, good = judged(limits, form)
  return { text = text, goal = goal, good = good, value = value, form = form }
end

--- One side's figure as a multiple of another's in the same round.
---@param of string a side
---@param over string a side
---@param limits? { at_most?: number, at_least?: number }
---@param field? string of the samples ("cost")
---@return bench.Goal
function M.ratio(of, over, limits, field)
  field = field or "cost"
  local text = field == "cost" and ("%s / %s"):format(of, over)
    or ("%s: %s / %s"):format(field, of, over)
  return M.goal(text, limits, function(round)
    local a, b = round[of], round[over]
    return a and b and a[field] / b[field] or nil
  end, "%.3g")
end

--- What the least costs that hands out each delta, and the least that decodes them, together: as a
--- multiple of the side that only receives, which both do.
---@param over string
---@return bench.Goal
function M.floor_and_decoding(over)
  return M.goal("floor + decoding / " .. over, nil, function(round)
    local floor, decoded, receives = round.floor, round.decoded, round[over]
    return floor and decoded and receives and (floor.cost + decoded.cost) / receives.cost - 1 or nil
  end, "%.3g")
end

--- One side's figure as a multiple of another's, of those that the sides themselves report.
---@param of string
---@param over string
---@param field string of what they print
---@param limits? { at_most?: number, at_least?: number }
---@return bench.Goal
function M.reported_ratio(of, over, field, limits)
  return M.goal(("%s: %s / %s"):format(field, of, over), limits, function(round)
    local a, b = round[of], round[over]
    return a and b and a.report[field] / b.report[field] or nil
  end, "%.3g")
end

--- A figure that a side reports.
---@param of string
---@param field string of what it prints
---@param limits? { at_most?: number, at_least?: number }
---@param unit string
---@return bench.Goal
function M.reported(of, field, limits, unit)
  return M.goal(
    ("%s: %s (%s)"):format(of, field, unit),
    limits,
    function(round) return round[of] and round[of].report[field] end
  )
end

return M
