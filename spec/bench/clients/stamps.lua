--- How long texts were on their way: what the stamps in them (stream_server.c) say.
local M = {}

local taken = {} -- microseconds

--- Notes a text's time, if it begins with a stamp.
---@param text string
---@param nanoseconds number the clock's now
function M.note(text, nanoseconds)
  if text:byte(1) ~= 64 then return end -- "@"
  taken[#taken + 1] = (nanoseconds - tonumber(text:sub(2, 20))) / 1000
end

local function at(part) return taken[math.min(#taken, math.floor(#taken * part) + 1)] end

--- Members of a line of JSON: `stamps`, how many there were, and `p50_us`, `p99_us` and `max_us`.
---@return string empty without stamps
function M.report()
  if #taken == 0 then return "" end
  table.sort(taken)
  local form = ',"stamps":%d,"p50_us":%.1f,"p99_us":%.1f,"max_us":%.1f'
  return form:format(#taken, at(0.5), at(0.99), taken[#taken])
end

return M
