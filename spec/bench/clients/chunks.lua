--- HTTP as a script reads it that knows its server: the head ends, and chunks follow.
local M = {}

--- Takes the head and the sizes of chunks out of what comes, and hands on the rest.
---@param take fun(bytes: string)
---@return fun(bytes: string)
function M.without(take)
  local rest, in_body = "", false
  return function(bytes)
    rest = rest .. bytes
    if not in_body then
      local _, head_end = rest:find("\r\n\r\n", 1, true)
      if not head_end then return end
      rest, in_body = rest:sub(head_end + 1), true
    end
    while true do
      local line_end, size = select(2, rest:find("^(%x+)\r\n"))
      if not line_end then return end
      size = tonumber(size, 16)
      if #rest < line_end + size + 2 then return end
      take(rest:sub(line_end + 1, line_end + size))
      rest = rest:sub(line_end + size + 3)
    end
  end
end

return M
