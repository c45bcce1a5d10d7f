--- A peer that went away must not end the process that writes to it; luv leaves that to its
--- users. From now on, and without keeping the loop from ending.
local uv = require("luv")

local M = {}

local signal

function M.survive()
  if signal then return end
  signal = uv.new_signal()
  signal:start("sigpipe", function() end)
  signal:unref()
end

return M
