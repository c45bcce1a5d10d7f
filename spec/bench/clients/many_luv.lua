--- Many streams at once in one loop of luv, with lua-cjson (cjson_reply.lua): HTTP is written and
--- read by hand, as far as the server's replies ask for.
---
---     lua many_luv.lua URL STREAMS
---
--- Prints as JSON the bytes of each kind of text, how much memory each stream added
--- (`kb_per_stream`), and, where texts have stamps, how long they took.
local chunks = require("spec.bench.clients.chunks")
local memory = require("spec.bench.clients.memory")
local reply = require("spec.bench.clients.cjson_reply")
local stamps = require("spec.bench.clients.stamps")
local uv = require("luv")

local BODY = '{"model":"claude-sonnet-4-6","max_tokens":16000,"stream":true,'
  .. '"messages":[{"role":"user","content":"Go on"}]}'
local REQUEST = "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
  .. "x-api-key: bench\r\nContent-Length: %d\r\n\r\n%s"

local port, path = arg[1]:match("^http://127%.0%.0%.1:(%d+)(/.*)$")
local streams = tonumber(arg[2])

reply.on_text = function(text) stamps.note(text, uv.hrtime()) end

local open = 0

local function ask()
  local socket, state = uv.new_tcp(), {}
  local take = chunks.without(reply.reader(state))
  open = open + 1
  socket:connect("127.0.0.1", tonumber(port), function(problem)
    assert(not problem, problem)
    socket:nodelay(true)
    socket:read_start(function(_, bytes)
      if bytes then take(bytes) end
      if bytes and not state.done then return end
      assert(state.done, "the stream ended early")
      open = open - 1
      socket:close()
    end)
    socket:write(REQUEST:format(path, #BODY, BODY))
  end)
end

local before = memory.now()
for _ = 1, streams do
  ask()
end
uv.run()
assert(open == 0)
local each = (memory.of("VmHWM") - before) / math.max(streams, 1)
print(('{%s,"kb_per_stream":%.2f%s}'):format(reply.report(), each, stamps.report()))
