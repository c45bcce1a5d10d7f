-- Servers that speak the Messages API and are not the API: what each does differently, played
-- over real sockets, and what comes of it.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")
local wire = require("spec.support.stream")

local PARAMS = {
  model = "qwen3:8b",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi" } },
}
local STREAM = { ["content-type"] = "text/event-stream" }

local function answer(body, headers) return { headers = headers or STREAM, body = body } end

-- Frames of `event` and `data` lines; the name is the data's type.
local function frames(list, line_end, nameless)
  line_end = line_end or "\n"
  local parts = {}
  for i, data in ipairs(list) do
    local name = data:match('"type":"([%w_]+)"')
    local head = nameless and "" or "event: " .. name .. line_end
    parts[i] = head .. "data: " .. data .. line_end .. line_end
  end
  return table.concat(parts)
end

local TEXT = '{"type":"text","text":""}'
local THINKING = '{"type":"thinking","thinking":""}'

-- The events of a reply of one text; `before` are those of the blocks before it.
local function reply(options)
  options = options or {}
  local index = options.before and 1 or 0
  local list = { options.start or wire.START }
  for _, event in ipairs(options.before or {}) do
    list[#list + 1] = event
  end
  list[#list + 1] = wire.block_start(index, TEXT)
  for _, text in ipairs(options.texts or { "Hello" }) do
    list[#list + 1] = wire.delta(index, ('{"type":"text_delta","text":"%s"}'):format(text))
  end
  list[#list + 1] = wire.block_stop(index)
  list[#list + 1] = options.delta or wire.message_delta("end_turn")
  list[#list + 1] = wire.STOP
  return list
end

-- A thinking block, and what it is signed with as JSON; nothing without it.
local function thinking(start, signature)
  return {
    wire.block_start(0, start),
    wire.delta(0, '{"type":"thinking_delta","thinking":"Hm"}'),
    signature and wire.delta(0, '{"type":"signature_delta","signature":' .. signature .. "}")
      or wire.block_stop(0),
    signature and wire.block_stop(0),
  }
end

describe("a server that speaks the Messages API", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function client_for(answers, options)
    server = api.start(answers)
    options = options or { api_key = false }
    options.base_url = server.url .. (options.path or "")
    options.path = nil
    options.max_retries = 0
    options.on_warning = options.on_warning or function() end
    return claude.new(options)
  end

  local function text_of(body, headers)
    local message = assert(client_for({ answer(body, headers) }).messages:create(PARAMS))
    return message:text(), message
  end

  describe("is found", function()
    it("below a path, with or without a slash at its end", function()
      for _, path in ipairs({ "/anthropic", "/anthropic/", "/a/b//" }) do
        local client = client_for({ answer(frames(reply())) }, { path = path, api_key = "k" })
        assert(client.messages:create(PARAMS))
        local expected = path:gsub("/+$", "") .. "/v1/messages"
        assert.equal(expected, server.requests[1].path)
        server:close()
      end
    end)

    it("with no credentials at all, where it wants none", function()
      assert(client_for({ answer(frames(reply())) }).messages:create(PARAMS))
      assert.is_nil(server.requests[1].headers["x-api-key"])
      assert.is_nil(server.requests[1].headers.authorization)
    end)

    it("with a bearer, or with a header of its own", function()
      assert(
        client_for({ answer(frames(reply())) }, { auth_token = "tok" }).messages:create(PARAMS)
      )
      assert.equal("Bearer tok", server.requests[1].headers.authorization)
      assert.is_nil(server.requests[1].headers["x-api-key"])
      server:close()
      local options = { api_key = false, headers = { ["api-key"] = "own" } }
      assert(client_for({ answer(frames(reply())) }, options).messages:create(PARAMS))
      assert.equal("own", server.requests[1].headers["api-key"])
    end)

    it("as a platform is, with a query and a token that is made for each request", function()
      local made = 0
      local client = client_for({ answer(frames(reply())) }, {
        path = "/anthropic",
        middleware = {
          function(request, send)
            request.url = request.url .. "?api-version=2026-01-01"
            return send(request)
          end,
        },
        sign = function(request)
          made = made + 1
          request.headers.authorization = "Bearer token-" .. made
        end,
      })
      assert(client.messages:create(PARAMS))
      assert(client.messages:create(PARAMS))
      assert.equal("/anthropic/v1/messages?api-version=2026-01-01", server.requests[1].path)
      assert.equal("Bearer token-1", server.requests[1].headers.authorization)
      assert.equal("Bearer token-2", server.requests[2].headers.authorization)
    end)

    it("with temperature and its like, under the version of the API that has them", function()
      local options = { api_key = false, version = "2023-06-01" }
      local client = client_for({ answer(frames(reply())) }, options)
      local params = { model = "qwen3:8b", max_tokens = 10, messages = PARAMS.messages }
      params.temperature, params.top_p, params.top_k = 0.2, 0.9, 40
      assert(client.messages:create(params))
      local sent = server.requests[1].json
      assert.same({ 0.2, 0.9, 40 }, { sent.temperature, sent.top_p, sent.top_k })
    end)

    for _, ending in ipairs({ "/v1", "/v1/messages" }) do
      it("and is told where its URL already ends in " .. ending, function()
        local warnings = {}
        local client = claude.new({
          api_key = false,
          base_url = "http://127.0.0.1:1" .. ending,
          on_warning = function(text, code) warnings[code] = text end,
        })
        assert.equal("http://127.0.0.1:1" .. ending, client.base_url)
        assert.truthy(
          warnings.base_url_version:find("go to " .. ending .. "/v1/messages;", 1, true)
        )
      end)
    end
  end)

  describe("may", function()
    it("send no pings, no request id, and a name and ids of its own", function()
      local start = '{"type":"message_start","message":{"id":"chatcmpl-1","type":"message",'
        .. '"role":"assistant","model":"qwen.gguf","content":[],"usage":{"input_tokens":9}}}'
      local text, message = text_of(frames(reply({ start = start })))
      assert.equal("Hello", text)
      assert.same({ "chatcmpl-1", "qwen.gguf", 9, 5 }, {
        message.id,
        message.model,
        message.usage.input_tokens,
        message.usage.output_tokens,
      })
      assert.is_nil(message.request_id)
    end)

    it("leave out ids, usage and whatever else a message has", function()
      local text, message = text_of(frames(reply({
        start = '{"type":"message_start","message":{}}',
        delta = '{"type":"message_delta","delta":{"stop_reason":"stop"}}',
      })))
      assert.equal("Hello", text)
      assert.equal("stop", message.stop_reason)
      assert.is_nil(message.id)
      text, message = text_of(frames(reply({
        start = '{"type":"message_start","message":{"usage":null,"content":null}}',
        delta = '{"type":"message_delta","delta":{"stop_reason":null},"usage":null}',
      })))
      assert.equal("Hello", text)
      assert.is_nil(message.stop_reason)
    end)

    it("add what nobody knows", function()
      local start = '{"type":"message_start","trace":[1],"message":{"id":"m","provider":{"a":1},'
        .. '"content":[]}}'
      local delta = '{"type":"message_delta","delta":{"stop_reason":"end_turn","native":"eos"},'
        .. '"usage":{"output_tokens":5,"cost":0.5},"timings":{"ms":1}}'
      local _, message = text_of(frames(reply({ start = start, delta = delta })))
      assert.same({ 1, "eos", 0.5 }, {
        message.provider.a,
        message.native,
        message.usage.cost,
      })
    end)

    it("end lines in CRLF, and keep the connection alive by comments", function()
      local body = ": keep-alive\r\n\r\n"
        .. frames(reply(), "\r\n"):gsub("event: message_delta", ": x\r\n\r\n%0")
      assert.equal("Hello", (text_of(body)))
    end)

    it("name no event", function()
      assert.equal("Hello", (text_of(frames(reply(), "\n", true))))
      assert.equal("Hello", (text_of(frames(reply(), "\r\n", true) .. "data: [DONE]\r\n\r\n")))
    end)

    it("end in [DONE], with message_stop before it or without", function()
      for _, done in ipairs({
        "data: [DONE]\n\n",
        "event: done\ndata: [DONE]\n\n",
        "data: [DONE]",
      }) do
        local body = frames(reply()) .. done
        assert.equal("Hello", (text_of(body)))
        server:close()
        body = body:gsub('event: message_stop\ndata: {"type":"message_stop"}\n\n', "")
        assert.is_nil(body:find("message_stop", 1, true))
        assert.equal("Hello", (text_of(body)))
        server:close()
      end
    end)

    it("split an emoji into two halves of a surrogate pair", function()
      local text = text_of(frames(reply({ texts = { "so \\ud83e", "\\udd14 well" } })))
      assert.equal("so \240\159\164\148 well", text)
    end)

    it("send a tool's input at once, with the start of its block", function()
      local body = frames(reply({
        before = {
          wire.block_start(0, '{"type":"tool_use","id":"call_1","name":"weigh","input":{"n":1}}'),
          wire.block_stop(0),
        },
        delta = wire.message_delta("tool_use"),
      }))
      local _, message = text_of(body)
      assert.same({ n = 1 }, message:tool_uses()[1].input)
    end)
  end)

  describe("may sign thinking with", function()
    local signatures = {
      { "nothing", thinking(THINKING), '{"type":"thinking","thinking":"Hm"}' },
      {
        "an empty text",
        thinking('{"type":"thinking","thinking":"","signature":""}', '""'),
        '{"type":"thinking","thinking":"Hm","signature":""}',
      },
      {
        "a number",
        thinking(THINKING, "17"),
        '{"type":"thinking","thinking":"Hm","signature":17}',
      },
      {
        "null",
        thinking(THINKING, "null"),
        '{"type":"thinking","thinking":"Hm","signature":null}',
      },
    }
    for _, case in ipairs(signatures) do
      it(case[1] .. ": it goes back as it came", function()
        local body = frames(reply({ before = case[2] }))
        local client = client_for({ answer(body) })
        local chat = client:conversation({ model = "qwen3:8b", max_tokens = 100 })
        chat:user("Hi")
        assert.equal("Hello", assert(chat:send()):text())
        chat:user("More")
        assert(chat:send())
        assert.truthy(server.requests[2].body:find(case[3], 1, true), server.requests[2].body)
      end)
    end
  end)

  for name, id in pairs({ ["no id"] = "", ["an id that is no text"] = '"id":7,' }) do
    it("may call a tool with " .. name .. ": it does not run, and a warning tells it", function()
      local call = '{"type":"tool_use",' .. id .. '"name":"weigh","input":{"n":1}}'
      local before = { wire.block_start(0, call), wire.block_stop(0) }
      local body = frames(reply({ before = before, delta = wire.message_delta("tool_use") }))
      local warnings, ran = {}, false
      local client = client_for({ answer(body) }, {
        api_key = false,
        on_warning = function(text, code) warnings[code] = text end,
      })
      local weigh = claude.tool({
        name = "weigh",
        input_schema = { type = "object" },
        run = function() ran = true end,
      })
      local chat = client:conversation({ model = "q", max_tokens = 100, tools = { weigh } })
      local run = chat:user("Hi"):run()
      assert(run:final_message())
      assert.same({ "tool_use", false }, { run.reason, ran })
      assert.matches("without an id .- %(block 0 of the reply%)", warnings.call_without_id)
    end)
  end

  it("may leave thinking unsigned, whatever its model is called, once it did", function()
    local body = frames(reply({ before = thinking(THINKING) }))
    local client = client_for({ answer(body) })
    local chat = client:conversation({ model = "claude-sonnet-4-5", max_tokens = 100 })
    chat:user("Hi")
    assert(chat:send())
    chat:user("More")
    assert(chat:send())
    local given = client:conversation({
      model = "claude-sonnet-4-5",
      max_tokens = 100,
      messages = {
        { role = "user", content = "Hi" },
        {
          role = "assistant",
          content = { { type = "thinking", thinking = "Hm" }, { type = "text", text = "Hello" } },
        },
      },
    })
    given:user("More")
    local _, _, err = given:send()
    assert.equal("thinking_unsigned", err.rule)
  end)

  describe("may answer in the other form than was asked for:", function()
    local whole = '{"id":"m","type":"message","role":"assistant","model":"q",'
      .. '"content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn",'
      .. '"usage":{"input_tokens":1,"output_tokens":2}}'
    local json = { ["content-type"] = "application/json" }

    it("JSON for a stream, whose deltas are those it would have had", function()
      local stream = client_for({ answer(whole, json) }).messages:stream(PARAMS)
      local kinds = {}
      for kind in stream:deltas() do
        kinds[#kinds + 1] = kind
      end
      assert.same(
        { "message_start", "block_start", "text", "block_stop", "message_delta", "message_stop" },
        kinds
      )
    end)

    it("JSON that it calls a stream, or nothing", function()
      assert.equal("Hello", (text_of(whole)))
      assert.equal("Hello", (text_of("\n " .. whole)))
      assert.equal("Hello", (text_of(whole, {})))
    end)

    it(
      "JSON without its type",
      function() assert.equal("Hello", (text_of(whole:gsub('"type":"message",', ""), json))) end
    )

    it("a stream for JSON", function()
      local client = client_for({ answer(frames(reply())) })
      local params = { model = "q", max_tokens = 10, stream = false, messages = PARAMS.messages }
      assert.equal("Hello", assert(client.messages:create(params)):text())
    end)

    it("a stream that it calls JSON, text, or nothing, however it is cut", function()
      local body = ": hi\n\n" .. frames(reply())
      for _, headers in ipairs({ json, { ["content-type"] = "text/plain" }, {} }) do
        assert.equal("Hello", (text_of(body, headers)))
        server:close()
        for _, cut in ipairs({ 1, 3, 8 }) do
          local pieces = { frames(reply()):sub(1, cut), frames(reply()):sub(cut + 1) }
          local client = client_for({ { headers = headers, pieces = pieces } })
          assert.equal("Hello", assert(client.messages:create(PARAMS)):text())
          server:close()
        end
      end
    end)
  end)

  describe("may say what is wrong", function()
    local function error_for(status, body, content_type)
      local headers = { ["content-type"] = content_type or "application/json" }
      local client = client_for({ { status = status, headers = headers, body = body } })
      local message, _, err = client.messages:create(PARAMS)
      assert.is_nil(message)
      return err
    end

    it("as the API does, or as OpenAI's does", function()
      local err =
        error_for(404, '{"type":"error","error":{"type":"not_found_error","message":"no"}}')
      assert.same({ "api", "not_found_error", "no" }, { err.kind, err.type, err.message })
      server:close()
      err = error_for(
        404,
        '{"error":{"message":"no such model","type":"invalid_request_error",'
          .. '"code":"model_not_found"}}'
      )
      assert.same({ 404, "no such model", "invalid_request_error", "model_not_found" }, {
        err.status,
        err.message,
        err.type,
        err.error_code,
      })
    end)

    it("without a type, which is then that of the status", function()
      local err = error_for(429, '{"error":{"message":"slow","type":"None","code":"429"}}')
      assert.same({ "rate_limit_error", "slow", true }, { err.type, err.message, err.retryable })
    end)

    it("as frameworks do", function()
      local err = error_for(422, '{"detail":[{"loc":["body","max_tokens"],"msg":"too large"}]}')
      assert.equal("body.max_tokens: too large", err.message)
      server:close()
      assert.equal("Not Found", error_for(404, '{"detail":"Not Found"}').message)
    end)

    it("in plain text or HTML", function()
      assert.equal("no model", error_for(500, "no model\n", "text/plain").message)
      server:close()
      assert.equal(
        "<h1>Bad Gateway</h1>",
        error_for(502, "<h1>Bad Gateway</h1>", "text/html").message
      )
    end)

    it("with status 200", function()
      local err = error_for(200, '{"error":{"message":"out of memory","type":"api_error"}}')
      assert.same({ "api", "out of memory", "api_error" }, { err.kind, err.message, err.type })
      assert.is_nil(err.status)
      assert.is_true(err.retryable)
    end)

    local start = frames({ wire.START })
    local in_stream = {
      { "a frame without a name", start .. 'data: {"error":{"message":"oh","code":500}}\n\n' },
      {
        "a stream without names",
        start:gsub("event: [%w_]+\n", "") .. 'data: {"error":{"message":"oh"}}\n\ndata: [DONE]\n\n',
      },
      { "an error event without an object", start .. 'event: error\ndata: {"message":"oh"}\n\n' },
      { "an error event with a detail", start .. 'event: error\ndata: {"detail":"oh"}\n\n' },
      { "an error event of plain text", start .. "event: error\ndata: oh\n\n" },
    }
    for _, case in ipairs(in_stream) do
      it("inside a stream, in " .. case[1], function()
        local client = client_for({ answer(case[2]) })
        local message, _, err = client.messages:create(PARAMS)
        assert.is_nil(message)
        assert.same({ "api", "oh" }, { err.kind, err.message })
      end)
    end
  end)
end)
