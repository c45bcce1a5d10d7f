local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking
local s = require("spec.support.stream")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local HELLO = s.reply({
  {
    '{"type":"text","text":""}',
    '{"type":"text_delta","text":"Hel"}',
    '{"type":"text_delta","text":"lo"}',
  },
})

local function with_headers(lines)
  local response = core.response()
  for _, line in ipairs(lines) do
    assert(response:feed_header(line))
  end
  return response
end

local function plain(status, content_type, body)
  local response = with_headers({ "HTTP/1.1 " .. status, "Content-Type: " .. content_type })
  response:feed(body)
  response:finish()
  return response
end

describe("core.response, the status line and headers", function()
  local function has_head(lines) return (select(3, with_headers(lines):progress())) end

  it("have ended with the empty line, unless it was an interim answer's", function()
    assert.is_false(has_head({ "HTTP/1.1 200 OK", "A: b" }))
    assert.is_true(has_head({ "HTTP/1.1 200 OK", "A: b", "" }))
    assert.is_false(has_head({ "HTTP/1.1 103 Early Hints", "" }))
    assert.is_true(has_head({ "HTTP/1.1 103 Early Hints", "", "HTTP/1.1 200 OK", "\r\n" }))
  end)

  it("cannot switch protocols", function()
    local response = core.response()
    assert.is_nil((response:feed_header("HTTP/1.1 101 Switching Protocols")))
    assert.equal("protocol", response:failure().kind)
  end)

  it("of an interim answer only are no error status", function()
    local response = with_headers({ "HTTP/1.1 103 Early Hints", "" })
    response:finish("reset")
    assert.equal("network", response:failure().kind)
  end)

  it("count a body that is no stream by the KiB", function()
    local response = with_headers({ "HTTP/1.1 200 OK", "Content-Type: application/json", "" })
    response:feed(("x"):rep(1000))
    assert.equal(0, (response:progress()))
    response:feed(("x"):rep(1100))
    assert.equal(2, (response:progress()))
  end)

  for _, line in ipairs({
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200",
    "HTTP/2 200 \r\n",
    "HTTP/3 200 Fine\n",
  }) do
    it(
      "reads the status of " .. line:gsub("%s+$", ""),
      function() assert.equal(200, with_headers({ line }):status()) end
    )
  end

  it("has no status before the status line", function() assert.is_nil(core.response():status()) end)

  it("refuses a status line without a status, now and from then on", function()
    local response = core.response()
    assert.is_nil((response:feed_header("HTTP/1.1 OK")))
    local ok, text = response:feed_header("HTTP/1.1 200 OK")
    assert.is_nil(ok)
    assert.matches("status line", text)
    assert.equal("protocol", response:failure().kind)
  end)

  it("finds headers whatever their case, trimmed", function()
    local response = with_headers({ "HTTP/1.1 200", "Request-ID:  req_1 \r\n" })
    assert.equal("req_1", response:header("request-id"))
    assert.equal("req_1", response:header("REQUEST-ID"))
    assert.is_nil(response:header("request"))
  end)

  it("lists headers by lower-case name, joining those of one name", function()
    local response =
      with_headers({ "HTTP/1.1 200", "A: 1", "B:", "a: 2", "c: x", "\tfolded", "no colon" })
    assert.same({ a = "1, 2", b = "", c = "x folded" }, response:headers())
    assert.same(response:headers(), core.headers(response:header_lines()))
  end)

  it("forgets the block before when another begins, as after 100 Continue", function()
    local response =
      with_headers({ "HTTP/1.1 100 Continue", "a: 1", "", "HTTP/1.1 201", "b: 2", "" })
    assert.equal(201, response:status())
    assert.same({ b = "2" }, response:headers())
  end)

  it("refuses a line that holds another", function()
    local response = with_headers({ "HTTP/1.1 200" })
    assert.is_nil((response:feed_header("a: 1\nb")))
    assert.same({}, response:headers())
  end)

  it(
    "lists what HTTP/2 has in front",
    function()
      assert.same({ [":status"] = "200" }, with_headers({ "HTTP/2 200", ":Status: 200" }):headers())
    end
  )

  it("ignores trailers", function()
    local response = with_headers({ "HTTP/1.1 200", "content-type: text/event-stream" })
    response:feed(": x\n")
    assert(response:feed_header("late: 1"))
    assert.is_nil(response:header("late"))
  end)

  it("refuses more header bytes than the limit", function()
    local response = core.response({ max_header_bytes = 29 })
    assert(response:feed_header("HTTP/1.1 200 OK"))
    local ok, text = response:feed_header("a: 0123456789ab")
    assert.is_nil(ok)
    assert.matches("max_header_bytes", text)
  end)

  it("refuses limits that are no sizes", function()
    assert.has_error(function() core.response({ max_body_bytes = -1 }) end)
    assert.has_error(function() core.response({ max_event_bytes = "x" }) end)
    assert.has_error(function() core.response(5) end)
  end)
end)

