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
M.Server = Server
Server.__index = Server

--- Ends the process.
function Server:stop()
  if not self.pid then return end
  os.execute(("kill %d 2>/dev/null"):format(self.pid))
  self.pipe:close()
  self.pid = nil
end

--- Starts a shell command that prints its port and its process id first of all.
---@param command string
---@return spec.Server
function M.spawn(command)
  local pipe = assert(io.popen(command, "r"))
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
function M.fault_server() return M.spawn(("exec %s %sfault_server.lua"):format(M.LUA, HERE)) end

---@return spec.Server
function M.lines_server() return M.spawn(("exec %s %slines_server.lua"):format(M.LUA, HERE)) end

---@return spec.Server
function M.files_server() return M.spawn(("exec %s %sfiles_server.lua"):format(M.LUA, HERE)) end

-- Sanitizers keep what was freed for a while: how much memory is held says little there.
local KEEPS_FREED = (os.getenv("LD_PRELOAD") or ""):find("libasan", 1, true) ~= nil

--- How much memory this process holds; 0 under AddressSanitizer.
---@return number bytes
function M.resident()
  if KEEPS_FREED then return 0 end
  local file = assert(io.open("/proc/self/statm"))
  local _, pages = file:read("*n", "*n")
  file:close()
  return pages * 4096
end

---@param options? string a Lua file that returns the simulator's options
---@return spec.Server
function M.simulator(options)
  return M.spawn(("exec %s %ssimulator_server.lua %s"):format(M.LUA, HERE, options or ""))
end

---@param target integer the port that everything is connected to
---@return spec.Server
function M.connect_proxy(target)
  return M.spawn(("exec %s %sconnect_proxy.lua %d"):format(M.LUA, HERE, target))
end

--- Whether a program is installed.
---@param program string
---@return boolean
function M.has(program)
  local pipe = assert(io.popen("command -v " .. program))
  local found = pipe:read("*l") ~= nil
  pipe:close()
  return found
end

--- A port of 127.0.0.1 that nobody listens on.
---@return integer
function M.free_port()
  local uv = require("luv")
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  uv.run("nowait")
  return port
end

local CERTIFICATES = [[
set -e
cd '%s'
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=spec CA' -keyout ca.key -out ca.pem
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=other CA' -keyout x.key -out other.pem
openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
printf 'subjectAltName=DNS:localhost,DNS:api.example.test' > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
  -extfile names -out server.pem
]]

-- With the same key: one that has expired, one for another name, one of a CA that nobody
-- trusts, one that is its own.
local BAD_CERTIFICATES = [[
set -e
cd '%s'
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days -1 \
  -extfile names -out expired.pem
openssl x509 -req -in server.csr -CA other.pem -CAkey x.key -CAcreateserial -days 2 \
  -extfile names -out stranger.pem
openssl x509 -req -in server.csr -signkey server.key -days 2 -extfile names -out itself.pem
printf 'subjectAltName=DNS:elsewhere.example.test' > names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
  -extfile names -out elsewhere.pem
]]

local function make_certificates(script, directory, last)
  local pipe = assert(io.popen("(" .. script:format(directory) .. ") 2>&1"))
  local output = pipe:read("*a")
  pipe:close()
  assert(io.open(directory .. "/" .. last), output):close()
end

--- Makes a directory with ca.pem, other.pem (a CA that signed nothing) and a server's
--- certificate for localhost and api.example.test.
---@return string directory
function M.certificates()
  local pipe = assert(io.popen("mktemp -d"))
  local directory = pipe:read("*l")
  pipe:close()
  make_certificates(CERTIFICATES, directory, "server.pem")
  return directory
end

--- Adds certificates to that directory that no client may accept.
---@param directory string
function M.bad_certificates(directory)
  make_certificates(BAD_CERTIFICATES, directory, "elsewhere.pem")
end

local DOORS = { "http", "tls", "h2", "proxy", "control", "trap", "names" }

--- A fault server with doors (see there).
---@param directory string with all certificates
---@return spec.Server
---@return table<string, integer> ports by door
function M.fault_doors(directory)
  local server = M.spawn(("exec %s %sfault_server.lua '%s'"):format(M.LUA, HERE, directory))
  local ports = {}
  for _, door in ipairs(DOORS) do
    ports[door] = assert(server.pipe:read("*n"))
  end
  return server, ports
end

-- Whether a process listens on a port of 127.0.0.1; nil where the system does not tell.
local function listens(pid, port)
  local sockets = io.open("/proc/net/tcp")
  if not sockets then return nil end
  local text = sockets:read("*a")
  sockets:close()
  local uv = require("luv")
  local entry = " 0100007F:%04X 00000000:0000 0A %%x+:%%x+ %%x+:%%x+ %%x+ +%%d+ +%%d+ +(%%d+) "
  local inode = text:match(entry:format(port))
  local folder = ("/proc/%d/fd"):format(pid)
  local listing = inode and uv.fs_scandir(folder)
  local name = listing and uv.fs_scandir_next(listing)
  while name do
    if uv.fs_readlink(folder .. "/" .. name) == ("socket:[%s]"):format(inode) then return true end
    name = uv.fs_scandir_next(listing)
  end
  return false
end

-- Whether it does before it ends: somebody else may have taken the port.
local function comes_to_listen(server)
  local uv = require("luv")
  for _ = 1, 600 do
    if listens(server.pid, server.port) ~= false then return true end
    if not uv.kill(server.pid, 0) then return false end
    uv.sleep(50)
  end
  error("it does not listen")
end

--- TLS with HTTP/1.1 and HTTP/2 in front of a server.
---@param directory string from `certificates`
---@param backend spec.Server
---@param options? string of nghttpx
---@return spec.Server
function M.tls_front(directory, backend, options)
  local form = "nghttpx --conf=/dev/null --single-process --no-ocsp --workers=1 "
    .. "--errorlog-file=/dev/null -f'127.0.0.1,%d' -b'127.0.0.1,%d' "
    .. "%s '%s/server.key' '%s/server.pem' >/dev/null 2>&1"
  for _ = 1, 10 do
    local port = M.free_port()
    local command = form:format(port, backend.port, options or "", directory, directory)
    local server = M.spawn(("%s & echo %d $!; wait"):format(command, port))
    server.url = ("https://localhost:%d"):format(port)
    if comes_to_listen(server) then return server end
    server:stop()
  end
  error("the front does not start")
end

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

--- The same once what other specs dropped is collected, and will not be closed meanwhile. Later
--- there may be fewer: a server that has ended closes connections that were kept.
---@return integer
function M.descriptors_in_use()
  collectgarbage()
  collectgarbage()
  return M.open_descriptors()
end

return M
