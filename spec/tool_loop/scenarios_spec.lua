--- The official SDKs' tool runner, scenario by scenario: the same requests come of the
--- same replies. Where this library does something else, the title says so; the list is
--- in doc/deviations.md.
local claude = require("claude")
local support = require("spec.support.chat")

local function tool(name, run)
  return claude.tool({
    name = name,
    description = "For specs",
    input_schema = { type = "object", properties = { city = { type = "string" } } },
    run = run,
  })
end

describe("A tool runner's scenario:", function()
  local bench, sim, order, chat

  local function weather(input)
    order[#order + 1] = "start " .. input.city
    -- The first call ends last, whatever the machine does.
    if input.city == "Oslo" then
      while order[#order] ~= "end Rome" do
        claude.sleep(0.001)
      end
    end
    order[#order + 1] = "end " .. input.city
    return "sunny in " .. input.city
  end

  -- Runs a script to its end; stop reasons and block types of the replies.
  local function run(script, tools, options)
    order = {}
    bench = support.bench({ script = script })
    sim = bench.sim
    local params = support.params({ tools = tools or { tool("weather", weather) } })
    chat = bench.client:conversation(params):user("hi")
    local going = chat:run(options)
    local message, _, err = going:final_message()
    local told = {}
    for i, reply in ipairs(going.messages) do
      local types = {}
      for k, block in ipairs(reply.content) do
        types[k] = block.type
      end
      told[i] = reply.stop_reason .. ":" .. table.concat(types, ",")
    end
    return told, message, err, going
  end

  after_each(function() sim:close() end)

  local function call(name, input, id)
    return { type = "tool_use", id = id, name = name, input = input or claude.object({}) }
  end

  -- The last message of the request with that number.
  local function last_sent(number)
    local messages = sim.requests[number].request.messages
    return messages[#messages], #messages
  end

  it("parallel: both tools run at once, and one user message holds the results in order", function()
    local told = run({
      {
        content = {
          support.thought("hm"),
          "go",
          call("weather", { city = "Oslo" }, "t1"),
          call("weather", { city = "Rome" }, "t2"),
        },
      },
      "fine",
    })
    assert.same({ "tool_use:thinking,text,tool_use,tool_use", "end_turn:text" }, told)
    assert.same({ "start Oslo", "start Rome", "end Rome", "end Oslo" }, order)
    local message, count = last_sent(2)
    assert.equal(3, count)
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = "sunny in Oslo" },
      { type = "tool_result", tool_use_id = "t2", content = "sunny in Rome" },
    }, message.content)
    assert.equal(4, #chat:messages())
  end)

  it("throws: the message of what was raised, as an error", function()
    run({ { content = { call("boom", nil, "t1") } }, "fine" }, {
      tool("boom", function() error({ message = "kaput" }) end),
    })
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = "Error: kaput", is_error = true },
    }, last_sent(2).content)
  end)

  describe("toolerror: content goes back as it is, as an error,", function()
    local detail = claude.content({ "detail" })
    local FAILS = {
      ["raised"] = function() error(detail) end,
      ["returned"] = function() return nil, detail end,
    }
    for how, fails in pairs(FAILS) do
      it("when it was " .. how, function()
        run({ { content = { call("fails", nil, "t1") } }, "fine" }, { tool("fails", fails) })
        assert.same({
          {
            type = "tool_result",
            tool_use_id = "t1",
            content = { { type = "text", text = "detail" } },
            is_error = true,
          },
        }, last_sent(2).content)
      end)
    end
  end)

  it("unknown: a tool that is not there is an error for the model", function()
    run({ { content = { call("nope", nil, "t1") } }, "fine" })
    local block = last_sent(2).content[1]
    assert.equal("Error: Tool 'nope' not found", block.content)
    assert.is_true(block.is_error)
  end)

  it("object_result: a table is JSON, where the SDK sends what the API refuses", function()
    run({ { content = { call("obj", nil, "t1") } }, "fine" }, {
      tool("obj", function() return { x = 1 } end),
    })
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = '{"x":1}' },
    }, last_sent(2).content)
  end)

  it("undef_result: nothing returned is a result without content", function()
    run({ { content = { call("undef", nil, "t1") } }, "fine" }, { tool("undef", function() end) })
    assert.same({ { type = "tool_result", tool_use_id = "t1" } }, last_sent(2).content)
  end)

  it("pause_turn: the reply goes back as it is, and nothing else", function()
    local told = run({
      {
        content = {
          "p",
          { type = "server_tool_use", id = "srvtoolu_1", name = "code_execution", input = {} },
        },
        stop_reason = "pause_turn",
      },
      "fine",
    })
    assert.same({ "pause_turn:text,server_tool_use", "end_turn:text" }, told)
    local message, count = last_sent(2)
    assert.equal(2, count)
    assert.equal("assistant", message.role)
    assert.equal(3, #chat:messages())
  end)

  it("pause_turn with open calls: they are answered, so that the request can be sent", function()
    run({
      { content = { call("weather", { city = "Rome" }, "t1") }, stop_reason = "pause_turn" },
      "fine",
    })
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = "sunny in Rome" },
    }, last_sent(2).content)
  end)

  it("max_iterations: so many requests, and the last reply's calls stay open", function()
    local told, _, _, going = run(
      function() return { content = { call("weather", { city = "Rome" }) } } end,
      nil,
      { max_requests = 2 }
    )
    assert.same({ "tool_use:tool_use", "tool_use:tool_use" }, told)
    assert.equal("max_requests", going.reason)
    assert.equal(2, #sim.requests)
    -- The SDK runs the last call, too, though nobody will hear of it.
    assert.same({ "start Rome", "end Rome" }, order)
    assert.equal(4, #chat:messages())
    assert.equal(1, #chat:pending())
  end)

  it("max_tokens_with_tool: a call that was cut is not run, and leaves the history", function()
    local cut = { type = "tool_use", name = "weather", input_json = '{"city":"Ro' }
    local told = run({ { content = { cut }, stop_reason = "max_tokens" } })
    assert.same({ "max_tokens:tool_use" }, told)
    assert.same({}, order)
    assert.equal(1, #sim.requests)
    -- The SDK keeps the reply with its open call, which the next request cannot send.
    assert.equal(1, #chat:messages())
  end)

  it("refusal: ends the run and adds nothing, where the SDK adds an empty reply", function()
    local told, message = run({ { content = {}, stop_reason = "refusal" } })
    assert.same({ "refusal:" }, told)
    assert.equal("refusal", message.stop_reason)
    assert.equal(1, #sim.requests)
    assert.equal(1, #chat:messages())
  end)

  it("container: the id goes with the next request", function()
    run({
      {
        content = { call("weather", { city = "Rome" }) },
        container = { id = "cont_1", expires_at = "2026-11-26T00:00:00Z" },
      },
      "fine",
    })
    assert.is_nil(sim.requests[1].request.container)
    assert.equal("cont_1", sim.requests[2].request.container)
  end)

  it("push: what is said meanwhile comes behind the results, and the reply stays", function()
    order = {}
    bench = support.bench({
      script = { { content = { call("weather", { city = "Rome" }, "t1") } }, "fine" },
    })
    sim = bench.sim
    chat = bench.client:conversation(support.params({ tools = { tool("weather", weather) } }))
    local going = chat:user("hi"):run()
    for kind in going:deltas() do
      if kind == "tool_start" then assert(going:user("extra")) end
    end
    local message, count = last_sent(2)
    -- The SDK drops the reply and its call here.
    assert.equal(3, count)
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = "sunny in Rome" },
      { type = "text", text = "extra" },
    }, message.content)
  end)

  it("mixed_server: only results follow a reply whose server tool has not ended", function()
    run({
      {
        content = {
          { type = "server_tool_use", id = "srvtoolu_1", name = "code_execution", input = {} },
          call("weather", { city = "Rome" }, "t1"),
        },
      },
      "fine",
    })
    assert.same({
      { type = "tool_result", tool_use_id = "t1", content = "sunny in Rome" },
    }, last_sent(2).content)
  end)

  it("api_error: ends the run with the error", function()
    local fault = { status = 400, type = "invalid_request_error", message = "bad" }
    local told, message, err = run({ { error = fault } })
    assert.same({}, told)
    assert.is_nil(message)
    assert.equal("bad", err.message)
    assert.equal("invalid_request_error", err.type)
    assert.equal(1, #sim.requests)
  end)

  it("empty_content_end: ends the run, and adds nothing", function()
    local told = run({ { content = {} } })
    assert.same({ "end_turn:" }, told)
    -- The SDK adds an assistant message that the API refuses from then on.
    assert.equal(1, #chat:messages())
  end)

  it("stream: thinking between calls goes back where it stood", function()
    local told = run({
      {
        content = {
          support.thought("plan: both cities"),
          "I'll check both.",
          call("weather", { city = "Paris" }, "toolu_A"),
          support.thought("and now the other"),
          call("weather", { city = "Rome" }, "toolu_B"),
        },
      },
      "fine",
    })
    assert.same({ "tool_use:thinking,text,tool_use,thinking,tool_use", "end_turn:text" }, told)
    local sent = sim.requests[2].request
    assert.is_true(sent.stream)
    local types = {}
    for i, block in ipairs(sent.messages[2].content) do
      types[i] = block.type
    end
    assert.same({ "thinking", "text", "tool_use", "thinking", "tool_use" }, types)
    assert.same({ "toolu_A", "toolu_B" }, {
      sent.messages[3].content[1].tool_use_id,
      sent.messages[3].content[2].tool_use_id,
    })
  end)
end)
