--- Asks for /tick again and again, 5 ms after each answer, and writes down how many
--- milliseconds each took: a line each, once its standard input ends. A process of its own, so
--- that it waits for nothing but the answer.
---
---     lua ticker.lua PORT
local uv = require("luv")

local PAUSE = 5 -- milliseconds

local port = assert(tonumber(arg[1]), "a port expected")
local times, socket, timer, stdin = {}, uv.new_tcp(), uv.new_timer(), uv.new_pipe(false)
local sent

local function ask()
  sent = uv.hrtime()
  socket:write("GET /tick HTTP/1.1\r\nHost: bench\r\n\r\n")
end

local function stop()
  for _, handle in ipairs({ socket, timer, stdin }) do
    handle:close()
  end
end

stdin:open(0)
stdin:read_start(function(_, bytes)
  if not bytes then stop() end
end)
socket:connect("127.0.0.1", port, function(problem)
  assert(not problem, problem)
  socket:nodelay(true)
  socket:read_start(function(_, bytes)
    if not bytes then return end
    times[#times + 1] = (uv.hrtime() - sent) / 1e6
    timer:start(PAUSE, 0, ask)
  end)
  ask()
end)
uv.run()
io.write(table.concat(times, "\n"), "\n")
