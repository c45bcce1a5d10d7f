--- Loops over deltas in tasks: between two of them a task waits with a ticket that lasts, where
--- there can be one, and else with a new one each time. Nobody can tell which it was.
local claude = require("claude")
local core = require("claude.core")
local reading = require("claude.reading")
local s = require("spec.support.stream")
local scheduler = require("claude.tasks.scheduler")
local tasks = require("claude.tasks")
local wait_until = require("spec.helpers").wait_until

local function delta(text)
  return s.stream({ s.delta(0, ('{"type":"text_delta","text":"%s"}'):format(text)) })
end

-- A response inside its first block, and what tells of more of it.
local function new_exchange()
  local exchange, response = tasks.signal(), core.response()
  local frames = s.reply({ { '{"type":"text","text":""}', '{"type":"text_delta","text":"a"}' } })
  response:feed(s.stream({ frames[1], frames[2] }))
  response:next()
  response:next()
  response:open_short_cut(true)
  local more = setmetatable({ response = response, waits = 0 }, { __index = exchange })
  more.is_set, more.first, more.others = false, false, false
  function more:wait(with_ticket)
    self.waits = self.waits + 1
    local wait = with_ticket and tasks.wait_for_more or tasks.wait_for
    local woken, why, ticket = wait(self)
    self.is_set = false
    if why then return nil, why end
    return woken, ticket
  end
  function more:bring(text)
    response:feed(delta(text))
    if not tasks.tell_of_more(self) then tasks.set(self) end
  end
  return more
end

-- The step says that the loop begins, and then why it ended.
local function loop_over(exchange)
  local begun
  return reading.deltas(function()
    if begun then return "ended", tasks.is_cancelled() and "cancelled" or nil end
    begun = true
    return "begun", nil, nil, exchange.response, exchange
  end)
end

-- Until all tasks have had their turn that can: who begins last and gives way comes behind them.
local function rest()
  claude.spawn(function() tasks.give_way(0) end):wait()
  tasks.sleep(0.001)
end

-- How long it slept that should have slept for 0.05 seconds.
local function sleep()
  local began = tasks.now()
  tasks.sleep(0.05)
  return tasks.now() - began
end

