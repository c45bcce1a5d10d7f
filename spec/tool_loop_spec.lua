local claude = require("claude")
local support = require("spec.support.chat")
local tasks = require("claude.tasks")
local wait_until = require("spec.helpers").wait_until

local call, tool, thought = support.call, support.tool, support.thought

describe("a run", function()
  local bench, sim

  local function begin(script, tools, fields)
    fields = fields or {}
    fields.tools = tools
    bench = support.bench({ script = script })
    sim = bench.sim
    return bench.client:conversation(support.params(fields)):user("go")
  end

  after_each(function()
    if sim then sim:close() end
  end)

  -- The blocks of the user message that the request with that number ends in.
  local function results(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages].content
  end

  local function echo(input) return input.text end

  it("asks, runs the tools, sends their results, and returns the answer", function()
    local chat = begin({
      { content = { thought("look"), call("echo", "one", "toolu_1") } },
      { content = { thought("again"), call("echo", "two", "toolu_2") } },
      { content = { thought("done"), "Answer." } },
    }, { tool("echo", echo) })
    local run = chat:run()
    assert.equal("Answer.", assert(run:final_message()):text())
    assert.equal("end_turn", run.reason)
    assert.equal(3, run.requests)
    assert.equal(3, #run.messages)
    assert.equal(run.message, run.messages[3])
    assert.same({ { type = "tool_result", tool_use_id = "toolu_1", content = "one" } }, results(2))
    assert.equal("two", results(3)[1].content)
    assert.equal(6, #chat:messages())
    assert.same({}, support.codes(bench))
  end)

  it("hands out the pings of every reply where that is asked for", function()
    local function pings(call_options)
      local chat = begin({
        { content = { call("echo", "one") }, ping_every = 2 },
        { content = { "Done." }, ping_every = 2 },
      }, { tool("echo", echo) })
      local count, run = {}, chat:run(nil, call_options)
      for kind in run:deltas() do
        if kind == "ping" then count[run.requests] = (count[run.requests] or 0) + 1 end
      end
      sim:close()
      return count
    end
    assert.same({}, pings(nil))
    local count = pings({ pings = true })
    assert.is_true(count[1] > 0 and count[2] > 0)
  end)

  it("tells everything that happens, in order", function()
    local chat = begin({ { content = { "Look.", call("echo", "one") } }, "Done." }, {
      tool("echo", echo),
    })
    local kinds = {}
    for kind, text, index, about in chat:run():deltas() do
      kinds[#kinds + 1] = kind
      if kind == "tool_start" then
        assert.same({ "echo", 1, "echo", "one" }, { text, index, about.name, about.input.text })
      elseif kind == "tool_end" then
        assert.same({ "one", 1, false }, { text, index, about.is_error })
      end
    end
    assert.equal(
      "message_start block_start text block_stop block_start input_json input_json block_stop"
        .. " message_delta message_stop tool_start tool_end"
        .. " message_start block_start text block_stop message_delta message_stop",
      table.concat(kinds, " ")
    )
  end)

  it("gives events as tables, tools in between", function()
    local chat = begin({ { content = { call("echo", "one") } }, "Done." }, { tool("echo", echo) })
    local types = {}
    for event in chat:run():events() do
      types[#types + 1] = event.type
      if event.type == "tool_end" then assert.equal("one", event.text) end
    end
    assert.equal("message_start", types[1])
    assert.equal("message_stop", types[#types])
    local joined = table.concat(types, " ")
    assert.truthy(joined:find("message_stop tool_start tool_end message_start", 1, true), joined)
  end)

  it("gives the text of all replies", function()
    local chat = begin({ { content = { "Look. ", call("echo", "one") } }, "Done." }, {
      tool("echo", echo),
    })
    local text = ""
    for piece in chat:run():text_stream() do
      text = text .. piece
    end
    assert.equal("Look. Done.", text)
  end)

  it("runs all calls of a reply at once, and sends results in the order of the calls", function()
    local order, begun = {}, 0
    local function slow(input)
      begun = begun + 1
      wait_until(function() return begun == 2 end)
      if input.text == "first" then wait_until(function() return order[1] end) end
      order[#order + 1] = input.text
      return input.text
    end
    local chat = begin({ { content = { call("slow", "first"), call("slow", "second") } }, "ok" }, {
      tool("slow", slow),
    })
    local running, most = 0, 0
    for kind in chat:run():deltas() do
      if kind == "tool_start" then running = running + 1 end
      if kind == "tool_end" then running = running - 1 end
      most = math.max(most, running)
    end
    assert.equal(2, most)
    assert.same({ "second", "first" }, order)
    assert.same({ "first", "second" }, { results(2)[1].content, results(2)[2].content })
    assert.equal(2, #results(2))
  end)

  it("works the same inside a task", function()
    local chat = begin({ { content = { call("slow", "x") } }, "ok" }, {
      tool("slow", function(input)
        claude.sleep(0.01)
        return input.text
      end),
    })
    local message
    claude.loop(function() message = assert(chat:run():final_message()) end)
    assert.equal("ok", message:text())
    assert.equal("x", results(2)[1].content)
  end)

  it("names the step function where a for loop cannot wait in a task", function()
    local chat = begin({ { content = { call("echo", "x") } }, "ok" }, { tool("echo", echo) })
    local ok, problem
    claude.loop(function()
      local run = chat:run()
      ok, problem = pcall(function()
        for _ in run:deltas() do
        end
      end)
      run:cancel()
    end)
    if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
      assert.is_false(ok)
      assert.truthy(tostring(problem):find("run:next()", 1, true), tostring(problem))
    else
      assert(ok, problem)
    end
  end)

  it("gives a tool a client to ask with", function()
    local chat
    chat = begin(function(request)
      if request.messages[1].content == "inner" then return "from inside" end
      if #request.messages == 1 then return { content = { call("ask", "inner") } } end
      return "ok"
    end, {
      tool("ask", function(input)
        local inner = chat.client:conversation({ model = support.MODEL, max_tokens = 100 })
        return assert(inner:user(input.text):send()):text()
      end),
    })
    assert(chat:run():final_message())
    assert.equal("from inside", results(3)[1].content)
  end)

  describe("tells the model", function()
    -- Runs one call of a tool; its result block and the tool_end's call.
    local function result_of(run_function, options, script_call)
      local chat = begin({ { content = { script_call or call("t", "x") } }, "ok" }, {
        tool("t", run_function),
      })
      local about
      for kind, _, _, with in chat:run(options):deltas() do
        if kind == "tool_end" then about = with end
      end
      return results(2)[1], about
    end

    it("an error that a tool raised, and keeps the traceback for people", function()
      local block, about = result_of(function() error("no such city", 0) end)
      assert.is_true(block.is_error)
      assert.equal("Error: no such city", block.content)
      assert.is_true(about.is_error)
      assert.truthy(about.traceback:find("traceback", 1, true))
    end)

    it("an error value that a tool raised", function()
      local block = result_of(function() error({ message = "as a table" }) end)
      assert.equal("Error: as a table", block.content)
    end)

    it("an error that a tool returned", function()
      local block = result_of(function() return nil, "not there" end)
      assert.is_true(block.is_error)
      assert.equal("Error: not there", block.content)
    end)

    it("an error while its result was written down", function()
      local nasty = setmetatable({}, { __pairs = function() error("no") end })
      nasty.text = "\255"
      local block = result_of(function() return nasty end)
      assert.truthy(block.content)
    end)

    it("of success without a result", function()
      local block = result_of(function() end)
      assert.is_nil(block.is_error)
      assert.is_nil(block.content)
    end)

    it("data as JSON and content as blocks", function()
      assert.equal('{"a":1}', result_of(function() return { a = 1 } end).content)
      local block = result_of(function() return claude.content({ "one", "two" }) end)
      assert.same({ "one", "two" }, { block.content[1].text, block.content[2].text })
    end)

    it("of a tool that does not exist", function()
      local block = result_of(echo, nil, call("other", "x"))
      assert.is_true(block.is_error)
      assert.equal("Error: Tool 'other' not found", block.content)
    end)

    it("of input that is no JSON, without running the tool", function()
      local ran = false
      local wrong = { type = "tool_use", name = "t", input_json = '{"text":oops}' }
      local block = result_of(function() ran = true end, nil, wrong)
      assert.is_false(ran)
      assert.is_true(block.is_error)
      assert.truthy(block.content:find("not a valid JSON object", 1, true))
      assert.truthy(sim.requests[2].body:find('{"INVALID_JSON":"{\\"text\\":oops}"}', 1, true))
    end)

    it("of a call that was declined", function()
      local ran = false
      local block = result_of(function() ran = true end, {
        approve = function(about)
          assert.equal("t", about.name)
          return false
        end,
      })
      assert.is_false(ran)
      assert.is_true(block.is_error)
      assert.equal("declined", block.content)
    end)

    it("why a call was declined", function()
      local block = result_of(echo, { approve = function() return nil, "too late" end })
      assert.equal("declined: too late", block.content)
    end)

    it("of an approval that raised, and warns", function()
      local block = result_of(echo, { approve = function() error("broken", 0) end })
      assert.equal("declined: the approval failed: broken", block.content)
      assert.same({ "approve_failed" }, support.codes(bench))
    end)
  end)

  it("asks for approval one call after the other, and may wait for it", function()
    local chat = begin({ { content = { call("t", "a"), call("t", "b") } }, "ok" }, {
      tool("t", echo),
    })
    local asking, most = 0, 0
    local run = chat:run({
      approve = function(about)
        asking = asking + 1
        most = math.max(most, asking)
        claude.sleep(0.01)
        asking = asking - 1
        return about.input.text == "a"
      end,
    })
    assert(run:final_message())
    assert.equal(1, most)
    assert.same({ "a", "declined" }, { results(2)[1].content, results(2)[2].content })
  end)

  it("leaves calls of a tool without a function to a person", function()
    local chat = begin({ { content = { call("person", "q"), call("echo", "e") } }, "ok" }, {
      tool("person"),
      tool("echo", echo),
    })
    local run = chat:run()
    assert.equal("tool_use", assert(run:final_message()).stop_reason)
    assert.equal("pending", run.reason)
    local pending = chat:pending()
    assert.equal(1, #pending)
    assert.equal("person", pending[1].name)
    chat:answer(pending[1].id, "the answer")
    assert.equal("ok", assert(chat:run():final_message()):text())
    assert.same({ "the answer", "e" }, { results(2)[1].content, results(2)[2].content })
  end)

  it("stays where it is while a person has not answered", function()
    local chat = begin({ { content = { call("person", "q") } }, "ok" }, { tool("person") })
    assert(chat:run():final_message())
    local again = chat:run()
    local message, _, err = again:final_message()
    assert.is_nil(message)
    assert.truthy(err.hint:find("chat:answer", 1, true))
    assert.equal(1, #sim.requests)
    assert.equal(1, #chat:pending())
  end)

  it("takes up calls that a send left open", function()
    local chat = begin({ { content = { call("echo", "e") } }, "ok" }, { tool("echo", echo) })
    assert.equal("tool_use", assert(chat:send()).stop_reason)
    assert.equal("ok", assert(chat:run():final_message()):text())
    assert.equal("e", results(2)[1].content)
  end)

  it("answers open calls for the user when something new was said", function()
    local ran = false
    local chat = begin({ { content = { call("t", "e") } }, "ok" }, {
      tool("t", function() ran = true end),
    })
    assert(chat:send())
    assert(chat:user("something else"):run():final_message())
    assert.is_false(ran)
    assert.equal("stopped by the user", results(2)[1].content)
  end)

  it("goes on after pause_turn, within bounds", function()
    local pause = { content = { "searching" }, stop_reason = "pause_turn" }
    local chat = begin({ pause, pause, "done" }, nil)
    local run = chat:run()
    assert.equal("done", assert(run:final_message()):text())
    assert.equal(3, run.requests)
    sim:close()
    chat = begin(function() return pause end, nil)
    run = chat:run({ max_pauses = 2 })
    assert.equal("pause_turn", assert(run:final_message()).stop_reason)
    assert.equal("pause_turn", run.reason)
    assert.equal(3, run.requests)
  end)

  describe("ends with the reason", function()
    local function reason_of(turn)
      local ran = false
      local chat = begin({ turn }, { tool("t", function() ran = true end) })
      local run = chat:run()
      local message = assert(run:final_message())
      assert.equal(run.reason, message.stop_reason)
      assert.is_false(ran)
      assert.same({}, chat:pending())
      return run.reason, chat
    end

    it("of a refusal, and leaves the user turn open", function()
      local reason, chat = reason_of({ content = { "I" }, stop_reason = "refusal" })
      assert.equal("refusal", reason)
      assert.equal(1, #chat:messages())
    end)

    it("of a full context window", function()
      local turn = { content = { "so far" }, stop_reason = "model_context_window_exceeded" }
      local reason, chat = reason_of(turn)
      assert.equal("model_context_window_exceeded", reason)
      assert.equal(2, #chat:messages())
    end)

    it("of max_tokens, and never runs a call that was cut", function()
      local cut = { type = "tool_use", name = "t", input_json = '{"text":"hal' }
      local reason, chat = reason_of({ content = { "I look", cut }, stop_reason = "max_tokens" })
      assert.equal("max_tokens", reason)
      assert.equal(1, #chat:messages()[2].content)
    end)

    it("of a stop reason that nobody knows", function()
      local reason, chat = reason_of({ content = { "well" }, stop_reason = "moon_phase" })
      assert.equal("moon_phase", reason)
      assert.equal(2, #chat:messages())
    end)
  end)

  it("makes at most max_requests, and leaves the last calls open", function()
    local ran = 0
    local chat = begin(function() return { content = { call("t", "x") } } end, {
      tool("t", function() ran = ran + 1 end),
    })
    local run = chat:run({ max_requests = 3 })
    assert.equal("tool_use", assert(run:final_message()).stop_reason)
    assert.equal("max_requests", run.reason)
    assert.equal(3, run.requests)
    assert.equal(2, ran)
    assert.equal(1, #chat:pending())
    assert.equal(
      "max_requests",
      (function()
        local again = chat:run({ max_requests = 1 })
        assert(again:final_message())
        return again.reason
      end)()
    )
    assert.equal(3, ran)
  end)

  it("uses other params for the run only", function()
    local chat = begin({ { content = { call("echo", "e") } }, "ok", "ok" }, { tool("echo", echo) })
    assert(chat:run({ max_tokens = 1234 }):final_message())
    assert(chat:user("on"):send())
    assert.equal(1234, sim.requests[1].request.max_tokens)
    assert.equal(1234, sim.requests[2].request.max_tokens)
    assert.equal(8000, sim.requests[3].request.max_tokens)
  end)

  it("fails with the request's error, and a new run is the retry", function()
    local chat = begin({
      { content = { call("echo", "e") } },
      { error = { status = 529 } },
      "ok",
    }, { tool("echo", echo) })
    local run = chat:run()
    local pieces, err = support.read(run)
    assert.equal("tool_end e", pieces[#pieces])
    assert.equal("overloaded_error", err.type)
    local message, text = run:final_message()
    assert.is_nil(message)
    assert.equal(tostring(err), text)
    assert.is_false(chat:is_busy())
    assert.equal("ok", assert(chat:run():final_message()):text())
    assert.equal(sim.requests[2].body, sim.requests[3].body)
  end)

  it("raises the error in a for loop", function()
    local chat = begin({ { error = { status = 529 } } })
    local ok, err = pcall(function()
      for _ in chat:run():deltas() do
        error("nothing should come")
      end
    end)
    assert.is_false(ok)
    assert.equal("overloaded_error", err.type)
  end)

  it("raises for options of the wrong kind, at the caller's line", function()
    local chat = begin({})
    for _, options in ipairs({ { max_requests = "3" }, { approve = true }, { tools = {} } }) do
      local ok, problem = pcall(function()
        local run = chat:run(options)
        return run
      end)
      assert.is_false(ok)
      assert.truthy(problem:find("tool_loop_spec.lua", 1, true), problem)
    end
    assert.is_false(chat:is_busy())
  end)

  describe("that is cancelled", function()
    local function stopped_results(number)
      local texts = {}
      for i, block in ipairs(results(number)) do
        texts[i] = block.content or block.text
      end
      return texts
    end

    it("while a reply streams adds nothing of it", function()
      local chat = begin({ { content = { "one two three" }, piece = 4 }, "ok" })
      local run = chat:run()
      local kind
      repeat
        kind = run:next()
      until kind == "text"
      run:cancel()
      local _, _, err = run:next()
      assert.equal("cancelled", err.kind)
      assert.truthy(err.partial)
      assert.equal(1, #chat:messages())
      assert.equal("ok", assert(chat:run():final_message()):text())
    end)

    it("while tools run keeps what is done and answers the rest", function()
      local slow_begun, woken
      local chat = begin({ { content = { call("t", "quick"), call("t", "slow") } }, "ok" }, {
        tool("t", function(input)
          if input.text == "quick" then
            wait_until(function() return slow_begun end)
            return "done"
          end
          slow_begun = true
          local _, _, err = claude.sleep(60)
          woken = err and err.kind
          return "too late"
        end),
      })
      local run = chat:run()
      for kind, text in run:deltas() do
        if kind == "tool_end" then
          assert.equal("done", text)
          break
        end
      end
      run:cancel()
      run:cancel()
      assert.is_true(run:is_done())
      assert.same({}, chat:pending())
      assert.is_false(chat:is_busy())
      assert(chat:user("go on"):send())
      assert.same({ "done", "stopped by the user", "go on" }, stopped_results(2))
      assert.equal("cancelled", woken)
      assert.same({}, support.codes(bench))
    end)

    it("from a tool of its own", function()
      local run
      local chat = begin({ { content = { call("t", "x") } }, "ok" }, {
        tool("t", function()
          run:cancel()
          return "ignored"
        end),
      })
      run = chat:run()
      local _, err = support.read(run)
      assert.equal("cancelled", err.kind)
      assert(chat:user("and?"):send())
      assert.same({ "stopped by the user", "and?" }, stopped_results(2))
    end)

    it("from another task, while it waits", function()
      local begun, err
      local chat = begin({ { content = { call("t", "x") } }, "ok" }, {
        tool("t", function()
          begun = true
          claude.sleep(60)
        end),
      })
      claude.loop(function()
        local run = chat:run()
        claude.spawn(function()
          wait_until(function() return begun end)
          run:cancel()
        end)
        err = select(3, run:final_message())
      end)
      assert.equal("cancelled", err.kind)
      assert.same({}, chat:pending())
    end)

    it("with the task that reads it", function()
      local begun, err
      local chat = begin({ { content = { call("t", "x") } }, "ok" }, {
        tool("t", function()
          begun = true
          claude.sleep(60)
        end),
      })
      claude.loop(function()
        local task = tasks.spawn(function() err = select(3, chat:run():final_message()) end)
        wait_until(function() return begun end)
        task:cancel()
      end)
      assert.equal("cancelled", err.kind)
      assert.is_false(chat:is_busy())
      assert.same({}, chat:pending())
    end)

    it("while approval is awaited runs nothing", function()
      local ran = false
      local chat = begin({ { content = { call("t", "x") } }, "ok" }, {
        tool("t", function() ran = true end),
      })
      local run
      run = chat:run({
        approve = function()
          run:cancel()
          return true
        end,
      })
      local _, err = support.read(run)
      assert.equal("cancelled", err.kind)
      assert.is_false(ran)
      assert(chat:user("and?"):send())
      assert.same({ "stopped by the user", "and?" }, stopped_results(2))
    end)

    it("through its conversation", function()
      local chat = begin({ { content = { call("t", "x") } } }, { tool("t", function() end) })
      local run = chat:run()
      assert(run:next())
      chat:cancel()
      assert.equal("cancelled", select(3, run:next()).kind)
    end)

    it("before its first step sends nothing", function()
      local chat = begin({ "ok" })
      local run = chat:run()
      run:close()
      assert.equal("cancelled", select(3, run:final_message()).kind)
      assert.equal(0, #sim.requests)
      assert.equal("ok", assert(chat:send()):text())
    end)
  end)
end)