describe("core.response, an event stream", function()
  it("tells each event, however the bytes are cut", function()
    local expected = {
      "message_start - -",
      "block_start 0 text",
      "text 0 Hel",
      "text 0 lo",
      "block_stop 0 text",
      "message_delta - -",
      "message_stop - -",
    }
    each_chunking(s.stream(HELLO), function(chunks, how)
      local response, lines, why = s.read(chunks)
      assert.same(expected, lines, how)
      assert.equal("end", why)
      assert.is_nil(response:failure())
      assert.is_true(response:complete())
      assert.equal("end_turn", response:stop_reason())
    end)
  end)

  it("gives the frame of the event told last, as it came", function()
    local response = core.response()
    assert.is_nil(response:event())
    response:feed(s.frame('{"type":"ping" }') .. s.frame('{ "type":"news","a":[1]}'))
    response:next()
    assert.equal('{"type":"ping" }', response:event())
    assert.same({ "unknown", '{ "type":"news","a":[1]}' }, { response:next() })
    assert.equal('{ "type":"news","a":[1]}', response:event())
  end)

  -- The first delta of a block is never read ahead.
  local function second_delta(block, first, second)
    local response = core.response()
    response:feed(s.stream({ s.START, s.block_start(0, block), s.delta(0, first) }))
    response:feed(s.stream({ s.delta(0, second), s.delta(0, second) }))
    for _ = 1, 4 do
      assert(response:next())
    end
    return response
  end

  it(
    "gives a delta that says only what all do as the table that its frame is decoded to",
    function()
      local blocks = {
        text_delta = { "text", '{"type":"text","text":""}' },
        thinking_delta = { "thinking", '{"type":"thinking","thinking":"","signature":""}' },
        input_json_delta = { "partial_json", '{"type":"tool_use","id":"t","name":"n","input":{}}' },
      }
      for name, block in pairs(blocks) do
        for _, text in ipairs({ "", "plain", [[\n\"\u00e9 \ud83d\ude00]], ("long "):rep(50) }) do
          local delta = ('{"type":"%s","%s":"%s"}'):format(name, block[1], text)
          local response = second_delta(block[2], delta:gsub(':"[^"]*"}$', ':"["}'), delta)
          local event = response:delta_event()
          assert.equal("content_block_delta", event and event.type)
          assert.same(core.decode(response:event()), event)
        end
      end
    end
  )

  it("gives no table for what says more, or half a character", function()
    local block, first = '{"type":"text","text":""}', '{"type":"text_delta","text":"a"}'
    for _, delta in ipairs({
      [[{"type":"text_delta","text":"\ud83d"}]],
      [[{"type":"text_delta","text":"b","more":1}]],
      [[{"type":"text_delta", "text":"b"}]],
    }) do
      local response = second_delta(block, first, delta)
      assert.is_nil(response:delta_event())
      assert.equal("content_block_delta", core.decode(response:event()).type)
    end
    assert.is_nil(core.response():delta_event())
  end)

  it("tells the event no longer once next has found nothing more", function()
    local block = '{"type":"text","text":"","more":"' .. ("long "):rep(80000) .. '"}'
    local delta = '{"type":"text_delta","text":"' .. ("more "):rep(80000) .. '"}'
    for _, last in ipairs({ s.block_start(1, block), s.delta(0, delta) }) do
      local response = second_delta('{"type":"text","text":""}', delta, delta)
      response:feed(s.stream({ last }))
      local kind, why
      repeat
        kind, why = response:next()
      until not kind
      assert.equal("more", why)
      assert.is_nil(response:event())
      response:feed(s.stream({ s.delta(0, delta) }))
      assert.is_nil(response:delta_event())
      assert.is_nil(response:event())
    end
  end)

  it("tells no event for half a character, nor the one that was refused behind it", function()
    local response = core.response()
    response:feed(s.stream({
      s.START,
      s.block_start(0, '{"type":"text","text":""}'),
      s.delta(0, [[{"type":"text_delta","text":"a\ud83d"}]]),
      s.delta(7, '{"type":"text_delta","text":"to no block"}'),
    }))
    local kind, text
    repeat
      kind, text = response:next()
    until text == "\239\191\189"
    assert.equal("text", kind)
    assert.is_nil(response:event())
    assert.same({ nil, "error" }, { response:next() })
  end)

  local function open(events)
    local response = core.response()
    response:feed(s.stream(events))
    response:open_short_cut(true)
    return response
  end

  it("has a short cut for what is inside a message", function()
    local response = open(HELLO)
    assert.equal(0, select("#", response:next_plain()))
    assert.equal("message_start", (response:next()))
    assert.same({ "block_start", "text", 0 }, { response:next_plain() })
    response:open_short_cut(false)
    assert.equal(0, select("#", response:next_plain()))
    response:open_short_cut(true)
    assert.same({ "text", "Hel", 0 }, { response:next_plain() })
    assert.same({ "text", "lo", 0 }, { response:next_plain() })
    assert.same({ "block_stop", "text", 0 }, { response:next_plain() })
    assert.matches('"content_block_stop"', response:event(), 1, true)
    assert.same({ "message_delta" }, { response:next_plain() })
    assert.equal(0, select("#", response:next_plain()))
    assert.equal("message_stop", (response:next()))
  end)

  it("has none for pings, nor for what this library does not know", function()
    local response = open({ s.START, '{"type":"ping"}', '{"type":"news"}' })
    response:next()
    for _, kind in ipairs({ "ping", "unknown" }) do
      assert.equal(0, select("#", response:next_plain()))
      assert.equal(kind, (response:next()))
    end
  end)

  it("has none for the end of thinking without text", function()
    local signed = '{"type":"signature_delta","signature":"U0lH"}'
    local says = '{"type":"thinking_delta","thinking":"hm"}'
    local nothing = '{"type":"thinking_delta","thinking":""}'
    local empty, at_once =
      '{"type":"thinking","thinking":""}', '{"type":"thinking","thinking":"Hm"}'
    local response = open(s.reply({
      { empty, says, signed },
      { empty, nothing, signed },
      { at_once },
      { '{"type":"redacted_thinking","data":"x"}' },
      { empty, signed },
    }))
    response:next()
    local plain_ends = {}
    while true do
      local kind, _, index = response:next_plain()
      if kind == "block_stop" then plain_ends[index] = true end
      if kind == "message_delta" then break end
      if not kind then
        kind, _, index = response:next()
        assert.equal("block_stop", kind)
        assert.is_true(response:block_is_silent(index))
      end
    end
    assert.same({ [0] = true, [2] = true, [3] = true }, plain_ends)
    for index, is_silent in pairs({ [0] = false, true, false, false, true, false }) do
      assert.equal(is_silent, response:block_is_silent(index))
    end
    assert.is_false(response:block_is_silent(-1))
    assert.is_false(response:block_is_silent(1e300))
  end)

  -- Of 70 deltas in one block, which all begin with their numbers, and a ping behind them.
  local function many_deltas()
    local deltas, response = {}, core.response()
    for i = 1, 70 do
      deltas[i] = ('{"type":"text_delta","text":"%d"}'):format(i)
    end
    local events = s.reply({ { '{"type":"text","text":""}', unpack(deltas) } })
    table.insert(events, 2 + 70 + 1, '{"type":"ping"}')
    response:feed(s.stream(events))
    response:next()
    response:next()
    response:open_short_cut(true)
    return response
  end

  -- How many there are, and what is said instead of one more.
  local function take_all(take)
    local count = 0
    while true do
      local said = { take() }
      if not said[1] then return count, said end
      count = count + 1
      assert.same({ "text", tostring(tonumber(said[2])), 0 }, said)
    end
  end

  it("lets its reader look up after 63 pieces", function()
    local response = many_deltas()
    local function take() return response:next_plain() end
    local count, instead = take_all(take)
    assert.same({ 63, { nil, "look" } }, { count, instead })
    assert.same({ "text", "64", 0 }, { response:next_plain() })
    count, instead = take_all(take)
    assert.same({ 6, {} }, { count, instead })
    assert.equal("ping", (response:next()))
  end)

  it("goes on counting them behind whatever next says", function()
    local response = many_deltas()
    for i = 1, 62 do
      assert.equal(tostring(i), select(2, response:next_plain()))
    end
    assert.same({ "text", "63", 0 }, { response:next() })
    local function take() return response:next_plain() end
    assert.same({ 1, { nil, "look" } }, { take_all(take) })
    assert.same({ 6, {} }, { take_all(take) })
  end)

  it("has a reader for loops, which says no more than that", function()
    local response = many_deltas()
    local read = response:plain_reader()
    assert.same({ 63, {} }, { take_all(read) })
    assert.same({ nil, "look" }, { response:next_plain() })
    response:open_short_cut(false)
    assert.equal(0, select("#", read()))
    response:open_short_cut(true)
    assert.same({ 7, {} }, { take_all(read) })
    assert.equal("ping", (response:next()))
  end)

  it("is kept by its reader for loops", function()
    local read = many_deltas():plain_reader()
    collectgarbage()
    collectgarbage()
    assert.same({ 63, {} }, { take_all(read) })
  end)

  it("keeps the body of a whole message as it came, blanks around it too", function()
    local message = '{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],'
      .. '"stop_reason":"end_turn"}'
    for _, around in ipairs({ { "", "" }, { "", " \n" }, { "\n ", "" }, { " ", "\n" } }) do
      local response = core.response()
      response:feed_header("HTTP/1.1 200 OK")
      response:feed_header("content-type: application/json")
      local body = around[1] .. message .. around[2]
      response:feed(body)
      response:finish()
      assert.equal(body, response:body())
      assert.equal(message, response:message_json())
      assert.equal('{"type":"text","text":"Hi"}', response:block_raw(1))
      assert.is_false(response:pass())
      assert.same({ nil, "end" }, { response:next() })
      assert.equal(body, response:body())
    end
  end)

  it("reads past everything for who wants the message only", function()
    local response = core.response()
    response:feed(s.stream(HELLO))
    assert.is_false(response:pass())
    assert.same({ nil, "end" }, { response:next() })
    assert.equal("Hello", core.decode(response:message_json()).content[1].text)
  end)

  it("stops behind the first delta that says something, if asked to", function()
    local empty = '{"type":"text_delta","text":""}'
    local says = '{"type":"text_delta","text":"Hi"}'
    local citation = '{"type":"citations_delta","citation":{"n":1}}'
    local block = { '{"type":"text","text":"","citations":[]}', empty, citation, says }
    local response = core.response()
    response:feed(s.stream(s.reply({ block })))
    assert.is_true(response:pass(true))
    assert.same({ "block_stop", "text", 0 }, { response:next() })
    assert.is_false(response:pass(true))
    assert.same({ nil, "end" }, { response:next() })
  end)

  it("tells of a signature as of what says something", function()
    local signed = '{"type":"signature_delta","signature":"U0lH"}'
    local response = core.response()
    response:feed(s.stream(s.reply({ { '{"type":"thinking","thinking":""}', signed } })))
    assert.is_true(response:pass(true))
    assert.is_false(response:pass(true))
    assert.same({ "block_stop", "thinking", 0 }, { response:next() })
  end)

  it("stops before the end of a thinking block that said nothing", function()
    local silent = { '{"type":"thinking","thinking":"","signature":""}' }
    local text = { '{"type":"text","text":""}', '{"type":"text_delta","text":"Hi"}' }
    local response = core.response()
    response:feed(s.stream(s.reply({ silent, text })))
    assert.is_false(response:pass())
    assert.same({ "block_stop", "thinking", 0 }, { response:next() })
    assert.is_false(response:pass())
    assert.same({ nil, "end" }, { response:next() })
  end)

  it("reads past a thinking block that says something only later", function()
    local says = '{"type":"thinking_delta","thinking":"hm"}'
    local block = { '{"type":"thinking","thinking":"","signature":""}', says }
    local bytes = s.stream(s.reply({ block }))
    local cut = bytes:find(says, 1, true) - 1
    local response = core.response()
    response:feed(bytes:sub(1, cut))
    assert.is_false(response:pass())
    assert.same({ nil, "more" }, { response:next() })
    response:feed(bytes:sub(cut + 1))
    assert.is_false(response:pass())
    assert.same({ nil, "end" }, { response:next() })
  end)

  it("asks for more until it is finished", function()
    local response = core.response()
    assert.same({ nil, "more" }, { response:next() })
    response:feed(s.frame(s.START))
    assert.equal("message_start", (response:next()))
    assert.same({ nil, "more" }, { response:next() })
    assert.is_false(response:finished())
    response:finish()
    assert.is_true(response:finished())
    assert.same({ nil, "error" }, { response:next() })
    assert.equal("incomplete", response:failure().kind)
  end)

  it("is over at message_stop: what comes behind is not read", function()
    local response, lines, why = s.read(
      s.stream(HELLO)
        .. s.frame('{"type":"error","error":{}}')
        .. s.frame(s.START)
        .. "data: {{{\n\n"
    )
    assert.equal("message_stop - -", lines[#lines])
    assert.equal("end", why)
    assert.is_nil(response:failure())
  end)

  it("is the first of several, where the SDK fails", function()
    local response, _, why = s.read(s.stream(HELLO) .. s.stream(HELLO))
    assert.equal("end", why)
    assert.is_true(response:complete())
    local alone = s.read(s.stream(HELLO))
    assert.equal(alone:message_json(), response:message_json())
  end)

  it("is over at message_stop before the connection is", function()
    local response = core.response()
    response:feed(s.stream(HELLO))
    local _, why = s.drain(response)
    assert.equal("end", why)
    assert.equal(0, response:unread())
  end)

  it("counts what was fed and not yet read", function()
    local response = core.response()
    local bytes = s.stream(HELLO)
    response:feed(bytes)
    assert.equal(#bytes, response:unread())
    response:next()
    assert.is_true(response:unread() < #bytes)
  end)

  it("skips frames without an event name, as the API's own clients do", function()
    local _, lines, why = s.read("data: " .. s.START .. "\n\ndata: [DONE]\n\n" .. s.stream(HELLO))
    assert.equal(7, #lines)
    assert.equal("end", why)
  end)

  it("says so when nothing but such frames came", function()
    local response = s.read("data: " .. s.START .. "\n\n")
    assert.equal("incomplete", response:failure().kind)
    assert.matches("1 frames had no event name", response:failure().message)
    response = s.read("data: " .. s.STOP .. "\n\ndata: {}\n\n")
    assert.matches("2 frames had no event name", response:failure().message)
  end)

  it("skips the end mark of other APIs, unless it is called as content is", function()
    local done = s.frame("[DONE]", "done")
    local _, named, why = s.read(s.stream(HELLO):gsub("event: message_stop", done .. "%0"))
    assert.equal(7, #named)
    assert.equal("end", why)
    local delta = s.frame("[DONE]", "content_block_delta")
    local response = s.read(s.stream(HELLO):gsub("event: message_stop", delta .. "%0"))
    assert.equal("protocol", response:failure().kind)
  end)

  it("tells an error in a frame without a name when nothing else ends the stream", function()
    local bytes = s.frame(s.START) .. 'data: {"error":{"message":"out of memory","code":500}}\n\n'
    local failure = s.read(bytes .. "data: [DONE]\n\n"):failure()
    assert.same({ "api", "out of memory" }, { failure.kind, failure.message })
    local response = s.read(bytes .. s.stream(HELLO):gsub("^.-\n\n", ""))
    assert.is_true(response:complete())
  end)
end)

describe("core.response, a stream whose server names no event", function()
  local function unnamed(events)
    return (s.stream(events):gsub("event: [%w_]+\n", "")) .. "data: [DONE]\n\n"
  end

  it("is read by the types in its frames, however the bytes are cut", function()
    local _, expected = s.read(s.stream(HELLO))
    each_chunking(unnamed(HELLO), function(chunks, how)
      local response, lines, why = s.read(chunks)
      assert.same(expected, lines, how)
      assert.equal("end", why)
      assert.is_true(response:complete())
    end)
  end)

  it("gives each frame as it came, also the two that were kept", function()
    local response = core.response()
    response:feed(unnamed(HELLO))
    for i = 1, 4 do
      response:next()
      assert.equal(HELLO[i], response:event())
    end
  end)

  it("is whole without message_stop, too", function()
    local bytes = unnamed(HELLO):gsub('data: {"type":"message_stop"}\n\n', "")
    local response, _, why = s.read(bytes)
    assert.equal("end", why)
    assert.is_true(response:complete())
  end)

  for what, data in pairs({
    ["of the API's form"] = '{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}',
    ["without its type"] = '{"error":{"message":"Busy"}}',
  }) do
    it("may end in an error " .. what, function()
      local bytes = unnamed({ HELLO[1], HELLO[2] }) .. "data: " .. data .. "\n\n"
      local response, lines = s.read(bytes)
      assert.equal(2, #lines)
      assert.same({ "api", "Busy" }, { response:failure().kind, response:failure().message })
    end)
  end

  it("may break between the two frames that show it", function()
    for _, count in ipairs({ 1, 2 }) do
      local response, lines, why = s.read(unnamed({ HELLO[1], count == 2 and HELLO[2] or nil }))
      assert.equal("error", why)
      assert.equal("incomplete", response:failure().kind)
      assert.equal(count == 2 and 2 or 0, #lines)
    end
  end)

  it("goes by the type in the data, not by the event's name", function()
    local bytes = s.stream(HELLO):gsub("event: [%w_]+", "event: x")
    local response = s.read(bytes)
    assert.is_true(response:complete())
  end)

  it("refuses an event whose type is not that of its name: one of the two was damaged", function()
    for _, case in ipairs({
      { '"type":"content_block_delta"', '"type":"content_block_delts"' },
      { "event: content_block_stop", "event: message_stop" },
    }) do
      local bytes = s.stream(HELLO)
      local at, last = bytes:find(case[1], 1, true)
      local response = s.read(bytes:sub(1, at - 1) .. case[2] .. bytes:sub(last + 1))
      assert.is_false(response:complete())
      local failure = response:failure()
      assert.same(
        { "protocol", "the event's type is not that of its name" },
        { failure.kind, failure.message }
      )
    end
  end)

  it("goes by the event's name where the data has no type", function()
    local bytes = s.stream(HELLO):gsub('"type":"(content_block_%a+)",', "")
    local _, expected = s.read(s.stream(HELLO))
    each_chunking(bytes:gsub('{"type":"message_stop"}', "{}"), function(chunks, how)
      local response, lines = s.read(chunks)
      assert.same(expected, lines, how)
      assert.is_true(response:complete())
    end)
  end)

  it("does not look into a ping", function()
    local _, lines = s.read("event: ping\ndata: what?\n\n" .. s.stream(HELLO))
    assert.equal("ping - -", lines[1])
  end)

  it("refuses an event over the limit, and tells what came before", function()
    local response = core.response({ max_event_bytes = 300 })
    response:feed(
      s.stream({ s.START, s.block_start(0, '{"type":"text","text":""}') })
        .. "event: x\ndata: "
        .. ("y"):rep(301)
    )
    local lines, why = s.drain(response)
    assert.equal(2, #lines)
    assert.equal("error", why)
    assert.same(
      { "protocol", "an event is larger than max_event_bytes" },
      { response:failure().kind, response:failure().message }
    )
  end)

  it("keeps no more unread bytes than the limit", function()
    local response = core.response({ max_body_bytes = 10 })
    assert(response:feed(": 2345678"))
    local ok, text = response:feed("90")
    assert.is_nil(ok)
    assert.matches("max_body_bytes", text)
  end)
end)

describe("core.response, deltas that are read as they come", function()
  it("reads deltas before a wrong one in no more time than others", function()
    local function delta(text)
      return s.frame(s.delta(0, ('{"type":"text_delta","text":"%s"}'):format(text)))
    end
    local response = with_headers({ "HTTP/1.1 200 OK", "Content-Type: text/event-stream", "" })
    local start = s.block_start(0, '{"type":"text","text":""}')
    response:feed(s.stream({ s.START, start }) .. delta("a"))
    s.drain(response)
    local before = os.clock()
    response:feed(delta("b"):rep(15000) .. delta("c\255") .. delta("d"):rep(10))
    assert.is_true(os.clock() - before < 1)
    local lines, why = s.drain(response)
    assert.same({ 15000, "error" }, { #lines, why })
  end)
end)

if core.deltas then
  describe("core.deltas", function()
    it("leaves a response that others have taken from the loop while it waited", function()
      local response = with_headers({ "HTTP/1.1 200 OK", "Content-Type: text/event-stream", "" })
      response:feed(s.stream({ s.START, s.block_start(0, '{"type":"text","text":""}') }))
      s.drain(response)
      response:open_short_cut(true)
      local steps, waits, loop = 0, 0, nil
      local exchange = {}
      function exchange.wait()
        waits = waits + 1
        if waits == 2 then return false end
        assert.equal("second", (select(2, loop())))
        response:feed(s.frame(s.delta(0, '{"type":"text_delta","text":"late"}')))
        return true
      end
      loop = core.deltas(function()
        steps = steps + 1
        if steps == 1 then return "text", "first", 0, response, exchange end
        return "text", steps == 2 and "second" or "third", 0
      end)
      assert.equal("first", (select(2, loop())))
      assert.equal("third", (select(2, loop())))
    end)
  end)
end

describe("core.response, how a stream may end", function()
  local function cut(events, failure) return s.read(s.stream(events), failure) end
  local function first(n)
    local events = {}
    for i = 1, n do
      events[i] = HELLO[i]
    end
    return events
  end

  it("is complete with a stop_reason and every block stopped, without message_stop", function()
    local response, _, why = cut(first(6))
    assert.is_true(response:complete())
    assert.is_nil(response:failure())
    assert.equal("end", why)
  end)

  it("stays complete, also with a frame that was cut off behind", function()
    local events = s.stream(first(6)) .. "event: message_stop\ndata: " .. ("x"):rep(100)
    local response, _, why = s.read({ events:sub(1, -50), events:sub(-49) })
    for _ = 1, 3 do
      assert.equal("end", why)
      why = select(2, response:next())
    end
    assert.is_nil(response:failure())
  end)

  it("is complete then whatever the transport says", function()
    local response = cut(first(6), "connection reset")
    assert.is_true(response:complete())
    assert.is_nil(response:failure())
  end)

  it("is incomplete without a stop_reason, and keeps what came", function()
    local response, lines, why = cut(first(5))
    assert.equal("error", why)
    assert.equal(5, #lines)
    assert.equal("incomplete", response:failure().kind)
    assert.matches('"text":"Hello"', response:message_json(), 1, true)
  end)

  it("is incomplete with a block that has not stopped", function()
    local events = first(4)
    events[5] = HELLO[6]
    assert.equal("incomplete", cut(events):failure().kind)
  end)

  it("is incomplete when only the start's own stop_reason says it is over", function()
    local start = s.START:gsub('"stop_reason":null', '"stop_reason":"end_turn"')
    assert.equal("incomplete", cut({ start }):failure().kind)
  end)

  it("names the transport's failure", function()
    local response = cut(first(3), "recv: connection reset by peer")
    assert.same(
      { "network", "recv: connection reset by peer" },
      { response:failure().kind, response:failure().message }
    )
  end)

  it("cuts a long failure of the transport between characters", function()
    local text = "x" .. ("\195\169"):rep(200)
    local told = cut(first(3), text):failure().message
    assert.equal(text:sub(1, #told), told)
    assert.is_true(core.utf8_valid(told))
    assert.is_true(#told > 100)
  end)

  it("reads what had arrived before it tells of the failure", function()
    local response = core.response()
    response:feed(s.stream(first(3)))
    response:finish("reset")
    local lines, why = s.drain(response)
    assert.equal(3, #lines)
    assert.equal("error", why)
  end)

  it(
    "is incomplete when nothing came",
    function() assert.matches("before a message began", s.read(""):failure().message) end
  )

  it("fails at once when there never was a status", function()
    local response = core.response()
    response:finish("could not connect")
    assert.equal("network", response:failure().kind)
    assert.same({ nil, "error" }, { response:next() })
  end)

  it("stays failed", function()
    local response = s.read(s.frame(s.START) .. s.frame(s.START))
    local ok, text = response:feed(s.stream(HELLO))
    assert.is_nil(ok)
    assert.matches("message_start came twice", text)
    assert.same({ nil, "error" }, { response:next() })
    assert.same({ nil, "error" }, { response:next() })
  end)

  it("takes a second finish as nothing new", function()
    local response = cut(HELLO)
    response:finish("too late")
    assert.is_nil(response:failure())
  end)
end)

describe("core.response, an error in the stream", function()
  local function failure_of(data, name)
    local response, lines, why = s.read(s.frame(s.START) .. s.frame(data, name or "error"))
    assert.equal("error", why)
    assert.equal(1, #lines)
    assert.is_false(response:complete())
    return response:failure(), response
  end

  it("has the type, message and request id that the API gave", function()
    local failure = failure_of(
      '{"type":"error","error":{"type":"overloaded_error","message":"Over\\u006coaded",'
        .. '"details":null},"request_id":"req_9"}'
    )
    assert.equal("api", failure.kind)
    assert.equal("overloaded_error", failure.type)
    assert.equal("Overloaded", failure.message)
    assert.equal("req_9", failure.request_id)
    assert.equal(200, failure.status)
  end)

  it(
    "is one whatever the event is called",
    function()
      assert.equal("x", failure_of('{"type":"error","error":{"type":"x"}}', "message").type)
    end
  )

  it("is told without a type if it has none", function()
    local failure = failure_of('{"type":"error","error":{}}')
    assert.equal("api", failure.kind)
    assert.is_nil(failure.type)
    assert.is_string(failure.message)
  end)

  it("is told as it came if it is not the API's form", function()
    local failure, response = failure_of("the proxy is tired")
    assert.equal("the proxy is tired", failure.message)
    assert.equal("the proxy is tired", response:body())
  end)
end)

describe("core.response, a body that is no stream", function()
  it("keeps the body of an answer that is not 2xx, and names its error", function()
    local body =
      '{"type":"error","error":{"type":"rate_limit_error","message":"slow"},"request_id":"req_1"}'
    local response = plain("429 Too Many", "application/json", body)
    local failure = response:failure()
    assert.same(
      { "api", 429, "rate_limit_error", "slow", "req_1" },
      { failure.kind, failure.status, failure.type, failure.message, failure.request_id }
    )
    assert.equal(body, response:body())
    assert.same({ nil, "error" }, { response:next() })
  end)

  it("names the status when the body is not the API's", function()
    local response = plain("502 Bad Gateway", "text/html", "<html>")
    assert.equal("the server answered with status 502", response:failure().message)
    assert.equal("<html>", response:body())
  end)

  it("does not take an error answer for a stream", function()
    local response = plain("529", "text/event-stream", s.stream(HELLO))
    assert.equal("api", response:failure().kind)
  end)

  it("reads the body of an error to a MiB, and no further", function()
    local megabyte = 1024 * 1024
    for _, piece in ipairs({ 100, 65536, megabyte, 3 * megabyte }) do
      local response = with_headers({ "HTTP/1.1 500", "Content-Type: text/html" })
      local fed, bytes = true, 0
      while fed and bytes < 2 * megabyte do
        fed = response:feed(("x"):rep(piece))
        bytes = bytes + piece
      end
      assert.is_nil(fed)
      assert.is_true(bytes > megabyte and bytes <= megabyte + piece * 2)
      assert.equal(megabyte, #response:body())
      assert.same({ "api", 500 }, { response:failure().kind, response:status() })
    end
  end)

  it("takes the request id from the headers", function()
    local response = with_headers({ "HTTP/2 500", "Request-Id: req_h" })
    response:finish()
    assert.equal("req_h", response:failure().request_id)
  end)

  it("keeps any other body", function()
    local response = plain("200", "application/json", '{"input_tokens":5}')
    assert.is_false(response:is_event_stream())
    assert.equal('{"input_tokens":5}', response:body())
    assert.is_nil(response:failure())
    assert.is_false(response:complete())
    assert.same({ nil, "end" }, { response:next() })
  end)

  it("waits for the end of the body", function()
    local response = with_headers({ "HTTP/1.1 200", "content-type: application/json" })
    response:feed("{")
    assert.same({ nil, "more" }, { response:next() })
  end)

  it("takes a body without content type for what it looks like", function()
    local response = with_headers({ "HTTP/1.1 200" })
    response:feed(' {"a":1}')
    response:finish()
    assert.equal(' {"a":1}', response:body())
    response = with_headers({ "HTTP/1.1 200" })
    response:feed(s.stream(HELLO))
    response:finish()
    assert.equal(7, #s.drain(response))
  end)

  it("looks at the first byte that is no blank, however the body is cut", function()
    local function read(chunks)
      local response, seen = with_headers({ "HTTP/1.1 200" }), {}
      for _, chunk in ipairs(chunks) do
        response:feed(chunk)
        s.drain(response, seen)
      end
      response:finish()
      return response, seen
    end
    each_chunking(
      '\r\n \t{"a":1}',
      function(chunks, how) assert.equal('\r\n \t{"a":1}', read(chunks):body(), how) end
    )
    each_chunking("\r\n\n" .. s.stream(HELLO), function(chunks, how)
      local response, seen = read(chunks)
      assert.equal(7, #seen, how)
      assert.is_true(response:complete(), how)
    end)
  end)

  it("that is nothing but blanks is a stream without a message", function()
    local response = with_headers({ "HTTP/1.1 200" })
    response:feed("\r\n")
    assert.same({ nil, "more" }, { response:next() })
    response:feed_header("x-trailer: 1")
    assert.is_nil(response:header("x-trailer"))
    response:finish()
    assert.same({ nil, "error" }, { response:next() })
    assert.equal("incomplete", response:failure().kind)
  end)

  it("is a failure of the transport if it broke off", function()
    local response = with_headers({ "HTTP/1.1 200", "content-type: application/json" })
    response:feed('{"type":"mess')
    response:finish("reset")
    assert.equal("network", response:failure().kind)
  end)

  it("refuses a body over the limit", function()
    local response = core.response({ max_body_bytes = 3 })
    response:feed_header("HTTP/1.1 500")
    assert.is_nil((response:feed("1234")))
    assert.equal("protocol", response:failure().kind)
  end)
end)
