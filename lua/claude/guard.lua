--- Something that notices when it is collected, on every Lua.
local newproxy = rawget(_G, "newproxy")

local M = {}

-- One for all of them: a metatable of its own for each would cost as much as the guard.
local GUARD = { __gc = function(guard) guard[1]() end }

--- Keep what is returned where its collection means that something was dropped: `dropped`
--- is then called, in the middle of anything.
---@param dropped fun()
---@return userdata|table
function M.new(dropped)
  if not newproxy then return setmetatable({ dropped }, GUARD) end
  -- Tables of Lua 5.1 are collected without a word.
  local guard = newproxy(true)
  getmetatable(guard).__gc = dropped
  return guard
end

return M
