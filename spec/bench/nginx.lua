--- How many streams one nginx worker carries, and whether it still answers others meanwhile.
---
---     make bench-nginx                   200 streams of one second
---     make bench-nginx ARGS="400 2"      how many, and how many seconds each
---
--- An nginx of its own plays the API: 50 deltas a second in each stream. The nginx that is
--- measured asks for them, in one worker: with this library, which passes the text on to its
--- clients; with a loop that passes on the bytes as they come; and with one that reads and
--- throws away, the least that can be done. Meanwhile a process of its own asks for /tick, again
--- 5 ms after each answer.
local nginx = require("spec.support.nginx")
local uv = require("luv")

local STREAMS = tonumber(arg[1]) or 200
local SECONDS = tonumber(arg[2]) or 1

local UPSTREAM = [[
  location /v1/messages {
    content_by_lua_block { require("spec.bench.nginx_upstream").play(${seconds}) }
  }
]]

local MEASURED = [[
  keepalive_requests 1000000;
  location = /tick { return 200 "tick"; }
  location /claude {
    content_by_lua_block { require("spec.bench.nginx_streams").claude("${upstream}") }
  }
  location /relay {
    content_by_lua_block { require("spec.bench.nginx_streams").relay("${upstream}") }
  }
  location /discard {
    content_by_lua_block { require("spec.bench.nginx_streams").discard("${upstream}") }
  }
]]

local function cpu_of(pid)
  local file = assert(io.open(("/proc/%d/stat"):format(pid)))
  local user, system = file:read("*a"):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  file:close()
  return (tonumber(user) + tonumber(system)) / 100
end

local function connect(port, on_open)
  local socket = uv.new_tcp()
  socket:connect("127.0.0.1", port, function(problem)
    assert(not problem, problem)
    socket:nodelay(true)
    on_open(socket)
  end)
end

-- Asks for the path and calls back with how many bytes came.
local function stream(port, path, on_end)
  connect(port, function(socket)
    local bytes = 0
    socket:read_start(function(_, more)
      if more then
        bytes = bytes + #more
        return
      end
      socket:close()
      on_end(bytes)
    end)
    socket:write(("GET %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"):format(path))
  end)
end

-- A child that asks for /tick; what is returned ends it and gives the times in milliseconds.
local function ticks(port)
  local stdin, stdout, text, ended = uv.new_pipe(false), uv.new_pipe(false), "", false
  local handle = assert(uv.spawn(arg[-1], {
    args = { "spec/bench/ticker.lua", tostring(port) },
    stdio = { stdin, stdout, 2 },
  }))
  stdout:read_start(function(_, bytes)
    text, ended = text .. (bytes or ""), not bytes
  end)
  return function()
    stdin:close()
    while not ended do
      uv.run("once")
    end
    stdout:close()
    handle:close()
    local times = {}
    for line in text:gmatch("%S+") do
      times[#times + 1] = tonumber(line)
    end
    table.sort(times)
    return times
  end
end

local function at(times, part) return times[math.max(1, math.ceil(#times * part))] or 0 end

local function measure(server, path)
  local open, bytes = STREAMS, 0
  local stop = ticks(server.port)
  uv.update_time()
  local cpu, started = cpu_of(server.worker), uv.hrtime()
  for _ = 1, STREAMS do
    stream(server.port, path, function(count)
      open, bytes = open - 1, bytes + count
    end)
  end
  while open > 0 do
    uv.run("once")
  end
  local wall = (uv.hrtime() - started) / 1e9
  cpu = cpu_of(server.worker) - cpu
  local times = stop()
  uv.run("nowait")
  local line = "%-9s %d streams of %g s: wall %.2f s, CPU %.2f s, %d bytes; "
    .. "/tick %d times, p50 %.1f ms, p99 %.1f ms, max %.1f ms"
  print(
    line:format(
      path:sub(2),
      STREAMS,
      SECONDS,
      wall,
      cpu,
      bytes,
      #times,
      at(times, 0.5),
      at(times, 0.99),
      at(times, 1)
    )
  )
end

local function main()
  local missing = nginx.missing()
  if missing then return print("left out: " .. missing) end
  local upstream = nginx.start({
    log_level = "error",
    locations = (UPSTREAM:gsub("%${seconds}", ("%g"):format(SECONDS))),
  })
  local server = nginx.start({
    log_level = "error",
    http = "lua_socket_pool_size 1000; lua_socket_log_errors off;",
    locations = (MEASURED:gsub("%${upstream}", upstream.url)),
  })
  for _ = 1, 3 do
    measure(server, "/discard")
    measure(server, "/relay")
    measure(server, "/claude")
  end
  io.write(server:log())
  server:stop()
  upstream:stop()
end

main()
