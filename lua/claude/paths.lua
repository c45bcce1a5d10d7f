--- Where in a request something is: as the API writes it, and as a Lua program would.

local M = {}

--- "messages.3.content.0" is `messages[4].content[1]`.
---@param path string as the API counts
---@return string
function M.from_api(path)
  return (path:gsub("%.(%d+)", function(i) return ("[%d]"):format(i + 1) end))
end

return M
