--- A server on loopback, in this process and on luv's loop, that gives the recorded answer up
--- to a byte, ends the connection there, and gives the whole answer to whoever asks again.
local uv = require("luv")

local M = {}

---@class spec.CutServer
---@field url string
---@field answer string what is given at the next request
---@field whole string what is given from then on
---@field reset boolean whether the connection is reset behind the next answer
---@field package listener userdata
---@field package sockets table<userdata, true>
local Server = {}
Server.__index = Server

--- What the next request gets, before those that get the whole answer.
---@param answer string
---@param reset boolean
function Server:expect(answer, reset)
  self.answer, self.reset = answer, reset
end

function Server:drop(socket)
  self.sockets[socket] = nil
  if not socket:is_closing() then socket:close() end
end

function Server:give_answer(socket)
  local answer, reset = self.answer or self.whole, self.answer and self.reset
  self.answer = nil
  local function done()
    if reset and not socket:is_closing() then
      self.sockets[socket] = nil
      socket:close_reset()
    else
      self:drop(socket)
    end
  end
  if answer == "" then return done() end
  socket:write(answer, done)
end

local function is_whole(request)
  local head, body = request:match("^(.-\r\n)\r\n(.*)$")
  return head ~= nil and #body >= (tonumber(head:lower():match("content%-length: (%d+)")) or 0)
end

function Server:serve(socket)
  local request, answered = "", false
  self.sockets[socket] = true
  socket:read_start(function(_, bytes)
    if not bytes then return self:drop(socket) end
    request = request .. bytes
    if not answered and is_whole(request) then
      answered = true
      self:give_answer(socket)
    end
  end)
end

--- Ends it, and every connection.
function Server:close()
  self.listener:close()
  for socket in pairs(self.sockets) do
    if not socket:is_closing() then socket:close() end
  end
  uv.run("nowait")
end

---@param whole string
---@return spec.CutServer
function M.start(whole)
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", 0))
  local url = ("http://127.0.0.1:%d"):format(listener:getsockname().port)
  local self = setmetatable({ url = url, whole = whole, listener = listener, sockets = {} }, Server)
  assert(listener:listen(128, function(err)
    assert(not err, err)
    local socket = uv.new_tcp()
    listener:accept(socket)
    socket:nodelay(true)
    self:serve(socket)
  end))
  return self
end

return M
