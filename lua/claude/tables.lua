--- What one does with tables now and then.
local M = {}

--- A new table with the members of all that are given; the later win.
---@param ... table?
---@return table
function M.merged(...)
  local result = {}
  for i = 1, select("#", ...) do
    for name, value in pairs((select(i, ...)) or {}) do
      result[name] = value
    end
  end
  return result
end

local kind_of_number = rawget(math, "type") or type -- 1 and 1.0 are written in two ways

--- Whether two values would be written as the same. Tables with metatables never are: nobody
--- knows what they become.
---@param a any
---@param b any
---@return boolean
function M.same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b and (type(a) ~= "number" or kind_of_number(a) == kind_of_number(b))
  end
  if getmetatable(a) or getmetatable(b) then return false end
  for key, value in pairs(a) do
    if not M.same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- The keys of a table of names, sorted: the order of `pairs` differs in every process.
---@param map table<string, any>
---@return string[]
function M.sorted_names(map)
  local names = {}
  for name in pairs(map) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

return M
