local claude = require("claude")
local hub = require("claude.loop")
local servers = require("spec.support.servers")

if not pcall(require, "cqueues") then return end

local cqueues = require("cqueues")

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 1000,
  messages = { { role = "user", content = "What is 127 * 389?" } },
}

describe("cqueues:", function()
  local sim, client
  setup(function()
    sim = servers.simulator()
    client = claude.new({ api_key = "k", base_url = sim.url })
  end)
  teardown(function() sim:stop() end)
  before_each(function() hub.use("cqueues") end)
  after_each(function() hub.use("blocking") end)

  -- Runs each function in a coroutine of a new controller, to the end of all.
  local function run(...)
    local controller = cqueues.new()
    for _, fn in ipairs({ ... }) do
      controller:wrap(fn)
    end
    assert(controller:loop(20))
    assert.is_true(controller:empty(), "the controller's loop did not end by itself")
  end

  it("a call in a coroutine of a controller waits there, and the others go on", function()
    local ticks, message, busy = 0, nil, true
    run(function()
      message = assert(client.messages:create(PARAMS))
      busy = false
    end, function()
      while busy do
        cqueues.sleep(0.001)
        ticks = ticks + 1
      end
    end)
    assert.matches("49403", message:text())
    assert.is_true(ticks > 1)
  end)

  it("coroutines of a controller wait side by side", function()
    local running, most, texts = 0, 0, {}
    local function ask()
      running = running + 1
      most = math.max(most, running)
      local message = assert(client.messages:create(PARAMS))
      texts[#texts + 1] = message:text()
      running = running - 1
    end
    run(ask, ask, ask)
    assert.equal(3, most)
    assert.equal(3, #texts)
  end)

  it("a stream in a coroutine of a controller is read piece by piece", function()
    local parts = {}
    run(function()
      local stream = client.messages:stream(PARAMS)
      local text = stream:next_text()
      while text do
        parts[#parts + 1] = text
        text = stream:next_text()
      end
    end)
    assert.matches("49403", table.concat(parts))
  end)

  it("tasks run while the controller loops, which ends with the last of them", function()
    local done = {}
    run(function()
      claude.spawn(function()
        while not done[1] do
          assert(claude.sleep(0.001))
        end
        assert(claude.sleep(0.01))
        done[2] = "late"
      end)
      local soon = claude.spawn(function()
        assert(claude.sleep(0.01))
        return "soon"
      end)
      done[1] = soon:wait()
    end)
    assert.same({ "soon", "late" }, done)
  end)

  it("busy tasks let the controller's coroutines have their turn", function()
    local ticks, rounds = 0, 0
    run(function()
      claude.spawn(function()
        while ticks < 5 do
          rounds = rounds + 1
          assert(claude.sleep(0))
        end
      end)
    end, function()
      for _ = 1, 5 do
        cqueues.sleep(0)
        ticks = ticks + 1
      end
    end)
    assert.equal(5, ticks)
    assert.is_true(rounds > 0)
  end)

  it("what was spawned before runs in a controller that was attached", function()
    local controller, done = cqueues.new(), false
    require("claude.loop.cqueues").attach(controller)
    claude.spawn(function() done = claude.sleep(0.01) end)
    assert(controller:loop(20))
    assert.is_true(done)
  end)

  it("a call outside steps the controller that was attached", function()
    local controller, ticks = cqueues.new(), 0
    require("claude.loop.cqueues").attach(controller)
    controller:wrap(function()
      for _ = 1, 3 do
        ticks = ticks + 1
        cqueues.sleep(0.001)
      end
    end)
    local limit = hub.now() + 30
    while ticks < 3 and hub.now() < limit do
      assert.is_true(claude.sleep(0.005))
    end
    assert.equal(3, ticks)
  end)

  it("one controller after the other, and calls outside of them, work", function()
    for _ = 1, 3 do
      local slept
      run(function() slept = claude.sleep(0.005) end)
      assert.is_true(slept)
      assert.is_true(claude.sleep(0.005))
      assert(client.messages:create(PARAMS))
    end
  end)

  it("a controller that was given up half way does not keep others from waiting", function()
    local given_up = cqueues.new()
    local never
    given_up:wrap(function() never = claude.sleep(0.01) end)
    assert(given_up:step(0))
    local slept
    run(function() slept = claude.sleep(0.02) end)
    assert.is_true(slept)
    assert.is_nil(never)
    assert(given_up:loop(20))
    assert.is_true(never)
  end)

  it("a controller inside a controller waits like any other", function()
    local order, outer = {}, false
    run(function()
      local inner = cqueues.new()
      inner:wrap(function()
        while not outer do
          assert(claude.sleep(0.002))
        end
        order[#order + 1] = "inner"
      end)
      assert(inner:loop(20))
    end, function()
      assert(claude.sleep(0.005))
      order[#order + 1] = "outer"
      outer = true
    end)
    assert.same({ "outer", "inner" }, order)
  end)

  it("in a coroutine of one's own inside a controller a call would block, and says so", function()
    local resumed, problem
    run(function()
      local co = coroutine.create(function() return claude.sleep(0.001) end)
      resumed, problem = coroutine.resume(co)
    end)
    assert.is_false(resumed)
    assert.matches("claude%.spawn", problem)
  end)

  it("an error in one of the controller's coroutines is the program's", function()
    local controller = cqueues.new()
    controller:wrap(function()
      assert(claude.sleep(0.001))
      error("unlucky")
    end)
    local ok, problem = controller:loop(20)
    assert.is_falsy(ok)
    assert.matches("unlucky", problem)
  end)

  it("only controllers are attached", function()
    assert.has_error(
      function() require("claude.loop.cqueues").attach({}) end,
      "claude.loop.cqueues.attach: a controller of cqueues.new() expected"
    )
  end)
end)
