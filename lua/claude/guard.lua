--- Something that notices when it is collected, on every Lua.
local newproxy = rawget(_G, "newproxy")

local M = {}

-- One for all of them: a metatable of its own for each would cost as much as the guard.
local GUARD = { __gc = function(guard) guard[1](guard[2]) end }

--- Keep what is returned where its collection means that something was dropped:
--- `dropped(thing)` is then called, in the middle of anything.
---@generic T
---@param dropped fun(thing: T)
---@param thing? T
---@return userdata|table
function M.new(dropped, thing)
  if not newproxy then return setmetatable({ dropped, thing }, GUARD) end
  -- Tables of Lua 5.1 are collected without a word.
  local guard = newproxy(true)
  getmetatable(guard).__gc = function() dropped(thing) end
  return guard
end

return M
