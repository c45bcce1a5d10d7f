--- The ground of the usual guides to extended thinking, each example as a Lua
--- program would have it, against the simulator.
local claude = require "claude"
local simulator = require "claude.simulator"

local MODEL = "claude-sonnet-4-6"

local function manual(extra)
  local thinking = { type = "enabled", budget_tokens = 10000 }
  for key, value in pairs(extra or {}) do
    thinking[key] = value
  end
  return thinking
end

local function asking(text, extra)
  local params = {
    model = MODEL,
    max_tokens = 16000,
    thinking = manual(),
    messages = { { role = "user", content = text } },
  }
  for key, value in pairs(extra or {}) do
    params[key] = value
  end
  return params
end

local function types_of(message)
  local types = {}
  for i, block in ipairs(message.content) do
    types[i] = block.type
  end
  return types
end

describe("the guide to thinking", function()
  local sim, client, warnings

  before_each(function()
    sim = simulator.start {}
    warnings = {}
    client = claude.new {
      base_url = sim.url,
      api_key = "simulated",
      on_warning = function(text) warnings[#warnings + 1] = text end,
    }
  end)
  after_each(function() sim:close() end)

  local function create(params)
    local message, text = client.messages:create(params)
    assert(message, text)
    return message
  end

  local function refused(params)
    local sent = #sim.requests
    local message, text, err = client.messages:create(params)
    assert.is_nil(message)
    assert.equal("invalid", err.kind)
    assert.equal(sent, #sim.requests, "a request was sent")
    return text
  end

  it("gets thinking and answer with one parameter", function()
    local message = create(asking "What is 127 * 389?")
    local seen = {}
    for _, block in ipairs(message.content) do
      if block.type == "thinking" then
        seen[#seen + 1] = "thinking"
        assert.is_true(#block.thinking > 0)
      elseif block.type == "text" then
        seen[#seen + 1] = "text"
        assert.matches("49403", block.text)
      end
    end
    assert.same({ "thinking", "text" }, seen)
  end)

  it("explains step by step, thinking first", function()
    local message = create(asking "Explain why the sky is blue, step by step.")
    assert.same({ "thinking", "text" }, types_of(message))
    assert.equal(message.content[1].thinking, message:thinking())
    assert.equal(message.content[2].text, message:text())
    assert.equal("end_turn", message.stop_reason)
  end)

  it(
    "solves the example of the TypeScript client as well",
    function() assert.matches("49403", create(asking("Solve: What is 127 * 389?")):text()) end
  )

  it("shows a summary if asked to", function()
    local message =
      create(asking("What is 6 * 7?", { thinking = manual { display = "summarized" } }))
    assert.is_true(#message:thinking() > 0)
  end)

  it("omits the text of thinking if asked to, and keeps the signature", function()
    local message = create(asking("What is 6 * 7?", { thinking = manual { display = "omitted" } }))
    assert.same({ "thinking", "text" }, types_of(message))
    assert.equal("", message.content[1].thinking)
    assert.is_true(#message.content[1].signature > 0)
    assert.same({}, warnings)
  end)

  it("takes a budget that is less than max_tokens", function()
    assert.equal("end_turn", create(asking "Is 97 prime?").stop_reason)
    local body = sim.requests[#sim.requests].body
    assert.matches('"thinking":{"budget_tokens":10000,"type":"enabled"}', body, 1, true)
  end)

  it("takes the largest output of Opus 4.6", function()
    local message = create(asking("Is 97 prime?", {
      model = "claude-opus-4-6",
      max_tokens = 128000,
      thinking = { type = "enabled", budget_tokens = 100000 },
    }))
    assert.equal("end_turn", message.stop_reason)
  end)

  it("refuses a budget under 1024, and one that is not below max_tokens", function()
    local small = refused(asking("?", { thinking = { type = "enabled", budget_tokens = 1000 } }))
    assert.matches("1000", small)
    assert.matches("1024", small)
    local large = refused(asking("?", { max_tokens = 10000 }))
    assert.matches("10000", large)
    assert.matches("max_tokens", large)
  end)

  it("refuses more than a model writes", function()
    assert.matches(
      "64000",
      (refused(asking("?", { model = "claude-haiku-4-5", max_tokens = 64001 })))
    )
    assert.matches("128000", (refused(asking("?", { max_tokens = 128001 }))))
  end)

  local calculator = claude.tool {
    name = "calculator",
    description = "Perform arithmetic calculations",
    input_schema = {
      type = "object",
      properties = { expression = { type = "string", description = "What to evaluate" } },
      required = { "expression" },
    },
    run = function(input)
      local evaluator = require "claude.command.calculator"
      return evaluator.format(assert(evaluator.evaluate(input.expression)))
    end,
  }
  local INTEREST = "Calculate the compound interest on $10,000 at 5% for 10 years"

  it("thinks and calls a tool with tool_choice auto", function()
    local message = create(asking("What is 127 * 389?", {
      tools = { calculator },
      tool_choice = { type = "auto" },
    }))
    assert.equal("tool_use", message.stop_reason)
    assert.equal("thinking", message.content[1].type)
    local calls = message:tool_uses()
    assert.equal("calculator", calls[1].name)
    assert.is_string(calls[1].input.expression)
  end)

  it("takes tool_choice none", function()
    local message = create(asking("What is 127 * 389?", {
      tools = { calculator },
      tool_choice = { type = "none" },
    }))
    assert.same({}, message:tool_uses())
  end)

  it("refuses a forced tool together with thinking", function()
    for _, choice in ipairs { { type = "any" }, { type = "tool", name = "calculator" } } do
      local text = refused(asking("?", { tools = { calculator }, tool_choice = choice }))
      assert.matches("tool_choice", text)
      assert.matches("auto", text)
    end
  end)

  it("thinks between tool calls until the question is answered", function()
    local chat = client:conversation {
      model = "claude-sonnet-5-5",
      max_tokens = 16000,
      thinking = { type = "adaptive", display = "summarized" },
      tools = { calculator },
    }
    chat:user(INTEREST)
    local kinds, run = {}, chat:run { max_requests = 10 }
    for kind in run:deltas() do
      if kinds[#kinds] ~= kind then kinds[#kinds + 1] = kind end
    end
    local order = table.concat(kinds, " ")
    assert.matches("thinking.*input_json.*tool_start.*tool_end.*thinking.*text", order)
    assert.equal("end_turn", run:final_message().stop_reason)
  end)

  it("continues a conversation with the thinking of the first turn in place", function()
    local question = { role = "user", content = "Analyze the pros and cons of remote work" }
    local first = create(asking(nil, { messages = { question } }))
    local second = create(asking(nil, {
      messages = {
        question,
        { role = "assistant", content = first.content },
        { role = "user", content = "Now focus on the productivity aspect" },
      },
    }))
    assert.equal("end_turn", second.stop_reason)
    local body = sim.requests[#sim.requests].body
    assert.truthy(body:find(first.content[1].signature, 1, true))
  end)

  it("does the same as a conversation", function()
    local chat = client:conversation { model = MODEL, max_tokens = 16000, thinking = manual() }
    chat:user "Analyze the pros and cons of remote work"
    local first = assert(chat:send())
    chat:user "Now focus on the productivity aspect"
    assert(chat:send())
    local body = sim.requests[#sim.requests].body
    assert.truthy(body:find(first.content[1].signature, 1, true))
  end)

  it("refuses thinking that was changed on its way back", function()
    local question = { role = "user", content = "Analyze the pros and cons of remote work" }
    local first = create(asking(nil, { messages = { question } }))
    first.content[1].thinking = first.content[1].thinking .. " Or not."
    local text = refused(asking(nil, {
      messages = {
        question,
        { role = "assistant", content = first.content },
        { role = "user", content = "Now focus on the productivity aspect" },
      },
    }))
    assert.matches("messages[%[.]", text)
    assert.matches("thinking", text)
  end)

  it("streams the text and has the whole message afterwards", function()
    local stream = client.messages:stream(asking "What is 127 * 389?")
    local pieces = {}
    for text in stream:text_stream() do
      pieces[#pieces + 1] = text
    end
    local message = stream:final_message()
    assert.equal(message:text(), table.concat(pieces))
    assert.is_true(#pieces > 1)
    assert.same({ "thinking", "text" }, types_of(message))
  end)

  it("streams the thinking as well", function()
    local stream = client.messages:stream(asking "What is 127 * 389?")
    local collected = { thinking = {}, text = {} }
    for kind, text in stream:deltas() do
      local pieces = collected[kind]
      if pieces then pieces[#pieces + 1] = text end
    end
    local message = stream:final_message()
    assert.equal(message:thinking(), table.concat(collected.thinking))
    assert.equal(message:text(), table.concat(collected.text))
  end)

  for _, ttl in ipairs { "5m", "1h" } do
    it("caches system and tools for " .. ttl, function()
      local params = asking("What is 6 * 7?", {
        cache_control = { type = "ephemeral", ttl = ttl },
        system = ("You are careful. "):rep(2000),
      })
      assert.is_true(create(params).usage.cache_creation_input_tokens > 0)
      assert.is_true(create(params).usage.cache_read_input_tokens > 0)
    end)
  end

  it("warns that changed thinking loses the cache of the messages", function()
    local chat = client:conversation { model = MODEL, max_tokens = 16000, thinking = manual() }
    chat:user "What is 6 * 7?"
    assert(chat:send())
    chat:user "And 7 * 8?"
    assert(chat:send { thinking = manual { budget_tokens = 2048 } })
    assert.matches("cache", table.concat(warnings, "\n"))
  end)
end)
