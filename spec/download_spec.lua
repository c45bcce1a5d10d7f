--- Bodies that are read while they come, over libcurl and over a host's sockets.
local api = require("spec.support.api_server")
local claude = require("claude")
local download = require("claude.download")
local requests = require("spec.support.exchange")
local scripted = require("spec.support.scripted_socket")
local growth_of = require("spec.support.growth").of
local helpers = require("spec.helpers")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")

local function lines_of(body)
  local lines = {}
  while true do
    local line, text, err = body:read_line()
    if not line then return lines, text, err end
    lines[#lines + 1] = line
  end
end

describe("a download", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function()
    server:close()
    requests.settle()
  end)

  local function open(answers, options)
    server = api.start(answers)
    local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 1 })
    return download.open(client, {
      method = "GET",
      path = "/v1/things/1",
      accept = "application/binary",
      options = options,
    })
  end

  it("gives the body's bytes, and what the answer was", function()
    local body = assert(open({
      { pieces = { "abc", "de" }, headers = { ["Request-Id"] = "req_7", ["x-a"] = "b" } },
    }))
    assert.same({ 200, "req_7", "b" }, { body.status, body.request_id, body.headers["x-a"] })
    assert.equal(5, body.length)
    assert.equal("ab", body:read(2))
    local rest = ""
    repeat
      local bytes = body:read()
      rest = rest .. (bytes or "")
    until not bytes
    assert.equal("cde", rest)
    assert.equal(5, body.bytes)
    assert.is_nil(select(2, body:read()))
    assert.equal("application/binary", server.requests[1].headers.accept)
  end)

  it("gives lines, the last one with or without its end", function()
    local body = assert(open({ { pieces = { "on", "e\ntwo\r\n", "three" } } }))
    assert.same({ "one", "two", "three" }, (lines_of(body)))
    assert.equal(3, body.lines)
  end)

  it("may be empty", function()
    local body = assert(open({ { body = "" } }))
    assert.same({}, (lines_of(body)))
  end)

  it("is tried again while nothing of it has come", function()
    local body = assert(open({ { hang_up = true }, { body = "x" } }))
    assert.equal("x", body:read())
    assert.equal(2, #server.requests)
  end)

  it("is the API's error when the status is one", function()
    local body, err = open({ api.failure(404, "not_found_error", "no such thing") })
    assert.is_nil(body)
    assert.same({ "api", 404, "no such thing" }, { err.kind, err.status, err.message })
  end)

  it("ends in an error when the connection does, after everything that came", function()
    local body = assert(open({ { body = "one\ntwo", promise = 100 } }))
    local lines, text, err = lines_of(body)
    assert.same({ "one" }, lines)
    assert.equal("incomplete", err.kind)
    assert.is_true(err.retryable)
    assert.matches("after 3 bytes of the body", text)
    assert.equal(err, select(3, body:read_line()))
    assert.equal(1, #server.requests)
  end)

  it("ends in an error at the limit on silence", function()
    local body
    helpers.with_limit(0.05, function(limit)
      if server then server:close() end
      local answer = { body = "one\n", promise = 100, stay = true }
      body = open({ answer }, { limits = { idle = limit }, max_retries = 0 })
      return body
    end)
    local lines, _, err = lines_of(body)
    assert.same({ "one" }, lines)
    assert.same({ "timeout", 200 }, { err.kind, err.status })
  end)

  it("refuses a line over the client's limit, and says where it began", function()
    server = api.start({ { body = "1234\n12345\n" } })
    local client = claude.new({ api_key = "k", base_url = server.url, max_line_bytes = 4 })
    local body = assert(download.open(client, { method = "GET", path = "/" }))
    local lines, text, err = lines_of(body)
    assert.same({ "1234" }, lines)
    assert.equal("protocol", err.kind)
    assert.matches("longer than max_line_bytes %(at byte 5 of the answer%)", text)
  end)

  it("that is closed is cancelled, and says so", function()
    local body = assert(open({ { body = "x", promise = 100, stay = true } }))
    assert.equal("x", body:read())
    body:close()
    assert.equal("cancelled", select(3, body:read()).kind)
    body:close()
  end)

  it("that is closed at its end stays as it is", function()
    local body = assert(open({ { body = "x" } }))
    assert.same({ "x" }, (lines_of(body)))
    body:close()
    assert.is_nil(select(2, body:read()))
  end)

  it("that is closed by another task fails where it waits", function()
    local body = assert(open({ { body = "x", promise = 100, stay = true } }))
    claude.loop(function()
      local waits
      local reader = claude.spawn(function()
        assert.equal("x", body:read())
        waits = true
        return select(3, body:read())
      end)
      helpers.wait_until(function() return waits end)
      body:close()
      assert.equal("cancelled", reader:wait().kind)
    end)
  end)

  it("that was dropped ends its request", function()
    local body = assert(open({ { body = "x", promise = 100, stay = true } }))
    assert.equal(200, body.status)
    body = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    helpers.wait_until(function() return server.hung_up > 0 end)
    assert.equal(1, server.hung_up)
  end)

  it("is not begun by a task that was cancelled", function()
    claude.loop(function()
      local begun
      local task = claude.spawn(function()
        begun = true
        return select(2, open({ { silent = true } }))
      end)
      helpers.wait_until(function() return begun end)
      task:cancel()
      assert.equal("cancelled", task:wait().kind)
    end)
  end)

  it("goes through middleware, which may send again and may answer itself", function()
    server = api.start({ api.failure(500, "api_error", "no"), { body = "one\ntwo" } })
    local function again(request, send)
      local answer = send(request)
      assert.is_true(request.stream)
      if answer.status == 500 then answer = send(request) end
      assert.is_nil((answer:body()))
      return answer
    end
    local function own() return { status = 200, body = "own" } end
    for middleware, expected in pairs({ [again] = { "one", "two" }, [own] = { "own" } }) do
      local client = claude.new({
        api_key = "k",
        base_url = server.url,
        max_retries = 0,
        middleware = { middleware },
      })
      local body = assert(download.open(client, { method = "GET", path = "/" }))
      assert.same(expected, (lines_of(body)))
    end
  end)

  it("is told at the caller's line how it is read", function()
    local body = assert(open({ { body = "x" } }))
    assert.has_error(function() body:read(0) end, "download:read takes a number of bytes from 1")
    assert.equal("x", body:read(math.huge))
    assert.has_error(function() body.read() end, "write download:read(…) with a colon, not a dot")
    body:close()
  end)
end)

describe("a download of many megabytes", function()
  local server, client
  setup(function()
    server = servers.lines_server()
    client = claude.new({ api_key = "k", base_url = server.url })
  end)
  teardown(function()
    server:stop()
    requests.settle()
  end)

  local function open(path)
    local body = assert(download.open(client, { method = "GET", path = path }))
    return body
  end

  it("takes the memory of a small one", function()
    local growth = growth_of("lines", server.url, "/lines/60000/1000")
    assert.is_true(growth < 12e6, growth)
  end)

  it("takes no more for being packed a thousandfold", function()
    local growth = growth_of("lines", server.url, "/gzip/lines/120000/1000")
    assert.is_true(growth < 70e6, growth)
  end)

  it("is not taken in faster than it is read", function()
    local body = open("/lines/60000/1000")
    local function taken() return tonumber(open("/taken"):read()) end
    local before, now = -1, taken()
    while now > before do
      tasks.sleep(0.1)
      before, now = now, taken()
    end
    assert.is_true(now < 30e6, now)
    body:close()
  end)
end)

-- Tasks of a host run under xpcall, which no wait can cross there.
if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then return end

describe("a download over a host's sockets", function()
  local host
  after_each(function() tasks.use(nil) end)

  local function open(script)
    host = scripted.host({ script })
    tasks.use(host)
    local client = claude.new({ api_key = "k", base_url = "http://127.0.0.1:1", max_retries = 0 })
    return download.open(client, { method = "GET", path = "/v1/things/1" })
  end

  local HEAD = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
  local function chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end

  it("gives lines as they come, and keeps the connection", function()
    local body = assert(open({ HEAD .. chunk("on"), chunk("e\ntwo"), 0.001, "0\r\n\r\n" }))
    assert.same({ "one", "two" }, (lines_of(body)))
    assert.is_true(host.sockets[1].kept)
  end)

  it("reads nothing that was not asked for", function()
    local body = assert(open({ HEAD .. chunk("one\n"), chunk("two\n"), "silence" }))
    assert.equal("one", body:read_line())
    assert.equal(2, host.sockets[1].at)
    body:close()
    assert.is_true(host.sockets[1].closed)
  end)

  it("ends in an error when the connection does", function()
    local body = assert(open({ HEAD .. chunk("one\ntwo"), "reset" }))
    local lines, _, err = lines_of(body)
    assert.same({ "one" }, lines)
    assert.equal("incomplete", err.kind)
  end)

  it("ends in an error when the framing breaks", function()
    local body = assert(open({ HEAD .. chunk("one\ntwo"), "zz\r\n" }))
    local lines, _, err = lines_of(body)
    assert.same({ "one" }, lines)
    assert.equal("protocol", err.kind)
  end)
end)
