--- A real HTTP server on loopback that answers badly on purpose, in a process of its own.
---
--- The first part of the path names what to do ("/cut_in_event/v1/messages"). Run as a
--- program it prints its port and its process id, and serves until it is killed or its
--- parent is gone. `/stats` tells what it has seen, `/last_head` and `/last_body` give the
--- last request as it came.
local M = {}

local function event(name, data) return ("event: %s\ndata: %s\n\n"):format(name, data) end

local PING = event("ping", '{"type":"ping"}')

local START = event(
  "message_start",
  '{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",'
    .. '"model":"claude-sonnet-4-6","content":[],"stop_reason":null,"stop_sequence":null,'
    .. '"usage":{"input_tokens":3,"output_tokens":1}}}'
)
local BLOCK_START = event(
  "content_block_start",
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
)

local function text_delta(text)
  return event(
    "content_block_delta",
    ('{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}'):format(
      text
    )
  )
end

local BLOCK_STOP = event("content_block_stop", '{"type":"content_block_stop","index":0}')
local DELTA = event(
  "message_delta",
  '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    .. '"usage":{"output_tokens":5}}'
)
local STOP = event("message_stop", '{"type":"message_stop"}')
local OPEN = START .. BLOCK_START .. text_delta("Hel") .. text_delta("lo")
local WHOLE = OPEN .. BLOCK_STOP .. DELTA .. STOP

local STREAM_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
  .. "request-id: req_fault\r\nTransfer-Encoding: chunked\r\n\r\n"

local function chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end

local LAST_CHUNK = "0\r\n\r\n"

local function answer(status, content_type, body, more)
  local head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nrequest-id: req_fault\r\n"
  return head:format(status, content_type, #body) .. (more or "") .. "\r\n" .. body
end

local function api_error(status, kind, message, more)
  local body = '{"type":"error","error":{"type":"%s","message":"%s"},"request_id":"req_body"}'
  return answer(status, "application/json", body:format(kind, message), more)
end

-- Each scenario is a list of steps: text is sent, a number waits so many seconds, "close"
-- and "reset" end the connection, "hang" says nothing more. Without those it is kept.
local CLOSE, RESET, HANG = { "close" }, { "reset" }, { "hang" }

local SCENARIOS = {
  ok = { STREAM_HEAD, chunk(WHOLE), LAST_CHUNK },
  slow_ok = { STREAM_HEAD, chunk(OPEN), 0.2, chunk(BLOCK_STOP .. DELTA .. STOP), LAST_CHUNK },
  -- Whole, but there is nothing in it: a body of no chunks, and a trailer.
  nothing = { STREAM_HEAD, "0\r\nServer-Timing: total\r\n\r\n" },
  late_end = { STREAM_HEAD, chunk(WHOLE), 0.1, LAST_CHUNK },
  no_end = { STREAM_HEAD, chunk(WHOLE), HANG },
  reset_at_once = { RESET },
  close_at_once = { CLOSE },
  cut_in_headers = { "HTTP/1.1 200 OK\r\nContent-Ty", 0.02, CLOSE },
  reset_in_headers = { "HTTP/1.1 200 OK\r\nContent-Ty", 0.02, RESET },
  cut_before_first_chunk = { STREAM_HEAD, 0.02, CLOSE },
  cut_in_chunk_header = { STREAM_HEAD, chunk(OPEN), "1f", 0.02, CLOSE },
  cut_in_event = { STREAM_HEAD, chunk(OPEN .. "event: content_bl"), 0.02, CLOSE },
  reset_in_event = { STREAM_HEAD, chunk(OPEN .. "event: content_bl"), 0.02, RESET },
  ended_in_event = { STREAM_HEAD, chunk(OPEN .. "event: content_bl"), LAST_CHUNK },
  cut_before_stop_reason = { STREAM_HEAD, chunk(OPEN .. BLOCK_STOP), 0.02, CLOSE },
  cut_after_stop_reason = { STREAM_HEAD, chunk(OPEN .. BLOCK_STOP .. DELTA), 0.02, CLOSE },
  cut_in_message_stop = {
    STREAM_HEAD,
    chunk(OPEN .. BLOCK_STOP .. DELTA .. STOP:sub(1, 9)),
    0.02,
    RESET,
  },
  stall_before_headers = { HANG },
  stall_in_headers = { "HTTP/1.1 200 OK\r\nContent-Ty", HANG },
  stall_in_event = { STREAM_HEAD, chunk(OPEN), HANG },
  pings_in_text = { STREAM_HEAD, chunk(OPEN), { "ping" } },
  pings_before_content = { STREAM_HEAD, chunk(START), { "ping" } },
  pings_then_ok = { STREAM_HEAD, chunk(PING), 0.1, chunk(PING), 0.1, chunk(WHOLE), LAST_CHUNK },
  error_429 = {
    api_error("429 Too Many Requests", "rate_limit_error", "slow", "retry-after: 7\r\n"),
  },
  error_529 = { api_error("529 Overloaded", "overloaded_error", "Overloaded") },
  error_500 = { api_error("500 Internal Server Error", "api_error", "Internal server error") },
  -- Longer than anybody reads on, and it never ends.
  endless_500 = {
    "HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 1000000000\r\n\r\n"
      .. ("<p>No.</p>"):rep(120000),
    HANG,
  },
  html_502 = { answer("502 Bad Gateway", "text/html", "<html>Bad Gateway</html>") },
  html_200 = { answer("200 OK", "text/html", "<html>Welcome</html>") },
  error_event = {
    STREAM_HEAD,
    chunk(
      OPEN
        .. event(
          "error",
          '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
        )
    ),
    LAST_CHUNK,
  },
  -- The connection is left open after the error that ends the stream.
  error_event_first = {
    STREAM_HEAD,
    chunk(event("error", '{"type":"error","error":{"type":"overloaded_error","message":"No"}}')),
    HANG,
  },
  stall_in_error = {
    "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
      .. 'Content-Length: 99\r\n\r\n{"type":',
    HANG,
  },
  short_body = {
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}",
    CLOSE,
  },
  redirect = {
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: /ok/stolen\r\nContent-Length: 0\r\n\r\n",
  },
  -- Answers, and closes the connection when the next request comes on it.
  drop_second = { STREAM_HEAD, chunk(WHOLE), LAST_CHUNK, { "drop_next" } },
  flood = { STREAM_HEAD, chunk(OPEN), { "flood" } },
}