describe("a task that loops over deltas", function()
  local exchange, seen, task

  -- Calls `with` for each text.
  local function read(with)
    return claude.spawn(function()
      local next_delta = loop_over(exchange)
      local kind, text = next_delta()
      while kind ~= "ended" do
        if kind == "text" then
          seen[#seen + 1] = text
          if with and with(text) == "leave" then return end
        end
        kind, text = next_delta()
      end
      seen[#seen + 1] = text or "ended"
    end)
  end

  before_each(function()
    exchange, seen = new_exchange(), {}
  end)

  after_each(function()
    if task then task:cancel() end
    rest()
  end)

  it("is woken by each arrival, again and again", function()
    task = read()
    rest()
    local brought = {}
    for i = 1, 200 do
      brought[i] = "t" .. i
      exchange:bring(brought[i])
      rest()
      assert.equal(i, #seen)
    end
    assert.same(brought, seen)
  end)

  it("waits with one ticket where it can, and asks the exchange only now and then", function()
    if not core.deltas then return end
    task = read()
    rest()
    for i = 1, 50 do
      exchange:bring("t" .. i)
      rest()
    end
    assert.equal(50, #seen)
    assert.equal(1, exchange.waits)
  end)

  it("asks the exchange once more behind a block that has ended: other limits hold", function()
    if not core.deltas then return end
    task = read()
    rest()
    exchange:bring("a")
    rest()
    exchange.response:feed(s.stream({ '{"type":"content_block_stop","index":0}' }))
    tasks.tell_of_more(exchange)
    rest()
    assert.same({ { "a" }, 2 }, { seen, exchange.waits })
  end)

  it("has one turn for what came in several pieces before that", function()
    task = read()
    rest()
    local before = exchange.waits
    for _, text in ipairs({ "a", "b", "c" }) do
      exchange:bring(text)
    end
    rest()
    assert.same({ "a", "b", "c" }, seen)
    assert.is_true(exchange.waits <= before + 1)
  end)

  -- Reads another exchange beside it.
  local function read_beside()
    local other, texts = new_exchange(), {}
    local beside = claude.spawn(function()
      local next_delta = loop_over(other)
      repeat
        local kind, text = next_delta()
        if kind == "text" then texts[#texts + 1] = text end
      until kind == "ended"
    end)
    return other, texts, beside
  end

  for what, act in pairs({
    ["when it is told of more there"] = function() exchange:bring("c") end,
    ["when it is cancelled there"] = function() task:cancel() end,
  }) do
    it("stands in line once, and those behind it have their turn, " .. what, function()
      task = read()
      local other, texts, beside = read_beside()
      rest()
      exchange:bring("a")
      other:bring("x")
      rest()
      exchange:bring("b")
      other:bring("y")
      act()
      rest()
      assert.same({ { "a", "b" }, { "x", "y" } }, { { seen[1], seen[2] }, texts })
      assert.equal(task:is_done() and "cancelled" or "c", seen[3])
      beside:cancel()
    end)
  end

  it("is told of what comes while it waits for something else", function()
    task = read(function(text)
      if text ~= "last" then tasks.sleep(0.005) end
    end)
    rest()
    for _, text in ipairs({ "a", "b", "c", "last" }) do
      exchange:bring(text)
      rest()
    end
    local late = tasks.now() + 20
    while seen[#seen] ~= "last" and tasks.now() < late do
      rest()
    end
    assert.same({ "a", "b", "c", "last" }, seen)
  end)

  it("is told of what comes while others have their turn", function()
    task = read(function() tasks.give_way(1e-9) end)
    rest()
    for _, text in ipairs({ "a", "b", "c" }) do
      exchange:bring(text)
      exchange:bring(text .. text)
      rest()
      rest()
    end
    assert.same({ "a", "aa", "b", "bb", "c", "cc" }, seen)
  end)

  it("is cancelled while it waits", function()
    task = read()
    rest()
    exchange:bring("a")
    rest()
    task:cancel()
    rest()
    assert.same({ "a", "cancelled" }, seen)
    assert.is_true(task:is_done())
  end)

  it("is cancelled when it was told of more and has not had its turn", function()
    task = read()
    rest()
    exchange:bring("a")
    rest()
    exchange:bring("b")
    task:cancel()
    rest()
    assert.same({ "a", "b", "cancelled" }, seen)
    assert.is_true(task:is_done())
  end)

  it("is cancelled by itself", function()
    task = read(function(text)
      if text == "b" then task:cancel() end
    end)
    rest()
    exchange:bring("a")
    rest()
    exchange:bring("b")
    rest()
    assert.same({ "a", "b", "cancelled" }, seen)
    assert.is_true(task:is_done())
  end)

  it("goes on with others that read the same: each piece is read once", function()
    local next_delta, readers = loop_over(exchange), {}
    for i = 1, 3 do
      readers[i] = claude.spawn(function()
        while true do
          local kind, text = next_delta()
          if kind == "ended" then return end
          if kind == "text" then seen[#seen + 1] = text end
        end
      end)
      rest()
    end
    for i = 1, 100 do
      exchange:bring("t" .. i)
      if i % 3 > 0 then rest() end
    end
    rest()
    for i = 1, 3 do
      readers[i]:cancel()
    end
    rest()
    assert.equal(100, #seen)
  end)

  it("is told no more once it has ended, also where there was no memory to say so", function()
    task = read(function() return "leave" end)
    task:result() -- a failure that somebody looks at
    rest()
    local status, refused = coroutine.status, false
    coroutine.status = function(co) -- luacheck: ignore 122
      local found = status(co)
      if found == "dead" and not refused then
        refused = true
        error("not enough memory", 0)
      end
      return found
    end
    exchange:bring("a")
    pcall(rest)
    coroutine.status = status -- luacheck: ignore 122
    rest()
    exchange:bring("b")
    rest()
    assert.same({ true, true }, { refused, task:is_done() })
    assert.is_true(exchange.is_set)
    assert.is_false(tasks.tell_of_more(exchange))
  end)

  it("sleeps on when it could not wait for lack of memory, and more comes", function()
    if not core.deltas then return end
    local own = require("claude.tasks.own")
    local stand = own.stand
    function own.stand()
      own.stand = stand
      error("not enough memory", 0)
    end
    local slept
    task = claude.spawn(function()
      local ok, raised = pcall(function()
        for _ in loop_over(exchange) do
        end
      end)
      seen = { ok, raised }
      slept = sleep()
    end)
    rest()
    exchange:bring("a")
    task:wait()
    assert.same({ false, "not enough memory" }, seen)
    assert.is_true(slept >= 0.05)
  end)

  it("sleeps on when it found no memory to forget its wait, and more comes", function()
    local hub = require("claude.loop")
    local forget, slept = hub.forget, nil
    task = read(function(text)
      if text ~= "a" then return end
      function hub.forget()
        hub.forget = forget
        error("not enough memory", 0)
      end
      pcall(tasks.sleep, 0)
      hub.forget = forget
      slept = sleep()
    end)
    rest()
    exchange:bring("a")
    rest()
    exchange:bring("b")
    wait_until(function() return #seen == 2 end)
    assert.is_true(slept >= 0.05)
    assert.same({ "a", "b" }, seen)
  end)

  it("leaves what it waited for to another that reads on", function()
    task = read(function() return "leave" end)
    rest()
    exchange:bring("a")
    rest()
    task = read()
    rest()
    exchange:bring("b")
    rest()
    assert.same({ "a", "b" }, seen)
  end)

  it("keeps nothing of what it has left, while it waits for something else", function()
    local kept = setmetatable({ exchange }, { __mode = "v" })
    task = read(function()
      exchange = nil
      return "leave"
    end)
    rest()
    exchange:bring("a")
    rest()
    collectgarbage()
    collectgarbage()
    assert.is_nil(kept[1])
  end)

  it("may hand its loop to a coroutine of its own that never waits", function()
    task = read(function(text)
      if text ~= "a" then return end
      local other = coroutine.wrap(function()
        exchange.response:feed(delta("inner"))
        return select(2, exchange.response:next_plain())
      end)
      seen[#seen + 1] = other()
    end)
    rest()
    exchange:bring("a")
    rest()
    exchange:bring("b")
    rest()
    assert.same({ "a", "inner", "b" }, seen)
  end)

  it("is the only one that yields its ticket", function()
    local failed = claude.spawn(function() coroutine.yield(false) end)
    local _, text = failed:wait()
    assert.truthy(text:find("yielded to a scheduler", 1, true))
  end)

  it("ends its wait for other reasons than that there is more, too", function()
    task = read()
    rest()
    exchange:bring("a")
    rest()
    tasks.set(exchange)
    rest()
    exchange:bring("b")
    rest()
    assert.same({ "a", "b" }, seen)
  end)

  it("counts as one that waits", function()
    task = read()
    rest()
    assert.is_true(getmetatable(scheduler.signal()).is_awaited(exchange))
    exchange:bring("a")
    rest()
    assert.is_true(getmetatable(scheduler.signal()).is_awaited(exchange))
  end)
end)
