local core = require("claude.core")
local reading = require("claude.reading")
local s = require("spec.support.stream")
local tasks = require("claude.tasks")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

-- A response inside its first block.
local function in_a_block()
  local response = core.response()
  local frames = s.reply({ { '{"type":"text","text":""}', '{"type":"text_delta","text":"a"}' } })
  response:feed(s.stream({ frames[1], frames[2] }))
  response:next()
  response:next()
  response:open_short_cut(true)
  return response
end

local function delta(text)
  return s.stream({ s.delta(0, ('{"type":"text_delta","text":"%s"}'):format(text)) })
end

describe("a loop over deltas", function()
  local response, waits, steps

  -- What each wait feeds, and then false: nothing more will come.
  local function exchange_of(arrivals)
    return {
      wait = function()
        waits = waits + 1
        local bytes = arrivals[waits]
        if bytes then response:feed(bytes) end
        return bytes and true or nil
      end,
    }
  end

  local function loop_over(exchange)
    return reading.deltas(function()
      steps = steps + 1
      return "step", tostring(steps), nil, response, exchange
    end)
  end

  before_each(function()
    response, waits, steps = in_a_block(), 0, 0
  end)

  it("waits for more with the exchange, and asks the step only once", function()
    local next_delta = loop_over(exchange_of({ delta("b"), delta("c") .. delta("d") }))
    assert.same({ "step", "1" }, { next_delta() })
    assert.same({ "text", "b", 0 }, { next_delta() })
    assert.same({ "text", "c", 0 }, { next_delta() })
    assert.same({ "text", "d", 0 }, { next_delta() })
    assert.same({ 2, 1 }, { waits, steps })
  end)

  it("hands out blocks that begin and end, and asks the step for none of them", function()
    local frames = s.reply({ { '{"type":"text","text":""}' }, { '{"type":"text","text":""}' } })
    local next_delta = loop_over(exchange_of({ s.stream({ frames[3] }), s.stream({ frames[4] }) }))
    next_delta()
    assert.same({ "block_stop", "text", 0 }, { next_delta() })
    assert.same({ "block_start", "text", 1 }, { next_delta() })
    assert.same({ 2, 1 }, { waits, steps })
  end)

  it("asks the step once waiting says that no more comes", function()
    local next_delta = loop_over(exchange_of({ delta("b") }))
    next_delta()
    next_delta()
    assert.same({ "step", "2" }, { next_delta() })
    assert.equal(2, waits)
  end)

  it("asks the step for what is no plain piece, and where nothing waits", function()
    local next_delta = loop_over(exchange_of({ s.stream({ '{"type":"ping"}' }) }))
    next_delta()
    assert.same({ "step", "2" }, { next_delta() })
    assert.equal(1, waits)
    response = in_a_block()
    next_delta = loop_over(nil)
    next_delta()
    assert.same({ "step", "4" }, { next_delta() })
  end)

  it("leaves the exchange of a response that the step no longer names", function()
    local exchange = exchange_of({})
    local said = { { "a", response, exchange }, { "b" }, { "c" } }
    local next_delta = reading.deltas(function()
      steps = steps + 1
      return said[steps][1], nil, nil, unpack(said[steps], 2, 3)
    end)
    assert.same({ "a", "b", "c" }, { next_delta(), (next_delta()), (next_delta()) })
    assert.equal(1, waits)
  end)

  it("waits as often as bytes come that end no event, and needs no more stack for it", function()
    local last = delta("b")
    local exchange = {
      wait = function()
        waits = waits + 1
        response:feed(waits < 100000 and ": not yet\n" or last)
        return true
      end,
    }
    local next_delta = loop_over(exchange)
    next_delta()
    assert.same({ "text", "b", 0 }, { next_delta() })
    assert.equal(100000, waits)
  end)

  it("fails with what waiting raises, and goes on afterwards", function()
    local exchange = exchange_of({ delta("b") })
    local wait, fails = exchange.wait, true
    exchange.wait = function()
      if fails then error("no wait", 0) end
      return wait()
    end
    local next_delta = loop_over(exchange)
    next_delta()
    local ok, raised = pcall(next_delta)
    assert.same({ false, "no wait" }, { ok, raised })
    fails = false
    assert.same({ "text", "b", 0 }, { next_delta() })
  end)

  it("lets the coroutine wait in it", function()
    if not tasks.iterators_can_wait then return end
    local exchange = { wait = function() return coroutine.yield("waits") end }
    local next_delta = loop_over(exchange)
    local co = coroutine.wrap(function()
      local seen = {}
      for kind, text in next_delta do
        seen[#seen + 1] = kind .. " " .. text
        if steps == 2 then return seen end
      end
    end)
    assert.equal("waits", co())
    response:feed(delta("b"))
    assert.equal("waits", co(true))
    response:feed(": not yet\n")
    assert.equal("waits", co(true))
    assert.same({ "step 1", "text b", "step 2" }, co(nil))
  end)
end)
