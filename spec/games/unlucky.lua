-- A script of mpv with a task whose failure nobody waits for.
local claude = require("claude")

claude.spawn(function() error("unlucky") end)
mp.add_periodic_timer(0.02, function() claude.step(2) end)
