--- Models that step in when one refuses.
local api = require("spec.support.api_server")
local claude = require("claude")
local support = require("spec.support.chat")
local tasks = require("claude.tasks")

local BETA = "fallback-credit-2026-07-01"
local FIRST, SECOND, THIRD = "claude-fable-5", "claude-opus-4-8", "claude-sonnet-4-6"

describe("fallback_models", function()
  local bench, sim, client

  local function begin(script)
    bench = support.bench({ script = script })
    sim, client = bench.sim, bench.client
  end

  after_each(function() sim:close() end)

  local function refusal(content, details)
    return {
      content = content or {},
      stop_reason = "refusal",
      stop_details = details or { category = "cyber", explanation = "no" },
    }
  end

  local function params(fields)
    local list = {
      model = FIRST,
      max_tokens = 1000,
      messages = { { role = "user", content = "hi" } },
      fallback_models = { SECOND, THIRD },
    }
    for name, value in pairs(fields or {}) do
      list[name] = value
    end
    return list
  end

  local function types(message)
    local list = {}
    for i, block in ipairs(message.content) do
      list[i] = block.type
    end
    return table.concat(list, " ")
  end

  local function models_asked()
    local list = {}
    for i, entry in ipairs(sim.requests) do
      list[i] = entry.request.model
    end
    return table.concat(list, " ")
  end

  for _, verb in ipairs({ "create", "parse", "stream", "count_tokens" }) do
    it("raise at the line of messages:" .. verb .. " for what is no list", function()
      begin({})
      local format = { type = "json_schema", schema = { type = "object" } }
      local wrong = params({ fallback_models = 3, output_config = { format = format } })
      local ok, problem = pcall(function()
        local result = client.messages[verb](client.messages, wrong)
        return result
      end)
      assert.is_false(ok)
      assert.truthy(problem:find("fallback_spec.lua", 1, true), problem)
    end)
  end

  describe("in messages:create", function()
    it("ask nobody else when the model answers", function()
      begin({ "hello" })
      local message = assert(client.messages:create(params()))
      assert.equal("text", types(message))
      assert.equal(FIRST, models_asked())
      assert.is_nil(sim.requests[1].request.fallback_models)
    end)

    it("answer with the first that does not refuse, behind a fallback block", function()
      begin({ refusal({ "I will" }), "hello" })
      local message = assert(client.messages:create(params()))
      assert.equal("hello", message:text())
      assert.equal("fallback text", types(message))
      assert.same({
        type = "fallback",
        from = { model = FIRST },
        to = { model = SECOND },
        trigger = { type = "refusal", category = "cyber" },
      }, message.content[1])
      assert.equal(SECOND, message.model)
      assert.equal("end_turn", message.stop_reason)
    end)

    it("tell the request of the answer that the message ends with", function()
      begin({})
      local function answer(id, reason)
        local headers = { ["content-type"] = "text/event-stream", ["request-id"] = id }
        return api.stream(api.reply({ api.text("hello") }, reason), { headers = headers })
      end
      local server = api.start({ answer("req_1", "refusal"), answer("req_2") })
      local other = claude.new({ api_key = "k", base_url = server.url })
      tasks.loop(function()
        local message = assert(other.messages:create(params()))
        assert.equal("fallback text", types(message))
        assert.equal("req_2", message.request_id)
      end)
      server:close()
    end)

    it("tell of thinking that comes without text from another model, too", function()
      begin({})
      local omitted, warned = api.thinking("", "c2lnbmF0dXJl"), {}
      local server = api.start({
        api.stream(api.reply({ api.text("I will") }, "refusal")),
        api.stream(api.reply({ omitted, api.text("hello") })),
      })
      local other = claude.new({
        api_key = "k",
        base_url = server.url,
        on_warning = function(_, code) warned[#warned + 1] = code end,
      })
      tasks.loop(function() assert(other.messages:create(params())) end)
      assert.same({ "empty_thinking" }, warned)
      server:close()
    end)

    it("go down the list, and tell the tokens of each", function()
      begin({ refusal(), refusal(), "hello" })
      local message = assert(client.messages:create(params()))
      assert.equal("fallback fallback text", types(message))
      assert.equal(FIRST .. " " .. SECOND .. " " .. THIRD, models_asked())
      local told = {}
      for i, usage in ipairs(message.usage.iterations) do
        told[i] = usage.type .. " " .. usage.model
        assert.equal("number", type(usage.input_tokens))
      end
      assert.same({ "message " .. FIRST, "message " .. SECOND, "fallback_message " .. THIRD }, told)
    end)

    it("end in the last refusal when all refuse", function()
      begin({ refusal(), refusal(nil, { category = "bio" }) })
      local message = assert(client.messages:create(params({ fallback_models = { SECOND } })))
      assert.equal("refusal", message.stop_reason)
      assert.equal("bio", message.stop_details.category)
    end)

    it("send the beta with every request, and the refusal's token with the next", function()
      begin({ refusal(), "hello" })
      local message = assert(client.messages:create(params()))
      for _, entry in ipairs(sim.requests) do
        assert.equal(BETA, entry.beta)
      end
      local token = sim.requests[2].request.fallback_credit_token
      assert.equal("best_effort", token.mode)
      assert.truthy(token.token:find("^fct_"))
      assert.same({ status = "redeemed" }, message.usage.fallback_credit)
    end)

    it("send neither with fallback_credit = false", function()
      begin({ refusal(), "hello" })
      assert(client.messages:create(params({ fallback_credit = false })))
      for _, entry in ipairs(sim.requests) do
        assert.is_nil(entry.beta)
        assert.is_nil(entry.request.fallback_credit_token)
        assert.is_nil(entry.request.fallback_credit)
      end
    end)

    it("ask on without a token, where the SDK gives up", function()
      begin({ refusal(nil, { fallback_credit_token = claude.null }), "hello" })
      assert.equal("hello", assert(client.messages:create(params())):text())
      assert.is_nil(sim.requests[2].request.fallback_credit_token)
    end)

    it("change the params that an entry names, and always those that were given", function()
      begin({ refusal(), refusal(), "hello" })
      assert(client.messages:create(params({
        stop_sequences = { "END" },
        output_config = { effort = "low" },
        fallback_models = {
          { model = SECOND, max_tokens = 77, output_config = { effort = "high" } },
          { model = THIRD, stop_sequences = claude.null, output_config = { effort = claude.null } },
        },
      })))
      local second, third = sim.requests[2].request, sim.requests[3].request
      assert.same({ 77, "high", "END" }, {
        second.max_tokens,
        second.output_config.effort,
        second.stop_sequences[1],
      })
      assert.equal(1000, third.max_tokens)
      assert.is_nil(third.stop_sequences)
      assert.is_nil(third.output_config)
    end)

    it("take notes between tools from a model that has none", function()
      begin({ refusal(), "hello" })
      assert(client.messages:create(params({
        model = "claude-sonnet-5-5",
        thinking = { type = "between_tools" },
      })))
      assert.same({ type = "disabled" }, sim.requests[2].request.thinking)
    end)

    it("skip a model whose request fails, and say so", function()
      begin({ refusal(), { error = { status = 529 } }, "hello" })
      local message = assert(client.messages:create(params()))
      assert.equal("fallback text", types(message))
      assert.equal(THIRD, message.model)
      assert.same({ "fallback_failed" }, support.codes(bench))
      -- The token was redeemed by nobody.
      assert.truthy(sim.requests[3].request.fallback_credit_token)
    end)

    it("skip a model that does not take the params, without asking it", function()
      begin({ refusal(), "hello" })
      local message = assert(client.messages:create(params({
        model = THIRD,
        thinking = { type = "enabled", budget_tokens = 1024 },
        max_tokens = 4000,
        fallback_models = { "claude-opus-5", { model = SECOND, thinking = { type = "disabled" } } },
      })))
      assert.equal(SECOND, message.model)
      assert.equal(THIRD .. " " .. SECOND, models_asked())
      assert.same({ "fallback_failed" }, support.codes(bench))
    end)

    it("give the refusal when nobody can take over", function()
      begin({ refusal({ "I" }), { error = { status = 500 } }, { error = { status = 500 } } })
      local message = assert(client.messages:create(params()))
      assert.equal("refusal", message.stop_reason)
      assert.equal("text", types(message))
      assert.equal("cyber", message.stop_details.category)
    end)

    it("fail with the error of the first request", function()
      begin({ { error = { status = 500 } } })
      local message, _, err = client.messages:create(params())
      assert.is_nil(message)
      assert.equal(500, err.status)
      assert.equal(1, #sim.requests)
    end)

    it("remember in a state of the caller's who took over", function()
      begin({ refusal(), "one", "two", refusal(), "three", "four" })
      local state = {}
      assert(client.messages:create(params(), { fallback_state = state }))
      assert.same({ model = SECOND }, state)
      assert(client.messages:create(params(), { fallback_state = state }))
      -- And from there on down the list.
      assert(client.messages:create(params(), { fallback_state = state }))
      assert.same({ model = THIRD }, state)
      assert(client.messages:create(params()))
      assert.equal(
        table.concat({ FIRST, SECOND, SECOND, SECOND, THIRD, FIRST }, " "),
        models_asked()
      )
    end)

    it("leave out of messages what only the API's own fallbacks may hold", function()
      begin({
        refusal({ support.thought("hm"), "I will" }, { fallback_has_prefill_claim = true }),
        "hello",
        "again",
      })
      local message = assert(client.messages:create(params()))
      assert(client.messages:create(params({
        messages = {
          { role = "user", content = "hi" },
          message,
          { role = "user", content = "and?" },
        },
      })))
      assert.same({
        { type = "text", text = "I will" },
        { type = "text", text = "hello" },
      }, sim.requests[3].request.messages[2].content)
    end)

    it("raise for what is no list of models", function()
      begin({})
      for _, fields in ipairs({
        { fallback_models = SECOND },
        { fallback_models = { 3 } },
        { fallback_models = { { max_tokens = 3 } } },
        { fallback_models = { model = SECOND } },
        { fallback_credit = 1 },
        { fallbacks = "default" },
      }) do
        local ok, problem = pcall(function()
          local message = client.messages:create(params(fields))
          return message
        end)
        assert.is_false(ok)
        assert.truthy(problem:find("fallback_spec.lua", 1, true), problem)
        assert.truthy(problem:find("fallback", 1, true), problem)
      end
    end)
  end)

  describe("in a stream", function()
    -- Kinds with text and index.
    local function told(stream)
      local list = {}
      for kind, text, index in stream:deltas() do
        list[#list + 1] = table.concat({ kind, text or "", index and tostring(index) or "" }, "|")
      end
      return list
    end

    it("tell one message: the first's beginning, the block, the next's content", function()
      begin({ refusal({ "I will" }), "hello" })
      assert.same({
        "message_start||",
        "block_start|text|0",
        "text|I will|0",
        "block_stop|text|0",
        "block_start|fallback|1",
        "block_stop|fallback|1",
        "block_start|text|2",
        "text|hello|2",
        "block_stop|text|2",
        "message_delta||",
        "message_stop||",
      }, told(client.messages:stream(params())))
    end)

    it("give events whose indexes go on", function()
      begin({ refusal(), "hello" })
      local starts = {}
      local stream = client.messages:stream(params())
      for event in stream:events() do
        if event.type == "content_block_start" then
          starts[#starts + 1] = { event.index, event.content_block.type }
        end
      end
      assert.same({ { 0, "fallback" }, { 1, "text" } }, starts)
      assert.equal("hello", stream:block(1).text)
      assert.equal(SECOND, stream:block(0).to.model)
    end)

    it("go on with what was said where the API lets them", function()
      begin({
        refusal({ support.thought("hm"), "Once upon " }, { fallback_has_prefill_claim = true }),
        "a time",
      })
      local message =
        assert(client.messages:stream(params({ thinking = { type = "adaptive" } })):final_message())
      assert.equal("thinking text fallback text", types(message))
      assert.equal("Once upon a time", message:text())
      local sent = sim.requests[2].request.messages
      assert.equal("assistant", sent[2].role)
      assert.equal("Once upon ", sent[2].content[2].text)
      assert.same({ status = "redeemed" }, message.usage.fallback_credit)
    end)

    it("begin anew when the next model does not take what was said", function()
      begin({
        refusal({ "Once upon " }, { fallback_has_prefill_claim = true }),
        { error = { status = 400, message = "no prefill" } },
        "hello",
      })
      local message = assert(client.messages:stream(params()):final_message())
      assert.equal("fallback text", types(message))
      assert.equal("hello", message:text())
      assert.equal(SECOND, sim.requests[3].request.model)
      assert.equal(1, #sim.requests[3].request.messages)
    end)

    it("tell a refusal that stays as it came", function()
      begin({ refusal({ "I" }), refusal({ "No" }) })
      local stream = client.messages:stream(params({ fallback_models = { SECOND } }))
      local list = told(stream)
      assert.equal("message_stop||", list[#list])
      assert.equal("refusal", stream:final_message().stop_reason)
    end)

    it("are cancelled with it, wherever it is", function()
      begin({ refusal(), { content = { "hello" }, delay = 60 } })
      local stream = client.messages:stream(params())
      local err
      claude.loop(function()
        local reader = claude.spawn(function() err = select(3, stream:final_message()) end)
        while #sim.requests < 2 do
          claude.sleep(0.005)
        end
        stream:cancel()
        reader:wait()
      end)
      assert.equal("cancelled", err.kind)
    end)

    it("end with an error that keeps what the next model had said", function()
      begin({ refusal(), { content = { ("word "):rep(20) }, cut = { after_event = 6 } } })
      local message, _, err = client.messages:stream(params()):final_message()
      assert.is_nil(message)
      assert.equal("incomplete", err.kind)
      assert.equal("fallback text", types(err.partial))
    end)

    it(
      "are begun anew where they are, when the API gives up and nobody has seen a piece",
      function()
        bench = support.bench({
          script = {
            refusal(),
            { content = { ("word "):rep(20) }, stream_error = { type = "overloaded_error" } },
            "hello",
          },
        })
        sim = bench.sim
        client =
          claude.new({ api_key = "k", base_url = sim.url, max_retries = 1, on_warning = error })
        local message = assert(client.messages:create(params()))
        assert.equal("fallback text", types(message))
        assert.equal("hello", message:text())
        assert.equal(table.concat({ FIRST, SECOND, SECOND }, " "), models_asked())
      end
    )

    it("work over a request that is not streamed", function()
      begin({ refusal({ "I" }), "hello" })
      local message = assert(client.messages:create(params({ stream = false })))
      assert.equal("fallback text", types(message))
      assert.is_nil(sim.requests[2].request.stream)
    end)
  end)

  describe("in a conversation", function()
    local function converse(script, fields)
      begin(script)
      fields = fields or {}
      fields.model, fields.fallback_models = FIRST, { SECOND, THIRD }
      return client:conversation(support.params(fields)):user("hi")
    end

    it("answer, and the refused output does not stay", function()
      local chat = converse({ refusal({ "I will" }), "hello", "again" })
      local message = assert(chat:send())
      assert.equal("fallback text", types(message))
      assert(chat:user("and?"):send())
      local sent = sim.requests[3].request.messages
      assert.same({ { type = "text", text = "hello" } }, sent[2].content)
    end)

    it("keep what the next model went on with, as it was sent to it", function()
      local chat = converse({
        refusal({ support.thought("hm"), "Once upon " }, { fallback_has_prefill_claim = true }),
        { content = { support.thought("on"), "a time" } },
        "again",
      })
      assert(chat:send())
      assert(chat:user("and?"):send())
      local kinds = {}
      for i, block in ipairs(sim.requests[3].request.messages[2].content) do
        kinds[i] = block.type .. " " .. tostring(block.text)
      end
      assert.same({ "thinking nil", "text Once upon ", "thinking nil", "text a time" }, kinds)
      local went_on = support.sent_messages(sim, 2):match('{"content":%[(.*)%],"role":"assistant"}')
      assert.truthy(support.sent_messages(sim, 3):find(went_on, 1, true))
    end)

    it("begin anew when the last of them cannot go on with what the first has said", function()
      local chat = converse({
        refusal({ "Once" }, { fallback_has_prefill_claim = true }),
        refusal({ " upon" }, { fallback_credit_token = claude.null }),
        "hello",
        "again",
      })
      local message = assert(chat:send())
      assert.equal("fallback fallback text", types(message))
      assert.same({}, support.codes(bench))
      assert(chat:user("and?"):send())
      local sent = sim.requests[#sim.requests].request.messages
      assert.same({ { type = "text", text = "hello" } }, sent[2].content)
    end)

    it("go on without the thinking at the end of what was said, which nobody takes", function()
      local said = { "Once", support.thought("hm") }
      local chat = converse({
        refusal(said, { fallback_has_prefill_claim = true }),
        " upon a time",
        "again",
      })
      assert.equal("text fallback text", types(assert(chat:send())))
      assert.equal(2, #sim.requests)
      assert(chat:user("and?"):send())
      assert.equal(2, #sim.requests[3].request.messages[2].content)
    end)

    it("begin anew when there is a call in what was said that nobody will answer", function()
      local search =
        { type = "server_tool_use", id = "srvtoolu_1", name = "code_execution", input = {} }
      local chat = converse({
        refusal({ "Once upon ", search }, { fallback_has_prefill_claim = true }),
        "hello",
      })
      assert.equal("hello", assert(chat:send()):text())
      assert.equal(1, #sim.requests[2].request.messages)
    end)

    it("stay with the model that took over", function()
      local chat = converse({ refusal(), "one", "two", "three" })
      assert(chat:send())
      assert(chat:user("two?"):send())
      local dump = assert(chat:dump())
      local loaded = assert(client:load(dump))
      assert(loaded:user("three?"):send())
      assert.equal(table.concat({ FIRST, SECOND, SECOND, SECOND }, " "), models_asked())
      assert.equal(FIRST, loaded.params.model)
    end)

    it("leave the user turn open when all refuse", function()
      local chat = converse({ refusal(), refusal(), refusal(), "now" })
      assert.equal("refusal", assert(chat:send()).stop_reason)
      assert.equal(1, #chat:messages())
      assert.equal("now", assert(chat:send()):text())
      assert.equal(FIRST, sim.requests[4].request.model)
    end)

    it("run tools of the model that answers only", function()
      local ran = {}
      local chat = converse({
        refusal({ support.call("t", "refused") }, { fallback_has_prefill_claim = true }),
        { content = { support.call("t", "taken", "toolu_2") } },
        "done",
      }, {
        tools = { support.tool("t", function(input) ran[#ran + 1] = input.text end) },
      })
      assert.equal("done", assert(chat:run():final_message()):text())
      assert.same({ "taken" }, ran)
      assert.equal("toolu_2", sim.requests[#sim.requests].request.messages[2].content[1].id)
    end)

    it("may be changed for one turn", function()
      local chat = converse({ refusal(), refusal() })
      assert.equal("refusal", assert(chat:send({ fallback_models = {} })).stop_reason)
      assert.equal(1, #sim.requests)
    end)

    it("leave a model that is named for one turn to it, and stand in again after it", function()
      local chat = converse({ refusal(), "one", "two", "three" })
      assert(chat:send())
      assert.equal("claude-opus-5", assert(chat:user("2"):send({ model = "claude-opus-5" })).model)
      assert.equal(SECOND, assert(chat:user("3"):send()).model)
    end)

    for _, verb in ipairs({ "send", "run" }) do
      it("raise at the line of chat:" .. verb .. " for what is no list", function()
        local chat = converse({})
        local ok, problem = pcall(function()
          local result = chat[verb](chat, { fallback_models = 3 })
          return result
        end)
        assert.is_false(ok)
        assert.truthy(problem:find("fallback_spec.lua", 1, true), problem)
      end)
    end

    it("go on to the next when on_warning raises about one that failed", function()
      begin({ refusal({ "I will" }), { error = { status = 529 } }, "hello" })
      local strict = claude.new({
        api_key = "key-of-the-spec",
        base_url = sim.url,
        max_retries = 0,
        on_warning = function(_, code) error("warned: " .. code, 0) end,
      })
      local stream = strict.messages:stream(params())
      local ok, problem
      repeat
        ok, problem = pcall(stream.next, stream)
      until not ok
      assert.equal("warned: fallback_failed", problem)
      local message = assert(stream:final_message())
      assert.same({ "hello", THIRD }, { message:text(), message.model })
    end)

    it("count a refusal once when the stream behind it is begun anew", function()
      local broken = { content = { "Half" }, stream_error = { type = "overloaded_error" } }
      local chat = converse({ refusal({ "I will" }), broken, "whole" })
      assert.equal("fallback text", types(assert(chat:send(nil, { max_retries = 1 }))))
      local used = chat:usage()
      local input = used.turns[2].input_tokens
      assert.equal(input, used.models[FIRST].input_tokens)
      assert.equal(2 * input, used.models[SECOND].input_tokens)
      assert.same({ 3 * input, 1 }, { used.input_tokens, used.incomplete })
      assert.same({ 0, 1 }, { used.models[FIRST].incomplete, used.models[SECOND].incomplete })
    end)

    it("count what each thought, and price each as it was served", function()
      local turn = refusal({ support.thought(("A long thought. "):rep(20)) })
      turn.usage = { service_tier = "priority" }
      begin({ turn, "brief" })
      local price = { input = 1, output = 1 }
      local priced = claude.new({
        api_key = "key-of-the-spec",
        base_url = sim.url,
        prices = { [FIRST] = price, [SECOND] = price },
      })
      local list = support.params({ model = FIRST, fallback_models = { SECOND } })
      assert(priced:conversation(list):user("hi"):send())
      local models = priced:usage().models
      assert.is_true(models[FIRST].thinking_tokens > 0)
      assert.equal(0, models[SECOND].thinking_tokens)
      assert.truthy(models[FIRST].no_cost:find("with priority", 1, true))
      assert.is_true(models[SECOND].cost > 0)
    end)

    it("are not compared with the first in the cache report when all refuse", function()
      local chat = converse({ "one", refusal(), refusal(), refusal(), "two" }, {
        cache = "auto",
        system = ("Careful and brief. "):rep(400),
      })
      assert(chat:send())
      assert.equal("refusal", assert(chat:user("2"):send()).stop_reason)
      assert(chat:user("3"):send())
      local turns = chat:usage().turns
      assert.is_nil(turns[2].cache.miss)
      assert.equal(turns[1].cache.written, turns[3].cache.expected)
      assert.same({ "refusal" }, support.codes(bench))
    end)

    it("are what the cache report is about, not those that refused", function()
      local chat = converse({ refusal({ "I will" }), "one", "two" }, {
        cache = "auto",
        system = ("Careful and brief. "):rep(400),
      })
      assert(chat:send())
      assert(chat:user("2"):send())
      local turns = chat:usage().turns
      local first, second = turns[1].cache, turns[2].cache
      assert.equal(first.written, second.read)
      assert.equal(second.read, second.expected)
      assert.same({}, second.changed)
      assert.is_nil(second.miss)
    end)
  end)

  describe("while several tasks read one stream", function()
    local function read_all(stream)
      local readers, heard = {}, {}
      tasks.loop(function()
        for i = 1, 3 do
          readers[i] = claude.spawn(function()
            local kind = stream:next()
            while kind do
              heard[kind] = (heard[kind] or 0) + 1
              kind = stream:next()
            end
            return stream:final_message()
          end)
        end
        for i = 1, 3 do
          readers[i] = assert(readers[i]:wait())
        end
      end)
      return readers, heard
    end

    it("take over for all of them", function()
      begin({ refusal(), "hello" })
      local messages, heard = read_all(client.messages:stream(params()))
      for _, message in ipairs(messages) do
        assert.same({ "hello", "end_turn" }, { message:text(), message.stop_reason })
      end
      assert.same({ 1, 1, 1 }, { heard.message_start, heard.message_delta, heard.message_stop })
      assert.equal(FIRST .. " " .. SECOND, models_asked())
    end)

    it("refuse for all of them", function()
      begin({ refusal(), refusal(), refusal() })
      local messages, heard = read_all(client.messages:stream(params()))
      for _, message in ipairs(messages) do
        assert.equal("refusal", message.stop_reason)
      end
      assert.same({ 1, 1, 1 }, { heard.message_start, heard.message_delta, heard.message_stop })
      assert.equal(table.concat({ FIRST, SECOND, THIRD }, " "), models_asked())
    end)
  end)
end)

describe("The API's own fallbacks", function()
  local BETAS = { "server-side-fallback-2026-07-01" }
  local seam = { type = "fallback", from = { model = FIRST }, to = { model = SECOND } }

  it("pass through: the block stays where it is, what was signed before it goes", function()
    local ran = {}
    local bench = support.bench({
      script = {
        {
          content = {
            support.thought("hm"),
            "Partial ",
            support.call("t", "refused"),
            seam,
            "and the rest.",
            support.call("t", "taken", "toolu_2"),
          },
          model = SECOND,
        },
        "done",
        "again",
      },
    })
    local chat = bench.client:conversation(support.params({
      model = FIRST,
      betas = BETAS,
      fallbacks = "default",
      tools = { support.tool("t", function(input) ran[#ran + 1] = input.text end) },
    }))
    assert(chat:user("hi"):run():final_message())
    assert.same({ "taken" }, ran)
    local sent = bench.sim.requests[2].request
    local kinds = {}
    for i, block in ipairs(sent.messages[2].content) do
      kinds[i] = block.type
    end
    assert.same({ "text", "fallback", "text", "tool_use" }, kinds)
    assert.equal("default", sent.fallbacks)
    local loaded = assert(bench.client:load(assert(chat:dump()), { tools = { support.tool("t") } }))
    assert.equal("again", assert(loaded:user("more?"):send()):text())
    bench.sim:close()
  end)

  it("are known to the simulator only with their beta", function()
    local bench = support.bench({ script = { "ok" } })
    local _, _, err = bench.client.messages:create({
      model = SECOND,
      max_tokens = 100,
      messages = {
        { role = "user", content = "hi" },
        { role = "assistant", content = { seam, { type = "text", text = "hello" } } },
        { role = "user", content = "and?" },
      },
    })
    assert.truthy(err.message:find("Input tag 'fallback'", 1, true))
    bench.sim:close()
  end)
end)
