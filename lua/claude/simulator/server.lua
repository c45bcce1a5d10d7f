--- A loopback TCP server on luv that takes HTTP requests one after the other
--- and writes answers in pieces, at a pace.
local http = require("claude.simulator.http")
local uv = require("luv")

local M = {}

local BURST = 256 -- writes before other handles of the loop get their turn

---@class claude.simulator.Response
---@field status integer
---@field headers { [1]: string, [2]: string }[]
---@field body? string with its length told
---@field pieces? string[] a chunked body instead, one piece per write
---@field chunk? integer bytes per write instead
---@field pace? number seconds between writes
---@field delay? number seconds before the head
---@field cut? claude.simulator.Cut ends the connection inside the body
---@field settled? fun(whole: boolean) called once, when all was written or the connection ended

---@class claude.simulator.Server
---@field port integer
local Server = {}
Server.__index = Server
Server.__name = "claude.simulator.Server"

---@class claude.simulator.Connection
local Connection = {}
Connection.__index = Connection

local function shut(handle)
  if handle and not handle:is_closing() then handle:close() end
end

--- Tells whoever wants to know how the answer ended.
function Connection:settle(whole)
  local settled = self.settled
  self.settled = nil
  if settled then settled(whole) end
end

function Connection:close(how)
  if self.closed then return end
  self.closed = true
  self:settle(false)
  self.server.connections[self] = nil
  shut(self.timer)
  shut(self.idle)
  if self.socket:is_closing() then return end
  if how == "reset" and self.socket.close_reset then
    self.socket:close_reset()
  else
    self.socket:close()
  end
end

--- Ends the connection after what was written, in order.
function Connection:finish()
  if self.closed or self.socket:is_closing() then return end
  self.socket:shutdown(function() self:close() end)
end

--- Calls `go_on` after `seconds`; 0: when the rest of the loop had its turn.
function Connection:later(seconds, go_on)
  -- A timer of 0 ms fires before the loop polls again: hence the idle handle.
  local name = seconds > 0 and "timer" or "idle"
  local handle = self[name] or (seconds > 0 and uv.new_timer() or uv.new_idle())
  self[name] = handle
  local function fire()
    handle:stop()
    if not self.closed then self.server.guard(go_on) end
  end
  if seconds > 0 then
    handle:start(math.max(1, math.floor(seconds * 1000 + 0.5)), 0, fire)
  else
    handle:start(fire)
  end
end

