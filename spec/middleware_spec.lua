-- What users put around each request, against a server on loopback.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi" } },
}

local MESSAGE = [[{"id":"msg_1","type":"message","role":"assistant","model":"m",
  "content":[{"type":"text","text":"by itself"}],"stop_reason":"end_turn",
  "usage":{"input_tokens":1,"output_tokens":1}}]]

describe("middleware", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({ ANTHROPIC_API_KEY = "sk-ant-of-the-environment" }) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function wait_until(condition)
    while not condition() do
      claude.sleep(0.001)
    end
  end

  local function one() return api.stream(api.reply({ api.text("one") })) end

  local function client_for(answers, options)
    server = api.start(answers)
    options.base_url = options.base_url or server.url
    options.max_retries = options.max_retries or 0
    return claude.new(options)
  end

  it("goes around sign, which goes around the request: the first is the outermost", function()
    local order = {}
    local function note(name)
      return function(request, send)
        order[#order + 1] = name
        local answer = send(request)
        order[#order + 1] = name .. " again"
        return answer
      end
    end
    local client = client_for({
      function()
        order[#order + 1] = "server"
        return one()
      end,
    }, {
      middleware = { note("first"), note("second") },
      sign = function() order[#order + 1] = "sign" end,
    })
    assert(client.messages:create(PARAMS))
    assert.same({ "first", "second", "sign", "server", "second again", "first again" }, order)
  end)

  it("sees the request, its body without a copy, and which attempt it is", function()
    local seen = {}
    local client = client_for({ api.failure(529, "overloaded_error", "x"), one() }, {
      max_retries = 1,
      middleware = {
        function(request, send)
          seen[#seen + 1] = {
            request.method,
            request.url,
            request.path,
            request.headers["x-api-key"],
            #request.body,
            request.body:read(0, 10),
            request.attempt,
            request.stream,
          }
          return send(request)
        end,
      },
    })
    assert(client.messages:create(PARAMS))
    local sent = server.requests[1].body
    for attempt = 1, 2 do
      assert.same({
        "POST",
        server.url .. "/v1/messages",
        "/v1/messages",
        "sk-ant-of-the-environment",
        #sent,
        sent:sub(1, 10),
        attempt,
        true,
      }, seen[attempt])
    end
  end)

  it("may change headers, the URL's query and the body", function()
    local client = client_for({ one() }, {
      middleware = {
        function(request, send)
          request.headers["X-Team"] = "blue"
          request.headers["x-api-key"] = nil
          request.headers.Accept = "text/event-stream"
          request.url = request.url .. "?api-version=1"
          request.body = request.body:tostring():gsub('"Hi"', '"Hello"')
          return send(request)
        end,
      },
    })
    assert(client.messages:create(PARAMS))
    local request = server.requests[1]
    assert.equal("/v1/messages?api-version=1", request.path)
    assert.equal("blue", request.headers["x-team"])
    assert.equal("text/event-stream", request.headers.accept)
    assert.is_nil(request.headers["x-api-key"])
    assert.equal("Hello", request.json.messages[1].content)
  end)

  it("is around every call, those for one JSON object too", function()
    local paths = {}
    local client = client_for({ api.json(200, '{"input_tokens":5}') }, {
      middleware = {
        function(request, send)
          paths[#paths + 1] = request.path
          local answer = send()
          paths[#paths + 1] = answer:body()
          return answer
        end,
      },
    })
    assert.equal(5, assert(client.messages:count_tokens(PARAMS)).input_tokens)
    assert.same({ "/v1/messages/count_tokens", '{"input_tokens":5}' }, paths)
  end)

  describe("answers by itself", function()
    local function answering(answer)
      return client_for({ one() }, { middleware = { function() return answer end } })
    end

    it("with a message", function()
      local message = assert(answering({ status = 200, body = MESSAGE }).messages:create(PARAMS))
      assert.equal("by itself", message:text())
      assert.same({}, server.requests)
    end)

    it("with a stream", function()
      local body = table.concat(api.sse(api.reply({ api.text("streamed") })))
      local headers = { ["Content-Type"] = "text/event-stream", ["request-id"] = "req_own" }
      local client = answering({ status = 200, headers = headers, body = body })
      local message = assert(client.messages:stream(PARAMS):final_message())
      assert.equal("streamed", message:text())
      assert.equal("req_own", message.request_id)
    end)

    it("with an error, which is one of the API's", function()
      local body = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
      local _, _, err = answering({ status = 429, body = body }).messages:create(PARAMS)
      assert.equal("rate_limit_error", err.type)
      assert.equal("slow down", err.message)
      assert.is_true(err.retryable)
    end)

    local wrong = {
      { "status", { status = 20 } },
      { "body", { status = 200, body = {} } },
      { "headers", { status = 200, headers = "x" } },
      { "line break", { status = 200, headers = { a = "b\r\nc: d" } } },
      { "not a nil", nil },
      { "not a string", "200" },
    }
    for _, case in ipairs(wrong) do
      it("but not with what is no answer: " .. case[1], function()
        local _, text, err = answering(case[2]).messages:create(PARAMS)
        assert.equal("invalid", err.kind)
        assert.truthy(text:find("middleware: ", 1, true))
        assert.truthy(text:find(case[1], 1, true), text)
      end)
    end
  end)

  it("may send again, signed anew; what it does not return is closed", function()
    local signed = 0
    local client = client_for({
      { status = 401, headers = { ["x-long"] = "1" }, promise = 1000, body = "{", stay = true },
      one(),
    }, {
      middleware = {
        function(request, send)
          local answer = send(request)
          -- Not waited for: it never ends.
          if answer.status == 401 then answer = send(request) end
          return answer
        end,
      },
      sign = function(request)
        signed = signed + 1
        request.headers.authorization = "Token number-" .. signed
      end,
    })
    assert.equal("one", assert(client.messages:create(PARAMS)):text())
    assert.equal("Token number-1", server.requests[1].headers.authorization)
    assert.equal("Token number-2", server.requests[2].headers.authorization)
    require("spec.support.raw_http").wait(function() return server.hung_up >= 1 end)
  end)

  it("may send twice at once, and return whichever answers first", function()
    local client = client_for({ { silent = true }, one() }, {
      middleware = {
        function(_, send)
          local first, done = nil, false
          local tasks = {}
          for i = 1, 2 do
            tasks[i] = claude.spawn(function()
              local answer, text, err = send()
              if not done then
                first, done = { answer, text, err }, true
              end
            end)
          end
          wait_until(function() return done end)
          for _, task in ipairs(tasks) do
            task:cancel()
          end
          return first[1], first[2], first[3]
        end,
      },
    })
    assert.equal("one", assert(client.messages:create(PARAMS)):text())
    assert.equal(2, #server.requests)
  end)

  it("cannot return an answer of another request, nor send for one that is over", function()
    local kept, late
    local client = client_for({ one() }, {
      middleware = {
        function(request, send)
          kept, late = kept or assert(send(request)), late or send
          return kept
        end,
      },
    })
    assert(client.messages:create(PARAMS))
    local _, text, err = client.messages:create(PARAMS)
    assert.truthy(text:find("an answer can be returned once", 1, true), text)
    assert.equal("invalid", err.kind)
    assert.is_false((pcall(late)))
    assert.equal(1, #server.requests)
  end)

  it("leaves nothing behind of a request that is over", function()
    local left = setmetatable({}, { __mode = "k" })
    local client = client_for({ one() }, {
      middleware = {
        function(request, send)
          local answer, text, err = send(request)
          left[request], left[answer] = true, true
          return answer, text, err
        end,
      },
    })
    for _ = 1, 3 do
      assert(client.messages:create(PARAMS))
    end
    -- Connections of a closed exchange linger for a moment.
    require("spec.support.raw_http").wait(function()
      collectgarbage()
      collectgarbage()
      return next(left) == nil
    end)
  end)

  describe("fails", function()
    local function failing(middleware, retries)
      return client_for({ one() }, { middleware = { middleware }, max_retries = retries or 0 })
    end

    it("with the claude.Error that it returns or raises", function()
      local mine = claude.Error.new({ kind = "cancelled", message = "over budget" })
      for _, middleware in ipairs({
        function() return nil, mine end,
        function() return nil, tostring(mine), mine end,
        function() error(mine, 0) end,
      }) do
        local message, text, err = failing(middleware).messages:create(PARAMS)
        assert.is_nil(message)
        assert.equal("cancelled: over budget", text)
        assert.equal(mine, err)
        server:close()
      end
    end)

    it("with its text, and with where it raised", function()
      local _, text, err = failing(function() return nil, "no budget left" end).messages:create(
        PARAMS
      )
      assert.equal("invalid request: middleware: no budget left", text)
      assert.is_false(err.retryable)
      server:close()
      _, text = failing(function() error("a bug") end).messages:create(PARAMS)
      assert.truthy(text:find("middleware: .*spec/middleware_spec.lua:%d+: a bug"))
      assert.same({}, server.requests)
    end)

    it("without showing a key in it", function()
      local client = failing(function(request) error("sent " .. request.headers["x-api-key"]) end)
      local _, text = client.messages:create(PARAMS)
      assert.truthy(text:find("sent [redacted]", 1, true))
      server:close()
      client = failing(function(request)
        request.headers["x-gate"] = "open sesame"
        error("it is open sesame, and not " .. request.headers["x-gate"])
      end)
      _, text = client.messages:create(PARAMS)
      assert.truthy(text:find("it is [redacted], and not [redacted]", 1, true))
    end)

    it("for good, unless its error is retryable", function()
      local asked = 0
      local client = failing(function(request, send)
        asked = asked + 1
        if asked > 1 then return send(request) end
        local err = { kind = "network", message = "no token yet", retry_after = 0.001 }
        error(claude.Error.new(err), 0)
      end, 2)
      assert.equal("one", assert(client.messages:create(PARAMS)):text())
      assert.equal(2, asked)
    end)

    it("as the request did, when it asserts that", function()
      local client = client_for({ { hang_up = true }, one() }, {
        max_retries = 1,
        middleware = { function(request, send) return assert(send(request)) end },
      })
      assert.equal("one", assert(client.messages:create(PARAMS)):text())
      assert.equal(2, #server.requests)
    end)

    local wrong = {
      { "headers must be a table", function(request) request.headers = "x" end },
      { "line break", function(request) request.headers.x = "a\r\nb: c" end },
      { "method cannot be changed", function(request) request.method = "PUT" end },
      { "url must be a string", function(request) request.url = nil end },
    }
    for _, case in ipairs(wrong) do
      it("when it makes of the request what is none: " .. case[1], function()
        local client = failing(function(request, send)
          case[2](request)
          return send(request)
        end)
        local _, text, err = client.messages:create(PARAMS)
        assert.truthy(text:find(case[1], 1, true), text)
        assert.equal("invalid", err.kind)
        assert.same({}, server.requests)
      end)
    end

    it("when it sends the key to another machine in plain sight", function()
      local client = failing(function(request, send)
        request.url = "http://example.com/v1/messages"
        return send(request)
      end)
      local _, _, err = client.messages:create(PARAMS)
      assert.equal("invalid", err.kind)
    end)
  end)

  describe("of a stream", function()
    it("begins with the first step, and has the head before the reader has the body", function()
      local heads = {}
      local client = client_for({ one() }, {
        middleware = {
          function(request, send)
            local answer = assert(send(request))
            local body, _, err = answer:body()
            heads[#heads + 1] = { answer.status, answer.request_id, body == nil, err.kind }
            return answer
          end,
        },
      })
      local stream = client.messages:stream(PARAMS)
      assert.same({}, server.requests)
      assert.equal("one", stream:next_text())
      assert.same({ { 200, "req_1", true, "invalid" } }, heads)
      assert(stream:final_message())
    end)

    it("does not see its later failures, which are not tried again once it is read", function()
      local events = api.reply({ api.text("one") })
      events[#events - 1] = { type = "error", error = { type = "overloaded_error", message = "x" } }
      local asked = 0
      local client = client_for({ api.stream(events) }, {
        max_retries = 2,
        middleware = {
          function(request, send)
            asked = asked + 1
            return send(request)
          end,
        },
      })
      local stream = client.messages:stream(PARAMS)
      assert(stream:next())
      local _, _, err = stream:final_message()
      assert.equal("overloaded_error", err.type)
      assert.equal(1, asked)
      -- Where only the end is waited for they are, through it.
      client.messages:create(PARAMS, { max_retries = 1 })
      assert.equal(3, asked)
    end)

    it("ends with it when it is cancelled", function()
      local waits, ended = false, nil
      local client = client_for({ one() }, {
        middleware = {
          function()
            waits = true
            local _, _, err = claude.sleep(60)
            ended = err.kind
            return nil, err
          end,
        },
      })
      claude.loop(function()
        local stream = client.messages:stream(PARAMS)
        local reader = claude.spawn(function() return stream:next() end)
        wait_until(function() return waits end)
        stream:cancel()
        local kind, _, err = reader:wait()
        assert.is_nil(kind)
        assert.equal("cancelled", err.kind)
      end)
      assert.equal("cancelled", ended)
      assert.same({}, server.requests)
    end)
  end)

  it("may wait: tasks go on meanwhile, and no limit of the request runs", function()
    local rounds = 0
    local client = client_for({ one() }, {
      limits = { connect = 5, first_byte = 0.6 },
      middleware = {
        function(request, send)
          claude.sleep(0.7)
          wait_until(function() return rounds > 2 end)
          return send(request)
        end,
      },
    })
    claude.loop(function()
      local other = claude.spawn(function()
        while claude.sleep(0.01) do
          rounds = rounds + 1
        end
      end)
      assert.equal("one", assert(client.messages:create(PARAMS)):text())
      other:cancel()
    end)
    assert.is_true(rounds > 2)
  end)

  it("gives its place back when the task that waits in it is cancelled", function()
    local asked = 0
    local client = client_for({ one() }, {
      max_concurrency = 1,
      middleware = {
        function(request, send)
          asked = asked + 1
          if asked == 1 then claude.sleep(60) end
          return send(request)
        end,
      },
    })
    claude.loop(function()
      local task = claude.spawn(function() return client.messages:create(PARAMS) end)
      wait_until(function() return asked == 1 end)
      task:cancel()
      task:wait()
      assert.equal("one", assert(client.messages:create(PARAMS)):text())
    end)
  end)

  describe("sign", function()
    it("takes the place of a key: that of the environment stays at home", function()
      local client = client_for({ one() }, {
        sign = function(request) request.headers.authorization = "Bearer fresh" end,
      })
      assert(client.messages:create(PARAMS))
      assert.is_nil(server.requests[1].headers["x-api-key"])
      assert.equal("Bearer fresh", server.requests[1].headers.authorization)
    end)

    it("goes with a key that was given", function()
      local client = client_for({ one() }, {
        api_key = "given",
        sign = function(request) request.headers["x-digest"] = request.body:sha256() end,
      })
      assert(client.messages:create(PARAMS))
      local request = server.requests[1]
      assert.equal("given", request.headers["x-api-key"])
      local digest = require("claude.core").sha256(request.body)
      assert.equal(digest, request.headers["x-digest"])
    end)

    it("may wait, and may fail", function()
      local client = client_for({ one() }, {
        sign = function(request)
          claude.sleep(0.001)
          if request.attempt == 1 then return nil, "the vault is sealed" end
        end,
      })
      local _, text, err = client.messages:create(PARAMS)
      assert.truthy(text:find("sign: the vault is sealed", 1, true))
      assert.equal("invalid", err.kind)
    end)

    it("makes secrets that no error shows", function()
      local echo = function(request)
        return api.failure(403, "permission_error", "no: " .. request.headers["x-my-seal"])
      end
      local client = client_for({ echo }, {
        sign = function(request) request.headers["X-My-Seal"] = "open/sesame+please" end,
      })
      for _, name in ipairs({ "create", "count_tokens" }) do
        local _, text, err = client.messages[name](client.messages, PARAMS)
        assert.truthy(text:find("no: [redacted]", 1, true))
        assert.is_nil(err.body:find("sesame", 1, true))
      end
    end)
  end)

  it("is refused by claude.new when it is no list of functions", function()
    for _, options in ipairs({
      { middleware = function() end },
      { middleware = { "x" } },
      { middleware = { first = function() end } },
      { sign = "x" },
    }) do
      local ok, text = pcall(function() return claude.new(options), nil end)
      assert.is_false(ok)
      assert.truthy(text:find("spec/middleware_spec.lua", 1, true), text)
    end
  end)
end)
