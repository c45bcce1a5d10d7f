--- How much memory this process holds.
local M = {}

--- `VmRSS`, what is held, or `VmHWM`, the most that was.
---@param name "VmRSS"|"VmHWM"
---@return integer kB
function M.of(name)
  for line in io.lines("/proc/self/status") do
    local size = line:match("^" .. name .. ":%s+(%d+)")
    if size then
      return tonumber(size) --[[@as integer]]
    end
  end
  error("/proc/self/status has no " .. name)
end

--- What is held once garbage is collected.
---@return integer kB
function M.now()
  collectgarbage()
  collectgarbage()
  return M.of("VmRSS")
end

return M
