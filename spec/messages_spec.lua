local api = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")
local environment = require("spec.support.environment")

local KEY = "sk-ant-very-secret"
local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "What is 127 * 389?" } },
}

local function with(changes)
  local params = {}
  for name, value in pairs(PARAMS) do
    params[name] = value
  end
  for name, value in pairs(changes) do
    params[name] = value
  end
  return params
end

describe("messages", function()
  local server, warnings
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function()
    environment.set({})
    warnings = {}
  end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function client_for(answers, options)
    server = api.start(answers)
    local given = {
      api_key = KEY,
      base_url = server.url,
      on_warning = function(text, code) warnings[#warnings + 1] = { code = code, text = text } end,
    }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return claude.new(given)
  end

  local function answer_of(text) return api.stream(api.reply({ api.text(text) })) end

  describe("create", function()
    it("streams on the wire and returns the whole message", function()
      local client = client_for({
        api.stream(api.reply({ api.thinking("Let me see.", "c2ln"), api.text("49403") })),
      })
      local message = assert(client.messages:create(PARAMS))
      assert.equal("49403", message:text())
      assert.equal("Let me see.", message:thinking())
      assert.equal("end_turn", message.stop_reason)
      assert.equal("req_1", message.request_id)
      assert.same({ input_tokens = 25, output_tokens = 15 }, message.usage)
      assert.equal("thinking", message.content[1].type)
      assert.equal("c2ln", message.content[1].signature)
      assert.same({}, message:tool_uses())
      assert.is_true(message.timings.total >= message.timings.first_token)
      assert.is_true(server.requests[1].json.stream)
    end)

    it("sends canonical bytes to the right place, with its headers", function()
      local client = client_for({ answer_of("x") }, { betas = { "one-2026-01-01" } })
      assert(client.messages:create(with({
        system = "Be brief",
        betas = { "two-2026-01-01", "one-2026-01-01" },
        metadata = {},
      })))
      local request = server.requests[1]
      local expected = '{"max_tokens":16000,"messages":[{"content":"What is 127 * 389?",'
        .. '"role":"user"}],"metadata":{},"model":"claude-sonnet-4-6","stream":true,'
        .. '"system":"Be brief"}'
      assert.equal(expected, request.body)
      assert.equal("POST", request.method)
      assert.equal("/v1/messages", request.path)
      assert.equal(KEY, request.headers["x-api-key"])
      assert.equal("2026-10-21", request.headers["anthropic-version"])
      assert.equal("one-2026-01-01,two-2026-01-01", request.headers["anthropic-beta"])
      assert.is_nil(request.headers.authorization)
    end)

    it("takes headers, betas and version for one call", function()
      local client = client_for({ answer_of("x") })
      assert(client.messages:create(PARAMS, {
        headers = { ["X-Trace"] = "7" },
        betas = { "b-2026-01-01" },
        version = "2023-06-01",
      }))
      local headers = server.requests[1].headers
      assert.equal("7", headers["x-trace"])
      assert.equal("b-2026-01-01", headers["anthropic-beta"])
      assert.equal("2023-06-01", headers["anthropic-version"])
    end)

    it("sends each call its own headers, whatever the calls before had", function()
      local answers = { answer_of("1"), answer_of("2"), answer_of("3"), answer_of("4") }
      local client = client_for(answers)
      assert(client.messages:create(PARAMS, { betas = { "a-1" } }))
      assert(client.messages:create(PARAMS, { version = "2023-06-01" }))
      assert(client.messages:create(PARAMS, { headers = { ["X-Trace"] = "7" } }))
      assert(client.messages:create(PARAMS, { betas = { "a-1" } }))
      local told = {}
      for i, request in ipairs(server.requests) do
        local headers = request.headers
        told[i] = { headers["anthropic-beta"], headers["anthropic-version"], headers["x-trace"] }
      end
      assert.same({ "a-1", "2026-10-21" }, told[1])
      assert.same({ nil, "2023-06-01" }, told[2])
      assert.same({ nil, "2026-10-21", "7" }, told[3])
      assert.same(told[1], told[4])
    end)

    it("adds betas up, wherever they were named", function()
      local given = { betas = { "a-1" }, headers = { ["anthropic-beta"] = "b-1, a-1" } }
      local client = client_for({ answer_of("x") }, given)
      local params = with({
        max_tokens = 2000,
        thinking = { type = "enabled", budget_tokens = 3000 },
        betas = { "c-1" },
      })
      -- A beta named in a header counts for the checks as well.
      local named = { headers = { ["Anthropic-Beta"] = "interleaved-thinking-2025-05-14" } }
      assert(client.messages:create(params, named))
      assert.equal(
        "a-1,c-1,b-1,interleaved-thinking-2025-05-14",
        server.requests[1].headers["anthropic-beta"]
      )
    end)

    it("refuses a header with a line break, without sending", function()
      local client = client_for({ answer_of("x") })
      local _, text, err =
        client.messages:create(PARAMS, { headers = { x = "1\r\nevil: 2" }, max_retries = 0 })
      assert.equal("invalid", err.kind)
      assert.truthy(text:find("line break", 1, true))
      local _, _, of_beta = client.messages:create(with({ betas = { "a\r\nb: c" } }))
      assert.equal("invalid", of_beta.kind)
      assert.equal(0, #server.requests)
    end)

    it("adds the beta header for manual thinking between tool calls", function()
      local params = with({
        thinking = { type = "enabled", budget_tokens = 2048 },
        tools = { { name = "shell", input_schema = { type = "object" }, run = print } },
      })
      local client = client_for({ answer_of("x") })
      assert(client.messages:create(params))
      local request = server.requests[1]
      assert.equal("interleaved-thinking-2025-05-14", request.headers["anthropic-beta"])
      -- The function stays here.
      local tools = { { name = "shell", input_schema = { type = "object" } } }
      assert.same(tools, request.json.tools)
      local without = claude.new({
        api_key = KEY,
        base_url = server.url,
        interleaved_thinking = false,
      })
      assert(without.messages:create(params))
      assert.is_nil(server.requests[2].headers["anthropic-beta"])
    end)

    local function whole_message(content)
      return api.json(200, {
        id = "msg_1",
        type = "message",
        role = "assistant",
        model = "claude-sonnet-4-6",
        content = core.array(content),
        stop_reason = "end_turn",
        usage = { input_tokens = 1, output_tokens = 2 },
      }, { ["request-id"] = "req_2" })
    end

    it("does not stream on the wire with stream = false", function()
      local client = client_for({ whole_message({ { type = "text", text = "Hello" } }) })
      local message = assert(client.messages:create(with({ stream = false })))
      assert.equal("Hello", message:text())
      assert.equal("req_2", message.request_id)
      assert.is_nil(server.requests[1].json.stream)
    end)

    it("does not stream on the wire with max_tokens = 0", function()
      local client = client_for({ whole_message({}) })
      local message = assert(client.messages:create(with({ max_tokens = 0 })))
      assert.same({}, message.content)
      assert.is_nil(server.requests[1].json.stream)
    end)

    it("keeps integers that this Lua cannot hold exactly", function()
      local client = client_for({
        api.stream(api.reply({
          {
            { type = "tool_use", id = "toolu_1", name = "f", input = {} },
            { type = "input_json_delta", partial_json = '{"id":12345678901234567890}' },
          },
        }, "tool_use")),
      })
      local call = assert(client.messages:create(PARAMS)):tool_uses()[1]
      assert.equal("12345678901234567890", tostring(call.input.id))
    end)
  end)

  describe("what comes back", function()
    local raw_thinking = '{"type":"thinking","thinking":"\\u0041 b","signature":"c2ln","z":1.0}'

    local function first_reply(client) return assert(client.messages:create(PARAMS)).content end

    local function two_turns(change)
      local client = client_for({
        api.stream({
          '{"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
            .. '"model":"x","content":[],"stop_reason":null,"usage":{"output_tokens":1}}}',
          '{"type":"content_block_start","index":0,"content_block":' .. raw_thinking .. "}",
          '{"type":"content_block_stop","index":0}',
          '{"type":"content_block_start","index":1,"content_block":'
            .. '{"type":"tool_use","id":"t1","name":"f","input":{}}}',
          '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta",'
            .. '"partial_json":"{\\"b\\": 1.0, \\"a\\": []}"}}',
          '{"type":"content_block_stop","index":1}',
          '{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{}}',
          '{"type":"message_stop"}',
        }),
        answer_of("done"),
      })
      local content = first_reply(client)
      if change then content = change(content) or content end
      local message, _, err = client.messages:create(with({
        messages = {
          { role = "user", content = "Go" },
          { role = "assistant", content = content },
          { role = "user", content = { { type = "tool_result", tool_use_id = "t1" } } },
        },
      }))
      return message, err
    end

    it("goes out as the bytes the API sent", function()
      assert(two_turns())
      local body = server.requests[2].body
      assert.truthy(body:find(raw_thinking, 1, true))
      assert.truthy(body:find('"input":{"b": 1.0, "a": []}', 1, true))
      assert.same({}, warnings)
    end)

    it("is refused by path when a thinking block was changed", function()
      local message, err = two_turns(function(content) content[1].thinking = "nicer" end)
      assert.is_nil(message)
      assert.equal("thinking_changed", err.rule)
      assert.equal("messages[2].content[1]", err.path)
      assert.equal(1, #server.requests)
    end)

    it("is encoded with a warning when a tool_use block was changed", function()
      assert(two_turns(function(content) content[2].input.b = 2 end))
      assert.truthy(server.requests[2].body:find('"input":{"a":[],"b":2}', 1, true))
      assert.equal("changed_block", warnings[1].code)
      assert.truthy(warnings[1].text:find("messages[2].content[2]", 1, true))
    end)

    it("may be a plain copy, which is encoded from its fields", function()
      assert(two_turns(function(content)
        local copy = {}
        for i, block in ipairs(content) do
          copy[i] = {}
          for name, value in pairs(block) do
            copy[i][name] = value
          end
        end
        return copy
      end))
      local expected = '{"signature":"c2ln","thinking":"A b","type":"thinking","z":1}'
      assert.truthy(server.requests[2].body:find(expected, 1, true))
    end)

    it("may be the whole message, of which role and content go out", function()
      local client = client_for({ answer_of("one"), answer_of("two") })
      local reply = assert(client.messages:create(PARAMS))
      assert(client.messages:create(with({
        messages = { PARAMS.messages[1], reply, { role = "user", content = "More" } },
      })))
      local expected = '{"content":[{"text":"one","type":"text"}],"role":"assistant"}'
      assert.truthy(server.requests[2].body:find(expected, 1, true))
    end)
  end)

  it("names the path of what cannot be written", function()
    local client = client_for({ answer_of("x") })
    local function refused(changes, path)
      local _, text, err = client.messages:create(with(changes))
      assert.equal("encoding", err.rule)
      assert.equal(path, err.path)
      assert.is_nil(text:find(path .. ": " .. path, 1, true))
    end
    refused({
      messages = { { role = "user", content = { { type = "text", text = "\255" } } } },
    }, "messages[1].content[1].text")
    refused({ metadata = { f = print } }, "metadata.f")
    refused({ system = "\237\160\128" }, "system")
    assert.equal(0, #server.requests)
  end)

  describe("warnings", function()
    it("tell about an unknown model, once", function()
      local client = client_for({ answer_of("x") })
      for _ = 1, 2 do
        assert(client.messages:create(with({ model = "my-model" })))
      end
      assert.equal(1, #warnings)
      assert.equal("unknown_model", warnings[1].code)
    end)
  end)

  describe("count_tokens", function()
    it("sends what counts and returns the number", function()
      local client = client_for({ api.json(200, { input_tokens = 14 }) })
      local count = assert(client.messages:count_tokens(PARAMS))
      assert.equal(14, count.input_tokens)
      local request = server.requests[1]
      assert.equal("/v1/messages/count_tokens", request.path)
      assert.is_nil(request.json.max_tokens)
      assert.is_nil(request.json.stream)
      assert.equal("claude-sonnet-4-6", request.json.model)
    end)

    it("fails as other calls do", function()
      local client = client_for({ api.failure(404, "not_found_error", "model: x") })
      local count, text, err = client.messages:count_tokens(PARAMS)
      assert.is_nil(count)
      assert.is_string(text)
      assert.equal("not_found_error", err.type)
    end)

    it("says so when the answer is no JSON", function()
      local client = client_for({ api.json(200, "<html>") })
      local _, _, err = client.messages:count_tokens(PARAMS)
      assert.equal("protocol", err.kind)
    end)
  end)

  describe("models", function()
    local info = { id = "claude-sonnet-4-6", type = "model", max_tokens = 500 }

    it("are retrieved by id, and the checks go by the answer", function()
      local client = client_for({ api.json(200, info), answer_of("x") })
      assert.same(info, assert(client.models:retrieve("claude-sonnet-4-6")))
      assert.equal("/v1/models/claude-sonnet-4-6", server.requests[1].path)
      assert.equal("GET", server.requests[1].method)
      local _, _, err = client.messages:create(PARAMS)
      assert.equal("max_tokens_model", err.rule)
      assert.equal(1, #server.requests)
    end)

    it("are listed, and the checks go by the answers", function()
      local client = client_for({
        api.json(200, { data = { info }, has_more = true, last_id = info.id }),
        api.json(200, { data = { { id = "other" } }, has_more = false }),
      })
      local ids = {}
      for model in client.models:list({ limit = 20, after_id = "a b" }) do
        ids[#ids + 1] = model.id
      end
      assert.same({ "claude-sonnet-4-6", "other" }, ids)
      assert.equal("/v1/models?after_id=a%20b&limit=20", server.requests[1].path)
      assert.equal("/v1/models?after_id=claude-sonnet-4-6&limit=20", server.requests[2].path)
      local _, _, err = client.messages:create(PARAMS)
      assert.equal("max_tokens_model", err.rule)
      assert.equal(2, #server.requests)
    end)

    it("are not asked for with an id that changes the path", function()
      local client = client_for({ api.json(200, info) })
      for _, id in ipairs({ "", ".", "..", "a;b" }) do
        assert.has_error(function() client.models:retrieve(id) end)
      end
      assert(client.models:retrieve("a/b?c"))
      assert.equal("/v1/models/a%2Fb%3Fc", server.requests[1].path)
    end)
  end)
end)
