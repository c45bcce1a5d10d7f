local cases = require("spec.support.api_cases")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local HEADERS = { ["x-api-key"] = "k", ["anthropic-version"] = "2023-06-01" }

describe("claude.simulator delivers", function()
  local sim

  local function start(options)
    sim = assert(simulator.start(options))
    return sim
  end

  local function request(fields)
    fields = fields or {}
    if fields.stream == nil then fields.stream = true end
    return assert(core.encode(cases.body(fields), { request = true }))
  end

  --- Everything the server sends for one streamed request.
  local function stream(fields)
    return raw.exchange(sim.port, raw.request("POST", "/v1/messages", HEADERS, request(fields)))
  end

  local function whole_events() return raw.parse((stream())).body end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  --- The sizes of the HTTP chunks of a response.
  local function chunk_sizes(text)
    local body, sizes, at = text:match("\r\n\r\n(.*)$"), {}, 1
    while true do
      local size, start_at = body:match("^(%x+)\r\n()", at)
      if not size then return sizes end
      sizes[#sizes + 1] = tonumber(size, 16)
      at = start_at + tonumber(size, 16) + 2
    end
  end

  it("the same bytes whatever the chunk size", function()
    start({ script = function() return "Grüße, 😀!" end })
    local expected = whole_events():gsub("msg_%w+", "")
    sim:close()
    for _, size in ipairs({ 1, 2, 7, 100000 }) do
      start({ script = function() return "Grüße, 😀!" end, chunk = size })
      assert.equal(expected, (whole_events():gsub("msg_%w+", "")))
      sim:close()
    end
  end)

  it("one byte per chunk when told to", function()
    start({ script = { "Hello" }, chunk = 1 })
    local sizes = chunk_sizes((stream()))
    assert.is_truthy(#sizes > 500)
    for i = 1, #sizes - 1 do
      assert.equal(1, sizes[i])
    end
    assert.equal(0, sizes[#sizes])
  end)

  it("one event per chunk by default", function()
    start({ script = { "Hello" } })
    local text = stream()
    local _, events = text:gsub("\nevent: ", "")
    assert.equal(events + 1, #chunk_sizes(text) - 0)
  end)

  it("at a pace", function()
    start({ script = { "Hello" }, pace = 0.005 })
    local uv = require("luv")
    local before = uv.hrtime()
    local answer = raw.parse((stream()))
    assert.is_true(answer.whole)
    -- Nine writes at the least, five milliseconds apart.
    assert.is_truthy((uv.hrtime() - before) / 1e6 > 30)
  end)

  it("pings after every so many events", function()
    start({ script = { ("word "):rep(50) }, ping_every = 2 })
    local names = {}
    for i, event in ipairs(raw.events(whole_events())) do
      names[i] = event.name
    end
    local _, pings = table.concat(names, " "):gsub("%f[%a]ping%f[%A]", "")
    assert.is_truthy(pings >= #names / 4, table.concat(names, " "))
  end)

  it("blanks inside the events' JSON when told to", function()
    start({ script = { ("word "):rep(50) }, padding = true })
    local body = whole_events()
    assert.matches(" +}\n\n", body)
    local padded, longest = 0, 0
    for blanks in body:gmatch("( +)}\n\n") do
      padded, longest = padded + 1, math.max(longest, #blanks)
    end
    assert.is_truthy(padded > 5 and longest <= 16)
    assert.equal("message_stop", raw.events(body)[#raw.events(body)].name)
  end)

  it("a stream cut at a byte", function()
    start({ script = { { content = { "Hello" }, cut = { at_byte = 100 } } } })
    local answer = raw.parse((stream()))
    assert.equal(100, #answer.body)
    assert.is_false(answer.whole)
  end)

  it("a stream cut after an event", function()
    start({ script = { { content = { "Hello" }, cut = { after_event = 3 } } } })
    local answer = raw.parse((stream()))
    assert.equal(3, #raw.events(answer.body))
    assert.is_false(answer.whole)
  end)

  it("a reset instead of an end", function()
    start({
      script = { { content = { "Hello" }, cut = { after_event = 3, how = "reset" }, pace = 0.01 } },
    })
    local uv = require("luv")
    local socket, problem, done = uv.new_tcp(), nil, false
    socket:connect("127.0.0.1", sim.port, function()
      socket:read_start(function(failure, bytes)
        if failure then problem = failure end
        if not bytes then done = true end
      end)
      socket:write(raw.request("POST", "/v1/messages", HEADERS, request()))
    end)
    while not done do
      uv.run("once")
    end
    socket:close()
    uv.run("nowait")
    assert.matches("ECONNRESET", problem)
  end)

  it("a message cut in the middle without a stream", function()
    start({ script = { { content = { "Hello" }, cut = { at_byte = 10 } } } })
    local answer = raw.parse((stream({ stream = false })))
    assert.equal(10, #answer.body)
    assert.is_false(answer.whole)
  end)

  it("an error in the middle of a stream, with status 200", function()
    start({ script = { { content = { "Hello" }, stream_error = { after_event = 3 } } } })
    local answer = raw.parse((stream()))
    local events = raw.events(answer.body)
    assert.equal(200, answer.status)
    assert.equal(4, #events)
    assert.same(
      { "error", "overloaded_error", "Overloaded" },
      { events[4].name, events[4].data.error.type, events[4].data.error.message }
    )
  end)

  it("several answers on one connection", function()
    start({ script = { "One", "Two" } })
    local body = request({ stream = false })
    local one = (
      "POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\n"
      .. "anthropic-version: 2023-06-01\r\nContent-Length: %d\r\n\r\n%s"
    ):format(#body, body)
    local text, closed = raw.exchange(
      sim.port,
      one .. one,
      function(received) return received:find('"Two"', 1, true) ~= nil end
    )
    assert.is_false(closed)
    assert.matches('"One".*HTTP/1%.1 200 OK.*"Two"', text)
    assert.equal(2, #sim.requests)
  end)

  it("after a delay", function()
    start({ script = { { content = { "Hello" }, delay = 0.05 } } })
    local uv = require("luv")
    local before = uv.hrtime()
    assert.equal(200, raw.parse((stream())).status)
    assert.is_truthy((uv.hrtime() - before) / 1e6 > 40)
  end)

  it("a request that comes byte by byte and in chunks", function()
    start({ script = { "Hello" } })
    local body = request({ stream = false })
    local head = "POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nConnection: close\r\n"
      .. "anthropic-version: 2023-06-01\r\nTransfer-Encoding: chunked\r\n\r\n"
    local pieces = {}
    for byte in head:gmatch(".") do
      pieces[#pieces + 1] = byte
    end
    for i = 1, #body, 10 do
      local part = body:sub(i, i + 9)
      pieces[#pieces + 1] = ("%x\r\n%s\r\n"):format(#part, part)
    end
    pieces[#pieces + 1] = "0\r\n\r\n"
    assert.equal(200, raw.parse((raw.exchange(sim.port, pieces))).status)
  end)

  it("100 Continue to a client that asks for it", function()
    start({ script = { "Hello" } })
    local uv = require("luv")
    local body, text, done = request({ stream = false }), "", false
    local socket = uv.new_tcp()
    socket:connect("127.0.0.1", sim.port, function()
      socket:read_start(function(_, bytes)
        text, done = text .. (bytes or ""), not bytes
        if text == "HTTP/1.1 100 Continue\r\n\r\n" then socket:write(body) end
      end)
      socket:write(
        "POST /v1/messages HTTP/1.1\r\nHost: x\r\nx-api-key: k\r\nConnection: close\r\n"
          .. "anthropic-version: 2023-06-01\r\nExpect: 100-continue\r\nContent-Length: "
          .. #body
          .. "\r\n\r\n"
      )
    end)
    while not done do
      uv.run("once")
    end
    socket:close()
    uv.run("nowait")
    assert.matches("^HTTP/1%.1 100 Continue\r\n\r\nHTTP/1%.1 200 OK", text)
  end)

  it("400 with the API's body to what is no HTTP, and closes", function()
    start()
    local text, closed = raw.exchange(sim.port, "nonsense\r\n\r\n")
    local answer = raw.parse(text)
    assert.is_true(closed)
    assert.same({ 400, "invalid_request_error" }, { answer.status, answer.error.type })
  end)

  it("413 to a body beyond 32 MB without reading it", function()
    start()
    local text = raw.exchange(
      sim.port,
      "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 33554433\r\n\r\n"
    )
    local answer = raw.parse(text)
    assert.same({ 413, "request_too_large" }, { answer.status, answer.error.type })
  end)

  it("an HTTP/1.0 client its stream up to the end of the connection", function()
    start({ script = { "Hello" } })
    local body = request()
    local text, closed = raw.exchange(
      sim.port,
      (
        "POST /v1/messages HTTP/1.0\r\nx-api-key: k\r\n"
        .. "anthropic-version: 2023-06-01\r\nContent-Length: %d\r\n\r\n%s"
      ):format(#body, body)
    )
    assert.is_true(closed)
    assert.is_nil(text:find("transfer-encoding", 1, true))
    assert.equal(7, #raw.events(text))
  end)

  it("nothing more to a client that went away, and goes on with others", function()
    start({ script = function() return { content = { ("word "):rep(500) }, pace = 0.001 } end })
    raw.exchange(
      sim.port,
      raw.request("POST", "/v1/messages", HEADERS, request()),
      function(received) return #received > 100 end
    )
    raw.wait(function() return next(sim.server.connections) == nil end)
    assert.equal(404, raw.get(sim, "/x").status)
  end)

  it("many streams at once, each whole", function()
    start({ script = function(decoded) return decoded.messages[1].content end, chunk = 3 })
    local uv = require("luv")
    local open, texts = 20, {}
    for i = 1, 20 do
      local socket = uv.new_tcp()
      texts[i] = ""
      socket:connect("127.0.0.1", sim.port, function()
        socket:read_start(function(_, bytes)
          if bytes then
            texts[i] = texts[i] .. bytes
          else
            open = open - 1
            socket:close()
          end
        end)
        socket:write(
          raw.request(
            "POST",
            "/v1/messages",
            HEADERS,
            request({ messages = { cases.user("number " .. i) } })
          )
        )
      end)
    end
    while open > 0 do
      uv.run("once")
    end
    uv.run("nowait")
    for i = 1, 20 do
      local message = raw.message(raw.events(raw.parse(texts[i]).body))
      assert.equal("number " .. i, message.content[1].text)
    end
  end)
end)
