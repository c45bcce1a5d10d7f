local api = require("spec.support.api_server")
local core = require("claude.core")
local nginx = require("spec.support.nginx")
local raw_http = require("spec.support.raw_http")

if nginx.missing() then
  return it("needs nginx", function() pending(nginx.missing()) end)
end

local PING = { type = "ping" }

-- What is kept of the conversation `one` has been spoiled.
local DAMAGE = [[
  lua_shared_dict chats 50m;
  init_worker_by_lua_block { ngx.shared.chats:set("one", "no conversation") }
]]

describe("examples/nginx/chat", function()
  local upstream, server

  -- Starts the example with the answers that the API is to give.
  local function start(answers, change)
    upstream = api.start(answers)
    local environment = "ANTHROPIC_API_KEY=key-of-the-example ANTHROPIC_BASE_URL="
      .. upstream.url
      .. " "
    server = nginx.start_example("examples/nginx/chat/nginx.conf", { change }, environment)
  end

  after_each(function()
    if server then server:stop() end
    if upstream then upstream:close() end
    server, upstream = nil, nil
  end)

  -- The events of an answer, "name data" each.
  local function say(question, name)
    local answer = server:post("/chat/" .. (name or "one"), question)
    local events = {}
    for event, data in answer.body:gmatch("event: ([^\n]*)\ndata: ([^\n]*)\n\n") do
      events[#events + 1] = event .. " " .. data
    end
    return events, answer
  end

  local function text_reply(text) return api.stream(api.reply({ api.text(text) })) end

  -- Stays on the line, and never comes to the stop reason.
  local function endless_reply(text)
    local answer = text_reply(text)
    answer.promise, answer.stay = 100000, true
    for _ = 1, 2 do
      table.remove(answer.pieces)
    end
    return answer
  end

  it("tells thinking and text as they come, and how it ended", function()
    start({ api.stream(api.reply({ api.thinking("Hm.", "c2ln"), api.text('Say "hi"\n') })) })
    local events, answer = say("Hello")
    assert.equal("text/event-stream", answer.headers["content-type"])
    assert.same({ 'thinking "Hm."', 'text "Say \\"hi\\"\\n"' }, { events[1], events[2] })
    assert.is_truthy(events[3]:find('^done {.*"stop_reason":"end_turn"'), events[3])
    assert.equal(3, #events)
  end)

  it("runs tools", function()
    local call = { { type = "tool_use", id = "toolu_1", name = "clock", input = core.object({}) } }
    start({ api.stream(api.reply({ call }, "tool_use")), text_reply("Noon.") })
    local events = say("What time is it?")
    assert.equal('tool_start "clock"', events[1])
    assert.is_truthy(events[2]:find('^tool_end "%d%d%d%d%-'), events[2])
    assert.equal('text "Noon."', events[3])
    local messages = upstream.requests[2].json.messages
    assert.equal("toolu_1", messages[3].content[1].tool_use_id)
  end)

  it("goes on with a conversation, and keeps conversations apart", function()
    start({ text_reply("First."), text_reply("Second."), text_reply("Other.") })
    say("One")
    say("Two")
    say("Three", "another")
    local second, third = upstream.requests[2].json.messages, upstream.requests[3].json.messages
    assert.equal(3, #second)
    assert.equal("First.", second[2].content[1].text)
    assert.equal(1, #third)
  end)

  it("writes a comment for each ping", function()
    local events = api.reply({ api.text("Yes") })
    table.insert(events, 2, PING)
    table.insert(events, 3, PING)
    start({ api.stream(events) })
    local _, answer = say("Hello")
    assert.is_truthy(answer.body:find("^: ping\n\n: ping\n\nevent: text\n"), answer.body)
  end)

  it("tells a failure as an event, and forgets the question", function()
    start({ api.failure(400, "invalid_request_error", "no such thing"), text_reply("Yes.") })
    local events, answer = say("Hello")
    assert.equal(200, answer.status)
    local told = core.decode(events[1]:match("^error (.*)$"))
    assert.same({ "api", "no such thing" }, { told.kind, told.message })
    assert.is_nil(answer.body:find("key-of-the-example", 1, true))
    say("Again")
    assert.equal(1, #upstream.requests[2].json.messages)
  end)

  it("stops asking when the visitor leaves, who may ask again at once", function()
    start({ endless_reply("Never ends"), text_reply("Yes.") })
    local request = raw_http.request("POST", "/chat/one", {}, "Hello")
    raw_http.exchange(
      server.port,
      request,
      function(received) return received:find("Never ends", 1, true) ~= nil end
    )
    raw_http.wait(function() return upstream.hung_up == 1 end)
    local events
    for _ = 1, 100 do
      events = say("Again")
      if events[1] then break end
    end
    assert.equal('text "Yes."', events[1])
  end)

  it("refuses what is no UTF-8, and takes the next question at once", function()
    start({ text_reply("Yes.") })
    local _, answer = say("bad \255\254")
    assert.equal(400, answer.status)
    assert.is_truthy(answer.body:find("UTF-8", 1, true), answer.body)
    assert.equal('text "Yes."', say("Hello")[1])
  end)

  it("says so when a kept conversation is damaged, each time it is asked", function()
    start({}, { "lua_shared_dict chats 50m;", DAMAGE })
    for _ = 1, 2 do
      local _, answer = say("Hello")
      assert.equal(500, answer.status)
      assert.is_nil(answer.body:find("<html>", 1, true), answer.body)
    end
  end)

  it("lets no text of the model forge an event", function()
    start({ text_reply("a\n\nevent: done\ndata: {}\r\n\r\n: b") })
    local events = say("Hello")
    assert.equal([[text "a\n\nevent: done\ndata: {}\r\n\r\n: b"]], events[1])
    assert.is_truthy(events[2]:find("^done {"), events[2])
    assert.equal(2, #events)
  end)

  it("refuses a second question while the first is being answered", function()
    start({ endless_reply("Slow") })
    local request = raw_http.request("POST", "/chat/one", {}, "Hello")
    local second
    raw_http.exchange(server.port, request, function(received)
      if not received:find("Slow", 1, true) then return false end
      second = second or server:post("/chat/one", "And?")
      return true
    end)
    assert.equal(409, second.status)
  end)
end)

describe("examples/nginx/meter", function()
  local upstream, server

  -- In front of the API of these specs, which has no TLS.
  local function start(answers)
    upstream = api.start(answers)
    server = nginx.start_example("examples/nginx/meter/nginx.conf", {
      { "server api.anthropic.com:443;", ("server 127.0.0.1:%d;"):format(upstream.port) },
      { "proxy_pass https://api;", "proxy_pass http://api;" },
    })
  end

  after_each(function()
    if server then server:stop() end
    if upstream then upstream:close() end
    server, upstream = nil, nil
  end)

  local function sums()
    local found = {}
    for name, count in server:get("/usage").body:gmatch("(%a+) (%d+)\n") do
      found[name] = tonumber(count)
    end
    return found
  end

  local function post(key)
    return server:post("/v1/messages", "{}", { ["x-api-key"] = key or "one key of many" })
  end

  it("adds up what streams have cost, and changes nothing", function()
    local answer = api.stream(api.reply({ api.text("Yes") }))
    start({ answer })
    assert.equal(table.concat(answer.pieces), post().body)
    post()
    assert.same({ input = 50, output = 30, requests = 2 }, sums())
  end)

  it("meters an answer that is one JSON body", function()
    start({
      api.json(200, {
        type = "message",
        id = "msg_1",
        role = "assistant",
        model = "m",
        content = { { type = "text", text = "Yes" } },
        stop_reason = "end_turn",
        usage = {
          input_tokens = 7,
          cache_read_input_tokens = 100,
          cache_creation_input_tokens = 20,
          output_tokens = 3,
        },
      }),
    })
    post()
    assert.same({ input = 127, output = 3, requests = 1 }, sums())
  end)

  it("meters what was told of an answer that was cut", function()
    local events = api.reply({ api.text("Yes") })
    start({ api.stream({ events[1], events[2], events[3] }, { promise = 100000 }) })
    post()
    assert.same({ input = 25, output = 1, requests = 1, cut = 1 }, sums())
  end)

  it("meters no refusal", function()
    start({ api.failure(429, "rate_limit_error", "slow") })
    assert.equal(429, post().status)
    assert.same({}, sums())
  end)

  it("passes each piece on when it comes", function()
    local answer = api.stream(api.reply({ api.text("Yes") }))
    answer.promise, answer.stay = 100000, true
    start({ answer })
    local request = raw_http.request("POST", "/v1/messages", {}, "{}")
    local received = raw_http.exchange(
      server.port,
      request,
      function(bytes) return bytes:find("message_stop", 1, true) ~= nil end
    )
    assert.is_truthy(received:find("message_stop", 1, true))
  end)

  it("keeps keys apart, and shows none", function()
    start({ api.stream(api.reply({ api.text("Yes") })) })
    post("key-of-somebody")
    post("key-of-somebody-else")
    local shown = server:get("/usage").body
    local _, requests = shown:gsub("requests 1\n", "")
    assert.equal(2, requests)
    assert.is_nil(shown:find("somebody", 1, true))
  end)
end)
