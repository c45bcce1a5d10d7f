--- A server whose answers are streams at a pace: `/<events a second>/<seconds>` before the
--- API's path says how. `/0/<events>` sends so many at once. Prints its port and process id.
local uv = require("luv")

local TICK = 10 -- milliseconds between two writes of a stream

local function event(name, data) return ("event: %s\ndata: %s\n\n"):format(name, data) end

local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
local START = event(
  "message_start",
  '{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    .. '"model":"claude-opus-4-8","content":[],"stop_reason":null,"stop_sequence":null,'
    .. '"usage":{"input_tokens":10,"output_tokens":1}}}'
) .. event(
  "content_block_start",
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
)
local DELTA = event(
  "content_block_delta",
  '{"type":"content_block_delta","index":0,'
    .. '"delta":{"type":"text_delta","text":"some more text\\n"}}'
)
local STOP = event("content_block_stop", '{"type":"content_block_stop","index":0}')
  .. event(
    "message_delta",
    '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
      .. '"usage":{"output_tokens":9}}'
  )
  .. event("message_stop", '{"type":"message_stop"}')

local function finish(socket)
  socket:write(STOP, function() socket:close() end)
end

-- Streams begin at different moments, as in life, and owe what time has passed for.
local function pace(socket, rate, seconds)
  local timer, began, sent = uv.new_timer(), uv.now(), 0
  timer:start(math.random(0, TICK), TICK, function()
    local passed = (uv.now() - began) / 1000
    local due = math.floor(math.min(passed, seconds) * rate)
    if not socket:is_closing() and due > sent then socket:write(DELTA:rep(due - sent)) end
    sent = math.max(sent, due)
    if not socket:is_closing() and passed < seconds then return end
    timer:close()
    if not socket:is_closing() then finish(socket) end
  end)
end

local function answer(socket, request)
  local rate, amount = request:match("^%u+ /(%d+)/(%d+)/")
  socket:write(HEAD .. START)
  if rate == "0" then
    socket:write(DELTA:rep(tonumber(amount)))
    return finish(socket)
  end
  pace(socket, tonumber(rate), tonumber(amount))
end

local function is_whole(request)
  local head_end = select(2, request:find("\r\n\r\n", 1, true))
  local length = head_end and tonumber(request:lower():match("\r\ncontent%-length:%s*(%d+)")) or 0
  return head_end and #request >= head_end + length
end

local function serve(listener)
  local socket, request = uv.new_tcp(), ""
  listener:accept(socket)
  socket:nodelay(true)
  socket:read_start(function(_, bytes)
    if not bytes then return socket:is_closing() or socket:close() end
    request = request .. bytes
    if is_whole(request) then answer(socket, request) end
  end)
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(256, function() serve(listener) end))
print(("%d %d"):format(listener:getsockname().port, uv.os_getpid()))
io.stdout:flush()

local parent, watch = uv.os_getppid(), uv.new_timer()
watch:start(1000, 1000, function()
  if uv.os_getppid() ~= parent then os.exit(0) end
end)
uv.run()
