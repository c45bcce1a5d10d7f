--- nginx as host: the suite is the content of a location, which the worker asks for itself.
local runner = require("spec.hosts.runner")
local ngx = rawget(_G, "ngx")

local M = {}

local SECONDS = 110 -- without a line

--- The content of the location: the suite's lines as they come.
function M.suite()
  local function write(text)
    ngx.print(text)
    ngx.flush(true)
  end
  runner.run(runner.environment(true), write):wait()
end

-- The master ends with its workers, as when somebody stops nginx.
local function end_nginx()
  local ffi = require("ffi")
  ffi.cdef("int kill(int, int); int getppid(void);")
  ffi.C.kill(ffi.C.getppid(), 15)
end

local function ask()
  local tcp = ngx.socket.tcp()
  tcp:settimeout(SECONDS * 1000)
  assert(tcp:connect("unix:" .. ngx.config.prefix() .. "suite.socket"))
  assert(tcp:send("GET /suite HTTP/1.0\r\n\r\n"))
  assert(tcp:receiveuntil("\r\n\r\n")())
  local bytes = tcp:receiveany(4096)
  while bytes do
    runner.write(bytes)
    bytes = tcp:receiveany(4096)
  end
end

--- In init_worker_by_lua: asks for the location, writes what comes, and ends nginx.
function M.start()
  ngx.timer.at(0, function()
    local ok, problem = pcall(ask)
    if not ok then runner.write(tostring(problem) .. "\n") end
    end_nginx()
  end)
end

return M
