--- Environment variables as a spec wants them: os.getenv answers from a table.
local M = {}

local real = os.getenv

--- From now on os.getenv knows only these (until `restore`).
---@param variables table<string, string>
function M.set(variables)
  os.getenv = function(name) return variables[name] end -- luacheck: ignore 122
end

function M.restore()
  os.getenv = real -- luacheck: ignore 122
end

return M
