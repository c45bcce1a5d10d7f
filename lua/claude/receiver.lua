--- A call with a dot where a colon belongs is told at the line where it stands.

local M = {}

--- To be called first thing by a public method: raises at its caller's line when `self`
--- is not of the class.
---@param self any
---@param class table metatable of the class's objects
---@param call string how to write it, such as "stream:next()"
---@param level? integer stack level to blame, 3 when called by the method itself
function M.check(self, class, call, level)
  if getmetatable(self) == class then return end
  error(("write %s with a colon, not a dot"):format(call), level or 3)
end

return M
