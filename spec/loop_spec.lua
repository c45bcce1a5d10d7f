-- What an adapter of the loop contract may have besides watch and timer.
local claude = require("claude")
local hub = require("claude.loop")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")

-- A host without an event loop: the spec says when something is ready.
local function host(fields)
  local seen = { timers = {} }
  local adapter = {
    new = function(ready)
      seen.ready = ready
      local driver = { watch = function() end }
      driver.timer = function(ms) seen.timers[#seen.timers + 1] = ms end
      for name, value in pairs(fields) do
        driver[name] = value
      end
      return driver
    end,
  }
  hub.use(adapter)
  tasks.spawn(function() end) -- the driver is made on first need
  seen.ready()
  return seen
end

describe("an adapter of claude.loop", function()
  teardown(function() hub.use("blocking") end)
  after_each(function() hub.use("blocking") end)

  it("with a slice has its turn back while tasks have more to do", function()
    local seen, rounds = host({ slice = 0.001 }), 0
    local busy = claude.spawn(function()
      while not tasks.running().cancelled do
        rounds = rounds + 1
        tasks.give_way()
      end
    end)
    for _ = 1, 3 do
      local before = rounds
      seen.ready()
      assert.is_true(rounds > before)
      assert.equal(0, seen.timers[#seen.timers])
    end
    busy:cancel()
    seen.ready()
    assert.is_true(busy:is_done())
  end)

  it("is told again what it found no memory for", function()
    local told, fails = {}, true
    local seen = host({
      watch = function(fd, mask)
        if fails then error("not enough memory", 0) end
        told[#told + 1] = { fd, mask }
      end,
    })
    assert.has_error(function()
      hub.watch(9, 1, function() end)
    end, "not enough memory")
    fails = false
    seen.ready()
    assert.same({ { 9, 1 } }, told)
    hub.unwatch(9)
    assert.same({ { 9, 1 }, { 9, 0 } }, told)
  end)

  it("is not told again what it cannot do", function()
    local told = {}
    host({
      watch = function(fd, mask)
        told[#told + 1] = { fd, mask }
        if mask ~= 0 then error("it cannot be watched", 0) end
      end,
    })
    assert.has_error(function()
      hub.watch(9, 1, function() end)
    end, "it cannot be watched")
    hub.unwatch(9)
    assert.same({ { 9, 1 }, { 9, 0 } }, told)
  end)

  it("with a slice has its turn back between tasks", function()
    local seen, ran = host({ slice = 0.001 }), 0
    local all = {}
    for i = 1, 5 do
      all[i] = claude.spawn(function()
        local stop = hub.now() + 0.003
        repeat
        until hub.now() >= stop
        ran = ran + 1
      end)
    end
    for i = 1, 5 do
      seen.ready()
      assert.equal(i, ran)
    end
    assert.is_true(all[5]:is_done())
  end)

  it("without run refuses to block, and says what to do", function()
    host({})
    for _, call in ipairs({ function() claude.sleep(0.01) end, claude.step }) do
      local ok, text = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(text:find("claude.spawn", 1, true))
    end
  end)

  it("with a waiter has calls wait in the host's own coroutines", function()
    local posts = 0
    local seen = host({
      waiter = function()
        local co, is_main = coroutine.running()
        if not co or is_main then return nil end
        return {
          wait = function() coroutine.yield("the host's") end,
          post = function() posts = posts + 1 end,
        }
      end,
    })
    local signal = tasks.signal()
    local co = coroutine.create(function() return (signal:wait()) end)
    assert.same({ true, "the host's" }, { coroutine.resume(co) })
    assert.same({ true, "the host's" }, { coroutine.resume(co) }) -- too early: waits on
    signal:set()
    assert.equal(1, posts)
    assert.same({ true, true }, { coroutine.resume(co) })
    seen.ready()
  end)

  it("has its errors told where nobody can catch them", function()
    local program = require("claude.host")
    local log, told = program.log, nil
    function program.log(_, text) told = text end
    local seen = host({})
    hub.at(hub.now(), function() error("in a timer") end)
    seen.ready()
    program.log = log
    assert.is_truthy(told:find("in a timer", 1, true))
  end)

  it("hears of changes in order, also of those that a finalizer makes meanwhile", function()
    local timer, inside, nested = nil, false, false
    local seen = host({
      timer = function()
        nested = nested or inside
        inside = true
        if timer then timer() end
        inside = false
      end,
    })
    local signal = tasks.signal()
    local task = claude.spawn(function() return select(2, signal:wait()) end)
    seen.ready()
    timer = function()
      timer = nil
      task:cancel() -- as a finalizer may
    end
    claude.spawn(function() end)
    assert.is_false(nested)
    seen.ready()
    assert.equal("cancelled", task:result()[1])
  end)

  it("is asked for no timer that its counters cannot hold", function()
    local seen = host({})
    local task = claude.spawn(function() return tasks.sleep(math.huge) end)
    seen.ready()
    local ms = seen.timers[#seen.timers]
    assert.is_true(ms > 1e6 and ms < 2 ^ 31)
    assert.equal(ms, math.floor(ms))
    task:cancel()
    seen.ready()
    assert.is_true(task:is_done())
  end)

  it("is asked for a timer again when it could not set one", function()
    local broken, asked, ran = false, {}, false
    host({
      timer = function(ms)
        if broken then error("no room for a timer", 0) end
        asked[#asked + 1] = ms
      end,
    })
    local timer = hub.at(hub.now() + 3600, function() ran = true end)
    broken = true
    assert.has_error(hub.flush, "no room for a timer")
    broken, asked = false, {}
    hub.flush()
    assert.equal(1, #asked)
    assert.is_true(asked[1] > 0 and asked[1] <= 3600 * 1000 and not ran)
    hub.forget(timer)
  end)

  it("keeps no timer of a wait that was refused", function()
    local seen = host({})
    assert.is_false((pcall(tasks.sleep, 60)))
    claude.spawn(function() end)
    seen.ready()
    assert.equal(-1, seen.timers[#seen.timers])
  end)

  it("is told at once what its predecessor was waiting for", function()
    local task = claude.spawn(function() return tasks.sleep(0.01) end)
    local seen = { timers = {} }
    hub.use({
      new = function(ready)
        seen.ready = ready
        local function timer(ms) seen.timers[#seen.timers + 1] = ms end
        return { watch = function() end, timer = timer }
      end,
    })
    assert.equal(0, seen.timers[1])
    while not task:is_done() do
      seen.ready()
    end
    assert.is_true((task:wait()))
  end)

  it("does not run later what claude.loop was refused for", function()
    local seen, ran = host({}), false
    assert.is_false((pcall(tasks.loop, function() ran = true end)))
    seen.ready()
    assert.is_false(ran)
  end)

  it("is a name or a table with new", function()
    for _, wrong in ipairs({ 1, {}, "nonsense" }) do
      assert.is_false(pcall(hub.use, wrong))
    end
  end)

  it("of a name that there is not is told where it was asked for, with those there are", function()
    local line
    local went, text = pcall(function()
      line = debug.getinfo(1, "l").currentline + 1
      hub.use("libuv")
    end)
    assert.is_false(went)
    local said = ':%d: claude.loop.use: there is no adapter "libuv": there are blocking, cqueues'
    assert.truthy(text:find(said:format(line), 1, true), text)
  end)

  it("is told which function its driver lacks, before anything is asked of it", function()
    local made
    hub.use({ name = "half", new = function() return made end })
    for _, case in ipairs({
      { nil, "watch" },
      { { timer = function() end }, "watch" },
      { { watch = function() end }, "timer" },
      { { watch = function() end, poller = require("claude.net").poller() }, "run" },
    }) do
      made = case[1]
      local ok, text = pcall(hub.driver)
      assert.is_false(ok)
      assert.equal(
        ("claude.loop: `new` of half returned no table with a function `%s`"):format(case[2]),
        text
      )
    end
  end)

  for _, name in ipairs(require("spec.support.drivers")) do
    it(name .. " takes a stop of what is not watched, and of what is no descriptor", function()
      local driver = assert(require("claude.loop." .. name).new(function() end))
      for _ = 1, 2 do
        driver.watch(0, 0)
        driver.watch(999, 0)
      end
      if driver.close then driver.close() end
    end)
  end
end)

describe("claude.loop", function()
  it("does not wait for what the driver cannot watch, and asks for it again", function()
    local told = {}
    hub.use({
      new = function(ready, take)
        local driver = assert(require("claude.loop.blocking").new(ready, take))
        function driver.watch(fd, mask)
          told[#told + 1] = { fd, mask }
          if mask ~= 0 then error("it cannot be watched", 0) end
        end
        return driver
      end,
    })
    local function watch()
      hub.watch(9, 1, function() end)
    end
    for _ = 1, 2 do
      assert.has_error(watch, "it cannot be watched")
      local ok, text = pcall(hub.wait)
      assert.is_false(ok)
      assert.is_truthy(text:find("nothing is left to wait for", 1, true), text)
    end
    hub.unwatch(9)
    assert.same({ { 9, 1 }, { 9, 1 }, { 9, 0 } }, told)
    hub.use("blocking")
  end)

  it("that is loaded anew has nothing to do with what the former has under way", function()
    local server = servers.fault_server()
    local client = claude.new({ api_key = "k", base_url = server.url .. "/slow_ok" })
    local stream = client.messages:stream({
      model = "claude-opus-4-8",
      max_tokens = 1000,
      messages = { { role = "user", content = "Hi" } },
    })
    assert(stream:next())
    package.loaded["claude.loop"] = nil
    local anew = require("claude.loop")
    package.loaded["claude.loop"] = hub
    assert.equal(0, (anew.engine():counts()))
    anew.use("luv")
    anew.use("blocking")
    assert(stream:final_message())
    server:stop()
  end)
end)