local Connection = {}
Connection.__index = Connection

local function flood_text() return chunk(text_delta(("x"):rep(60000))) end

function Connection:send(bytes, after)
  if self.socket:is_closing() then return end
  self.socket:write(bytes, function(err)
    if not err and after then after() end
  end)
end

function Connection:later(seconds, fn)
  local timer = self.uv.new_timer()
  timer:start(math.floor(seconds * 1000), 0, function()
    timer:close()
    if not self.socket:is_closing() then fn() end
  end)
end

function Connection:ping()
  self:send(chunk(PING))
  self:later(0.05, function() self:ping() end)
end

-- As fast as the reader takes it, 9 MB in all; `flooded` counts what was taken.
function Connection:flood(left)
  if left == 0 then
    self:send(chunk(BLOCK_STOP .. DELTA .. STOP) .. LAST_CHUNK)
    return
  end
  self:send(flood_text(), function()
    self.stats.flooded = self.stats.flooded + 60000
    self:flood(left - 1)
  end)
end

function Connection:act(verb)
  if verb == "close" then
    self.socket:close()
  elseif verb == "reset" then
    self.socket:close_reset()
  elseif verb == "ping" then
    self:ping()
  elseif verb == "flood" then
    self:flood(150)
  elseif verb == "drop_next" then
    self.drop = true
  end
end

function Connection:play(steps, i)
  local step = steps[i]
  if step == nil or self.socket:is_closing() then return end
  local function go_on() self:play(steps, i + 1) end
  if type(step) == "string" then
    self:send(step, go_on)
  elseif type(step) == "number" then
    self:later(step, go_on)
  else
    self:act(step[1])
  end
end

local REPORTS = {
  stats = function(stats)
    local lines = {}
    for name, value in pairs(stats) do
      if type(value) == "number" then lines[#lines + 1] = ("%s %d\n"):format(name, value) end
    end
    return table.concat(lines)
  end,
  last_head = function(stats) return stats.last_head or "" end,
  last_body = function(stats) return stats.last_body or "" end,
}

function Connection:handle(head, body)
  local scenario = head:match("^%u+ /([%w_]+)")
  local report = REPORTS[scenario]
  if report then
    self:send(answer("200 OK", "text/plain", report(self.stats)))
    return
  end
  self.stats.requests = self.stats.requests + 1
  self.stats.last_head, self.stats.last_body = head, body
  if self.drop then
    self.socket:close()
    return
  end
  local steps = SCENARIOS[scenario]
  if not steps then
    self:send(answer("404 Not Found", "text/plain", "no such scenario: " .. tostring(scenario)))
    return
  end
  self:play(steps, 1)
end

-- Takes as many whole requests from the bytes as there are.
function Connection:read(bytes)
  self.parts[#self.parts + 1] = bytes
  self.size = self.size + #bytes
  while true do
    if self.size < (self.wanted or 1) then return end
    local all = table.concat(self.parts)
    self.parts = { all }
    local head_end = select(2, all:find("\r\n\r\n", 1, true))
    if not head_end then return end
    local head = all:sub(1, head_end)
    local length = tonumber(head:lower():match("\r\ncontent%-length:%s*(%d+)")) or 0
    self.wanted = head_end + length
    if self.size >= self.wanted then
      self.parts, self.size = { all:sub(self.wanted + 1) }, self.size - self.wanted
      local body = all:sub(head_end + 1, self.wanted)
      self.wanted = nil
      self:handle(head, body)
    end
  end
end

--- Serves on a free port of 127.0.0.1 and returns it.
---@param uv table luv
---@return integer port
function M.serve(uv)
  local stats = { connections = 0, requests = 0, open = 0, flooded = 0 }
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(128, function(err)
    assert(not err, err)
    local socket = uv.new_tcp()
    listener:accept(socket)
    socket:nodelay(true)
    stats.connections, stats.open = stats.connections + 1, stats.open + 1
    local connection =
      setmetatable({ uv = uv, socket = socket, stats = stats, parts = {}, size = 0 }, Connection)
    socket:read_start(function(problem, bytes)
      if bytes then return connection:read(bytes) end
      if not socket:is_closing() then
        if problem then stats.broken = (stats.broken or 0) + 1 end
        socket:close()
      end
      stats.open = stats.open - 1
    end)
  end))
  return listener:getsockname().port
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
function M.main()
  local uv = require("luv")
  survive_sigpipe(uv)
  print(("%d %d"):format(M.serve(uv), uv.os_getpid()))
  io.stdout:flush()
  end_with_parent(uv)
  uv.run()
end

if arg and arg[0] and arg[0]:find("fault_server.lua$") then M.main() end

return M
