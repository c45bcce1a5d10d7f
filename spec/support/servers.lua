--- Starts helper processes for specs and ends them by their process ids.
local M = {}

M.LUA = os.getenv("LUA") or "lua5.4"

local HERE = debug.getinfo(1, "S").source:match("^@(.*)servers%.lua$")

---@class spec.Server
---@field port integer
---@field pid integer
---@field url string
---@field package pipe file*
local Server = {}
Server.__index = Server

--- Ends the process.
function Server:stop()
  if not self.pid then return end
  os.execute(("kill %d 2>/dev/null"):format(self.pid))
  self.pipe:close()
  self.pid = nil
end

--- Starts a command that prints its port and its process id, on a line of its own.
---@param command string
---@return spec.Server
function M.spawn(command)
  local pipe = assert(io.popen("exec " .. command, "r"))
  local port, pid = pipe:read("*n", "*n")
  assert(port and pid, "this did not start: " .. command)
  return setmetatable({
    port = port,
    pid = pid,
    url = ("http://127.0.0.1:%d"):format(port),
    pipe = pipe,
  }, Server)
end

---@return spec.Server
function M.fault_server() return M.spawn(("%s %sfault_server.lua"):format(M.LUA, HERE)) end

--- How many descriptors this process has open. (Asking `ls` would count its pipe now and then.)
---@return integer
function M.open_descriptors()
  local uv = require("luv")
  local listing, count = assert(uv.fs_scandir("/proc/self/fd")), 0
  while uv.fs_scandir_next(listing) do
    count = count + 1
  end
  return count
end

return M
