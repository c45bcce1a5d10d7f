--- Tries the situations over the sockets of nginx: in a timer of its only worker.
local host = require("spec.faults.host")
local ngx = rawget(_G, "ngx")

local M = {}

-- The master ends with its workers, as when somebody stops nginx.
local function end_nginx()
  local ffi = require("ffi")
  ffi.cdef("int kill(int, int); int getppid(void);")
  ffi.C.kill(ffi.C.getppid(), 15)
end

local function run(premature)
  if premature then return end
  local ok, problem = pcall(function()
    require("claude.core") -- before its bytes are counted
    local suite = require("spec.faults.suite")
    suite.run(host.new("nginx"), host.write)
  end)
  if not ok then host.write(tostring(problem) .. "\n") end
  end_nginx()
end

--- In init_worker_by_lua.
function M.start() assert(ngx.timer.at(0, run)) end

return M
