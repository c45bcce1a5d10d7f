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
