-- What only shows in a process of its own: the end of a Lua state, fork, a slow resolver.
local servers = require("spec.support.servers")

local HERE = debug.getinfo(1, "S").source:match("^@(.*)net/process_spec%.lua$")

describe("claude.net in a host program", function()
  local server, program

  setup(function()
    server = servers.fault_server()
    program = os.tmpname()
    local package = servers.LUA:match("^luajit") and "luajit" or servers.LUA
    local command = "cc -std=c99 -D_GNU_SOURCE -rdynamic -o %s %ssupport/host.c "
      .. "$(pkg-config --cflags --libs %s) -ldl"
    assert(os.execute(command:format(program, HERE, package)))
  end)

  teardown(function()
    server:stop()
    os.remove(program)
  end)

  -- Runs a script in the host and returns all it printed.
  local function run(script, environment)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(
      'local requests = require("spec.support.exchange")\n',
      'local hub, tasks = require("claude.loop"), require("claude.tasks")\n',
      ("local url = %q\n"):format(server.url),
      script
    )
    file:close()
    local pipe =
      assert(io.popen(("%s timeout 30 %s %s 2>&1"):format(environment or "", program, path)))
    local output = pipe:read("*a")
    pipe:close()
    os.remove(path)
    return output
  end

  it("survives lua_close with requests in flight", function()
    local output = run([[
      for _, scenario in ipairs({ "stall_in_event", "stall_before_headers", "pings_in_text" }) do
        tasks.spawn(requests.run, { url = url .. "/" .. scenario .. "/x", body = "{}" })
      end
      repeat tasks.sleep(0.1) until hub.engine():counts() == 3
      print("closing")
    ]])
    assert.equal("closing\nalive\n", output)
  end)

  it("survives lua_close under luv", function()
    local output = run([[
      hub.use("luv")
      tasks.spawn(requests.run, { url = url .. "/stall_in_event/x", body = "{}" })
      assert(requests.run({ url = url .. "/ok/x", body = "{}" }).text == "Hello")
      print("closing")
    ]])
    assert.equal("closing\nalive\n", output)
  end)

  it("cancels a slow lookup at once, and its thread may outlive the Lua state", function()
    local output = run(
      [[
      local exchange = assert(requests.start({ url = "https://slow.example.test/", body = "{}" }))
      tasks.sleep(0.1)
      local started = hub.now()
      exchange:cancel()
      assert(hub.engine():counts() == 0)
      print(hub.now() - started < 1 and "at once" or "late")
      started = hub.now()
      requests.start({ url = "https://slower.example.test/", body = "{}" })
      tasks.sleep(0.1)
    ]],
      "HOST_LOOKUP=2 HOST_LINGER=3"
    )
    assert.equal("at once\nalive\n", output)
  end)

  it("judges a slow lookup by the limit connect", function()
    local output = run(
      [[
      local seen = requests.run({
        url = "https://slow.example.test/", body = "{}", limits = { connect = 0.2 },
      })
      print(seen.err.kind, seen.err.details.limit)
    ]],
      "HOST_LOOKUP=2"
    )
    assert.equal("timeout\tconnect\nalive\n", output)
  end)

  it("refuses to work after fork, and leaves the parent's connection alone", function()
    local output = run([[
      assert(requests.run({ url = url .. "/ok/x", body = "{}" }).text == "Hello")
      requests.settle()
      local going = assert(requests.start({ url = url .. "/slow_ok/x", body = "{}" }))
      assert(going:wait())
      local child = fork()
      if child == 0 then
        local exchange, text, err = requests.start({ url = url .. "/ok/x" })
        assert(exchange == nil and text:find("forked", 1, true) and err.kind == "network")
        assert(err.retryable == false)
        going:cancel()
        hub.flush()
        return
      end
      assert(child)
      local seen = requests.drain(going)
      assert(seen.text == "Hello" and seen.last == "end")
      going:close()
      requests.settle()
      local _, exchange = requests.run({ url = url .. "/ok/x", body = "{}" })
      requests.settle()
      print("reused", exchange.reused)
    ]])
    assert.equal("alive\nreused\ttrue\nalive\n", output)
  end)

  it("ends in a copy of the process what a task waits for, and in it alone", function()
    local output = run([[
      local seen, child
      local reading = tasks.spawn(function()
        seen = requests.run({ url = url .. "/slow_ok/x", body = "{}" })
      end)
      tasks.spawn(function()
        tasks.sleep(0.01)
        child = fork()
      end):wait()
      reading:wait()
      if child == 0 then
        assert(seen.err.message:find("forked", 1, true) and seen.err.kind == "network")
        assert(hub.poll() == false)
        local cpu = os.clock()
        tasks.sleep(0.3)
        assert(os.clock() - cpu < 0.2, "it was busy while it slept")
        return
      end
      assert(child)
      print(seen.text, seen.last)
    ]])
    assert.equal("alive\nHello\tend\nalive\n", output)
  end)

  it("has nothing to tell a poller in a copy of the process", function()
    local output = run([[
      local core, net = require("claude.core"), require("claude.net")
      local engine, poller, response = net.engine(), net.poller(), core.response({})
      assert(engine:start({ url = url .. "/ok/x", response = response, proxy = "" }))
      while select(2, engine:counts()) == 0 do engine:turn(poller, 20) end
      local child = fork()
      if child == 0 then
        local own = net.poller()
        assert(select("#", engine:tell(own)) == 0 and own:wait(0) == 0)
        return
      end
      assert(child)
      while not response:finished() do
        assert(select("#", engine:tell(poller)) == 0)
        engine:turn(poller, 1000)
      end
      print(response:unread() > 0)
    ]])
    assert.equal("alive\ntrue\nalive\n", output)
  end)

  it("goes on hearing of a descriptor that a copy of the process lets go of", function()
    local output = run([[
      assert(requests.run({ url = url .. "/ok/x", body = "{}" }).text == "Hello")
      requests.settle()
      local cat = assert(require("claude.net").spawn({
        arguments = { "cat" }, environment = { "PATH=/usr/bin:/bin" },
      }))
      local fd, heard = cat:descriptor("output"), nil
      hub.watch(fd, 1, function()
        heard = cat:read("output")
        hub.unwatch(fd)
      end)
      local child = fork()
      if child == 0 then return hub.unwatch(fd) end
      assert(child and cat:write("x"))
      local late = hub.now() + 5
      while not heard and hub.now() < late do tasks.sleep(0.01) end
      print(heard)
    ]])
    assert.equal("alive\nx\nalive\n", output)
  end)

  it("goes on hearing of it also where no request was made before fork", function()
    local output = run([[
      local cat = assert(require("claude.net").spawn({
        arguments = { "cat" }, environment = { "PATH=/usr/bin:/bin" },
      }))
      local fd, heard = cat:descriptor("output"), nil
      hub.watch(fd, 1, function()
        heard = cat:read("output")
        hub.unwatch(fd)
      end)
      local child = fork()
      if child == 0 then return hub.unwatch(fd) end
      assert(child and cat:write("x"))
      local late = hub.now() + 5
      while not heard and hub.now() < late do tasks.sleep(0.01) end
      print(heard)
    ]])
    assert.equal("alive\nx\nalive\n", output)
  end)

  it("waits with nothing of its parent's for the first request after fork", function()
    local output = run([[
      tasks.sleep(0.01)
      local before = hub.driver().poller
      local child = fork()
      if child == 0 then
        local exchange = assert(requests.start({ url = url .. "/ok/x", body = "{}" }))
        print(hub.driver().poller ~= before, requests.drain(exchange).text)
        return
      end
      assert(child and hub.driver().poller == before)
    ]])
    assert.equal("true\tHello\nalive\nalive\n", output)
  end)

  it("goes on hearing of it also where the copy had no descriptor to wait with", function()
    local output = run([[
      local net = require("claude.net")
      assert(requests.run({ url = url .. "/ok/x", body = "{}" }).text == "Hello")
      requests.settle()
      local cat = assert(net.spawn({
        arguments = { "cat" }, environment = { "PATH=/usr/bin:/bin" },
      }))
      local fd, heard = cat:descriptor("output"), nil
      hub.watch(fd, 1, function()
        heard = cat:read("output")
        hub.unwatch(fd)
      end)
      local child = fork()
      if child == 0 then
        local poller, stopped = net.poller, 0
        local function stop() stopped = stopped + 1 end
        net.poller = function() return nil, "no descriptor" end
        print((pcall(tasks.sleep, 0.01)))
        print((pcall(hub.unwatch, fd, stop)))
        net.poller = poller
        tasks.sleep(0.01)
        print(stopped)
        return
      end
      assert(child and cat:write("x"))
      local late = hub.now() + 5
      while not heard and hub.now() < late do tasks.sleep(0.01) end
      print(heard)
    ]])
    assert.equal("false\nfalse\n1\nalive\nx\nalive\n", output)
  end)

  it("tells everybody of fork, also where somebody had no memory to hear of it", function()
    local output = run([[
      local exchanges, heard = {}, 0
      for i = 1, 4 do
        exchanges[i] = assert(requests.start({ url = url .. "/stall_in_event/x", body = "{}" }))
        tasks.spawn(function()
          local seen = requests.drain(exchanges[i])
          heard = heard + (seen.err.message:find("forked", 1, true) and 1 or 0)
        end)
        local on_fork, failed = exchanges[i].on_fork, false
        exchanges[i].on_fork = function(...)
          if not failed and i % 2 == 0 then
            failed = true
            error("not enough memory", 0)
          end
          return on_fork(...)
        end
      end
      tasks.sleep(0.1)
      local child = fork()
      if child == 0 then
        local late = hub.now() + 5
        while heard < 4 and hub.now() < late do pcall(tasks.sleep, 0.01) end
        print(heard)
        return
      end
      assert(child)
    ]])
    assert.equal("4\nalive\nalive\n", output)
  end)

  it("tells of fork when there is a descriptor to wait with", function()
    local output = run([[
      local net, seen = require("claude.net"), nil
      local exchange = assert(requests.start({ url = url .. "/stall_in_event/x", body = "{}" }))
      tasks.spawn(function() seen = requests.drain(exchange) end)
      tasks.sleep(0.1)
      local child = fork()
      if child == 0 then
        local poller = net.poller
        net.poller = function() return nil, "no descriptor" end
        print(select(2, pcall(tasks.sleep, 0.01)):match("no descriptor"))
        net.poller = poller
        tasks.sleep(0.01)
        print(seen and seen.err.message:match("forked"))
        return
      end
      assert(child)
    ]])
    assert.equal("no descriptor\nforked\nalive\nalive\n", output)
  end)

  it("does not write a journal that was opened before fork", function()
    local output = run([[
      local core = require("claude.core")
      local path = os.tmpname()
      local journal = assert(core.journal_file(path))
      assert(journal:append("one "))
      local child = fork()
      if child == 0 then
        local done, text = journal:append("two ")
        assert(done == nil and text:find("forked", 1, true))
        assert(journal:sync() == nil and journal:truncate(0) == nil)
        journal:close()
        return
      end
      assert(child)
      assert(journal:append("three"))
      assert(core.journal_file(path) == nil)
      journal:close()
      print(core.journal_file(path):read())
      os.remove(path)
    ]])
    assert.equal("alive\none three\nalive\n", output)
  end)

  for _, driver in ipairs(require("spec.support.drivers")) do
    it("an interrupt ends a call that waits, driver " .. driver, function()
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write(([[
        local requests = require("spec.support.exchange")
        require("claude.loop").use("%s")
        io.stdout:setvbuf("no")
        print(1, require("luv").os_getpid())
        print(pcall(requests.run, { url = "%s/stall_in_event/x", body = "{}" }))
      ]]):format(driver, server.url))
      file:close()
      local pipe = assert(io.popen(("timeout 30 %s %s 2>&1"):format(servers.LUA, script)))
      local _, pid = pipe:read("*n", "*n")
      os.execute(("sleep 0.5; kill -INT %d"):format(pid))
      local output = pipe:read("*a")
      pipe:close()
      os.remove(script)
      assert.is_truthy(output:find("interrupted!", 1, true), output)
    end)
  end

  it("answers with an error when no descriptor is left, and goes on when there is", function()
    local output = run(
      [[
      tasks.now() -- what is loaded on first use is loaded now
      for _, part in ipairs({ "loop.blocking", "transport.curl" }) do require("claude." .. part) end
      local files, file = {}, io.open("/dev/null")
      while file do
        files[#files + 1] = file
        file = io.open("/dev/null")
      end
      for _ = 1, 3 do
        local exchange, text, err = requests.start({ url = url .. "/ok/x", body = "{}" })
        local seen = exchange and requests.drain(exchange) or { err = err, text = "none" }
        print(seen.text, seen.err and seen.err.kind, seen.err and seen.err.message)
        table.remove(files):close()
      end
    ]],
      "ulimit -n 20;"
    )
    assert.same({
      "none\tnetwork\tthe system has no descriptor or no memory left to wait with",
      "\tnetwork\tno socket could be opened: too many open files (curl 2)",
      "Hello\tnil\tnil",
      "alive",
    }, { output:match("^(.-)\n(.-)\n(.-)\n(.-)\n$") })
  end)
end)
