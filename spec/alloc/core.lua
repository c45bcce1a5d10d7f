--- The bindings of the core while memory fails (spec/alloc/attempt.lua): each function works
--- with claude.core and checks what it gets.
local core = require("claude.core")

local function equal(expected, value, message)
  if expected ~= value then
    error(
      tostring(message or ("expected " .. tostring(expected) .. ", got " .. tostring(value))),
      0
    )
  end
end

local frames = table.concat({
  'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",',
  '"role":"assistant","model":"x","content":[],"stop_reason":null,"usage":{}}}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":',
  '{"type":"thinking","thinking":"","signature":""}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":',
  '{"type":"thinking_delta","thinking":"caf\\u00e9\\n"}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":',
  '{"type":"signature_delta","signature":"c2ln"}}\n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n',
  'event: content_block_start\ndata: {"type":"content_block_start","index":1,"content_block":',
  '{"type":"tool_use","id":"t","name":"n","input":{}}}\n\n',
  'event: content_block_delta\ndata: {"type":"content_block_delta","index":1,"delta":',
  '{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}}\n\n',
  'event: content_block_stop\ndata: {"type":"content_block_stop","index":1}\n\n',
  'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},',
  '"usage":{"output_tokens":9}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
})

local M = {}

function M.encode()
  local value = {
    b = { 1, 2.5, "text\n\1", core.null, core.raw("[ 1 ]") },
    a = core.object({ { "z", true }, { "y", core.array() } }),
    ["a key"] = { properties = { x = {}, y = {} }, required = { "y" } },
  }
  local expected = '{"a":{"z":true,"y":[]},"a key":{"properties":{"x":{},"y":{}},"required":["y"]},'
    .. '"b":[1,2.5,"text\\n\\u0001",null,[ 1 ]]}'
  equal(expected, (core.encode(value)))
end

function M.encode_for_a_transcript()
  local transcript, text = core.transcript(), ("a text\n"):rep(100)
  for _ = 1, 2 do
    local block = core.encode({ content = text, type = "tool_result" })
    assert(transcript:append({ '{"content":[', block, '],"role":"user"}' }))
  end
  equal(text, core.decode(transcript:get(2)).content[1].content)
end

function M.encode_failure()
  local _, message, path = core.encode({ list = { {}, { ["odd key"] = print } } })
  equal('list[2]["odd key"]: a function cannot be written as JSON', message)
  equal('list[2]["odd key"]', path)
end

function M.encode_many_keys()
  local value = {}
  for i = 1, 100 do
    value["key" .. i] = i
  end
  equal(100, select(2, core.encode(value):gsub(":", "")))
end

function M.decode_ordered()
  local text = '{"b":[1,{"\\u00e9\\n":null}],"a":{},"c":[]}'
  local value = core.decode_ordered(text)
  equal('{"b":[1,{"é\\n":null}],"a":{},"c":[]}', (core.encode(value)))
end

function M.split()
  equal("[1, 2]", core.split('{"\\u00e9a":[1, 2],"b":{}}')["éa"])
  equal('"\\u00e9"', core.split('[1,"\\u00e9"]')[2])
end

function M.decode()
  local value = core.decode('{"a":[1,"\\u00e9\\n",null,12345678901234567890],"b":{},"c":[]}')
  equal("é\n", value.a[2])
  equal(core.null, value.a[3])
  equal("12345678901234567890", tostring(value.a[4]))
  equal("{}", core.encode(value.b))
end

function M.decode_failure()
  local _, message, position = core.decode('["a\\n",')
  equal("invalid JSON: the text ends too early at byte 8", message)
  equal(8, position)
end

function M.decode_partial()
  equal('{"a":[1,"x",{}]}', core.encode(core.decode_partial('{"a":[1,"x",{"b')))
end

function M.scrub()
  local text, count = core.utf8_scrub(("x"):rep(100) .. "\255\192")
  equal(("x"):rep(100) .. "\239\191\189\239\191\189", text)
  equal(2, count)
end

