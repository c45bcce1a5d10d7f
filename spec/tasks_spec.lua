local errors = require("claude.errors")
local helpers = require("spec.helpers")
local hub = require("claude.loop")
local tasks = require("claude.tasks")

local wait_until = helpers.wait_until

-- On PUC 5.1 no host can run tasks for us: nothing waits under a protected call.
local CAN_YIELD_ANYWHERE = not (_VERSION == "Lua 5.1" and not rawget(_G, "jit"))

-- "hosted": on the coroutines of a host that owns them (claude/tasks/hosted.lua).
local WAYS = { CAN_YIELD_ANYWHERE and "hosted" or nil }
for _, driver in ipairs(require("spec.support.drivers")) do
  WAYS[#WAYS + 1] = driver
end

for _, driver in ipairs(WAYS) do
  local hosted = driver == "hosted"
  local it_on_our_own_coroutines = hosted and function() end or it
  describe("tasks, driver " .. driver .. ":", function()
    setup(function()
      if hosted then return tasks.use(require("spec.support.coroutine_host")) end
      hub.use(driver)
    end)
    teardown(function()
      if hosted then return tasks.use(nil) end
      hub.use("blocking")
    end)

    describe("loop", function()
      it("returns what its function returns", function()
        local a, b, c = tasks.loop(function(...) return ..., nil end, 1, 2)
        assert.same({ 1, nil, nil }, { a, b, c })
        assert.equal(3, select("#", tasks.loop(function() return nil, 2, nil end)))
      end)

      it("ends when everything that was spawned has ended", function()
        local seen = {}
        tasks.loop(function()
          tasks.spawn(function()
            tasks.sleep(0.02)
            seen[#seen + 1] = "child"
          end)
          seen[#seen + 1] = "root"
        end)
        assert.same({ "root", "child" }, seen)
      end)

      it_on_our_own_coroutines(
        "runs what was spawned before it, also without a function",
        function()
          local ran = false
          tasks.spawn(function() ran = true end)
          assert.is_false(ran)
          tasks.loop()
          assert.is_true(ran)
        end
      )

      it("raises what its function raises, with a traceback", function()
        local ok, err = pcall(tasks.loop, function() error("broken") end)
        assert.is_false(ok)
        assert.is_truthy(err:find("broken", 1, true))
        assert.is_truthy(err:find("traceback", 1, true))
        assert.is_truthy(err:find("tasks_spec", 1, true))
      end)

      it("raises error objects as they are", function()
        local err = errors.new({ kind = "protocol", message = "x" })
        local ok, raised = pcall(tasks.loop, function() error(err) end)
        assert.is_false(ok)
        assert.equal(err, raised)
      end)

      it("raises the error of a task that nobody waited for", function()
        local ok, err = pcall(tasks.loop, function()
          tasks.spawn(function() error("unnoticed") end)
          tasks.sleep(0.01)
        end)
        assert.is_false(ok)
        assert.is_truthy(err:find("unnoticed", 1, true))
      end)

      it("cancels the children when its function fails", function()
        local begun, child
        pcall(tasks.loop, function()
          child = tasks.spawn(function()
            begun = true
            return tasks.sleep(60)
          end)
          wait_until(function() return begun end)
          error("broken")
        end)
        assert.is_true(child:is_done())
      end)

      it("only calls its function inside a task", function()
        local inner
        tasks.loop(function()
          inner = tasks.loop(function() return tasks.running() end)
          assert.equal(tasks.running(), inner)
        end)
        assert.is_nil(tasks.running())
      end)
    end)

    describe("a task", function()
      it("is waited for, with all its results", function()
        tasks.loop(function()
          local task = tasks.spawn(function(a, b)
            tasks.sleep(0.01)
            return a + b, nil, "x"
          end, 1, 2)
          assert.same({ 3, nil, "x" }, { task:wait() })
          assert.same({ 3, nil, "x" }, { task:wait() })
        end)
      end)

      it("can be waited for outside tasks", function()
        assert.equal(
          7,
          tasks
            .spawn(function()
              tasks.sleep(0.01)
              return 7
            end)
            :wait()
        )
      end)

      it("hands its error to who waits for it", function()
        local err = errors.new({ kind = "api", message = "no" })
        tasks.loop(function()
          local value, text, raised = tasks.spawn(function() error(err) end):wait()
          assert.is_nil(value)
          assert.equal(err, raised)
          assert.is_truthy(text:find("no", 1, true))
        end)
      end)

      it("may be a function written in C", function()
        assert.equal("7", tasks.spawn(tostring, 7):wait())
        assert.same({ true, "8" }, { tasks.call(tostring, 8) })
      end)

      it("returns failures as values like any function", function()
        local value, text, err = tasks.spawn(function() return nil, "text", "err" end):wait()
        assert.same({ nil, "text", "err" }, { value, text, err })
      end)

      it("runs while others sleep", function()
        local order = {}
        tasks.loop(function()
          for i, place in ipairs({ 3, 1, 2 }) do
            tasks.spawn(function()
              wait_until(function() return #order == place - 1 end)
              order[place] = i
            end)
          end
        end)
        assert.same({ 2, 3, 1 }, order)
      end)

      it("reports an error that nobody asks for, outside loops", function()
        local scheduler = require("claude.tasks.scheduler")
        local before, told = scheduler.on_error, nil
        scheduler.on_error = function(text) told = text end
        tasks.spawn(function() error("nobody looks") end)
        wait_until(function() return told end)
        scheduler.on_error = before
        assert.is_truthy(told:find("nobody looks", 1, true))
      end)

      it_on_our_own_coroutines("fails if it yields to a scheduler that is not there", function()
        local value, text = tasks.spawn(function() coroutine.yield("what") end):wait()
        assert.is_nil(value)
        assert.is_truthy(text:find("claude.sleep", 1, true))
      end)
    end)

    describe("cancelling", function()
      it("ends the wait with an error of kind cancelled", function()
        local begun, value, text, err
        tasks.loop(function()
          local task = tasks.spawn(function()
            begun = true
            value, text, err = tasks.sleep(60)
            return "done"
          end)
          wait_until(function() return begun end)
          task:cancel()
          task:cancel()
          assert.equal("done", task:wait())
        end)
        assert.is_nil(value)
        assert.is_string(text)
        assert.equal("cancelled", err.kind)
      end)

      it("keeps a task from starting", function()
        local ran = false
        local task = tasks.spawn(function() ran = true end)
        task:cancel()
        local value, _, err = task:wait()
        assert.is_nil(value)
        assert.equal("cancelled", err.kind)
        assert.is_false(ran)
      end)

      it("reaches the children", function()
        local child
        tasks.loop(function()
          local parent = tasks.spawn(function()
            child = tasks.spawn(function() return tasks.sleep(60) end)
            return child:wait()
          end)
          wait_until(function() return child end)
          parent:cancel()
          local _, _, err = parent:wait()
          assert.equal("cancelled", err.kind)
        end)
        assert.is_true(child:is_done())
      end)

      it("ends a loop of sleeps that looks at no error", function()
        local rounds = 0
        local task = tasks.spawn(function()
          while true do
            rounds = rounds + 1
            tasks.sleep(60)
          end
        end)
        wait_until(function() return rounds == 1 end)
        task:cancel()
        local _, _, err = task:wait()
        assert.equal("cancelled", err.kind)
        assert.is_true(rounds <= 2)
      end)

      it("leaves a task alone that has ended", function()
        local task = tasks.spawn(function() return 1 end)
        assert.equal(1, task:wait())
        task:cancel()
        assert.equal(1, task:wait())
      end)
    end)

    describe("a scope", function()
      it("is a task: it has ended when those that it started have", function()
        local order = {}
        local parent = tasks.spawn(function()
          tasks.spawn(function()
            tasks.sleep(0.02)
            order[#order + 1] = "child"
          end)
          order[#order + 1] = "function"
          return "result"
        end)
        assert.equal("result", parent:wait())
        assert.same({ "function", "child" }, order)
      end)

      it("cancels those that it started when its function fails", function()
        local begun, child, err
        local parent = tasks.spawn(function()
          child = tasks.spawn(function()
            begun = true
            err = select(3, tasks.sleep(60))
          end)
          wait_until(function() return begun end)
          error("broken")
        end)
        local _, text = parent:wait()
        assert.is_truthy(text:find("broken", 1, true))
        assert.is_true(child:is_done())
        assert.equal("cancelled", err.kind)
      end)

      it("is cancelled with all in it, also when its function has ended", function()
        local begun, err
        local parent = tasks.spawn(function()
          tasks.spawn(function()
            begun = true
            err = select(3, tasks.sleep(60))
          end)
          return "result"
        end)
        wait_until(function() return begun end)
        assert.is_false(parent:is_done())
        parent:cancel()
        assert.equal("result", parent:wait())
        assert.equal("cancelled", err.kind)
      end)

      it("begins none that was started when it was cancelled already", function()
        local begun, ran = false, false
        local parent = tasks.spawn(function()
          begun = true
          tasks.sleep(60)
          tasks.spawn(function() ran = true end)
        end)
        wait_until(function() return begun end)
        parent:cancel()
        parent:wait()
        assert.is_false(ran)
      end)

      it("does not hold what was spawned outside of it", function()
        local looked
        local outside = tasks.spawn(function()
          wait_until(function() return looked end)
          return "outside"
        end)
        local parent = tasks.spawn(function() return outside:is_done() end)
        assert.is_false(parent:wait())
        looked = true
        assert.equal("outside", outside:wait())
      end)

      it("refuses a wait for itself, or for what it is part of", function()
        local parent
        local text
        parent = tasks.spawn(function()
          tasks.spawn(function() text = select(3, tasks.call(parent.wait, parent)) end):wait()
        end)
        parent:wait()
        assert.is_truthy(text:find("would wait for ever", 1, true))
      end)
    end)

    describe("a limit on time", function()
      it("ends a task's waits with kind timeout, and those of its children", function()
        local err, child_err, begun
        local task = tasks.spawn(function()
          tasks.spawn(function()
            begun = true
            child_err = select(3, tasks.sleep(60))
          end)
          err = select(3, tasks.sleep(60))
          return nil, "text", err
        end)
        wait_until(function() return begun end)
        assert.equal(task, task:set_timeout(0.02))
        local _, _, raised = task:wait()
        assert.equal("timeout", raised.kind)
        assert.is_truthy(raised.message:find("0.02 s", 1, true))
        assert.same({ "timeout", "timeout" }, { err.kind, child_err.kind })
      end)

      it("is nothing to a task that ends before, and another replaces it", function()
        local task = tasks.spawn(function() return tasks.sleep(0.03) and "done" end)
        task:set_timeout(0.01):set_timeout(60)
        assert.equal("done", task:wait())
        assert.equal("done", task:set_timeout(0):wait())
      end)

      it("may be on the wait alone: the task goes on", function()
        local given_up
        local task = tasks.spawn(function()
          wait_until(function() return given_up end)
          return "done"
        end)
        local value, text, err = task:wait(0.01)
        given_up = true
        assert.is_nil(value)
        assert.is_truthy(text:find("0.01 s", 1, true))
        assert.equal("timeout", err.kind)
        assert.equal("done", task:wait(60))
      end)

      it("may be on each element of a map", function()
        local kinds
        helpers.with_limit(0.05, function(limit)
          kinds = {}
          local map = tasks.map({ 60, 0, 60 }, function(seconds)
            if seconds == 0 then return true end
            local slept, text, err = tasks.sleep(seconds)
            return slept, text, err
          end, { timeout = limit, limit = 2 })
          local seconds, slept, _, err = map:next()
          while seconds do
            kinds[#kinds + 1] = slept and "slept" or err.kind
            seconds, slept, _, err = map:next()
          end
          return kinds[1] == "slept"
        end)
        assert.same({ "slept", "timeout", "timeout" }, kinds)
      end)

      it("must be a number of seconds", function()
        local task = tasks.spawn(function() end)
        for _, wrong in ipairs({ -1, "1", 0 / 0 }) do
          assert.is_false(pcall(task.set_timeout, task, wrong))
          assert.is_false(pcall(task.wait, task, wrong))
          assert.is_false(pcall(tasks.map, {}, print, { timeout = wrong }))
        end
        task:wait()
      end)
    end)

    it_on_our_own_coroutines("a task that never waits gives way to the others", function()
      local others, done = 0, false
      local busy = tasks.spawn(function()
        while others < 5 do
          tasks.give_way()
        end
        done = true
      end)
      tasks.spawn(function()
        for _ = 1, 5 do
          tasks.sleep(0)
          others = others + 1
        end
      end)
      busy:set_timeout(30):wait()
      assert.is_true(done)
    end)

    describe("waiting in the wrong place", function()
      it_on_our_own_coroutines("raises in a coroutine of the user's own inside a task", function()
        tasks.loop(function()
          local co = coroutine.create(function() tasks.sleep(0.01) end)
          local ok, err = coroutine.resume(co)
          assert.is_false(ok)
          assert.is_truthy(tostring(err):find("claude.spawn", 1, true))
        end)
      end)

      it_on_our_own_coroutines(
        "blocks in a coroutine of the user's own outside tasks, and yields nothing",
        function()
          local co = coroutine.create(function() return tasks.sleep(0.01), "end" end)
          local ok, slept, last = coroutine.resume(co)
          assert.same({ true, true, "end" }, { ok, slept, last })
          assert.equal("dead", coroutine.status(co))
        end
      )

      it_on_our_own_coroutines("is an error when nothing can ever happen", function()
        if driver == "luv" then return end -- a loop that others use is never known to be idle
        local ok, err = pcall(function() tasks.signal():wait() end)
        assert.is_false(ok)
        assert.is_truthy(err:find("nothing is left", 1, true))
      end)

      it_on_our_own_coroutines("is an error where the host owns its loop", function()
        hub.use({
          new = function()
            return { watch = function() end, timer = function() end }
          end,
        })
        local ok, err = pcall(tasks.sleep, 0.01)
        hub.use(driver)
        assert.is_false(ok)
        assert.is_truthy(err:find("claude.spawn", 1, true))
      end)
    end)

    describe("map", function()
      it("names the option that is wrong", function()
        for wanted, options in pairs({
          ["there is no option limits"] = { limits = 3 },
          ["limit must be at least 1"] = { limit = 0 },
          ["timeout must be a number of seconds from 0"] = { timeout = -1 },
        }) do
          local ok, text = pcall(tasks.map, { 1 }, print, options)
          assert.is_false(ok)
          assert.matches("claude.map: " .. wanted .. "$", text)
        end
      end)

      local function sleeper(seconds, i)
        tasks.sleep(seconds)
        return i
      end

      it("gives items and results as they finish, at most so many at once", function()
        local running, most, seen = 0, 0, {}
        local map = tasks.map({ 10, 20, 30, 40 }, function(number)
          running = running + 1
          most = math.max(most, running)
          wait_until(function() return number > 10 or seen[1] end)
          running = running - 1
          return number * 2
        end, { limit = 2 })
        local item, result = map:next()
        while item do
          seen[#seen + 1] = item
          assert.equal(item * 2, result)
          item, result = map:next()
        end
        assert.equal(4, #seen)
        assert.equal(20, seen[1])
        assert.equal(2, most)
      end)

      it("is a for iterator outside tasks", function()
        local count = 0
        for _, i in tasks.map({ 0.01, 0.01 }, sleeper) do
          count = count + i
        end
        assert.equal(3, count)
      end)

      it("is a for iterator inside tasks, or says which step function to call", function()
        local count = 0
        local function sum()
          for _, i in tasks.map({ 0.01, 0.01 }, sleeper) do
            count = count + i
          end
        end
        if CAN_YIELD_ANYWHERE then
          tasks.loop(sum)
          assert.equal(3, count)
        else
          local ok, err = pcall(tasks.loop, sum)
          assert.is_false(ok)
          assert.is_truthy(err:find("map:next()", 1, true))
        end
      end)

      it("gives the error of an element beside it, and goes on", function()
        local failed, fine = 0, 0
        local map = tasks.map({ 1, 2, 3 }, function(i)
          if i == 2 then error("two") end
          return i
        end)
        local item, result, text = map:next()
        while item do
          if result then
            fine = fine + 1
          else
            failed = item
            assert.is_truthy(text:find("two", 1, true))
          end
          item, result, text = map:next()
        end
        assert.same({ 2, 2 }, { failed, fine })
      end)

      it("stops when cancelled", function()
        local begun = 0
        local map = tasks.map({ 1, 2, 3, 4 }, function(i)
          begun = begun + 1
          return tasks.sleep(i == 1 and 0 or 60)
        end, { limit = 2 })
        assert.equal(1, (map:next()))
        map:cancel()
        while map:next() do
        end
        assert.is_true(begun <= 2)
      end)
    end)

    describe("parallel", function()
      it("gives the outcomes in the order of the functions", function()
        local finished = {}
        local outcomes = tasks.parallel({
          function()
            wait_until(function() return finished[2] end)
            return "a", nil
          end,
          function() error("b") end,
          function()
            wait_until(function() return finished[1] end)
            return "c"
          end,
        }, { on_done = function(i) finished[#finished + 1] = i end })
        assert.same({ ok = true, n = 2, "a" }, outcomes[1])
        assert.is_false(outcomes[2].ok)
        assert.is_truthy(outcomes[2].raised:find("b", 1, true))
        assert.is_truthy(outcomes[2].text:find("traceback", 1, true))
        assert.equal("c", outcomes[3][1])
        assert.same({ 2, 3, 1 }, finished)
      end)

      it("works the same inside a task", function()
        local outcomes = tasks.loop(function()
          return tasks.parallel({ function() return tasks.sleep(0.01) end, function() end })
        end)
        assert.is_true(outcomes[1][1])
        assert.equal(0, outcomes[2].n)
      end)

      it("cancels all if the task that waits is cancelled, and waits for their end", function()
        local outcomes
        local sleeping = 0
        local task = tasks.spawn(function()
          local function long()
            sleeping = sleeping + 1
            return tasks.sleep(60)
          end
          outcomes = tasks.parallel({ long, function() error("x") end, long, long }, { limit = 2 })
        end)
        -- The first, and the third in the place of the second.
        wait_until(function() return sleeping == 2 end)
        task:cancel()
        task:wait()
        assert.is_nil(outcomes[1][1])
        assert.equal("cancelled", outcomes[1][3].kind)
        assert.is_true(outcomes[4].cancelled)
      end)

      it("makes nothing of no functions", function() assert.same({}, tasks.parallel({})) end)
    end)

    describe("call", function()
      it("is a pcall under which one may wait", function()
        tasks.loop(function()
          local ok, a, b = tasks.call(function(x)
            tasks.sleep(0.01)
            return x, 2
          end, 1)
          assert.same({ true, 1, 2 }, { ok, a, b })
          local raised, text
          ok, raised, text = tasks.call(function()
            tasks.sleep(0.01)
            error("late", 0)
          end)
          assert.is_false(ok)
          assert.equal("late", raised)
          assert.is_truthy(text:find("traceback", 1, true))
        end)
      end)
    end)

    describe("step", function()
      it_on_our_own_coroutines("does what can be done and never waits", function()
        local steps, done = 0, false
        tasks.spawn(function()
          wait_until(function() return steps > 3 end)
          done = true
        end)
        local started = hub.now()
        while not done and hub.now() < started + 30 do
          local left = tasks.step(2)
          steps = steps + 1
          assert.equal(done and 0 or 1, left)
        end
        assert.is_true(done)
      end)

      it_on_our_own_coroutines("takes its turn back from tasks that have more to do", function()
        local rounds = 0
        local task = tasks.spawn(function()
          while not tasks.running().cancelled do
            rounds = rounds + 1
            tasks.give_way()
          end
        end)
        local left = tasks.step(3)
        assert.same({ 1, true }, { left, rounds > 0 })
        local before = rounds
        tasks.step(3)
        assert.is_true(rounds > before)
        task:cancel()
        tasks.loop()
      end)

      it_on_our_own_coroutines("raises what a task raised that nobody waits for", function()
        tasks.spawn(function() error("in a frame") end)
        local ok, text = pcall(function()
          for _ = 1, 100 do
            tasks.step(1)
          end
        end)
        assert.is_false(ok)
        assert.is_truthy(text:find("in a frame", 1, true))
        assert.is_truthy(text:find("traceback", 1, true))
        assert.equal(0, tasks.step(1))
      end)

      it_on_our_own_coroutines("leaves a failure to who looks at the task", function()
        local task = tasks.spawn(function() error("looked at") end)
        assert.is_nil(task:result())
        tasks.step(1)
        assert.is_truthy(task:result().text:find("looked at", 1, true))
      end)

      it_on_our_own_coroutines("gives a busy task up to so many milliseconds", function()
        local rounds = 0
        local task = tasks.spawn(function()
          while true do
            rounds = rounds + 1
            if not tasks.sleep(0) then return end
          end
        end)
        local before
        for _ = 1, 1000 do
          before = rounds
          tasks.step(5)
          if rounds > before + 1 then break end
        end
        assert.is_true(rounds > before + 1)
        task:cancel()
        tasks.loop()
      end)
    end)

    for why, seconds in pairs({ set = 5, timeout = 0 }) do
      it_on_our_own_coroutines("a ticket for the next wait keeps no signal: " .. why, function()
        tasks.loop(function()
          local signal = tasks.signal()
          if why == "set" then tasks.spawn(function() signal:set() end) end
          signal:wait(seconds)
          assert.is_false(tasks.running().spare.signal)
        end)
      end)
    end

    it("a signal can be waited for with a limit", function()
      local signal = tasks.signal()
      local ok, why = signal:wait(0.01)
      assert.same({ nil, "timeout" }, { ok, why })
      tasks.spawn(function()
        tasks.sleep(0.01)
        signal:set()
      end)
      assert.is_true(signal:wait(5))
      assert.is_true(tasks.loop(function() return signal:wait() end))
    end)

    it("a failed yield on PUC 5.1 does no harm to later waits", function()
      tasks.loop(function()
        local ok = pcall(function() tasks.sleep(0.01) end)
        assert.equal(CAN_YIELD_ANYWHERE, ok)
        assert.is_true(tasks.sleep(0.03))
        assert.is_true(tasks.sleep(0.01))
      end)
    end)
  end)
end

describe("timers", function()
  local timers = require("claude.loop.timers")

  it("come in the order of their times, whatever was added and cancelled", function()
    local heap, kept = timers.new(), {}
    local seed = 7
    for i = 1, 300 do
      seed = (seed * 1103515245 + 12345) % 2147483648
      local timer = heap:add(seed % 1000, function() end)
      if i % 3 == 0 then
        heap:cancel(timer)
        heap:cancel(timer)
      else
        kept[#kept + 1] = timer.at
      end
    end
    table.sort(kept)
    for _, at in ipairs(kept) do
      assert.equal(at, heap:soonest())
      local timer = heap:due(1000)
      assert.equal(at, timer.at)
      heap:cancel(timer)
    end
    assert.is_nil(heap:due(1000))
    assert.is_nil(heap:soonest())
  end)

  it("are not due before their time", function()
    local heap = timers.new()
    heap:add(5, function() end)
    assert.is_nil(heap:due(4))
    assert.equal(5, heap:due(5).at)
  end)
end)
