local cases = require("spec.support.api_cases")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local function thinking(words) return { type = "thinking", thinking = words } end

describe("claude.simulator's script", function()
  local sim

  local function start(options)
    sim = assert(simulator.start(options))
    return sim
  end

  local function create(fields, headers)
    return raw.post(sim, "/v1/messages", cases.body(fields or {}), headers)
  end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  it("is said turn by turn", function()
    start({ script = { "One", { content = { "Two" } }, { content = "Three" } } })
    local said = {}
    for i = 1, 3 do
      said[i] = create().json.content[1].text
    end
    assert.same({ "One", "Two", "Three" }, said)
  end)

  it("ends with an error that says so", function()
    start({ script = { "One" } })
    create()
    local answer = create()
    assert.equal(400, answer.status)
    assert.matches("all turns of the script were said %(1 in all%)", answer.error.message)
  end)

  it("is not used up by requests that are refused", function()
    start({ script = { "One" } })
    assert.equal(400, create({ foo = 1 }).status)
    assert.equal("One", create().json.content[1].text)
  end)

  it("may be a function of the decoded request", function()
    start({
      script = function(request, info)
        return ("%s %s %d %s"):format(
          request.messages[1].content,
          info.model.id,
          info.count,
          info.thinking
        )
      end,
    })
    create()
    local answer = create({ thinking = { type = "adaptive" }, messages = { cases.user("Ho") } })
    assert.equal("Ho claude-sonnet-4-6 1 adaptive", answer.json.content[1].text)
  end)

  it("that raises is an api_error that shows the message", function()
    start({ script = function() error("no idea") end })
    local answer = create()
    assert.same({ 500, "api_error" }, { answer.status, answer.error.type })
    assert.matches("no idea", answer.error.message)
  end)

  it("that returns nonsense is an api_error too", function()
    start({ script = function() return 5 end })
    assert.matches("a turn of the script is a table or a string", create().error.message)
    start({ script = function() return { contents = {} } end })
    assert.matches("a turn has no field contents", create().error.message)
  end)

  it("can refuse with status, type, headers and details, n times and then go on", function()
    start({
      script = {
        {
          error = { status = 529, headers = { ["retry-after"] = "3" } },
          times = 2,
          content = { "ok" },
        },
        { error = { status = 402, type = "billing_error", message = "Pay.", details = { a = 1 } } },
        "last",
      },
    })
    local first = create()
    assert.same(
      { 529, "overloaded_error", "Overloaded", "3" },
      { first.status, first.error.type, first.error.message, first.headers["retry-after"] }
    )
    assert.equal(529, create().status)
    assert.equal("ok", create().json.content[1].text)
    local paid = create()
    assert.same(
      { 402, "billing_error", "Pay.", 1 },
      { paid.status, paid.error.type, paid.error.message, paid.error.details.a }
    )
    assert.equal("last", create().json.content[1].text)
  end)

  it("can answer with a body that is no JSON", function()
    start({
      script = {
        {
          error = {
            status = 502,
            body = "<html>bad gateway</html>",
            headers = { ["Content-Type"] = "text/html" },
          },
        },
      },
    })
    local answer = create()
    assert.same(
      { 502, "<html>bad gateway</html>", "text/html" },
      { answer.status, answer.body, answer.headers["content-type"] }
    )
  end)

  it("comes after the faults of the server", function()
    start({
      script = { "ok" },
      faults = {
        { status = 429, times = 2, path = "/v1/messages" },
        { status = 500, path = "/v1/models" },
      },
    })
    assert.equal(429, create().status)
    assert.equal(429, create().status)
    assert.equal("ok", create().json.content[1].text)
    assert.equal(500, raw.get(sim, "/v1/models").status)
    assert.equal(200, raw.get(sim, "/v1/models").status)
  end)

  it("can be forestalled request by request", function()
    start({
      script = { "ok" },
      on_request = function(entry)
        if #sim.requests == 1 then return { status = 503, message = entry.path } end
      end,
    })
    local answer = create()
    assert.same(
      { 503, "api_error", "/v1/messages" },
      { answer.status, answer.error.type, answer.error.message }
    )
    assert.equal(200, create().status)
  end)

  it("may hold blocks of any type, which go out as they are", function()
    local search = {
      type = "web_search_tool_result",
      tool_use_id = "srvtoolu_1",
      content = { { type = "web_search_result", title = "t", url = "u" } },
    }
    local call = {
      type = "server_tool_use",
      id = "srvtoolu_1",
      name = "web_search",
      input = { query = "q" },
    }
    local cited = { type = "text", text = "So.", citations = { { type = "x", cited_text = "y" } } }
    start({ script = function() return { content = { call, search, cited } } end })
    local whole = create().json
    assert.same({ call, search, cited }, whole.content)
    local events = raw.events(create({ stream = true }).body)
    local streamed, citation = raw.message(events), nil
    for _, event in ipairs(events) do
      if event.data.delta and event.data.delta.citation then
        citation = event.data.delta.citation
      end
    end
    assert.same(call.input, streamed.content[1].input)
    assert.same(search, streamed.content[2])
    assert.same(cited.citations[1], citation)
  end)

  it("may give a tool's input as text, whatever it is", function()
    local call = { type = "tool_use", name = "t", input_json = '{"a":' }
    start({ script = { { content = { call } } } })
    local parts = {}
    for _, event in ipairs(raw.events(create({ stream = true, tools = { cases.TOOL } }).body)) do
      local delta = event.data.delta
      parts[#parts + 1] = delta and delta.partial_json
    end
    assert.equal('{"a":', table.concat(parts))
  end)

  it("streams an input of nothing as nothing", function()
    start({ script = { { content = { { type = "tool_use", name = "t", input = cases.EMPTY } } } } })
    local inputs = {}
    for _, event in ipairs(raw.events(create({ stream = true, tools = { cases.TOOL } }).body)) do
      local delta = event.data.delta
      inputs[#inputs + 1] = delta and delta.partial_json
    end
    assert.same({ "" }, inputs)
  end)

  it("loses its thinking when the request switches thinking off", function()
    start({ script = function() return { content = { thinking("Hm."), "Yes." } } end })
    assert.equal(1, #create().json.content)
    assert.equal(2, #create({ thinking = { type = "adaptive" } }).json.content)
    assert.equal(2, #create({ model = "claude-opus-5-5" }).json.content)
  end)

  it("shows thinking as display says, or as the model does by itself", function()
    start({ script = function() return { content = { thinking("Hm."), "Yes." } } end })
    local function shown(model, display)
      local block = create({
        model = model,
        thinking = { type = "adaptive", display = display },
      }).json.content[1]
      assert.is_truthy(#block.signature > 100)
      return block.thinking
    end
    assert.equal("Hm.", shown("claude-sonnet-4-6"))
    assert.equal("", shown("claude-opus-5-5"))
    assert.equal("", shown("claude-sonnet-4-6", "omitted"))
    assert.equal("Hm.", shown("claude-opus-5-5", "summarized"))
  end)

  it("streams omitted thinking as a start, one signature and a stop", function()
    start({ script = { { content = { thinking("Hm."), "Yes." } } } })
    local kinds = {}
    for _, event in ipairs(raw.events(create({ stream = true, model = "claude-opus-5-5" }).body)) do
      if event.data.index == 0 then
        kinds[#kinds + 1] = event.data.delta and event.data.delta.type or event.name
      end
    end
    assert.same({ "content_block_start", "signature_delta", "content_block_stop" }, kinds)
  end)

  it("leaves a thinking block unsigned when told to", function()
    start({
      script = {
        {
          content = {
            { type = "thinking", thinking = "Hm.", signature = false },
            "Yes.",
          },
        },
      },
    })
    local body = create({ stream = true, thinking = { type = "adaptive" } }).body
    assert.is_nil(body:find("signature_delta", 1, true))
  end)

  it("is cut where max_tokens says, in text, thinking and tool calls", function()
    start({
      script = function()
        return {
          content = {
            thinking(("t"):rep(40)),
            ("ä"):rep(100),
            { type = "tool_use", name = "t", input = { text = ("x"):rep(100) } },
          },
        }
      end,
    })
    local function cut(limit)
      local answer = create({
        max_tokens = limit,
        thinking = { type = "adaptive" },
        tools = { cases.TOOL },
        stream = true,
      })
      return raw.message(raw.events(answer.body))
    end
    local message = cut(5)
    assert.same(
      { "max_tokens", 1, ("t"):rep(20) },
      { message.stop_reason, #message.content, message.content[1].thinking }
    )
    assert.is_truthy(message.usage.output_tokens <= 5)
    message = cut(20)
    assert.same({ 2, ("ä"):rep(20) }, { #message.content, message.content[2].text })
    message = cut(80)
    assert.same({ "max_tokens", 3 }, { message.stop_reason, #message.content })
    assert.is_nil(message.content[3].input)
    assert.equal("tool_use", cut(1000).stop_reason)
  end)

  it("says nothing when max_tokens is 0", function()
    start({ script = { "Hello" } })
    local message = create({ max_tokens = 0 }).json
    assert.same({ 0, "max_tokens" }, { #message.content, message.stop_reason })
  end)

  it("stops at a stop sequence and names it", function()
    start({ script = function() return "one, two, three" end })
    local message = create({ stop_sequences = { "three", ", t" } }).json
    assert.same(
      { "one", "stop_sequence", ", t" },
      { message.content[1].text, message.stop_reason, message.stop_sequence }
    )
  end)

  it("has the last word on stop reason and usage", function()
    start({
      script = {
        {
          content = { "No." },
          stop_reason = "refusal",
          stop_details = { type = "refusal", category = "cyber" },
          usage = { output_tokens = 99 },
        },
      },
    })
    local message = create().json
    assert.same(
      { "refusal", "cyber", 99 },
      { message.stop_reason, message.stop_details.category, message.usage.output_tokens }
    )
  end)

  it("may pause, and the same content goes on as it is", function()
    start({ script = { { content = { "Searching." }, stop_reason = "pause_turn" }, "Found." } })
    local first = create().json
    assert.equal("pause_turn", first.stop_reason)
    local messages = { cases.user("Hello"), cases.assistant(first.content) }
    assert.equal("Found.", create({ messages = messages }).json.content[1].text)
    messages[2].content[1].text = "Changed."
    assert.equal(400, create({ messages = messages }).status)
  end)

  describe("has its usage counted:", function()
    local LONG = ("many words of a long prompt "):rep(400)

    it("thinking is part of the output", function()
      start({ script = { { content = { thinking(("t"):rep(400)), ("x"):rep(40) } } } })
      local usage = create({ thinking = { type = "adaptive" } }).json.usage
      assert.same(
        { 110, 100 },
        { usage.output_tokens, usage.output_tokens_details.thinking_tokens }
      )
    end)

    it("omitted thinking costs the same", function()
      start({ script = function() return { content = { thinking(("t"):rep(400)), "x" } } end })
      local function cost(display)
        return create({ thinking = { type = "adaptive", display = display } }).json.usage
      end
      assert.same(cost("summarized"), cost("omitted"))
    end)

    it("input, written and read tokens add up to the prompt", function()
      start({ script = function() return "ok" end })
      local fields = {
        cache_control = { type = "ephemeral" },
        system = LONG,
        messages = { cases.user("a") },
      }
      local function total(usage)
        return usage.input_tokens
          + usage.cache_creation_input_tokens
          + usage.cache_read_input_tokens
      end
      local first = create(fields).json.usage
      assert.is_truthy(first.cache_creation_input_tokens > 1024)
      assert.equal(0, first.cache_read_input_tokens)
      assert.equal(
        first.cache_creation_input_tokens,
        first.cache_creation.ephemeral_5m_input_tokens
      )
      fields.messages[2], fields.messages[3] = cases.assistant("ok"), cases.user("b")
      local second = create(fields).json.usage
      assert.equal(first.cache_creation_input_tokens, second.cache_read_input_tokens)
      fields.max_tokens = cases.ABSENT
      local counted = raw.post(sim, "/v1/messages/count_tokens", cases.body(fields)).json
      assert.equal(counted.input_tokens, total(second))
    end)

    it("a changed prefix is not read from the cache", function()
      start({ script = function() return "ok" end })
      local fields = { system = { cases.cached(cases.text(LONG)) } }
      create(fields)
      assert.is_truthy(create(fields).json.usage.cache_read_input_tokens > 1024)
      fields.system = { cases.cached(cases.text("New. " .. LONG)) }
      assert.equal(0, create(fields).json.usage.cache_read_input_tokens)
    end)

    it("other thinking parameters cost the messages' cache, not the system prompt's", function()
      start({ script = function() return "ok" end })
      local fields = {
        system = { cases.cached(cases.text(LONG)) },
        messages = { cases.user({ cases.cached(cases.text(LONG)) }) },
      }
      create(fields)
      local whole = create(fields).json.usage.cache_read_input_tokens
      fields.thinking = { type = "adaptive" }
      local part = create(fields).json.usage.cache_read_input_tokens
      assert.is_truthy(part > 1024 and part < whole)
    end)

    it("a prompt under the model's shortest is not cached", function()
      start({ script = function() return "ok" end })
      local usage = create({ cache_control = { type = "ephemeral" } }).json.usage
      assert.same({ 0, 0 }, { usage.cache_creation_input_tokens, usage.cache_read_input_tokens })
    end)

    it("the hour's writes are told apart", function()
      start({ script = function() return "ok" end })
      local usage = create({ system = { cases.cached(cases.text(LONG), cases.HOUR) } }).json.usage
      assert.equal(
        usage.cache_creation_input_tokens,
        usage.cache_creation.ephemeral_1h_input_tokens
      )
    end)
  end)

  it("may hold raw JSON, which goes out as it is", function()
    start({
      script = {
        {
          content = {
            {
              type = "tool_use",
              name = "t",
              input = core.raw('{"n":12345678901234567890,"e":1e2}'),
            },
          },
        },
      },
    })
    local body = create({ stream = true, tools = { cases.TOOL } }).body
    local text = ""
    for _, event in ipairs(raw.events(body)) do
      local delta = event.data.delta
      text = text .. (delta and delta.partial_json or "")
    end
    assert.equal('{"n":12345678901234567890,"e":1e2}', text)
  end)
end)
