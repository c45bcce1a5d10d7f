--- A real HTTP server on loopback that answers badly on purpose, in a process of its own.
---
--- The first part of the path names what to do ("/cut_in_event/v1/messages"): a situation of
--- spec/faults/situations.lua, or one of those below. Run as a program it prints its port and
--- its process id, and serves until it is killed or its parent is gone. `/stats` tells what it
--- has seen, `/last_head` and `/last_body` give the last request as it came.
---
--- With a folder of certificates (spec.support.servers) it has doors as well, ports that answer
--- well until a situation is set for all of them:
---
---     http, tls, h2   HTTP/1.1 as it is, over TLS, and HTTP/2 over TLS
---     proxy           takes CONNECT, whatever the host, to the door tls
---     control         /set/NAME sets a situation, /set/none ends it; /hang_up; /stats
---     trap            counts who connects: nobody should
---     names           a name server, over UDP
---
--- and prints their ports in this order.
local Connection = require("spec.faults.connection")
local http2 = require("spec.faults.http2")
local links = require("spec.faults.links")
local names = require("spec.faults.names")
local situations = require("spec.faults.situations")
local wire = require("spec.faults.wire")

local M = {}

-- Answers that are no faults, or only for one spec.
local SCENARIOS = {
  ok = wire.GOOD_STREAM,
  slow_ok = {
    wire.STREAM_HEAD,
    wire.chunk(wire.OPEN),
    0.2,
    wire.chunk(wire.REST),
    wire.LAST_CHUNK,
  },
  -- Whole, but there is nothing in it: a body of no chunks, and a trailer.
  nothing = { wire.STREAM_HEAD, "0\r\nServer-Timing: total\r\n\r\n" },
  waiting = { wire.STREAM_HEAD, wire.chunk(wire.OPEN), wire.HANG },
  late_end = { wire.STREAM_HEAD, wire.chunk(wire.WHOLE), 0.1, wire.LAST_CHUNK },
  no_end = { wire.STREAM_HEAD, wire.chunk(wire.WHOLE), wire.HANG },
  pings_then_ok = {
    wire.STREAM_HEAD,
    wire.chunk(wire.PING),
    0.1,
    wire.chunk(wire.PING),
    0.1,
    wire.chunk(wire.WHOLE),
    wire.LAST_CHUNK,
  },
  -- The connection is left open after the error that ends the stream.
  error_event_first = {
    wire.STREAM_HEAD,
    wire.chunk(
      wire.event("error", '{"type":"error","error":{"type":"overloaded_error","message":"No"}}')
    ),
    wire.HANG,
  },
  stall_in_error = {
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
      .. 'Content-Length: 99\r\n\r\n{"type":',
    wire.HANG,
  },
  redirect = {
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: /ok/stolen\r\nContent-Length: 0\r\n\r\n",
  },
  -- Answers, and closes the connection when the next request comes on it.
  drop_second = { wire.STREAM_HEAD, wire.chunk(wire.WHOLE), wire.LAST_CHUNK, { "drop_next" } },
  flood = { wire.STREAM_HEAD, wire.chunk(wire.OPEN), { "flood" } },
  -- Each piece can be read before the next comes.
  in_pieces = {
    wire.STREAM_HEAD,
    wire.chunk(wire.OPEN),
    0.2,
    wire.chunk(wire.text_delta(("x"):rep(3000))),
    0.1,
    wire.chunk(wire.text_delta(" last")),
    0.1,
    wire.chunk(wire.REST),
    wire.LAST_CHUNK,
  },
}

