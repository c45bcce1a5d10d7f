--- What a connection of the fault server writes to: a TCP socket, or TLS over one.
---
--- TLS is done by `openssl s_server`, a process for each connection: its standard input and
--- output are the plain bytes, and the records go through here, where they can be disturbed.
local M = {}

local Plain = {}
Plain.__index = Plain

function Plain:write(bytes, after) self.socket:write(bytes, after) end
function Plain:is_closing() return self.socket:is_closing() end
function Plain:close()
  if not self.socket:is_closing() then self.socket:close() end
end
function Plain:reset()
  if not self.socket:is_closing() then self.socket:close_reset() end
end

--- Over a socket as it is.
---@param socket table of luv
---@param on_bytes fun(bytes: string)
---@param on_end fun(problem: string?)
function M.plain(socket, on_bytes, on_end)
  local link = setmetatable({ socket = socket }, Plain)
  socket:read_start(function(problem, bytes)
    if bytes then return on_bytes(bytes) end
    link:close()
    on_end(problem)
  end)
  return link
end

local Tls = {}
Tls.__index = Tls

function Tls:write(bytes, after) self.input:write(bytes, after) end
function Tls:is_closing() return self.socket:is_closing() end
function Tls:under(bytes) self.socket:write(bytes) end

local function close_all(self)
  for _, handle in pairs({ self.input, self.output, self.records }) do
    if not handle:is_closing() then handle:close() end
  end
  if not self.ended then self.process:kill("sigkill") end
end

function Tls:close()
  Plain.close(self)
  close_all(self)
end
function Tls:reset()
  Plain.reset(self)
  close_all(self)
end

local function join(from, to, on_end)
  from:read_start(function(_, bytes)
    if bytes and not to:is_closing() then return to:write(bytes) end
    if not bytes then on_end() end
  end)
end

-- Its socket is there a moment after it has started.
local function reach(self, path, connected, tries)
  local records = self.uv.new_pipe(false)
  self.records = records
  records:connect(path, function(problem)
    if self.socket:is_closing() then return records:is_closing() or records:close() end
    if not problem then return connected(records) end
    records:close()
    assert(tries < 2000, "openssl s_server did not start")
    local timer = self.uv.new_timer()
    timer:start(2, 0, function()
      timer:close()
      if not self.socket:is_closing() then reach(self, path, connected, tries + 1) end
    end)
  end)
end

local count = 0

local function start_openssl(self, directory, options)
  count = count + 1
  local path = ("%s/%d.%d"):format(directory, self.uv.os_getpid(), count)
  local name = ("%s/%s"):format(directory, options.certificate)
  local arguments = { "s_server", "-quiet", "-unix", path, "-naccept", "1" }
  for _, more in ipairs({ "-cert", name .. ".pem", "-key", directory .. "/server.key" }) do
    arguments[#arguments + 1] = more
  end
  for _, more in ipairs(options.arguments) do
    arguments[#arguments + 1] = more
  end
  self.input, self.output = self.uv.new_pipe(false), self.uv.new_pipe(false)
  local stdio = { self.input, self.output }
  local process
  process = assert(self.uv.spawn("openssl", { args = arguments, stdio = stdio }, function()
    self.ended = true
    process:close()
    self.uv.fs_unlink(path)
  end))
  self.process = process
  return path
end

--- TLS over a socket.
---@param uv table
---@param socket table of luv
---@param directory string with the certificates
---@param options { certificate: string, arguments: string[] }
---@param on_bytes fun(bytes: string)
---@param on_end fun(problem: string?)
function M.tls(uv, socket, directory, options, on_bytes, on_end)
  local link = setmetatable({ uv = uv, socket = socket }, Tls)
  local path = start_openssl(link, directory, options)
  local over = false
  local function finish()
    link:close()
    if not over then on_end() end
    over = true
  end
  link.output:read_start(function(_, bytes)
    if bytes then on_bytes(bytes) end
  end)
  reach(link, path, function(records)
    join(socket, records, finish)
    join(records, socket, finish)
  end, 1)
  return link
end

return M
