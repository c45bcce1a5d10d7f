local tasks = require("claude.tasks")

-- What a worker that is told to end does with timers cannot be brought about at will.
describe("claude.tasks.nginx, as a worker ends", function()
  local timers

  local function fake_nginx()
    timers = {}
    return {
      get_phase = function() return "log" end,
      timer = {
        at = function(_, run, argument)
          timers[#timers + 1] = function(premature) run(premature, argument) end
          return true
        end,
      },
    }
  end

  setup(function()
    rawset(_G, "ngx", fake_nginx())
    package.loaded["ngx.semaphore"] = { new = function() return {} end }
    package.loaded["claude.tasks.nginx"] = nil
    tasks.use(require("claude.tasks.nginx"))
  end)

  teardown(function()
    rawset(_G, "ngx", nil)
    package.loaded["ngx.semaphore"], package.loaded["claude.tasks.nginx"] = nil, nil
    tasks.use(nil)
  end)

  it("runs a task in a timer", function()
    local task = tasks.spawn(function() return "done" end)
    assert.is_nil(task:result())
    timers[1](false)
    assert.equal("done", task:result()[1])
  end)

  it("ends a task whose timer comes too early as cancelled, and does not run it", function()
    local ran = false
    local task = tasks.spawn(function() ran = true end)
    timers[2](true)
    assert.is_true(task:result().cancelled)
    assert.equal("cancelled", task:result().raised.kind)
    assert.is_false(ran)
  end)
end)

describe("claude.tasks.nginx, in a round of many events,", function()
  local nginx, clock, kept, rests

  local function rest(seconds)
    rests = rests + 1
    clock = clock + seconds
    kept = clock -- the next round begins
  end

  setup(function()
    rawset(_G, "ngx", {
      now = function() return kept end,
      update_time = function() kept = clock end,
    })
    package.loaded["ngx.semaphore"] = { new = function() return {} end }
    package.loaded["claude.tasks.nginx"] = nil
    nginx = require("claude.tasks.nginx")
  end)

  teardown(function()
    rawset(_G, "ngx", nil)
    package.loaded["ngx.semaphore"], package.loaded["claude.tasks.nginx"] = nil, nil
  end)

  before_each(function()
    clock, kept, rests = 100, 100, 0
    rawget(_G, "ngx").sleep = rest
    nginx.now()
  end)

  it("goes on while the round is short", function()
    clock = clock + 0.002
    nginx.give_way()
    assert.equal(0, rests)
  end)

  it("waits for another round once it has taken long", function()
    clock = clock + 0.004
    nginx.give_way()
    assert.equal(1, rests)
    nginx.give_way()
    assert.equal(1, rests)
  end)

  it("waits again where the others have taken the next round as well", function()
    local sleep = rawget(_G, "ngx").sleep
    rawget(_G, "ngx").sleep = function(seconds)
      sleep(seconds)
      -- Who was resumed before took its time, and asked for it.
      if rests == 1 then
        nginx.now()
        clock = clock + 0.01
      end
    end
    clock = clock + 0.004
    nginx.give_way()
    assert.equal(2, rests)
  end)

  it("goes on where every round is long", function()
    local sleep = rawget(_G, "ngx").sleep
    rawget(_G, "ngx").sleep = function(seconds)
      sleep(seconds)
      clock = clock + 0.01 -- the work of others, who never ask for the time
    end
    clock = clock + 0.004
    nginx.give_way()
    assert.is_true(rests > 1 and rests < 20, rests)
  end)
end)
