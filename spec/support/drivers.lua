--- The drivers of claude.loop that specs run with: cqueues where it is installed, and the
--- system has a poller that it can poll.
local M = { "blocking", "luv" }

local can_be_polled = require("claude.net").poller():descriptor() ~= nil
if can_be_polled and pcall(require, "cqueues") then M[#M + 1] = "cqueues" end

return M
