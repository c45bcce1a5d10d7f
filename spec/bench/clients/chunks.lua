--- HTTP as a script reads it that knows its server: the head ends, and chunks follow.
local M = {}

--- Takes the head and the sizes of chunks out of what comes, and hands on the rest as it comes.
---@param take fun(bytes: string)
---@return fun(bytes: string)
function M.without(take)
  local rest, in_body = "", false
  local left = 0 -- of the chunk
  return function(bytes)
    if rest ~= "" then
      bytes, rest = rest .. bytes, ""
    end
    if not in_body then
      local _, head_end = bytes:find("\r\n\r\n", 1, true)
      if not head_end then
        rest = bytes
        return
      end
      bytes, in_body = bytes:sub(head_end + 1), true
    end
    while #bytes > left do
      if left > 0 then take(bytes:sub(1, left)) end
      local _, line_end, size = bytes:find("^\r?\n?(%x+)\r\n", left + 1)
      if not line_end then
        rest, left = bytes:sub(left + 1), 0
        return
      end
      bytes, left = bytes:sub(line_end + 1), tonumber(size, 16)
    end
    if bytes == "" then return end
    left = left - #bytes
    take(bytes)
  end
end

return M