local function stats_text(stats)
  local lines = {}
  for name, value in pairs(stats) do
    if type(value) == "number" then lines[#lines + 1] = ("%s %d\n"):format(name, value) end
  end
  return table.concat(lines)
end

local REPORTS = {
  stats = stats_text,
  last_head = function(stats) return stats.last_head or "" end,
  last_body = function(stats) return stats.last_body or "" end,
}

local function text_answer(text) return wire.answer("200 OK", "text/plain", text) end

local function by_path(connection, head, body)
  local stats, name = connection.stats, head:match("^%u+ /([%w_]+)")
  local report = REPORTS[name]
  if report then return connection:send(text_answer(report(stats))) end
  stats.requests = stats.requests + 1
  stats.last_head, stats.last_body = head, body
  if connection.drop then return connection.link:close() end
  local situation = situations.by_name[name]
  local steps = SCENARIOS[name] or (situation and situation.play)
  if steps then return connection:play(steps) end
  connection:send(
    wire.answer("404 Not Found", "text/plain", "no such scenario: " .. tostring(name))
  )
end

-- A port of 127.0.0.1, or that one again; `take` gets each connection.
local function listen(uv, port, take)
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", port))
  assert(listener:listen(128, function(err)
    assert(not err, err)
    local socket = uv.new_tcp()
    listener:accept(socket)
    socket:nodelay(true)
    take(socket)
  end))
  return listener, listener:getsockname().port
end

local function new_stats()
  return { connections = 0, requests = 0, open = 0, flooded = 0, trapped = 0, marks = 0 }
end

-- Counts a connection until it ends; `make_link` says what it is written to.
local function serve_connection(uv, stats, answer, make_link)
  stats.connections, stats.open = stats.connections + 1, stats.open + 1
  local connection = Connection.new(uv, nil, stats, answer)
  local function read(bytes) connection:read(bytes) end
  connection.link = make_link(read, function(problem)
    if problem then stats.broken = (stats.broken or 0) + 1 end
    stats.open = stats.open - 1
  end)
  return connection
end

--- Serves on a free port of 127.0.0.1 and returns it.
---@param uv table luv
---@return integer port
function M.serve(uv)
  local stats = new_stats()
  local _, port = listen(uv, 0, function(socket)
    serve_connection(
      uv,
      stats,
      by_path,
      function(read, ended) return links.plain(socket, read, ended) end
    )
  end)
  return port
end

-- The situation that is set, for all doors.
---@class spec.FaultState
---@field armed? table
---@field calls table<string, integer> requests of each call since it was set
---@field ports table<string, integer>
---@field names? string

local function wants_stream(body) return body:find('"stream":true', 1, true) ~= nil end

-- A situation may say what it does to each attempt of a call, and answer well after those.
local function steps_of(state, armed, head, body)
  local call = head:match("\r\nx%-call: (%w+)") or "none"
  local number = (state.calls[call] or 0) + 1
  state.calls[call] = number
  local good = wants_stream(body) and wire.GOOD_STREAM or wire.GOOD_JSON
  if armed.attempts then return armed.attempts[number] or good end
  if wants_stream(body) then return armed.play end
  return type(armed.json) == "table" and armed.json.play or armed.play
end

local function filled(state, steps)
  local played = {}
  for i, step in ipairs(steps) do
    played[i] = type(step) == "function" and step(state.ports) or step
  end
  return played
end

local function answer_at(state, door)
  return function(connection, head, body)
    connection.stats.requests = connection.stats.requests + 1
    if connection.drop then return connection.link:close() end
    local armed = state.armed
    if armed and armed.door == door and (armed.play or armed.attempts) then
      return connection:play(filled(state, steps_of(state, armed, head, body)))
    end
    connection:play(wants_stream(body) and wire.GOOD_STREAM or wire.GOOD_JSON)
  end
end

local DEFAULT_TLS = { certificate = "server", arguments = {} }
local PROTOCOL = { tls = { "-alpn", "http/1.1" }, h2 = { "-alpn", "h2" } }

local function tls_link(uv, state, door, directory, socket)
  local armed = state.armed and state.armed.door == door and state.armed.tls or DEFAULT_TLS
  local arguments = {}
  for _, list in ipairs({ PROTOCOL[door], armed.arguments or {} }) do
    for _, word in ipairs(list) do
      arguments[#arguments + 1] = word
    end
  end
  local options = { certificate = armed.certificate or "server", arguments = arguments }
  return function(read, ended) return links.tls(uv, socket, directory, options, read, ended) end
end

-- What comes behind the head of a CONNECT is for the door behind the proxy.
local function tunnel(uv, state)
  return function(connection)
    local target = uv.new_tcp()
    connection.read = function(_, bytes) target:write(bytes) end
    target:connect("127.0.0.1", state.ports.tls, function(problem)
      assert(not problem, problem)
      connection.counted_behind = true
      connection:send("HTTP/1.1 200 Connection established\r\n\r\n")
      target:read_start(function(_, bytes)
        if bytes then return connection:send(bytes) end
        target:close()
        connection.link:close()
      end)
    end)
  end
end

local function proxy_answer(uv, state)
  local join = tunnel(uv, state)
  return function(connection, head)
    local armed = state.armed
    if armed and armed.door == "proxy" and armed.connect then
      return connection:play(armed.connect)
    end
    if head:find("^CONNECT ") then return join(connection) end
    connection:send(wire.answer("400 Bad Request", "text/plain", "CONNECT only"))
  end
end

local Doors = {}
Doors.__index = Doors

function Doors:greet(door, socket)
  local uv, state = self.uv, self.state
  local armed = state.armed
  local function plain(read, ended) return links.plain(socket, read, ended) end
  if armed and armed.door == door and armed.accept then
    local silent = serve_connection(uv, self.stats, function() end, plain)
    silent.read = function() end
    return silent, silent:play(armed.accept)
  end
  if door == "http" then
    return serve_connection(uv, self.stats, answer_at(state, door), plain)
  elseif door == "proxy" then
    return serve_connection(uv, self.stats, proxy_answer(uv, state), plain)
  end
  local link = tls_link(uv, state, door, self.directory, socket)
  local connection = serve_connection(uv, self.stats, answer_at(state, door), link)
  if door ~= "h2" then return connection end
  local speaker = http2.new(connection, state)
  connection.read = function(_, bytes) speaker:read(bytes) end
  return connection
end

function Doors:open(door)
  local listener, port = listen(self.uv, self.state.ports[door] or 0, function(socket)
    local connection = self:greet(door, socket)
    self.connections[connection] = door
  end)
  self.listeners[door], self.state.ports[door] = listener, port
end

-- Kept connections would not see what is done to new ones.
function Doors:hang_up(door)
  for connection, its_door in pairs(self.connections) do
    if not door or its_door == door then
      connection.link:close()
      self.connections[connection] = nil
    end
  end
end

function Doors:set(name)
  local before, armed = self.state.armed, situations.by_name[name]
  assert(armed or name == "none", "there is no situation " .. name)
  self.state.armed, self.state.calls = armed, {}
  self.state.names = armed and armed.names
  self.stats.marks = 0
  if before and before.refuses then self:open(before.door) end
  if before and before.ends then self:hang_up(before.door) end
  if armed and armed.refuses then self.listeners[armed.door]:close() end
  if armed and armed.anew then self:hang_up(armed.door) end
end

-- Those that stand, at all doors; one through the proxy stands at two.
function Doors:count_open()
  local count = 0
  for connection in pairs(self.connections) do
    if connection.link:is_closing() then
      self.connections[connection] = nil
    elseif not connection.counted_behind then
      count = count + 1
    end
  end
  return count
end

local function control(doors)
  return function(connection, head)
    local name = head:match("^%u+ /set/([%w_]+)")
    if name then doors:set(name) end
    if head:find("^%u+ /hang_up ") then doors:hang_up() end
    doors.stats.open = doors:count_open()
    local text = { stats_text(doors.stats) }
    for call, count in pairs(doors.state.calls) do
      text[#text + 1] = ("calls_%s %d\n"):format(call, count)
    end
    connection:send(text_answer(table.concat(text)))
  end
end

--- Opens the doors.
---@param uv table luv
---@param directory string
---@return integer[] ports in the order above
function M.serve_doors(uv, directory)
  local doors = setmetatable({
    uv = uv,
    directory = directory,
    state = { ports = {}, calls = {} },
    stats = new_stats(),
    listeners = {},
    connections = {},
  }, Doors)
  local ports = doors.state.ports
  for _, door in ipairs({ "http", "tls", "h2", "proxy" }) do
    doors:open(door)
  end
  local _, control_port = listen(uv, 0, function(socket)
    serve_connection(
      uv,
      new_stats(),
      control(doors),
      function(read, ended) return links.plain(socket, read, ended) end
    )
  end)
  ports.control = control_port
  _, ports.trap = listen(uv, 0, function(socket)
    doors.stats.trapped = doors.stats.trapped + 1
    socket:close()
  end)
  ports.names = names.serve(uv, doors.state)
  return { ports.http, ports.tls, ports.h2, ports.proxy, control_port, ports.trap, ports.names }
end

local function end_with_parent(uv)
  local parent = uv.os_getppid()
  local timer = uv.new_timer()
  timer:start(1000, 1000, function()
    if uv.os_getppid() ~= parent then os.exit(0) end
  end)
end

-- A client that goes away in the middle of an answer must not end the server.
local function survive_sigpipe(uv)
  uv.new_signal():start("sigpipe", function() end)
end

--- Runs the server in the foreground.
---@param directory? string
function M.main(directory)
  local uv = require("luv")
  survive_sigpipe(uv)
  print(("%d %d"):format(M.serve(uv), uv.os_getpid()))
  if directory then print(table.concat(M.serve_doors(uv, directory), " ")) end
  io.stdout:flush()
  end_with_parent(uv)
  uv.run()
end

if arg and arg[0] and arg[0]:find("fault_server.lua$") then M.main(arg[1]) end

return M
