--- Medians, and what else is said of a few samples.
local M = {}

---@param values number[]
---@return number[] sorted a copy
local function sorted(values)
  local list = {}
  for i, value in ipairs(values) do
    list[i] = value
  end
  table.sort(list)
  return list
end

--- The one in the middle, or what is half way between the two there.
---@param values number[] at least one
---@return number
function M.median(values)
  local list = sorted(values)
  local middle = math.floor((#list + 1) / 2)
  return #list % 2 == 1 and list[middle] or (list[middle] + list[middle + 1]) / 2
end

--- The median, the least and the greatest.
---@param values number[] at least one
---@return number median
---@return number least
---@return number greatest
function M.spread(values)
  local list = sorted(values)
  return M.median(list), list[1], list[#list]
end

--- The exponent with which a cost grows: the slope of its logarithm over that of the size.
---@param small { size: number, cost: number }
---@param large { size: number, cost: number }
---@return number
function M.exponent(small, large)
  return math.log(large.cost / small.cost) / math.log(large.size / small.size)
end

--- Three figures as text, and large numbers without an exponent: 2520, not 2.52e+03.
---@param value number
---@return string
function M.figures(value)
  local text = ("%.3g"):format(value)
  return text:find("e+", 1, true) and ("%.0f"):format(tonumber(text)) or text
end

return M
