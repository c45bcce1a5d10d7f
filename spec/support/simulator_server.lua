--- A simulator in a process of its own, with the options that the Lua file given returns.
--- Prints its port and its process id, and serves until it is killed or its parent is gone.
local simulator = require("claude.simulator")
local uv = require("luv")

simulator.serve(arg[1] and dofile(arg[1]) or {}, function(sim)
  print(("%d %d"):format(sim.port, uv.os_getpid()))
  io.stdout:flush()
  local parent, watch = uv.os_getppid(), uv.new_timer()
  watch:start(1000, 1000, function()
    if uv.os_getppid() ~= parent then os.exit(0) end
  end)
end)
