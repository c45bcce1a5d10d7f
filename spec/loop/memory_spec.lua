--- What found no memory on its way through the loop is not lost: it is done again as soon as
--- there is some. What failed for other reasons is not.
local claude = require("claude")
local groups = require("claude.tasks.group")
local hub = require("claude.loop")
local net = require("claude.net")
local requests = require("spec.support.exchange")
local scheduler = require("claude.tasks.scheduler")
local servers = require("spec.support.servers")
local wait_until = require("spec.helpers").wait_until

local NO_MEMORY = "not enough memory"

-- Raises the first time.
local function failing_once(raised, fn)
  local failed = false
  return function(...)
    if failed then return fn(...) end
    failed = true
    error(raised, 0)
  end
end

describe("where there is no memory", function()
  local server
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  local function begin() return assert(requests.start({ url = server.url .. "/ok/x" })) end

  for method, who in pairs({ on_done = "its listener", on_end = "who wanted its place" }) do
    it("the end of an exchange is told again to " .. who, function()
      local exchange = begin()
      exchange[method] = failing_once(NO_MEMORY, exchange[method] or function() end)
      assert.has_error(function() requests.drain(exchange) end, NO_MEMORY)
      local seen = requests.drain(exchange)
      assert.equal("Hello", seen.text)
      wait_until(function() return exchange.told end)
      assert.is_true(exchange.told)
    end)
  end

  it("that there is more to read is told again", function()
    local exchange = assert(requests.start({ url = server.url .. "/stall_in_event/x" }))
    exchange.on_more = failing_once(NO_MEMORY, exchange.on_more)
    assert.has_error(function() exchange:wait() end, NO_MEMORY)
    assert.is_true(exchange:wait())
    assert.is_true(exchange.response:unread() > 0)
    exchange:cancel()
  end)

  it("an exchange that is cancelled is told of it with the next call", function()
    local exchange, told = begin(), 0
    exchange.on_end = failing_once(NO_MEMORY, function() told = told + 1 end)
    assert.has_error(function() exchange:cancel() end, NO_MEMORY)
    exchange:cancel()
    exchange:cancel()
    assert.equal(1, told)
    assert.equal("cancelled", select(3, exchange:wait()).kind)
  end)

  it("a timer runs again", function()
    local ran = 0
    hub.at(hub.now(), failing_once(NO_MEMORY, function() ran = ran + 1 end))
    assert.has_error(function() claude.sleep(0.01) end, NO_MEMORY)
    claude.sleep(0.01)
    assert.equal(1, ran)
  end)

  it("a timer that failed for another reason does not", function()
    local ran = 0
    hub.at(hub.now(), failing_once("unlucky", function() ran = ran + 1 end))
    assert.has_error(function() claude.sleep(0.01) end, "unlucky")
    claude.sleep(0.01)
    assert.equal(0, ran)
  end)

  it("an end that is told again outlasts a timer that fails meanwhile", function()
    local exchange = begin()
    local on_done, timer_fails = exchange.on_done, true
    exchange.on_done = function(self, ...)
      if timer_fails then
        timer_fails = false
        hub.at(hub.now(), function() error("unlucky", 0) end)
        error(NO_MEMORY, 0)
      end
      return on_done(self, ...)
    end
    local raised, late = {}, hub.now() + 20
    while not exchange.told and hub.now() < late do
      local ok, text = pcall(claude.sleep, 0.01)
      if not ok then raised[#raised + 1] = text end
    end
    assert.same({ true, { NO_MEMORY, "unlucky" } }, { exchange.told, raised })
    assert.equal("Hello", requests.drain(exchange).text)
  end)

  it("what was dropped is cancelled later", function()
    local cancelled = 0
    hub.discard({ cancel = failing_once(NO_MEMORY, function() cancelled = cancelled + 1 end) })
    assert.has_error(function() claude.sleep(0.01) end, NO_MEMORY)
    claude.sleep(0.01)
    assert.equal(1, cancelled)
  end)

  it("what was dropped and fails for another reason is not cancelled again", function()
    local cancelled = 0
    hub.discard({ cancel = function() cancelled = cancelled + 1 end })
    hub.discard({ cancel = failing_once("unlucky", function() cancelled = 10 end) })
    assert.has_error(function() claude.sleep(0.01) end, "unlucky")
    claude.sleep(0.01)
    assert.equal(1, cancelled)
  end)

  it("a request that cannot begin gives its place back", function()
    local client = claude.new({
      api_key = "k",
      base_url = server.url .. "/ok",
      max_concurrency = 1,
      max_retries = 0,
    })
    local listen = hub.listen
    hub.listen = failing_once(NO_MEMORY, listen)
    local params = {
      model = "claude-opus-4-8",
      max_tokens = 9,
      messages = { { role = "user", content = "Hi" } },
    }
    assert.has_error(function() client.messages:create(params) end, NO_MEMORY)
    hub.listen = listen
    assert.equal(0, client.places.taken)
    assert.equal("Hello", assert(client.messages:create(params)):text())
    requests.settle()
  end)

  it("a place that was given is not given to another, too", function()
    local places, got = require("claude.places").new(1), {}
    local exchange = {}
    assert(places:try())
    places:keep_for(exchange)
    local waiting = {}
    for i = 1, 2 do
      waiting[i] = claude.spawn(function()
        assert(places:take({}))
        got[#got + 1] = i
      end)
    end
    wait_until(function() return places.line.count == 2 end)
    local signal = getmetatable(scheduler.signal())
    local set = signal.set
    signal.set = failing_once(NO_MEMORY, set)
    assert.has_error(exchange.on_end, NO_MEMORY)
    signal.set = function(self)
      set(self)
      signal.set = set
      error(NO_MEMORY, 0)
    end
    assert.has_error(exchange.on_end, NO_MEMORY)
    wait_until(function() return got[1] end)
    exchange.on_end()
    claude.sleep(0.01)
    assert.same({ { 1 }, 1 }, { got, places.taken })
    places:leave()
    waiting[2]:wait()
    places:leave()
    assert.same({ { 1, 2 }, 0 }, { got, places.taken })
  end)

  describe("for a task of a group that waits for its turn,", function()
    local spawn_under = scheduler.spawn_under
    after_each(function() scheduler.spawn_under = spawn_under end)

    it("it has its turn later, and all run once", function()
      local group, ran = groups.new(1), {}
      for i = 1, 3 do
        group:add(i, function() ran[#ran + 1] = i end)
      end
      scheduler.spawn_under = failing_once(NO_MEMORY, spawn_under)
      assert.has_error(function()
        while group:next() do
        end
      end, NO_MEMORY)
      local keys, key = {}, group:next()
      while key do
        keys[#keys + 1], key = key, group:next()
      end
      assert.same({ { 1, 2, 3 }, { 1, 2, 3 } }, { ran, keys })
    end)
  end)

  it("for how a task of a group ended, that is told later", function()
    local queues = getmetatable(require("claude.queue").new())
    local push, group = queues.push, groups.new()
    group:add("a", function() queues.push = failing_once(NO_MEMORY, push) end)
    assert.has_error(function() group:next() end, NO_MEMORY)
    queues.push = push
    assert.same({ "a", { ok = true, n = 0 } }, { group:next() })
    assert.is_nil((group:next()))
  end)

  describe("for what is to be watched,", function()
    local child, fd, undo

    before_each(function()
      hub.use("blocking")
      undo = {}
      child = assert(net.spawn({ arguments = { "cat" }, environment = { "PATH=/usr/bin:/bin" } }))
      fd = child:descriptor("output")
    end)

    after_each(function()
      for _, put_back in ipairs(undo) do
        put_back()
      end
      hub.unwatch(fd)
      hub.use("blocking")
      child:close("input")
      wait_until(function() return child:has_ended(true) ~= false end)
    end)

    local function replace(methods, name, make)
      local real = methods[name]
      methods[name] = make(real)
      undo[#undo + 1] = function() methods[name] = real end
    end

    local function methods_of(object) return getmetatable(object).__index end

    local function hears()
      local heard
      hub.watch(fd, 1, function() heard = child:read("output") end)
      assert(child:write("x"))
      wait_until(function() return heard end)
      return heard
    end

    -- Over poll(2) the others watch by means of their own.
    local drivers = net.poller():descriptor() and require("spec.support.drivers") or { "blocking" }
    for _, name in ipairs(drivers) do
      it("it is watched later, however often there is none, driver " .. name, function()
        hub.use(name)
        local fails = 3
        replace(methods_of(net.poller()), "watch", function(watch)
          return function(...)
            fails = fails - 1
            if fails >= 0 then return nil, NO_MEMORY end
            return watch(...)
          end
        end)
        local heard
        assert.has_error(function()
          hub.watch(fd, 1, function() heard = child:read("output") end)
        end, NO_MEMORY)
        assert.has_error(function() claude.sleep(0.01) end, NO_MEMORY)
        assert.has_error(function() claude.sleep(0.01) end, NO_MEMORY)
        assert(child:write("x"))
        wait_until(function() return heard end)
        assert.equal("x", heard)
      end)
    end

    it("a connection is watched later, however often there is none", function()
      local refused, times = nil, 0
      replace(methods_of(hub.engine()), "tell", function(tell)
        return function(engine, poller)
          if refused then return tell(engine, poller) end
          local wanted, mask = engine:change()
          if not wanted then return end
          refused = wanted
          return wanted, mask, true
        end
      end)
      replace(methods_of(net.poller()), "watch", function(watch)
        return function(poller, wanted, mask)
          if wanted ~= refused or times == 2 then return watch(poller, wanted, mask) end
          times = times + 1
          return nil, NO_MEMORY
        end
      end)
      local exchange = assert(requests.start({ url = server.url .. "/slow_ok/x" }))
      local raised = {}
      local late = hub.now() + 20
      while not exchange.told and hub.now() < late do
        local ok, text = pcall(claude.sleep, 0.01)
        if not ok then raised[#raised + 1] = text end
      end
      assert.same({ NO_MEMORY, NO_MEMORY, NO_MEMORY }, raised)
      assert.equal("Hello", requests.drain(exchange).text)
    end)

    it("all is told before the next wait when there was none to hear of what is ready", function()
      local calls = {}
      hub.watch(fd, 1, function() child:read("output") end)
      replace(
        methods_of(require("claude.loop.descriptors").new()),
        "note",
        function(note) return failing_once(NO_MEMORY, note) end
      )
      assert(child:write("x"))
      assert.has_error(function() claude.sleep(30) end, NO_MEMORY)
      for _, name in ipairs({ "tell", "turn", "read" }) do
        if hub.engine()[name] then
          replace(methods_of(hub.engine()), name, function(real)
            return function(...)
              calls[#calls + 1] = name
              return real(...)
            end
          end)
        end
      end
      claude.sleep(0.01)
      assert.equal("tell", calls[1])
    end)

    it("nothing is watched that nobody listens to", function()
      local descriptors, told = require("claude.loop.descriptors").new(), {}
      local watched = descriptors.watched
      descriptors.watched = setmetatable({}, { __newindex = function() error(NO_MEMORY, 0) end })
      assert.has_error(function()
        descriptors:watch(9, 1, function() end)
      end, NO_MEMORY)
      descriptors.watched = watched
      local driver = { watch = function(...) told[#told + 1] = { ... } end }
      descriptors:tell(driver)
      assert.same({}, told)
      descriptors:watch(9, 1, function() end)
      descriptors:tell(driver)
      assert.same({ { 9, 1 } }, told)
    end)

    it("what was not told is watched by who asks again", function()
      local descriptors, told = require("claude.loop.descriptors").new(), {}
      local changes = descriptors.changes
      local none = setmetatable({}, { __newindex = function() error(NO_MEMORY, 0) end })
      local driver = { watch = function(...) told[#told + 1] = { ... } end }
      local function watch()
        descriptors:watch(9, 1, function() end)
      end
      local function stop() descriptors:stop(9) end
      for _, act in ipairs({ watch, stop }) do
        descriptors.changes = none
        assert.has_error(act, NO_MEMORY)
        descriptors.changes = changes
        act()
        descriptors:tell(driver)
      end
      assert.same({ { 9, 1 }, { 9, 0 } }, told)
    end)

    it("who wanted to hear when that is over hears it, and of others", function()
      local stopped = 0
      hub.watch(fd, 1, function() end)
      assert.has_error(function()
        hub.unwatch(fd, failing_once(NO_MEMORY, function() stopped = stopped + 1 end))
      end, NO_MEMORY)
      claude.sleep(0.01)
      assert.equal(1, stopped)
      assert.has_error(function()
        hub.unwatch(fd, function() error("unlucky", 0) end)
      end, "unlucky")
      assert.equal("x", hears())
    end)
  end)

  it("for the driver, a task that cannot be told of is not begun, and not waited for", function()
    local flush, ran = hub.flush, 0
    local before = scheduler.count()
    hub.flush = failing_once(NO_MEMORY, flush)
    assert.has_error(function()
      claude.spawn(function() ran = ran + 1 end)
    end, NO_MEMORY)
    hub.flush = flush
    claude.sleep(0.01)
    assert.same({ 0, before }, { ran, scheduler.count() })
  end)

  it("for the driver, tasks around the one that is not begun are", function()
    local flush, ran = hub.flush, {}
    local function run(i) ran[#ran + 1] = i end
    claude.spawn(run, 1)
    hub.flush = failing_once(NO_MEMORY, flush)
    assert.has_error(function() claude.spawn(run, 2) end, NO_MEMORY)
    hub.flush = flush
    claude.spawn(run, 3):wait()
    assert.same({ 1, 3 }, ran)
  end)
end)
