local hub = require("claude.loop")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")
local uv = require("luv")

describe("transport over TLS", function()
  local directory, backend, front, front2, proxy
  local missing = not servers.has("nghttpx") and "nghttpx (package nghttp2-proxy) is not installed"

  local function wait_for(server, version)
    local late = hub.now() + 10
    repeat
      local seen = requests.run({
        url = server.url .. "/ok/x",
        ca_file = directory .. "/ca.pem",
        http_version = version,
      })
      if seen.text ~= "Hello" then tasks.sleep(0.05) end
    until seen.text == "Hello" or hub.now() > late
  end

  setup(function()
    if missing then return end
    directory = servers.certificates()
    backend = servers.fault_server()
    front = servers.tls_front(directory, backend)
    wait_for(front, "1.1")
    proxy = servers.connect_proxy(front.port)
    -- libcurl would use a kept HTTP/1.1 connection for HTTP/2: that gets a port of its own.
    front2 = servers.tls_front(directory, backend)
    wait_for(front2, "2")
  end)

  teardown(function()
    if missing then return end
    for _, server in ipairs({ proxy, front, front2, backend }) do
      server:stop()
    end
    os.execute(("rm -r '%s'"):format(directory))
  end)

  local function secure_it(what, check)
    it(what, function()
      if missing then return pending(missing) end
      check()
    end)
  end

  local function ask(options)
    options.url = options.url or front.url .. "/ok/x"
    if options.ca_file == nil then options.ca_file = directory .. "/ca.pem" end
    options.ca_file = options.ca_file or nil
    return requests.run(options)
  end

  local function requests_seen()
    local _, exchange = requests.run({ url = backend.url .. "/stats" })
    return tonumber(exchange.response:body():match("requests (%d+)"))
  end

  -- Sets environment variables while `check` runs.
  local function with_environment(variables, check)
    local before = {}
    for name, value in pairs(variables) do
      before[name] = os.getenv(name)
      uv.os_setenv(name, value)
    end
    local ok, err = pcall(check)
    for name in pairs(variables) do
      uv.os_unsetenv(name)
      if before[name] then uv.os_setenv(name, before[name]) end
    end
    if not ok then error(err, 0) end
  end

  -- Connections to the front for HTTP/2 that stand.
  local function connections()
    local count = 0
    local wanted = ("^%%s*%%d+: %%x+:%%x+ %%x+:%04X 01 "):format(front2.port)
    for line in io.lines("/proc/net/tcp") do
      if line:find(wanted) then count = count + 1 end
    end
    return count
  end

  secure_it("accepts a certificate that the given CA signed", function()
    local seen, exchange = ask({ body = "{}" })
    assert.equal("Hello", seen.text)
    requests.settle()
    assert.equal("1.1", exchange.http_version)
  end)

  secure_it("refuses a certificate that another CA signed, and says what to do", function()
    local before = requests_seen()
    local seen = ask({ ca_file = directory .. "/other.pem", headers = { { "x-api-key", "k" } } })
    assert.equal("network", seen.err.kind)
    assert.equal(60, seen.err.details.curl_code)
    assert.is_false(seen.err.retryable)
    assert.is_truthy(seen.err.hint:find("ca_file", 1, true))
    assert.equal(before, requests_seen())
  end)

  secure_it("refuses the certificate without the CA", function()
    local seen = ask({ ca_file = false })
    assert.equal(60, seen.err.details.curl_code)
  end)

  secure_it("refuses a certificate for another name", function()
    local seen = ask({ url = front.url:gsub("localhost", "127.0.0.1") .. "/ok/x" })
    assert.equal(60, seen.err.details.curl_code)
  end)

  secure_it("takes the CA from SSL_CERT_FILE", function()
    with_environment({ SSL_CERT_FILE = directory .. "/ca.pem", CURL_CA_BUNDLE = "" }, function()
      local seen = ask({ ca_file = false })
      assert.equal("Hello", seen.text, tostring(seen.err))
    end)
  end)

  secure_it("says that a CA file cannot be read", function()
    local seen = ask({ ca_file = directory .. "/nothing.pem" })
    assert.equal(77, seen.err.details.curl_code)
    assert.is_truthy(seen.err.hint:find("ca_file", 1, true))
  end)

  secure_it("speaks HTTP/2 when asked, many streams over one connection", function()
    local list = {}
    for i = 1, 20 do
      list[i] = i
    end
    requests.settle()
    local most = 0
    local map = tasks.map(list, function()
      local exchange = assert(requests.start({
        url = front2.url .. "/slow_ok/x",
        ca_file = directory .. "/ca.pem",
        http_version = "2",
        body = "{}",
      }))
      assert(exchange:wait())
      most = math.max(most, connections())
      local seen = requests.drain(exchange)
      exchange:close()
      while not exchange.ended do
        tasks.sleep(0.01)
      end
      return seen.text .. " " .. tostring(exchange.http_version)
    end, { limit = 20 })
    local item, text, problem = map:next()
    while item do
      assert.equal("Hello 2", text, problem)
      item, text, problem = map:next()
    end
    -- One that was kept may be given up just then: both stand for a moment.
    assert.is_true(most <= 2, most)
  end)

  secure_it("goes through the proxy of the environment, which sees no credentials", function()
    with_environment({ HTTPS_PROXY = proxy.url }, function()
      local seen = ask({
        url = "https://api.example.test/ok/x",
        headers = { { "x-api-key", "secret" }, { "authorization", "Bearer secret" } },
        body = "{}",
      })
      assert.equal("Hello", seen.text)
    end)
    local _, exchange = requests.run({ url = proxy.url .. "/last_head" })
    local head = exchange.response:body()
    assert.is_truthy(head:find("^CONNECT api.example.test:443 "))
    assert.is_nil(head:find("secret", 1, true))
  end)

  secure_it("goes through the proxy that it is given, and around it where told", function()
    local seen = ask({ url = "https://api.example.test/ok/y", proxy = proxy.url })
    assert.equal("Hello", seen.text)
    seen = ask({
      url = front.url .. "/ok/x",
      proxy = "http://127.0.0.1:1",
      no_proxy = "localhost",
    })
    assert.equal("Hello", seen.text)
    seen = ask({ proxy = "http://127.0.0.1:1" })
    assert.equal("network", seen.err.kind)
  end)

  secure_it("asks no proxy of the environment for this machine", function()
    with_environment(
      { http_proxy = "http://127.0.0.1:1", ALL_PROXY = "http://127.0.0.1:1" },
      function()
        local seen =
          requests.run({ url = backend.url .. "/ok/x", headers = { { "x-api-key", "k" } } })
        assert.equal("Hello", seen.text)
      end
    )
  end)

  secure_it("carries every fault over TLS as well", function()
    for version, server in pairs({ ["1.1"] = front, ["2"] = front2 }) do
      local seen = ask({ url = server.url .. "/cut_in_event/x", http_version = version })
      assert.equal("Hello", seen.text, version .. tostring(seen.err))
      assert.equal("network", seen.err.kind)
      seen = ask({ url = server.url .. "/ok/x", http_version = version })
      assert.equal("Hello", seen.text)
    end
  end)
end)
