local api = require("spec.support.stream")
local core = require("claude.core")
local requests = require("spec.support.exchange")
local scripted = require("spec.support.scripted_socket")
local tasks = require("claude.tasks")
local wait_until = require("spec.helpers").wait_until

-- Tasks of a host run under xpcall, which no wait can cross there.
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
  return it("needs a Lua whose coroutines can wait under xpcall", function() pending("Lua 5.1") end)
end

local BODY = api.stream(api.reply({
  {
    '{"type":"text","text":""}',
    '{"type":"text_delta","text":"Hel"}',
    '{"type":"text_delta","text":"lo"}',
  },
}))
local HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
local CHUNKED = HEAD
  .. ("transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"):format(#BODY, BODY)
local COUNTED = HEAD .. ("content-length: %d\r\n\r\n%s"):format(#BODY, BODY)

local function bytes_of(text)
  local script = {}
  for i = 1, #text do
    script[i] = text:sub(i, i)
  end
  return script
end

describe("an exchange over a host's sockets", function()
  local host

  local function use(scripts, fields)
    host = scripted.host(scripts, fields)
    tasks.use(host)
  end

  after_each(function() tasks.use(nil) end)

  local function ask(options)
    options = options or {}
    options.url = options.url or "http://127.0.0.1:1/v1/messages"
    return requests.run(options)
  end

  local function refusal(options)
    local exchange, text, err = requests.start(options)
    assert.is_nil(exchange)
    assert.equal("invalid", err.kind)
    return text
  end

  it("sends a request, reads the answer and keeps the connection", function()
    use({ { CHUNKED } })
    local seen, exchange = ask({ body = '{"a":1}', headers = { { "x-api-key", "k" } } })
    assert.equal("Hello", seen.text)
    local sent = table.concat({
      "POST /v1/messages HTTP/1.1",
      "host: 127.0.0.1:1",
      "x-api-key: k",
      "content-length: 7",
      "",
      '{"a":1}',
    }, "\r\n")
    assert.equal(sent, host.sockets[1].sent)
    assert.is_true(host.sockets[1].kept)
    assert.same({ true, "1.1", false }, { exchange.ended, exchange.http_version, exchange.reused })
  end)

  it("takes the answer however it is cut", function()
    use({ bytes_of(CHUNKED) })
    assert.equal("Hello", ask().text)
    use({ bytes_of(COUNTED) })
    assert.equal("Hello", ask().text)
  end)

  it("says what to wait for, where the host must know", function()
    for _, answer in ipairs({ CHUNKED, COUNTED }) do
      use({ { answer } }, { says_how_much = true })
      assert.equal("Hello", ask().text)
      assert.equal("", host.sockets[1].rest)
      assert.is_true(host.sockets[1].kept)
    end
  end)

  it("takes another connection when a kept one has ended meanwhile", function()
    use({ { "closed", reused = true }, { "reset", reused = true }, { CHUNKED } })
    assert.equal("Hello", ask({ body = "{}" }).text)
    assert.equal(3, #host.sockets)
    assert.is_true(host.sockets[1].closed and host.sockets[2].closed)
    assert.equal(host.sockets[1].sent, host.sockets[3].sent)
  end)

  it("takes another connection when a kept one takes nothing", function()
    use({ { deaf = true, reused = true }, { CHUNKED } })
    assert.equal("Hello", ask({ body = "{}" }).text)
  end)

  it("does not send twice when an answer had begun", function()
    use({ { "HTTP/1.1 200 OK\r\n", "closed", reused = true }, { CHUNKED } })
    assert.equal("network", ask().err.kind)
    assert.equal(1, #host.sockets)
  end)

  it("reads what a server says that does not take the whole request", function()
    use({ { "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}", deaf = true } })
    local _, exchange = ask({ body = "{}" })
    assert.equal(413, exchange.response:status())
    assert.is_true(host.sockets[1].closed)
  end)

  it("reads a file as the socket takes it, and tells how much it took", function()
    local path = os.tmpname()
    local out = assert(io.open(path, "wb"))
    out:write(("x"):rep(200000))
    out:close()
    local file = assert(core.open_file(path))
    use({ { CHUNKED } })
    local told = {}
    local options = {
      body = core.body({ "<", file, ">" }),
      on_sent = function(bytes) told[#told + 1] = bytes end,
    }
    assert.equal("Hello", ask(options).text)
    assert.is_true(host.sockets[1].sent:find("<" .. ("x"):rep(200000) .. ">", 1, true) ~= nil)
    assert.equal(200002, told[#told])
    file:close()
    os.remove(path)
  end)

  it("closes a connection over which a file cannot be sent to its end", function()
    local path = os.tmpname()
    local out = assert(io.open(path, "wb"))
    out:write(("x"):rep(200000))
    out:close()
    local body = core.body({ assert(core.open_file(path)) })
    assert(io.open(path, "wb")):close()
    use({ { CHUNKED } })
    local seen, exchange = ask({ body = body })
    local err = seen.err or exchange.failure
    assert.same({ "invalid", false }, { err.kind, err.retryable })
    assert.truthy(err.message:find("it became shorter while it was sent", 1, true))
    assert.equal("", host.sockets[1].sent)
    assert.is_true(host.sockets[1].closed)
    os.remove(path)
  end)

  it("says that sending failed when nothing was answered", function()
    use({ { "closed", deaf = true } })
    assert.is_truthy(ask().err.message:find("^sending failed: broken pipe"))
  end)

  it("tells why there is no connection, with the host's hint", function()
    use({ { refused = "resolve", hint = "name a resolver" } })
    local err = ask().err
    assert.same({ "network", "name a resolver", true }, { err.kind, err.hint, err.retryable })
    use({ { refused = "certificate" } })
    assert.is_false(ask().err.retryable)
    use({ { refused = "a word that is not known" } })
    assert.equal("no connection: as the script says", ask().err.message)
  end)

  it("closes a connection whose answer is no HTTP", function()
    use({ { "SSH-2.0-OpenSSH\r\n" } })
    assert.equal("protocol", ask().err.kind)
    assert.is_true(host.sockets[1].closed)
  end)

  it("ends a read that waits when its task is cancelled", function()
    use({ { CHUNKED:sub(1, -20), "silence" } })
    tasks.loop(function()
      local exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
      local begun
      local reading = tasks.spawn(function()
        begun = true
        return requests.drain(exchange)
      end)
      wait_until(function() return begun end)
      reading:cancel()
      assert.equal("cancelled", (reading:wait(1)).err.kind)
    end)
    assert.is_true(host.sockets[1].closed)
  end)

  it("ends a read that waits when somebody else cancels the exchange", function()
    use({ { HEAD, "silence" } })
    tasks.loop(function()
      local exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
      local begun
      local reading = tasks.spawn(function()
        begun = true
        return requests.drain(exchange).err.kind
      end)
      wait_until(function() return begun end)
      exchange:cancel()
      assert.equal("cancelled", (reading:wait(1)))
    end)
  end)

  it("goes on with what came where another task that waited, too, leaves it", function()
    local place = CHUNKED:find("Hel", 1, true)
    use({ { CHUNKED:sub(1, place - 1), 0.05, CHUNKED:sub(place, -6), "silence" } })
    tasks.loop(function()
      local exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
      local function read_one()
        repeat
          local kind, text = exchange.response:next()
          if text == "more" then assert(exchange:wait()) end
        until kind == "text"
        return true
      end
      local readers = { tasks.spawn(read_one), tasks.spawn(read_one) }
      for i = 1, 2 do
        assert.is_true((readers[i]:wait(1)))
      end
      exchange:cancel()
    end)
  end)

  local function wait_for_end(exchange)
    local limit = tasks.now() + 30
    while not exchange.ended and tasks.now() < limit do
      tasks.sleep(0.01)
    end
    assert.is_true(exchange.ended)
  end

  it("waits a second at most for the end behind a whole message", function()
    use({ { CHUNKED:sub(1, -6), 0.05, CHUNKED:sub(-5) } })
    local exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
    assert.equal("Hello", requests.drain(exchange).text)
    exchange:close()
    assert.is_false(exchange.ended)
    wait_for_end(exchange)
    assert.is_true(host.sockets[1].kept)

    use({ { CHUNKED:sub(1, -6), "silence" } })
    exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
    requests.drain(exchange)
    exchange:close()
    wait_for_end(exchange)
    assert.is_true(host.sockets[1].closed)
  end)

  it("waits no longer for that end when the time is up between two looks at the clock", function()
    local clock, step = 0, 0
    local function now()
      clock = clock + step
      return clock
    end
    use({ { CHUNKED:sub(1, -6), "silence" } }, { now = now })
    local exchange = assert(requests.start({ url = "http://127.0.0.1:1/" }))
    requests.drain(exchange)
    step = 0.6 -- of the second that it waits at most
    exchange:close()
    step = 0
    wait_for_end(exchange)
    assert.is_true(host.sockets[1].closed)
  end)

  it("is refused for what would show the key, or is no address", function()
    use({ { CHUNKED } })
    assert.is_truthy(refusal({ url = "http://192.0.2.1/" }):find("show the key", 1, true))
    assert.is_truthy(refusal({ url = "gopher://127.0.0.1/" }):find("no URL", 1, true))
    local header = { { "x-api-key", "a\r\nb: c" } }
    assert.is_truthy(refusal({ url = "http://127.0.0.1/", headers = header }):find("line break"))
    assert.equal(0, #host.sockets)
    assert.equal("Hello", ask({ url = "http://192.0.2.1/", allow_http = true }).text)
  end)

  it("is refused where nothing can wait, and for what the host cannot do", function()
    use({ { CHUNKED } }, { problem = function() return "nobody waits here", "wait there" end })
    local text = refusal({ url = "http://127.0.0.1/" })
    assert.is_truthy(text:find("nobody waits here\n  hint: wait there", 1, true), text)
    use({ { CHUNKED } }, { refuse = function(options) return options.ca_file, "another way" end })
    assert.is_truthy(refusal({ url = "http://127.0.0.1/", ca_file = "mine" }):find("another way"))
  end)

  it("tells the host where to connect, for whom and how", function()
    use({ { CHUNKED } })
    ask({ url = "https://api.example.test/v1/x", limits = { connect = 3 }, proxy = "" })
    local options = host.sockets[1].options
    assert.same(
      { "api.example.test", 443, true, "api.example.test", 3 },
      { options.host, options.port, options.tls, options.server_name, options.seconds }
    )
  end)
end)
