local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

local SCHEMA = {
  type = "object",
  properties = { answer = { type = "integer" }, reasoning = { type = "string" } },
  required = { "reasoning", "answer" },
  additionalProperties = false,
}
local AS_JSON = { format = { type = "json_schema", schema = SCHEMA } }
local ANSWER = '{"reasoning": "127 * 389", "answer": 49403}'
local VALUE = { reasoning = "127 * 389", answer = 49403 }

local function params(fields)
  local all = {
    model = "claude-sonnet-5-5",
    max_tokens = 4000,
    messages = { { role = "user", content = "What is 127 * 389?" } },
    output_config = AS_JSON,
  }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

describe("structured output", function()
  local bench
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  after_each(function()
    if bench then bench.sim:close() end
    bench = nil
  end)

  local function client_for(script)
    bench = support.bench({ script = script })
    return bench.client
  end

  describe("messages:parse", function()
    it("gives the value of the answer", function()
      local message = assert(client_for({ ANSWER }).messages:parse(params()))
      assert.same(VALUE, message.parsed)
      assert.equal(ANSWER, message:text())
    end)

    it("asks in the order of `required`: so the model writes", function()
      assert(client_for({ ANSWER }).messages:parse(params()))
      assert.matches(
        '"properties":{"reasoning":{"type":"string"},"answer":{"type":"integer"}}',
        bench.sim.requests[1].body,
        1,
        true
      )
    end)

    it("asks in an order of the user's own", function()
      local schema = claude.object({
        { "type", "object" },
        { "properties", claude.object({ { "b", { type = "null" } }, { "a", { type = "null" } } }) },
        { "additionalProperties", false },
      })
      local config = { format = { type = "json_schema", schema = schema } }
      assert(client_for({ "{}" }).messages:parse(params({ output_config = config })))
      assert.matches(
        '"schema":{"type":"object","properties":{"b":{"type":"null"},"a":{"type":"null"}},'
          .. '"additionalProperties":false}',
        bench.sim.requests[1].body,
        1,
        true
      )
    end)

    it("takes the answer behind thinking and the server's own tools", function()
      local turn = {
        content = {
          "I will search first.",
          { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = {} },
          { type = "web_search_tool_result", tool_use_id = "srvtoolu_1", content = {} },
          { type = "thinking", thinking = "Now I know." },
          '{"reasoning": "found",',
          ' "answer": 1}',
        },
      }
      local message = assert(client_for({ turn }).messages:parse(params()))
      assert.same({ reasoning = "found", answer = 1 }, message.parsed)
    end)

    it("keeps integers exact, arrays and objects apart, and null and false", function()
      local text = '{"a": [], "b": {}, "c": 12345678901234567890, "d": [null, false]}'
      local message = assert(client_for({ text }).messages:parse(params()))
      assert.equal(
        '{"a":[],"b":{},"c":12345678901234567890,"d":[null,false]}',
        core.encode(message.parsed)
      )
    end)

    it("takes an answer that is no object", function()
      local client = client_for({ "false", "null", " 7 " })
      assert.is_false(assert(client.messages:parse(params())).parsed)
      assert.equal(claude.null, assert(client.messages:parse(params())).parsed)
      assert.equal(7, assert(client.messages:parse(params())).parsed)
    end)

    it("says that the model refused, and why", function()
      local turn = {
        content = { "{" },
        stop_reason = "refusal",
        stop_details = { type = "refusal", category = "cyber", explanation = "not this" },
      }
      local message, text, err = client_for({ turn }).messages:parse(params())
      assert.is_nil(message)
      assert.same({ "api", "refusal", false }, { err.kind, err.type, err.retryable })
      assert.equal("cyber", err.details.category)
      assert.matches("the model refused to answer: not this", text, 1, true)
      assert.equal("refusal", err.partial.stop_reason)
      assert.equal(err.partial.request_id, err.request_id)
    end)

    it("says that the answer was cut off", function()
      local turn = { content = { '{"reasoning": "12' }, stop_reason = "max_tokens" }
      local message, text, err = client_for({ turn }).messages:parse(params())
      assert.is_nil(message)
      assert.same({ "incomplete", "max_tokens", false }, { err.kind, err.type, err.retryable })
      assert.matches("cut off at max_tokens", text)
      assert.equal('{"reasoning": "12', err.partial:text())
    end)

    it("says that the context window was full", function()
      local turn = { content = { "{" }, stop_reason = "model_context_window_exceeded" }
      local _, text, err = client_for({ turn }).messages:parse(params())
      assert.same(
        { "incomplete", "model_context_window_exceeded", false },
        { err.kind, err.type, err.retryable }
      )
      assert.matches("context window is full", text)
    end)

    it("says where an answer is no JSON, and keeps it", function()
      local answer = "Sure: " .. ("é"):rep(100)
      local message, text, err = client_for({ answer }).messages:parse(params())
      assert.is_nil(message)
      assert.same({ "protocol", false }, { err.kind, err.retryable })
      assert.matches("the answer is not JSON (invalid JSON: ", text, 1, true)
      assert.is_true(core.utf8_valid(text))
      assert.equal(answer, err.partial:text())
      assert.is_nil(err.partial.parsed)
    end)

    it("says that there is no text", function()
      local turn = { content = { { type = "thinking", thinking = "Hm." } } }
      local _, text, err = client_for({ turn }).messages:parse(params())
      assert.equal("protocol", err.kind)
      assert.matches("no text to read a value from", text)
    end)

    it("returns a reply that calls tools: the answer is still to come", function()
      local tool = { name = "t", input_schema = { type = "object" } }
      local turn = { content = { "I will.", { type = "tool_use", name = "t", input = {} } } }
      local message = assert(client_for({ turn }).messages:parse(params({ tools = { tool } })))
      assert.is_nil(message.parsed)
      assert.equal(1, #message:tool_uses())
      local value, text, err = message:parse()
      assert.is_nil(value)
      assert.same({ "incomplete", "tool_use" }, { err.kind, err.type })
      assert.matches("calls tools", text)
    end)

    it("hands on what the API refuses, with what to do", function()
      local open = { type = "object", properties = {} }
      local config = { format = { type = "json_schema", schema = open } }
      local message, text, err = client_for({}).messages:parse(params({ output_config = config }))
      assert.is_nil(message)
      assert.equal(400, err.status)
      assert.matches("additionalProperties", text)
      assert.matches("claude.transform_schema", err.hint, 1, true)
    end)

    it("raises without a format, for a stream, and with a dot", function()
      local client = client_for({})
      local without = params({ output_config = { effort = "low" } })
      local ok, raised = pcall(function() return (client.messages:parse(without)) end)
      assert.is_false(ok)
      assert.matches("^spec/structured_output_spec.lua:%d+: .*output_config = { format", raised)
      ok, raised = pcall(function() return (client.messages:parse(params({ stream = true }))) end)
      assert.is_false(ok)
      assert.matches("^spec/.*use client.messages:stream", raised)
      ok, raised = pcall(function() return (client.messages.parse(params())) end)
      assert.is_false(ok)
      assert.matches("^spec/.*with a colon", raised)
    end)

    it("knows a format however it is written", function()
      local text = assert(core.encode(AS_JSON, { request = true }))
      local written = {
        claude.json(text),
        claude.object({ { "format", claude.json(text:match('^{"format":(.*)}$')) } }),
      }
      for _, config in ipairs(written) do
        local client = client_for({ ANSWER })
        local message = assert(client.messages:parse(params({ output_config = config })))
        assert.same(VALUE, message.parsed)
        bench.sim:close()
      end
    end)
  end)

  describe("elsewhere", function()
    it("create and streams give the value as well, and no error without one", function()
      local client = client_for({ ANSWER, ANSWER, "no JSON" })
      assert.same(VALUE, assert(client.messages:create(params())).parsed)
      local stream = client.messages:stream(params())
      assert.same(VALUE, assert(stream:final_message()).parsed)
      local message = assert(client.messages:create(params()))
      assert.is_nil(message.parsed)
      assert.matches("not JSON", select(2, message:parse()))
    end)

    it("a message whose request did not ask has none, but may be read", function()
      local plain = params()
      plain.output_config = { effort = "low" }
      local message = assert(client_for({ ANSWER }).messages:create(plain))
      assert.is_nil(message.parsed)
      assert.same(VALUE, message:parse())
    end)

    it("a conversation asks for the last turn only, and sends no value back", function()
      local client = client_for({ ANSWER, "It is 49403." })
      local chat = client:conversation({ model = "claude-sonnet-5-5", max_tokens = 4000 })
      chat:user("What is 127 * 389?")
      local message = assert(chat:parse({ output_config = AS_JSON }))
      assert.same(VALUE, message.parsed)
      chat:user("In words?")
      assert.is_nil(assert(chat:send()).parsed)
      assert.matches(
        '{"content":[{"type":"text","text":' .. core.encode(ANSWER) .. '}],"role":"assistant"}',
        bench.sim.requests[2].body,
        1,
        true
      )
      assert.is_nil(bench.sim.requests[2].body:find("parsed", 1, true))
    end)

    it("a message put back by hand sends no value either", function()
      local client = client_for({ ANSWER, "Fine." })
      local asked = params()
      asked.messages[2] = assert(client.messages:parse(asked))
      asked.messages[3] = { role = "user", content = "In words?" }
      asked.output_config = nil
      assert(client.messages:create(asked))
      assert.is_nil(bench.sim.requests[2].body:find("parsed", 1, true))
    end)

    it("a conversation keeps an answer that is no JSON, to talk about it", function()
      local client = client_for({ "Sure, here it is.", ANSWER })
      local chat = client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        output_config = AS_JSON,
      })
      chat:user("What is 127 * 389?")
      local _, _, err = chat:parse()
      assert.equal("protocol", err.kind)
      assert.equal(2, #chat:messages())
      chat:user("As JSON, please.")
      assert.same(VALUE, assert(chat:parse()).parsed)
    end)

    it("a run gives the value of its last reply", function()
      local call = { content = { { type = "tool_use", name = "t", input = {} } } }
      local client = client_for({ call, ANSWER })
      local chat = client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        output_config = AS_JSON,
        tools = { support.tool("t", function() return "49403" end) },
      })
      chat:user("What is 127 * 389?")
      assert.same(VALUE, assert(chat:run():final_message()).parsed)
    end)

    it("chat:parse raises without a format, and while a reply is arriving", function()
      local client = client_for({ ANSWER })
      local chat = client:conversation({ model = "claude-sonnet-5-5", max_tokens = 4000 })
      chat:user("?")
      local ok, raised = pcall(function() return (chat:parse()) end)
      assert.is_false(ok)
      assert.matches("^spec/.*chat:parse needs output_config", raised)
      local stream = chat:stream()
      ok, raised = pcall(function() return (chat:parse({ output_config = AS_JSON })) end)
      assert.is_false(ok)
      assert.matches("^spec/.*while a reply is arriving", raised)
      stream:cancel()
    end)
  end)
end)
