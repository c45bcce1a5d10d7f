--- What a run lets one do about single calls: time limits, cancelling, deferring, how
--- many at once, input parsed first, and what is said meanwhile.
local claude = require("claude")
local helpers = require("spec.helpers")
local support = require("spec.support.chat")
local tasks = require("claude.tasks")

local wait_until = helpers.wait_until

local call = support.call

describe("A run", function()
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

  local function tool(fields)
    fields.description = "For specs"
    fields.input_schema = { type = "object", properties = { text = { type = "string" } } }
    return claude.tool(fields)
  end

  local function results(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages].content
  end

  local function texts(number)
    local list = {}
    for i, block in ipairs(results(number)) do
      list[i] = block.content or block.text
    end
    return list
  end

  describe("limits the time of a tool:", function()
    it("the model is told, the tool is cancelled where it waits", function()
      local told, about, seconds
      helpers.with_limit(0.02, function(limit)
        local begun
        seconds = limit
        local chat = begin({ { content = { call("slow", "x") } }, "ok" }, {
          tool({
            name = "slow",
            timeout = limit,
            run = function()
              begun = true
              told = select(3, claude.sleep(60))
              return "too late"
            end,
          }),
        })
        for kind, _, _, with in chat:run():deltas() do
          if kind == "tool_end" then about = with end
        end
        sim:close()
        return begun
      end)
      local text = ("Error: Tool 'slow' timed out after %s s"):format(tostring(seconds))
      assert.equal(text, results(2)[1].content)
      assert.is_true(results(2)[1].is_error)
      assert.is_true(about.cancelled)
      assert.equal("cancelled", told.kind)
    end)

    it("a tool that is done in time is not touched", function()
      local chat = begin({ { content = { call("quick", "x") } }, "ok" }, {
        tool({ name = "quick", timeout = 60, run = function(input) return input.text end }),
      })
      assert(chat:run():final_message())
      assert.same({ "x" }, texts(2))
    end)

    it("the run's limit is for tools that have none of their own", function()
      local chat = begin({ { content = { call("a", "x"), call("b", "y") } }, "ok" }, {
        tool({ name = "a", run = function() claude.sleep(60) end }),
        tool({
          name = "b",
          timeout = 60,
          run = function(input)
            claude.sleep(0.05)
            return input.text
          end,
        }),
      })
      assert(chat:run({ tool_timeout = 0.02 }):final_message())
      assert.same({ "Error: Tool 'a' timed out after 0.02 s", "y" }, texts(2))
    end)

    it("also of one that does not listen: nobody waits for it", function()
      local go = tasks.signal()
      local chat = begin({ { content = { call("deaf", "x") } }, "ok" }, {
        tool({ name = "deaf", timeout = 0.02, run = function() go:wait_to_the_end() end }),
      })
      assert.equal("ok", assert(chat:run():final_message()):text())
      go:set()
      claude.loop()
    end)
  end)

  it("cancels one call, and goes on with the others", function()
    local chat = begin(
      { { content = { call("t", "slow", "t1"), call("t", "quick", "t2") } }, "ok" },
      {
        tool({
          name = "t",
          run = function(input)
            if input.text == "slow" then claude.sleep(60) end
            return input.text
          end,
        }),
      }
    )
    local run = chat:run()
    for kind, text in run:deltas() do
      if kind == "tool_end" and text == "quick" then
        assert.is_true(run:cancel_call("t1", "not needed"))
        assert.is_false(run:cancel_call("t1"))
        assert.is_false(run:cancel_call("t2"))
      end
    end
    assert.same({ "cancelled: not needed", "quick" }, texts(2))
    assert.is_true(results(2)[1].is_error)
  end)

  it("cancels a call that waits for its turn, before it begins", function()
    local ran, cancelled = {}, false
    local chat = begin({ { content = { call("t", "1", "t1"), call("t", "2", "t2") } }, "ok" }, {
      tool({
        name = "t",
        run = function(input)
          ran[#ran + 1] = input.text
          wait_until(function() return cancelled end)
        end,
      }),
    })
    local run = chat:run({ max_parallel = 1 })
    for kind, _, _, about in run:deltas() do
      if kind == "tool_start" and about.id == "t1" then cancelled = run:cancel_call("t2") end
    end
    assert.same({ "1" }, ran)
    assert.equal("cancelled", results(2)[2].content)
  end)

  it("refuses a call that waits for its turn when its tool is taken away", function()
    local ran, removed = {}, false
    local function noted(name)
      return support.tool(name, function()
        ran[#ran + 1] = name
        wait_until(function() return removed end)
        return name
      end)
    end
    local chat = begin(
      { { content = { call("one", "x"), call("two", "x") } }, "ok" },
      { noted("one"), noted("two") }
    )
    local run = chat:run({ max_parallel = 1 })
    for kind, text in run:deltas() do
      if kind == "tool_start" and text == "one" then
        run:remove_tools({ "two" })
        removed = true
      end
    end
    assert.same({ "one" }, ran)
    local messages = sim.requests[2].request.messages
    local result = messages[3].content[2]
    assert.same({ "Error: Tool 'two' not found", true }, { result.content, result.is_error })
  end)

  it("runs at most max_parallel tools at once, in the order of the calls", function()
    local running, most, order = 0, 0, {}
    local calls = {}
    for i = 1, 6 do
      calls[i] = call("t", tostring(i))
    end
    local chat = begin({ { content = calls }, "ok" }, {
      tool({
        name = "t",
        run = function(input)
          order[#order + 1] = input.text
          running = running + 1
          most = math.max(most, running)
          wait_until(function() return most == 2 end)
          running = running - 1
          return input.text
        end,
      }),
    })
    assert(chat:run({ max_parallel = 2 }):final_message())
    assert.equal(2, most)
    assert.same({ "1", "2", "3", "4", "5", "6" }, order)
    assert.same(order, texts(2))
  end)

  it("runs the calls of one toolset in order, and none after one that failed", function()
    local ran = {}
    local function press(key, id)
      return {
        type = "tool_use",
        id = id,
        name = "key",
        toolset_name = "computer",
        input = { text = key },
      }
    end
    local chat = begin(
      { { content = { press("a", "t1"), press("b", "t2"), press("c", "t3") } }, "ok" },
      {
        claude.tool({
          type = "computer_toolset_20260801",
          run = function(input)
            ran[#ran + 1] = input.text
            claude.sleep(0.01)
            if input.text == "b" then error("no such key", 0) end
            return "pressed"
          end,
        }),
      },
      { model = "claude-opus-5" }
    )
    assert(chat:run():final_message())
    assert.same({ "a", "b" }, ran)
    assert.equal("pressed", texts(2)[1])
    assert.equal("Error: no such key", texts(2)[2])
    assert.truthy(texts(2)[3]:find("an earlier call of this toolset failed", 1, true))
    for _, block in ipairs(results(2)) do
      assert.equal("computer", block.toolset_name)
    end
  end)

  describe("parses the input first:", function()
    it("the tool gets what parse returns", function()
      local chat = begin({ { content = { call("t", "3") } }, "ok" }, {
        tool({
          name = "t",
          parse = function(input) return assert(tonumber(input.text)) end,
          run = function(number) return number + 1 end,
        }),
      })
      assert(chat:run():final_message())
      assert.same({ "4" }, texts(2))
    end)

    for how, parse in pairs({
      raises = function() error("not a number", 0) end,
      returns = function() return nil, "not a number" end,
    }) do
      it("a failure that it " .. how .. " is told to the model, and the tool not run", function()
        local ran = false
        local chat = begin({ { content = { call("t", "x") } }, "ok" }, {
          tool({ name = "t", parse = parse, run = function() ran = true end }),
        })
        assert(chat:run():final_message())
        assert.is_false(ran)
        assert.same({ "Error: not a number" }, texts(2))
        assert.is_true(results(2)[1].is_error)
      end)
    end

    it("neither parse nor timeout goes to the API", function()
      local plain = {
        name = "t",
        input_schema = { type = "object" },
        parse = function(input) return input end,
        timeout = 3,
        run = function() end,
      }
      local chat = begin({ "ok", "ok" }, { plain })
      assert(chat:send())
      local wanted = { name = "t", input_schema = { type = "object" } }
      assert.same(wanted, sim.requests[1].request.tools[1])
      assert(bench.client.messages:create({
        model = support.MODEL,
        max_tokens = 10,
        tools = {
          plain,
          claude.tool({ name = "u", input_schema = { type = "object" }, timeout = 1 }),
        },
        messages = { { role = "user", content = "hi" } },
      }))
      assert.same(wanted, sim.requests[2].request.tools[1])
      assert.is_nil(sim.requests[2].request.tools[2].timeout)
    end)
  end)

  describe("leaves a call to a person", function()
    local ran, chat

    before_each(function()
      ran = {}
      chat = begin({ { content = { call("t", "a", "t1"), call("t", "b", "t2") } }, "ok" }, {
        tool({
          name = "t",
          run = function(input)
            ran[#ran + 1] = input.text
            return input.text
          end,
        }),
      })
    end)

    it("when it is deferred before it begins", function()
      local run = chat:run()
      for kind, _, index in run:deltas() do
        if kind == "block_stop" then
          local block = run:block(index)
          if block.id == "t1" then assert.is_true(run:defer(block)) end
        end
      end
      assert.equal("pending", run.reason)
      assert.same({ "b" }, ran)
      assert.equal("t1", chat:pending()[1].id)
      chat:answer("t1", "by hand")
      assert(chat:run():final_message())
      assert.same({ "by hand", "b" }, texts(2))
    end)

    it('when approve says "defer"', function()
      local run = chat:run({
        approve = function(about) return about.id == "t2" and "defer" or true end,
      })
      assert(run:final_message())
      assert.equal("pending", run.reason)
      assert.same({ "a" }, ran)
      assert.equal(1, #chat:pending())
    end)

    it("and the next run takes the call up again", function()
      assert(chat:run({ approve = function() return "defer" end }):final_message())
      assert.equal(2, #chat:pending())
      assert(chat:run():final_message())
      assert.same({ "a", "b" }, ran)
    end)

    it("but not one that has begun", function()
      local run = chat:run({ max_parallel = 1 })
      local seen = {}
      for kind, _, _, about in run:deltas() do
        if kind == "tool_start" then
          seen[about.id] = run:defer(about)
          if about.id == "t1" then seen.t2 = run:defer("t2") end
        end
      end
      assert.same({ t1 = false, t2 = true }, seen)
      assert.same({ "a" }, ran)
      assert.equal("pending", run.reason)
    end)
  end)

  describe("takes what is said meanwhile", function()
    local function echo()
      return tool({ name = "echo", run = function(input) return input.text end })
    end

    it("and asks again when the model had finished", function()
      local chat = begin({ "first", "second" })
      local run = chat:run()
      for kind in run:deltas() do
        if kind == "message_stop" and run.requests == 1 then assert(run:user("and more")) end
      end
      assert.equal("second", run.message:text())
      assert.equal("and more", sim.requests[2].request.messages[3].content)
    end)

    it("but never between a pause of the server and what it goes on with", function()
      local search =
        { type = "server_tool_use", id = "srvtoolu_1", name = "code_execution", input = {} }
      local found = {
        type = "code_execution_tool_result",
        tool_use_id = "srvtoolu_1",
        content = {
          type = "code_execution_result",
          stdout = "4",
          stderr = "",
          return_code = 0,
          content = claude.array({}),
        },
      }
      local chat = begin({
        { content = { search }, stop_reason = "pause_turn" },
        { content = { found, "four" } },
        "thanks",
      })
      local run = chat:run()
      for kind in run:deltas() do
        if kind == "message_stop" and run.requests == 1 then assert(run:user("hurry")) end
      end
      local roles = {}
      for i, message in ipairs(sim.requests[3].request.messages) do
        roles[i] = message.role
      end
      assert.same({ "user", "assistant", "assistant", "user" }, roles)
      assert.equal("hurry", sim.requests[3].request.messages[4].content)
      assert.equal("thanks", run.message:text())
    end)

    it("as the conversation's unsent turn when the run ends before", function()
      local chat = begin({ { content = { call("echo", "x") } }, "ok" }, { echo() })
      local run = chat:run({ max_requests = 1 })
      assert(run:next())
      assert(run:user("later"))
      assert(run:final_message())
      assert.equal("max_requests", run.reason)
      assert.equal("later", chat:messages()[3].content)
    end)

    it("also when it is cancelled", function()
      local chat = begin({ "a long answer", "ok" })
      local run = chat:run()
      assert(run:next())
      assert(run:user("stop and listen"))
      run:cancel()
      assert(chat:send())
      local sent = sim.requests[#sim.requests].request.messages
      assert.equal("stop and listen", sent[#sent].content)
    end)

    it("and refuses what cannot be sent at once", function()
      local chat = begin({ "ok" })
      local run = chat:run()
      local said, _, err = run:user("a\255b")
      assert.is_nil(said)
      assert.equal("invalid", err.kind)
      assert(run:final_message())
      assert.has_error(function() run:user("too late") end)
    end)

    it("also system messages, behind the results", function()
      local chat = begin({ { content = { call("echo", "x") } }, "ok" }, { echo() })
      local run = chat:run()
      assert(run:next())
      assert(run:system("be brief"))
      assert(run:final_message())
      local sent = sim.requests[2].request.messages
      assert.equal("system", sent[#sent].role)
      assert.equal("tool_result", sent[#sent - 1].content[1].type)
    end)
  end)

  it("names the option that is wrong", function()
    local chat = begin({})
    for name, value in pairs({
      eager = 1,
      max_parallel = 0,
      max_pauses = -1,
      max_requests = 1.5,
      tool_timeout = 0,
    }) do
      local ok, problem = pcall(function()
        chat:run({ [name] = value })
        return nil
      end)
      assert.is_false(ok)
      assert.truthy(problem:find("control_spec.lua", 1, true), problem)
      assert.truthy(problem:find("chat:run: " .. name, 1, true), problem)
    end
    for name, value in pairs({ parse = "x", timeout = -1 }) do
      local ok, problem = pcall(tool, { name = "t", [name] = value })
      assert.is_false(ok)
      assert.truthy(problem:find("tool." .. name, 1, true), problem)
    end
  end)

  it("gives the container's id to one that was given without", function()
    local chat = begin({ { content = { "a" }, container = { id = "cont_1" } }, "b", "c" }, nil, {
      container = { skills = { { type = "anthropic", skill_id = "pdf" } } },
    })
    assert(chat:send())
    assert(chat:user("on"):send())
    assert.equal("cont_1", sim.requests[2].request.container.id)
    assert.equal("pdf", sim.requests[2].request.container.skills[1].skill_id)
    assert(chat:user("on"):send({ container = "cont_mine" }))
    assert.equal("cont_mine", sim.requests[3].request.container)
  end)
end)