--- The bytes of a body in the pieces in which they are written.
local function writes_of(response)
  local whole = response.body or table.concat(response.pieces)
  local size = response.chunk
  local limit = response.cut and response.cut.at_byte
  if limit then whole = whole:sub(1, limit) end
  if response.pieces and not size and not limit then
    local at = 0
    return function()
      at = at + 1
      return response.pieces[at]
    end
  end
  local at = 1
  size = size or math.max(#whole, 1)
  return function()
    if at > #whole then return nil end
    local piece = whole:sub(at, at + size - 1)
    at = at + size
    return piece
  end
end

local function head_of(response, request)
  local headers = {}
  for i, header in ipairs(response.headers) do
    headers[i] = header
  end
  if response.body then
    headers[#headers + 1] = { "content-length", #response.body }
  elseif request.version == "1.1" then
    headers[#headers + 1] = { "transfer-encoding", "chunked" }
  end
  local stays = request.keep_alive and (response.body or request.version == "1.1")
  headers[#headers + 1] = { "connection", stays and "keep-alive" or "close" }
  return http.head(response.status, headers), stays
end

--- Writes without a copy in the loop where the kernel takes it at once;
--- returns true when the caller may go on at once.
function Connection:write(bytes, go_on)
  local sent = self.queued and 0 or self.socket:try_write(bytes) or 0
  if sent == #bytes then return true end
  self.queued = true
  self.socket:write(bytes:sub(sent + 1), function(problem)
    self.queued = false
    if problem then return self:close() end
    if not self.closed then self.server.guard(go_on) end
  end)
  return false
end

--- The answer is written: the next request may come.
function Connection:done(response, stays)
  self.busy = false
  self:settle(not response.cut)
  if response.cut then
    if response.cut.how == "reset" then return self:close("reset") end
    return self:finish()
  end
  if not stays then return self:finish() end
  self:pump()
  if self.ended and not self.busy then self:finish() end
end

---@param response claude.simulator.Response
function Connection:send(request, response)
  self.settled = response.settled
  local head, stays = head_of(response, request)
  local chunked = response.pieces and request.version == "1.1"
  local next_piece = writes_of(response)
  local pace = response.pace or 0
  local ended = false
  local function next_bytes()
    if head then
      local bytes = head
      head = nil
      return bytes
    end
    local piece = request.method ~= "HEAD" and next_piece()
    if piece then return chunked and http.chunk(piece) or piece end
    if ended then return nil end
    ended = true
    return chunked and not response.cut and http.chunk("") or nil
  end
  local function step()
    for _ = 1, BURST do
      if self.closed then return end
      local bytes = next_bytes()
      if not bytes then return self:done(response, stays) end
      if not self:write(bytes, step) then return end
      if pace > 0 then return self:later(pace, step) end
    end
    self:later(0, step)
  end
  if response.delay then return self:later(response.delay, step) end
  step()
end

--- Takes the next request, when there is one and none is being answered.
function Connection:pump()
  if self.busy or self.closed then return end
  local request, failure = self.parser:next()
  if self.parser:wants_continue() then self.socket:write("HTTP/1.1 100 Continue\r\n\r\n") end
  if request then
    self.busy = true
    return self:send(request, self.server.handle(request))
  end
  if failure then
    self.busy = true
    self:send({ method = "GET", version = "1.1", keep_alive = false }, self.server.refuse(failure))
  end
end

local function on_read(connection, problem, bytes)
  if problem then return connection:close() end
  if not bytes then
    -- The client will send nothing more; a half-sent request stays unanswered.
    connection.ended = true
    if not connection.busy then connection:close() end
    return
  end
  connection.parser:feed(bytes)
  connection.server.guard(function() connection:pump() end)
end

local function accept(server)
  local socket = uv.new_tcp()
  server.listener:accept(socket)
  socket:nodelay(true)
  local connection = setmetatable({
    server = server,
    socket = socket,
    parser = http.parser(server.limits),
    busy = false,
    closed = false,
    queued = false,
    ended = false,
  }, Connection)
  server.connections[connection] = true
  socket:read_start(function(problem, bytes) on_read(connection, problem, bytes) end)
end

---@class claude.simulator.server.Options
---@field port integer 0: any
---@field handle fun(request: claude.simulator.http.Request): claude.simulator.Response
---@field refuse fun(failure: { status: integer, text: string }): claude.simulator.Response
---@field guard fun(step: fun()) runs a step of the loop; what it raises must not reach luv
---@field limits? { max_head?: integer, max_body?: integer }

--- A client that went away must not end this process by SIGPIPE; luv leaves that to us.
local function survive_sigpipe()
  local handle = uv.new_signal()
  handle:start("sigpipe", function() end)
  handle:unref()
  return handle
end

--- Listens on 127.0.0.1 and nowhere else.
---@param options claude.simulator.server.Options
---@return claude.simulator.Server|nil server
---@return string|nil problem
function M.listen(options)
  local listener = uv.new_tcp()
  local ok, problem = listener:bind("127.0.0.1", options.port)
  if ok then
    local server = setmetatable({
      listener = listener,
      connections = {},
      handle = options.handle,
      refuse = options.refuse,
      guard = options.guard,
      limits = options.limits,
    }, Server)
    ok, problem = listener:listen(128, function(failure)
      if not failure then options.guard(function() accept(server) end) end
    end)
    if ok then
      server.port = listener:getsockname().port
      server.sigpipe = survive_sigpipe()
      return server
    end
  end
  listener:close()
  M.settle()
  return nil, ("cannot listen on 127.0.0.1:%d: %s"):format(options.port, tostring(problem))
end

--- Lets closed handles go: luv wants one more turn of the loop for that. Inside
--- a callback of the loop that turn comes by itself.
function M.settle()
  if not uv.loop_mode() then uv.run("nowait") end
end

--- Ends every connection and stops listening. May be called again.
function Server:close()
  shut(self.listener)
  shut(self.sigpipe)
  local open = {}
  for connection in pairs(self.connections) do
    open[#open + 1] = connection
  end
  for _, connection in ipairs(open) do
    connection:close()
  end
  M.settle()
end

return M
