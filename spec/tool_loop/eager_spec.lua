--- Tools that begin while the reply that calls them still arrives.
local claude = require("claude")
local support = require("spec.support.chat")

local call = support.call

describe("A run with eager tools", function()
  local bench, sim, timeline

  local function begin(script, tools)
    timeline = {}
    bench = support.bench({ script = script })
    sim = bench.sim
    return bench.client:conversation(support.params({ tools = tools })):user("go")
  end

  after_each(function() sim:close() end)

  local function note(what) timeline[#timeline + 1] = what end

  local function lookup(before)
    return support.tool("lookup", function(input)
      note("start " .. input.text)
      if before then before(input) end
      return "value of " .. input.text
    end)
  end

  -- Ends of blocks, starts and ends of tools, and the end of each message.
  local function read(run, on_piece)
    for kind, text, index, about in run:deltas() do
      if kind == "block_stop" or kind == "message_stop" then note(kind) end
      if kind == "tool_end" then note("end " .. tostring(about.input.text)) end
      if on_piece then on_piece(kind, text, index, about) end
    end
  end

  local function results(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages].content
  end

  local function place(what)
    for i, entry in ipairs(timeline) do
      if entry == what then return i end
    end
    error(what .. " did not happen")
  end

  for what, json in pairs({
    ["was cut"] = '{"text": "a", "more": tru',
    ["is no JSON"] = '{"text": nope}',
    ["is no object"] = '["a"]',
  }) do
    it("runs no tool on input that " .. what, function()
      local broken = { type = "tool_use", name = "lookup", input_json = json }
      local chat = begin({ { content = { broken }, stop_reason = "tool_use" }, "ok" }, { lookup() })
      read(chat:run({ eager = true }))
      for _, entry in ipairs(timeline) do
        assert.is_nil(entry:find("start", 1, true), entry)
      end
      local result = results(2)[1]
      assert.is_true(result.is_error)
      assert.truthy(result.content:find("not a valid JSON object", 1, true))
    end)
  end

  it("runs no tool whose call was cut off at max_tokens", function()
    local broken = { type = "tool_use", name = "lookup", input_json = '{"text": "a", "mo' }
    local chat = begin({ { content = { broken }, stop_reason = "max_tokens" } }, { lookup() })
    local run = chat:run({ eager = true })
    read(run)
    assert.same({ "block_stop", "message_stop" }, timeline)
    assert.equal("max_tokens", run.reason)
  end)

  it("starts a tool when its block has ended, long before the reply has", function()
    local chat = begin({
      {
        content = { call("lookup", "a"), ("and a long text "):rep(20), call("lookup", "b") },
        pace = 0.002,
      },
      "ok",
    }, { lookup() })
    read(chat:run({ eager = true }))
    assert.is_true(place("start a") < place("message_stop"))
    assert.is_true(place("end a") < place("start b"))
    assert.equal("value of a", results(2)[1].content)
    assert.equal("value of b", results(2)[2].content)
  end)

  it("starts them behind the reply when it is not asked to be eager", function()
    local chat = begin({ { content = { call("lookup", "a"), "text" } }, "ok" }, { lookup() })
    read(chat:run())
    assert.is_true(place("start a") > place("message_stop"))
  end)

  it("runs each call once, and sends the results in the order of the calls", function()
    local chat = begin({
      { content = { call("lookup", "a"), call("lookup", "b"), call("lookup", "c") }, pace = 0.001 },
      "ok",
    }, { lookup(function(input) claude.sleep(input.text == "a" and 0.05 or 0) end) })
    read(chat:run({ eager = true }))
    local sent, starts = {}, 0
    for i, block in ipairs(results(2)) do
      sent[i] = block.content
    end
    for _, entry in ipairs(timeline) do
      if entry:find("^start") then starts = starts + 1 end
    end
    assert.same({ "value of a", "value of b", "value of c" }, sent)
    assert.equal(3, starts)
  end)

  it("asks for approval first", function()
    local asked = {}
    local chat = begin(
      { { content = { call("lookup", "a"), call("lookup", "b") }, pace = 0.001 }, "ok" },
      {
        lookup(),
      }
    )
    read(chat:run({
      eager = true,
      approve = function(about)
        asked[#asked + 1] = about.input.text
        return about.input.text == "b"
      end,
    }))
    assert.same({ "a", "b" }, asked)
    assert.equal("declined", results(2)[1].content)
    assert.equal("value of b", results(2)[2].content)
  end)

  it("holds a call that is deferred when its block has ended", function()
    local calls = { call("lookup", "a", "t1"), call("lookup", "b", "t2") }
    local chat = begin({ { content = calls, pace = 0.001 }, "ok" }, { lookup() })
    local run = chat:run({ eager = true })
    read(run, function(kind, _, index)
      if kind == "block_stop" and run:block(index).id == "t1" then run:defer("t1") end
    end)
    assert.equal("pending", run.reason)
    assert.equal("t1", chat:pending()[1].id)
    chat:answer("t1", "by hand")
    assert(chat:run():final_message())
    assert.equal("by hand", results(2)[1].content)
    assert.equal("value of b", results(2)[2].content)
  end)

  it("starts nothing in the last request that it may make", function()
    local chat = begin(
      { { content = { call("lookup", "a"), "text" }, pace = 0.001 } },
      { lookup() }
    )
    local run = chat:run({ eager = true, max_requests = 1 })
    read(run)
    assert.equal("max_requests", run.reason)
    assert.equal(1, #chat:pending())
    assert.is_true(not pcall(place, "start a"))
  end)

  it("does not start a call whose input is no JSON", function()
    local wrong = { type = "tool_use", name = "lookup", input_json = '{"text":oops}' }
    local chat = begin({ { content = { wrong, "text" }, pace = 0.001 }, "ok" }, { lookup() })
    read(chat:run({ eager = true }))
    assert.is_true(not pcall(place, "start oops"))
    assert.truthy(results(2)[1].content:find("not a valid JSON object", 1, true))
  end)

  describe("cancels what began and tells it, when the reply", function()
    -- The tool waits until it is cancelled.
    local function dropped(turn)
      local told
      local chat = begin({ turn, "ok" }, {
        lookup(function() told = select(3, claude.sleep(60)) end),
      })
      local run = chat:run({ eager = true })
      local _, err = support.read(run)
      claude.loop()
      assert.equal("start a", timeline[1])
      assert.equal("cancelled", told.kind)
      local codes = support.codes(bench)
      assert.equal("early_call_dropped", codes[#codes])
      return err, chat, run
    end

    it("breaks off", function()
      local text = ("text "):rep(100)
      local err, chat = dropped({
        content = { call("lookup", "a"), text },
        pace = 0.002,
        cut = { after_event = 14 },
      })
      assert.equal("incomplete", err.kind)
      assert.same({}, chat:pending())
      assert.equal("ok", assert(chat:send()):text())
    end)

    it("is a refusal", function()
      local _, chat, run = dropped({
        content = { call("lookup", "a"), "text" },
        stop_reason = "refusal",
        pace = 0.002,
      })
      assert.equal("refusal", run.reason)
      assert.same({}, chat:pending())
    end)

    it("was cut behind its last call", function()
      local _, chat, run = dropped({
        content = { "text", call("lookup", "a") },
        stop_reason = "max_tokens",
        pace = 0.002,
      })
      assert.equal("max_tokens", run.reason)
      assert.same({}, chat:pending())
    end)
  end)

  it("keeps the result of a call that stays, though the reply was cut behind it", function()
    local chat = begin({
      { content = { call("lookup", "a"), "and te" }, stop_reason = "max_tokens", pace = 0.002 },
      "ok",
    }, { lookup() })
    local run = chat:run({ eager = true })
    read(run)
    assert.equal("max_tokens", run.reason)
    assert.same({}, chat:pending())
    assert(chat:user("go on"):send())
    assert.equal("value of a", results(2)[1].content)
    assert.equal("go on", results(2)[2].text)
  end)

  it("cancels what began with the run", function()
    local told
    local chat = begin(
      { { content = { call("lookup", "a"), ("text "):rep(100) }, pace = 0.002 }, "ok" },
      {
        lookup(function() told = select(3, claude.sleep(60)) end),
      }
    )
    local run = chat:run({ eager = true })
    while timeline[1] ~= "start a" do
      assert(run:next())
    end
    run:cancel()
    claude.loop()
    assert.equal("cancelled", told.kind)
    assert.same({}, chat:pending())
    assert.equal("ok", assert(chat:send()):text())
  end)

  it("works the same inside a task", function()
    local chat = begin(
      { { content = { call("lookup", "a"), ("text "):rep(30) }, pace = 0.002 }, "ok" },
      {
        lookup(),
      }
    )
    claude.loop(function()
      local run = chat:run({ eager = true })
      local kind, _, _, about = run:next()
      while kind do
        if kind == "message_stop" then note(kind) end
        if kind == "tool_end" then note("end " .. tostring(about.input.text)) end
        kind, _, _, about = run:next()
      end
    end)
    assert.is_true(place("start a") < place("message_stop"))
    assert.equal("value of a", results(2)[1].content)
  end)
end)
