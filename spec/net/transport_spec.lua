local hub = require("claude.loop")
local reading = require("claude.reading")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")
local transport = require("claude.transport")
local wait_until = require("spec.helpers").wait_until

for _, driver in ipairs(require("spec.support.drivers")) do
  describe("transport, driver " .. driver .. ":", function()
    local server
    setup(function()
      hub.use(driver)
      server = servers.fault_server()
    end)
    teardown(function()
      server:stop()
      hub.use("blocking")
    end)

    local function url(scenario) return server.url .. "/" .. scenario .. "/x" end

    local function report(name)
      local exchange = assert(requests.start({ url = server.url .. "/" .. name }))
      requests.drain(exchange)
      local body = exchange.response:body()
      exchange:close()
      return body
    end

    local function stat(name) return tonumber(report("stats"):match(name .. " (%d+)")) end

    it("posts the body and the headers as they were given", function()
      requests.run({
        url = url("ok"),
        body = '{"a":1}',
        headers = {
          { "x-api-key", "k" },
          { "x-empty", "" },
          { "content-type", "application/json" },
        },
      })
      assert.equal('{"a":1}', report("last_body"))
      local head = report("last_head"):lower()
      assert.is_truthy(head:find("^post /ok/x http/1.1\r\n"))
      assert.is_truthy(head:find("\r\nx-api-key: k\r\n", 1, true))
      assert.is_truthy(head:find("\r\nx%-empty:%s*\r\n"))
      assert.is_truthy(head:find("\r\ncontent-length: 7\r\n", 1, true))
      assert.is_truthy(head:find("\r\naccept%-encoding:[^\r]*gzip"))
      assert.is_nil(head:find("expect", 1, true))
    end)

    it("gets without a body, and sends other methods by their name", function()
      requests.run({ url = url("ok") })
      assert.is_truthy(report("last_head"):find("^GET /ok/x "))
      requests.run({ url = url("ok"), method = "DELETE" })
      assert.is_truthy(report("last_head"):find("^DELETE /ok/x "))
    end)

    it("refuses header names and values that would be more than one line", function()
      local bad =
        { { "a\r\nb", "c" }, { "a", "b\r\nc: d" }, { "a", "b\0c" }, { "", "x" }, { "a b", "" } }
      for _, header in ipairs(bad) do
        local exchange, text, err = requests.start({ url = url("ok"), headers = { header } })
        assert.is_nil(exchange)
        assert.is_truthy(text:find("header", 1, true))
        assert.equal("invalid", err.kind)
        assert.is_false(err.retryable)
      end
    end)

    it("refuses http to other machines unless that is asked for", function()
      for _, there in ipairs({
        "http://example.com/",
        "http://10.0.0.1/",
      }) do
        local exchange, text, err = requests.start({ url = there })
        assert.is_nil(exchange)
        assert.is_truthy(text:find("https", 1, true))
        assert.equal("invalid", err.kind)
      end
      local _, text, err = requests.start({ url = "http://localhost@example.com/" })
      assert.matches("user name or password", text)
      assert.equal("invalid", err.kind)
      local exchange = assert(requests.start({ url = "http://192.0.2.1/", allow_http = true }))
      exchange:cancel()
    end)

    it("does not take leave to ask a URL from the request before", function()
      for _, there in ipairs({ "http://192.0.2.1/", "http://192.0.2.1/" .. ("x"):rep(300) }) do
        for _ = 1, 2 do
          assert(requests.start({ url = there, allow_http = true })):cancel()
          local exchange, text = requests.start({ url = there })
          assert.is_nil(exchange)
          assert.is_truthy(text:find("https", 1, true))
        end
      end
    end)

    it("refuses schemes that are not http", function()
      for _, there in ipairs({ "file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1", "" }) do
        assert.is_nil((requests.start({ url = there })))
      end
    end)

    it("keeps the connection for the next request", function()
      requests.run({ url = url("ok"), body = "{}" })
      requests.settle()
      local before = stat("connections")
      for _ = 1, 3 do
        local _, exchange = requests.run({ url = url("ok"), body = "{}" })
        requests.settle()
        assert.is_true(exchange.reused)
      end
      assert.equal(before, stat("connections"))
    end)

    it("sends the body again when a kept connection was dropped", function()
      requests.run({ url = url("drop_second"), body = "{}" })
      local body = ("0123456789"):rep(30000)
      local seen = requests.run({ url = url("ok"), body = body })
      assert.equal("Hello", seen.text)
      assert.equal(body, report("last_body"))
    end)

    it("sends a large body without waiting for leave", function()
      local body = ("x"):rep(1100 * 1024)
      requests.run({ url = url("ok"), body = body })
      assert.equal(body, report("last_body"))
      assert.is_nil(report("last_head"):lower():find("\r\nexpect:", 1, true))
    end)

    it("follows no redirect", function()
      local before = stat("requests")
      local _, exchange =
        requests.run({ url = url("redirect"), headers = { { "x-api-key", "k" } } })
      assert.equal(307, exchange.response:status())
      assert.equal(before + 1, stat("requests"))
    end)

    it("does not read more than the high-water mark ahead of the reader", function()
      local exchange = assert(requests.start({ url = url("flood"), high_water = 256 * 1024 }))
      wait_until(function() return exchange.response:unread() >= 256 * 1024 end)
      tasks.sleep(0.3)
      local most = exchange.response:unread()
      assert.is_true(most < 256 * 1024 + 1024 * 1024)
      local seen = requests.drain(exchange)
      assert.equal("end", seen.last)
      assert.equal(5 + 150 * 60000, #seen.text)
    end)

    -- Where a task waits with a ticket that lasts nobody asks anew, and no limit runs meanwhile.
    it("goes on after it paused behind a reader's back, between being woken and reading", function()
      if not tasks.iterators_can_wait then return end
      local exchange = assert(requests.start({ url = url("in_pieces"), high_water = 1000 }))
      local response, kinds, texts = exchange.response, {}, {}
      local on_more = exchange.on_more
      function exchange:on_more(paused)
        on_more(self, paused)
        if response:unread() < 1000 or paused then return end
        local late = hub.now() + 0.3
        while hub.now() < late do
          hub.engine():read_now(self.id)
        end
      end
      local task = tasks.spawn(function()
        local function step()
          local kind, text = response:next()
          while not kind and text == "more" and exchange:wait() do
            kind, text = response:next()
          end
          response:open_short_cut(kind ~= nil)
          return kind, text, nil, response, exchange
        end
        for kind, text in reading.deltas(step) do
          kinds[#kinds + 1] = kind
          if kind == "text" then texts[#texts + 1] = text end
        end
      end)
      task:set_timeout(30)
      task:wait()
      exchange:cancel()
      assert.equal("Hello" .. ("x"):rep(3000) .. " last", table.concat(texts))
      assert.equal("message_stop", kinds[#kinds])
    end)

    it("does not count the time in which it did not want to read", function()
      local exchange = assert(requests.start({
        url = url("flood"),
        high_water = 64 * 1024,
        limits = { idle = 2 },
      }))
      assert.is_true(exchange:wait())
      tasks.sleep(2.5)
      assert.is_nil(exchange.failure)
      assert.equal("end", requests.drain(exchange).last)
    end)

    it("cancels at any moment and frees everything at once", function()
      local moments = {
        at_start = function() end,
        in_headers = function() tasks.sleep(0.1) end,
        in_body = function(exchange) exchange:wait() end,
      }
      local scenario =
        { at_start = "ok", in_headers = "stall_in_headers", in_body = "stall_in_event" }
      for name, get_there in pairs(moments) do
        requests.settle()
        local before = servers.descriptors_in_use()
        local exchange = assert(requests.start({ url = url(scenario[name]), body = "{}" }))
        get_there(exchange)
        exchange:cancel()
        exchange:cancel()
        assert.is_true(exchange.ended)
        assert.equal(0, (hub.engine():counts()))
        assert.is_true(servers.open_descriptors() <= before)
        local ok, _, err = exchange:wait()
        while ok do
          ok, _, err = exchange:wait()
        end
        assert.equal("cancelled", err.kind)
      end
    end)

    it("cancels while paused", function()
      requests.settle()
      local exchange = assert(requests.start({ url = url("flood"), high_water = 1000 }))
      assert.is_true(exchange:wait())
      tasks.sleep(0.1)
      exchange:cancel()
      assert.equal(0, (hub.engine():counts()))
    end)

    it("cancels while a name is being looked up", function()
      requests.settle()
      local exchange =
        assert(requests.start({ url = "https://no.such.host.invalid/", body = "{}" }))
      exchange:cancel()
      assert.equal(0, (hub.engine():counts()))
      assert.equal("Hello", (requests.run({ url = url("ok") })).text)
    end)

    it("cancels a lookup before the driver has heard of it", function()
      requests.settle()
      -- Inside a task the driver is told afterwards; libcurl has closed its descriptor by then.
      tasks.loop(function()
        for _ = 1, 3 do
          local exchange =
            assert(requests.start({ url = "https://no.such.host.invalid/", body = "{}" }))
          tasks.spawn(function() exchange:cancel() end)
          local _, _, err = exchange:wait()
          -- A resolver that says no at once is faster than the task that cancels.
          assert.is_true(err.kind == "cancelled" or err.details.curl_code == 6, tostring(err))
        end
      end)
      assert.equal("Hello", (requests.run({ url = url("ok") })).text)
    end)

    it("is discarded by finalizers, later", function()
      requests.settle()
      local exchange = assert(requests.start({ url = url("stall_in_event"), body = "{}" }))
      exchange:discard()
      wait_until(function() return exchange.ended end)
      assert.equal(0, (hub.engine():counts()))
    end)

    it("carries many exchanges at once", function()
      local list = {}
      for i = 1, 30 do
        list[i] = i
      end
      local started, count = hub.now(), 0
      local map = tasks.map(
        list,
        function() return (requests.run({ url = url("slow_ok"), body = "{}" })).text end,
        { limit = 30 }
      )
      local item, text = map:next()
      while item do
        assert.equal("Hello", text)
        count = count + 1
        item, text = map:next()
      end
      assert.equal(30, count)
      assert.is_true(hub.now() - started < 3) -- one after the other takes six seconds
    end)

    it("opens sockets that children do not inherit", function()
      local exchange = assert(requests.start({ url = url("stall_in_event"), body = "{}" }))
      assert.is_true(exchange:wait())
      -- Of the child's sockets (libcurl has a pair to wake itself up) none may be a connection.
      local pipe = assert(io.popen("ls -l /proc/self/fd; cat /proc/net/tcp"))
      local listing = pipe:read("*a")
      pipe:close()
      exchange:cancel()
      assert.is_truthy(listing:find("local_address", 1, true))
      for inode in listing:gmatch("socket:%[(%d+)%]") do
        assert.is_nil(listing:find(" " .. inode .. " ", 1, true), listing)
      end
    end)

    it("tells when the first byte came", function()
      local _, exchange = requests.run({ url = url("ok"), body = "{}" })
      assert.is_true(exchange.timings.first_byte >= exchange.timings.start)
    end)

    it("raises for limits that are none", function()
      assert.has_error(function() transport.start({ url = "x", limits = { idel = 3 } }) end)
      assert.has_error(function() transport.start({ url = "x", limits = { idle = "3" } }) end)
      assert.has_error(function() transport.start({ url = "x", http_version = "3" }) end)
    end)
  end)
end

describe("the loop contract:", function()
  local uv = require("luv")
  local luv = require("claude.loop.luv")
  local server

  setup(function() server = servers.fault_server() end)
  teardown(function()
    server:stop()
    hub.use("blocking")
  end)

  local function is_open(fd) return uv.fs_fstat(fd) ~= nil end

  -- A driver that is told all that there is to wait for, with that written down.
  local function spy()
    local told = { watches = {}, timers = {} }
    local adapter = {}
    function adapter.new(ready)
      local driver = luv.new(ready)
      local watch, timer = driver.watch, driver.timer
      function driver.watch(fd, mask)
        told.watches[#told.watches + 1] = { fd = fd, mask = mask, open = is_open(fd) }
        watch(fd, mask)
      end
      function driver.timer(ms)
        told.timers[#told.timers + 1] = ms
        timer(ms)
      end
      return driver
    end
    hub.use(adapter)
    return told
  end

  it("a descriptor is open when the driver is told to let go of it, and closed then", function()
    local told = spy()
    local scenarios =
      { "ok", "close_at_once", "reset_in_event", "cut_in_headers", "ok", "error_500" }
    for _, scenario in ipairs(scenarios) do
      requests.run({ url = server.url .. "/" .. scenario .. "/x", body = "{}" })
    end
    local exchange = requests.start({ url = server.url .. "/stall_in_event/x", body = "{}" })
    exchange:wait()
    exchange:cancel()
    requests.settle()
    local watched = {}
    for _, one in ipairs(told.watches) do
      assert.is_true(one.open)
      assert.is_true(one.mask ~= 0 or watched[one.fd] ~= nil)
      watched[one.fd] = one.mask ~= 0 and one.mask or nil
    end
    assert.is_nil(next(watched))
    assert.is_false(is_open(told.watches[#told.watches].fd))
  end)

  it("an idle program is not woken up", function()
    local told = spy()
    requests.run({ url = server.url .. "/ok/x", body = "{}" })
    requests.settle()
    local before = #told.timers
    tasks.sleep(0.2)
    assert.is_true(#told.timers - before < 6)
  end)

  it("news of a cancelled transfer are never told", function()
    spy()
    local exchange = requests.start({ url = server.url .. "/ok/x", body = "{}" })
    while hub.engine():activity(exchange.id) and exchange.response:unread() == 0 do
      hub.engine():socket_action(-1)
      hub.engine():read_now(exchange.id)
    end
    exchange:cancel()
    assert.is_nil((hub.engine():next()))
    assert.equal("cancelled", exchange.failure.kind)
  end)

  it("is not changed while requests are in flight", function()
    spy()
    local exchange = requests.start({ url = server.url .. "/stall_in_event/x", body = "{}" })
    assert.has_error(function() hub.use("luv") end)
    exchange:cancel()
    hub.use("luv")
    assert.equal("Hello", (requests.run({ url = server.url .. "/ok/x", body = "{}" })).text)
    hub.use("blocking")
  end)

  it("a blocking call inside a callback of the loop is an error that names claude.spawn", function()
    hub.use("luv")
    local ok, err
    local timer = uv.new_timer()
    timer:start(1, 0, function()
      timer:close()
      ok, err = pcall(requests.run, { url = server.url .. "/ok/x", body = "{}" })
    end)
    wait_until(function() return err end)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("claude.spawn", 1, true))
    requests.settle()
  end)

  it("tasks run inside a host's loop that nobody here drives", function()
    hub.use("luv")
    local text
    tasks.spawn(
      function() text = requests.run({ url = server.url .. "/slow_ok/x", body = "{}" }).text end
    )
    local late = hub.now() + 30
    while not text and hub.now() < late do
      uv.run("once")
    end
    assert.equal("Hello", text)
  end)
end)
