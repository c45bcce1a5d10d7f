--- What the worker of spec/bench/clients/nginx.lua does: it reads streams one after the other, in
--- one of its ways, and says what CPU time of its own that took.
local ngx = rawget(_G, "ngx")

local M = {}

local BODY = '{"model":"claude-sonnet-4-6","max_tokens":16000,"stream":true,'
  .. '"messages":[{"role":"user","content":"Go on"}]}'
local REQUEST = "POST %s/v1/messages HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
  .. "x-api-key: bench\r\nContent-Length: %d\r\n\r\n%s"
local PIECE = 65536 -- as the library asks for
local END = "0\r\n\r\n"

-- Asks, and hands each piece that comes, as it comes, to `take`.
local function each_piece(url, take)
  local port, path = url:match("^http://127%.0%.0%.1:(%d+)(.*)$")
  local socket = ngx.socket.tcp()
  assert(socket:connect("127.0.0.1", tonumber(port)))
  socket:settimeout(60000)
  assert(socket:send(REQUEST:format(path, #BODY, BODY)))
  local tail = ""
  repeat
    local piece = assert(socket:receiveany(PIECE))
    take(piece)
    -- The end may come in two pieces.
    tail = #piece < #END and (tail .. piece):sub(-#END) or piece:sub(-#END)
  until tail == END
  socket:setkeepalive(60000, 1)
end

local ways = {}

function ways.claude(url, requests)
  local client = require("claude").new({ api_key = "bench", base_url = url })
  local counts = require("spec.bench.clients.counts")
  for _ = 1, requests do
    counts.read(client.messages:stream({
      model = "claude-sonnet-4-6",
      max_tokens = 16000,
      messages = { { role = "user", content = "Go on" } },
    }))
  end
  return counts.report()
end

function ways.discard(url, requests)
  local received = 0
  for _ = 1, requests do
    each_piece(url, function(piece) received = received + #piece end)
  end
  return ('"received":%d'):format(received)
end

function ways.floor(url, requests)
  local reader = require("spec.bench.clients.cut").reader
  local without_chunks = require("spec.bench.clients.chunks").without
  local spelled = 0
  local function take(text) spelled = spelled + #text end
  for _ = 1, requests do
    each_piece(url, without_chunks(reader(take)))
  end
  return ('"spelled":%d'):format(spelled)
end

function ways.decoded(url, requests)
  local core = require("claude.core")
  local without_chunks = require("spec.bench.clients.chunks").without
  local input = 0
  for _ = 1, requests do
    local response = core.response()
    response:feed_header("HTTP/1.1 200 OK")
    response:feed_header("Content-Type: text/event-stream")
    each_piece(
      url,
      without_chunks(function(piece)
        response:feed(piece)
        response:pass()
      end)
    )
    response:finish()
    assert(response:complete(), "the message is not whole")
    input = input + #response:tool_input_raw(3)
  end
  return ('"input_json":%d'):format(input)
end

function ways.cjson(url, requests)
  local reply = require("spec.bench.clients.cjson_reply")
  local without_chunks = require("spec.bench.clients.chunks").without
  for _ = 1, requests do
    local state = {}
    each_piece(url, without_chunks(reply.reader(state)))
    assert(state.done, "the stream ended early")
  end
  return reply.report()
end

--- Reads so many streams in that way, and says what came and the CPU seconds, as JSON.
---@param way "claude"|"discard"|"floor"|"decoded"|"cjson"
---@param url string
---@param requests integer
function M.run(way, url, requests)
  local clock = os.clock()
  local report = ways[way](url, requests)
  ngx.say(('{%s,"cpu":%.6f}'):format(report, os.clock() - clock))
end

return M
