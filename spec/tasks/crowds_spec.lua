-- Many tasks at once: what they cost must not grow faster than their number.
local claude = require("claude")
local helpers = require("spec.helpers")
local hub = require("claude.loop")
local scheduler = require("claude.tasks.scheduler")
local tasks = require("claude.tasks")

local function waiting(n, signal, seconds)
  local list = {}
  for i = 1, n do
    list[i] = claude.spawn(function() return signal:wait(seconds) end)
  end
  tasks.sleep(0)
  return list
end

local function nothing() end

for _, driver in ipairs({ "blocking", "luv" }) do
  describe("crowds of tasks, driver " .. driver .. ":", function()
    setup(function() hub.use(driver) end)
    teardown(function() hub.use("blocking") end)

    it("waiting for one signal and cancelled, last come first", function()
      helpers.grows_linearly(1000, function(n)
        tasks.loop(function()
          local all = waiting(n, tasks.signal())
          for i = n, 1, -1 do
            all[i]:cancel()
          end
        end)
      end)
    end)

    it("waiting for one signal, with a limit that passes", function()
      helpers.grows_linearly(1000, function(n)
        tasks.loop(function() waiting(n, tasks.signal(), 0.001) end)
      end)
    end)

    it("waiting for their turn, and to be looked at", function()
      helpers.grows_linearly(1000, function(n)
        local all = {}
        for i = 1, n do
          all[i] = nothing
        end
        assert.equal(n, #tasks.parallel(all, { limit = 1 }))
        assert.equal(n, #tasks.parallel(all))
      end)
    end)

    it("beginning, while one that waited goes on before the last of them has begun", function()
      local n, begun, seen = 200, 0, nil
      local function begin()
        local ends = hub.now() + 0.0005
        repeat
          local is_over = hub.now() >= ends
        until is_over
        begun = begun + 1
      end
      tasks.loop(function()
        local signal = tasks.signal()
        claude.spawn(function()
          signal:wait()
          seen = begun
        end)
        tasks.sleep(0)
        for _ = 1, n do
          claude.spawn(begin)
        end
        signal:set()
      end)
      assert.equal(n, begun)
      assert.is_true(seen < n, ("it went on after %d had begun"):format(seen))
    end)

    it("beginning, a few at a time, while others always have something to do", function()
      local begun = 0
      tasks.loop(function()
        local signal = tasks.signal()
        for _ = 1, 100 do
          claude.spawn(function()
            begun = begun + 1
            if begun == 100 then signal:set() end
          end)
        end
        while begun < 100 do
          tasks.give_way(0)
        end
        assert.is_true(signal:wait())
      end)
    end)

    it("beginning, while others fill every round", function()
      local n, begun, turns = 100, 0, 0
      local function work()
        while begun < n do
          local ends = hub.now() + 0.0005
          repeat
            local is_over = hub.now() >= ends
          until is_over
          turns = turns + 1
          tasks.give_way()
        end
      end
      tasks.loop(function()
        for _ = 1, 4 do
          claude.spawn(work)
        end
        tasks.sleep(0)
        for _ = 1, n do
          claude.spawn(function() begun = begun + 1 end)
        end
      end)
      -- One in each round would be some 2000 turns.
      assert.is_true(turns < 1000, ("they took %d turns of the others"):format(turns))
    end)

    it("failing, each told once", function()
      local before, told = scheduler.on_error, 0
      scheduler.on_error = function() told = told + 1 end
      helpers.grows_linearly(1000, function(n)
        told = 0
        for _ = 1, n do
          claude.spawn(error, "no")
        end
        while told < n do
          tasks.sleep(0.001)
        end
        while told < n do
          tasks.sleep(0.001)
        end
        tasks.sleep(0.01)
        assert.equal(n, told)
      end)
      scheduler.on_error = before
    end)

    it("each started by the one before, which ends only when all have", function()
      local n = 15000
      local first = claude.spawn(function()
        local left = n
        local function one()
          left = left - 1
          if left > 0 then claude.spawn(one) end
          return left
        end
        return one()
      end)
      tasks.loop()
      assert.equal(n - 1, (first:wait()))
    end)

    it("each started by the one before, and cancelled by the first", function()
      local left, deep = 15000, tasks.signal()
      local last
      local function one()
        left = left - 1
        if left > 0 then return claude.spawn(one) and nil end
        deep:set()
        last = select(2, tasks.signal():wait())
      end
      tasks.loop(function()
        local first = claude.spawn(one)
        deep:wait()
        first:cancel()
      end)
      assert.equal("cancelled", last)
    end)

    it("leave no memory behind, whether they ended, slept or were cancelled", function()
      local function crowd(n)
        tasks.loop(function()
          for i = 1, n do
            local task = claude.spawn(tasks.sleep, i % 3 == 0 and 60 or 0)
            if i % 3 == 0 then task:cancel() end
            if i % 100 == 0 then tasks.sleep(0) end
          end
        end)
        collectgarbage()
        collectgarbage()
        return collectgarbage("count")
      end
      crowd(5000)
      local before = crowd(5000)
      assert.is_true(crowd(20000) < before + 2000)
      assert.equal(0, scheduler.count())
    end)

    it("keep, once they have ended, only their results", function()
      local held = setmetatable({}, { __mode = "k" })
      local task = claude.spawn(function(thing) held[thing] = true end, {})
      tasks.loop()
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(held))
      assert.is_true(task:is_done())
    end)
  end)
end