function M.transcript()
  local transcript = core.transcript()
  for i = 1, 9 do
    equal(true, transcript:append('{"role":"user","content":"' .. i .. '"}'))
  end
  local fork = transcript:fork()
  equal('{"role":"user","content":"9"}', transcript:pop())
  equal(9, fork:count())
  local body = core.body({ "[", transcript, core.segment("]") })
  equal(8 * 29 + 9, body:length())
  equal(body:length(), #body:tostring())
  equal(64, #body:sha256())
end

function M.marks()
  local transcript = core.transcript()
  transcript:append('{"role":"user","content":"a"}')
  transcript:append('{"role":"user","content":[{"b":1}]}')
  local body = core.body({ transcript }, {
    { message = 1, block = 1, control = "{}" },
    { message = 2, block = 1, control = "[]" },
  })
  local text = '[{"text":"a","type":"text","cache_control":{}}]'
  local list = '[{"b":1,"cache_control":[]}]'
  local form = '{"role":"user","content":%s},{"role":"user","content":%s}'
  equal(form:format(text, list), body:tostring())
  equal(text, core.mark('"a"', 1, "{}"))
  equal(1, transcript:block_count(2))
end

function M.event_stream()
  local stream = core.sse()
  equal(true, stream:feed("event: a\ndata: " .. ("x"):rep(200) .. "\255\n\ndata: y\nda"))
  local name, data = stream:next()
  equal("a", name)
  equal(("x"):rep(200) .. "\239\191\189", data)
  equal(nil, (stream:next()))
  equal(true, stream:feed("ta: z\n\n"))
  equal("y\nz", select(2, stream:next()))
end

function M.plain_message()
  local response = core.response()
  response:feed_header("content-type: application/json")
  response:feed('{"type":"message","content":[{"type":"text","text":"\\ud83d"}],"stop_reason":"x"}')
  response:finish()
  local said = {}
  for kind, text in response.next, response do
    said[#said + 1] = kind .. "=" .. (text or "")
    equal("{", response:event():sub(1, 1))
  end
  equal(
    "message_start= block_start=text text=\239\191\189 block_stop=text message_delta= "
      .. "message_stop=",
    table.concat(said, " ")
  )
  equal('{"content":[{"type":"text","text":"\\ufffd"}],"role":"assistant"}', (response:seal()))
  equal("lone_surrogate", response:block(1).flaw)
end

local LONG = ("x"):rep(60) -- no string that Lua knows already
local START =
  'event: message_start\ndata: {"type":"message_start","message":{"type":"message"}}\n\n'
local BLOCK = "event: content_block_start\n"
  .. 'data: {"type":"content_block_start","index":0,"content_block":{"type":"text"}}\n\n'
local DELTA = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
  .. '"delta":{"type":"text_delta","text":"%s"}}\n\n'

-- What could not be handed out is what comes next.
M.joined_deltas = {
  prepare = function()
    local response = core.response()
    response:feed(START .. BLOCK .. DELTA:format(LONG) .. DELTA:format(LONG .. "y"))
    return { response = response, count = 0, "", "", "" }
  end,
  act = function(state)
    local kind, text = state.response:next_joined()
    while kind do
      if kind == "text" then
        state.count = state.count + 1
        state[state.count] = text
      end
      kind, text = state.response:next_joined()
    end
    equal(LONG .. LONG .. "y", table.concat(state))
    return true
  end,
  -- A response for which the core had no memory has failed for good.
  again = function(state)
    local joined = M.joined_deltas
    return joined.act(state.response:failure() and joined.prepare() or state)
  end,
}

function M.api_error()
  local response = core.response()
  response:feed_header("HTTP/1.1 429 Slow down")
  response:feed('{"type":"error","error":{"type":"rate_limit_error","message":"slow\\n"}}')
  response:finish()
  local failure = response:failure()
  equal("rate_limit_error", failure.type)
  equal("slow\n", failure.message)
end

function M.http1()
  local response = core.response()
  local decoder = core.http1(response)
  local head = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    .. "X-Folded: "
    .. ("x"):rep(100)
    .. "\r\n "
    .. ("y"):rep(100)
    .. "\r\nTransfer-Encoding: chunked\r\n\r\n"
  local bytes = ("%s%x;%s\r\n%s\r\n0\r\nTrailer: x\r\n\r\n"):format(
    head,
    #frames,
    ("e"):rep(100),
    frames
  )
  for at = 1, #bytes, 30 do
    equal(true, decoder:feed(bytes:sub(at, at + 29)))
  end
  equal(true, decoder:done())
  equal(true, decoder:keeps_alive())
  equal(0, decoder:wants())
  equal(true, decoder:finish())
  equal(("x"):rep(100) .. " " .. ("y"):rep(100), response:header("x-folded"))
  while response:next() do
  end
  equal(true, response:complete())
end

function M.http1_failure()
  local response = core.response()
  local decoder = core.http1(response)
  equal("line", decoder:wants())
  local _, problem = decoder:feed("HTTP/1.1 200 OK\r\nX-Odd: \0\r\n\r\n")
  equal("the header X-Odd holds a control character", problem)
  equal(problem, response:failure().message)
  decoder = core.http1(core.response())
  equal("before the status line: timeout", select(2, decoder:finish("timeout")))
end

function M.body_in_pieces()
  local body = core.body({ ("a"):rep(9000), core.segment(("b"):rep(9000)), "c" })
  equal(("a"):rep(4000), body:read(1, 4000))
  equal(("a"):rep(8000) .. ("b"):rep(2000), body:read(1000, 10000))
  equal(8001, #body:read(10000))
end

function M.body_of_a_file()
  local path = os.tmpname()
  local out = assert(io.open(path, "wb"))
  out:write(("f"):rep(20000))
  out:close()
  local opened, file, text = pcall(core.open_file, path)
  os.remove(path)
  if not (opened and file) then error(opened and text or file, 0) end
  local body = core.body({ "<", file, ">" })
  equal("<ff", body:read(0, 3))
  equal(20002, #body:tostring())
  equal(64, #body:sha256())
  file:close()
end

function M.file_sink()
  local path = os.tmpname()
  os.remove(path)
  local sink = assert(core.file_sink(path))
  equal(true, sink:write("abc"))
  sink:discard()
  equal(nil, (io.open(path)))
end

function M.tree()
  local path = os.tmpname()
  os.remove(path)
  local tree = assert(core.tree(path))
  local made, text, code = tree:create("a/b.txt", "abc")
  if not made and code ~= "exists" then error(text, 0) end
  equal("abc", assert(tree:read("a/b.txt", 10)))
  equal("b.txt", assert(tree:list("a"))[1])
  equal("file", (tree:look("a/b.txt")))
  equal(true, tree:remove("a"))
  os.remove(path)
end

function M.journal()
  local path = os.tmpname()
  os.remove(path)
  local file = assert(core.journal_file(path))
  local first = core.journal_first("saltsalt")
  local head = core.journal_head("saltsalt", #first, 0, 1, "payload", 0)
  equal(true, file:append(first .. head .. "payload"))
  local records, info = core.journal_read(file:read())
  equal("payload", records[1].payload)
  equal(#first + #head + 7, info.kept)
  file:close()
  os.remove(path)
end

function M.base64() equal(("YWJj"):rep(3000), core.base64(("abc"):rep(3000))) end

function M.response()
  local response = core.response()
  equal(true, response:feed_header("HTTP/1.1 200 OK"))
  equal(true, response:feed_header("content-type: text/event-stream"))
  equal("text/event-stream", response:headers()["content-type"])
  equal(true, response:feed(frames))
  response:finish()
  local said = {}
  repeat
    local kind, text = response:next()
    if kind then said[#said + 1] = kind .. "=" .. (text or "") end
  until not kind
  equal(
    "message_start= block_start=thinking thinking=café\n signature=c2ln block_stop=thinking "
      .. 'block_start=tool_use input_json={"a":1} block_stop=tool_use message_delta= message_stop=',
    table.concat(said, " ")
  )
  equal(true, response:complete())
  equal('{"a":1}', response:tool_input_raw(2))
  equal(2, response:block_count())
  equal("thinking", response:block(1).type)
  equal(true, #response:seal() > 100)
  equal(true, #response:message_json() > 100)
  equal(9, core.decode(response:head_json()).usage.output_tokens)
end

return M
