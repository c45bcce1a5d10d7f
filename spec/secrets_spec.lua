-- The key appears in no error, no text of an object and no warning, whatever happens.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local KEY = "sk-ant-api03-very-secret-key"
local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi" } },
}

-- Every string that can be reached from a value without debug.
local function strings_in(value, found, seen)
  found, seen = found or {}, seen or {}
  if type(value) == "string" then found[#found + 1] = value end
  if type(value) ~= "table" or seen[value] then return found end
  seen[value] = true
  for key, member in pairs(value) do
    strings_in(key, found, seen)
    strings_in(member, found, seen)
  end
  found[#found + 1] = tostring(value)
  return found
end

local function assert_clean(value)
  for _, text in ipairs(strings_in(value)) do
    assert.is_nil(text:find("very-secret", 1, true), text)
  end
end

describe("the key", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({ ANTHROPIC_API_KEY = KEY }) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function client_for(answers, options)
    server = api.start(answers)
    local given = { base_url = server.url, max_retries = 0 }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return claude.new(given)
  end

  -- A server that says everything it heard.
  local function echo(status)
    return function(request)
      local heard = request.headers["x-api-key"] or request.headers.authorization
      return api.failure(status, "authentication_error", "invalid: " .. heard, {
        ["x-echo"] = heard,
      })
    end
  end

  it("is sent", function()
    local client = client_for({ echo(401) })
    client.messages:create(PARAMS)
    assert.equal(KEY, server.requests[1].headers["x-api-key"])
  end)

  it("is in no error when it came with one call, nor in one about a redirect", function()
    for _, status in ipairs({ 302, 401, 500 }) do
      local client = client_for({ echo(status) }, { api_key = "another-key-altogether" })
      local options = { headers = { ["X-Api-Key"] = KEY } }
      local _, text, err = client.messages:create(PARAMS, options)
      assert_clean({ text, err })
      _, text, err = client.messages:count_tokens(PARAMS, options)
      assert_clean({ text, err })
      assert.equal(KEY, server.requests[2].headers["x-api-key"])
      server:close()
      client = client_for({ echo(status) })
      _, text, err = client.messages:create(PARAMS)
      assert_clean({ text, err })
      server:close()
    end
  end)

  it("is in no error of a server that echoes it", function()
    for _, status in ipairs({ 400, 401, 500 }) do
      local client = client_for({ echo(status) })
      local _, text, err = client.messages:create(PARAMS)
      assert_clean(text)
      assert_clean(err)
      local _, more, other = client.messages:count_tokens(PARAMS)
      assert_clean(more)
      assert_clean(other)
      server:close()
    end
  end)

  it("is in no error event that echoes it", function()
    local client = client_for({
      api.stream({ { type = "error", error = { type = "api_error", message = KEY } } }),
    })
    local _, text, err = client.messages:create(PARAMS)
    assert_clean(text)
    assert_clean(err)
  end)

  -- Of no shape that is known by itself: these are known only because they were sent.
  local OPAQUE = "Zq7-VERY-SECRET-opaque-key-0123456789"
  local WORD = "Zq7VERYSECRETopaquekey0123456789"

  -- Not even a part of it, in any case, or with the dashes that the names of limits have.
  local function assert_no_part(value, key)
    key = key:lower():gsub("-", "_")
    for _, text in ipairs(strings_in(value)) do
      local lower = text:lower():gsub("-", "_")
      for from = 1, #key - 9 do
        assert.is_nil(lower:find(key:sub(from, from + 9), 1, true), text:sub(1, 400))
      end
    end
  end

  local function echoes(key)
    local cut = ("x"):rep(280) .. key -- where a message is cut
    local shrinking = (key .. "\n"):rep(1894) .. "abcdef" .. key -- where a body is
    local many = { error = { type = key, code = key, message = key } }
    return {
      ["the text that is shown of a page"] = { status = 500, body = cut },
      ["the text that is shown of what is no message"] = { status = 200, body = cut },
      ["a body that is cut when it has become shorter"] = { status = 500, body = shrinking },
      ["a type and a code"] = api.json(400, many),
      ["details, their names and their code"] = api.json(400, {
        error = { message = "No", details = { [key] = { key }, error_code = key } },
      }),
      ["a path"] = api.json(400, { error = { message = "messages.0." .. key .. ": " .. key } }),
      ["names of headers"] = {
        status = 429,
        headers = { ["x-" .. key] = "1", ["anthropic-ratelimit-" .. key .. "-limit"] = "1" },
      },
      ["an error event"] = api.stream({ { type = "error", error = many.error } }),
    }
  end

  for place in pairs(echoes("")) do
    it("is in no error and no line of the log, echoed in " .. place, function()
      for _, key in ipairs({ OPAQUE, WORD }) do
        local told, answer = {}, echoes(key)[place]
        local client = client_for({ answer, answer, answer, answer }, {
          api_key = key,
          max_retries = 1,
          max_retry_wait = 0,
          log_level = "debug",
          logger = function(_, text, fields) told[#told + 1] = { text, fields } end,
          on_retry = function(info) told[#told + 1] = info end,
        })
        told[#told + 1] = { client.messages:create(PARAMS) }
        told[#told + 1] = { client.messages:count_tokens(PARAMS) }
        assert.is_true(#told > 6)
        assert_no_part(told, key)
        server:close()
      end
    end)
  end

  it("is in no error of a batch's result that echoes it", function()
    local batch = {
      id = "msgbatch_1",
      type = "message_batch",
      processing_status = "ended",
      results_url = "http://127.0.0.1/x",
      request_counts = { succeeded = 0, errored = 1, canceled = 0, expired = 0 },
    }
    local line = '{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":'
      .. '{"type":"api_error","message":"for %s"}}}}\n%s'
    local client = client_for({
      api.json(200, batch),
      api.json(200, line:format(OPAQUE, ("x"):rep(64 * 1024 - 20) .. OPAQUE)),
    }, { api_key = OPAQUE })
    local results = client.messages.batches:results("msgbatch_1")
    local entry = assert(results:next())
    assert.equal("for [redacted]", entry.err.message)
    assert_no_part(entry.err, OPAQUE)
    assert_no_part({ results:next() }, OPAQUE)
  end)

  it("is in no error of the network", function()
    local client = client_for({ { hang_up = true } })
    local _, text, err = client.messages:create(PARAMS)
    assert_clean(text)
    assert_clean(err)
  end)

  it("is nowhere in the tables of client and stream", function()
    local client = client_for({ api.stream(api.reply({ api.text("one") })) }, {
      headers = { authorization = "Bearer very-secret-token" },
    })
    assert_clean(client)
    local stream = client.messages:stream(PARAMS)
    assert_clean(stream)
    stream:next()
    assert_clean(stream)
    assert(stream:final_message())
    assert_clean(stream)
  end)

  it("is nowhere there with middleware, sign and a log either", function()
    local client = client_for({ api.stream(api.reply({ api.text("one") })) }, {
      api_key = KEY,
      logger = function() end,
      log_level = "debug",
      middleware = { function(request, send) return send(request) end },
      sign = function(request) request.headers["x-seal"] = "a very-secret seal" end,
    })
    assert_clean(client)
    local stream = client.messages:stream(PARAMS)
    stream:next()
    assert_clean(stream)
    assert(stream:final_message())
    assert_clean(stream)
    assert.equal("a very-secret seal", server.requests[1].headers["x-seal"])
  end)

  it("is nowhere in a conversation, its dump, its failures and its run", function()
    local client = client_for({ api.stream(api.reply({ api.text("one") })), echo(401) })
    local params = { model = "claude-sonnet-4-6", max_tokens = 1000 }
    local chat = client:conversation(params)
    chat:user("Hi")
    assert(chat:send())
    assert_clean(tostring(chat))
    assert_clean(assert(chat:dump()))
    assert_clean(chat:messages())
    chat:user("More")
    local _, text, err = chat:send()
    assert_clean(text)
    assert_clean(err)
    local run = chat:run()
    assert.is_nil((run:final_message()))
    assert_clean(run)
    assert_clean(chat)
  end)

  it("is in no warning", function()
    local warnings = {}
    local client = client_for({ api.stream(api.reply({ api.text("one") })) }, {
      on_warning = function(text) warnings[#warnings + 1] = text end,
    })
    local params = { model = KEY, max_tokens = 10, messages = PARAMS.messages }
    assert(client.messages:create(params))
    assert.equal(1, #warnings)
    assert_clean(warnings)
  end)
end)

describe("the objects that are searched for the key, in every host", function()
  local classes
  setup(function()
    local objects = require("spec.support.objects")
    local simulator = assert(require("claude.simulator").start())
    local _, seen = objects.walk(objects.all(KEY, simulator.url), assert_clean)
    simulator:close()
    classes = seen
  end)
  teardown(function() require("claude.loop").use("blocking") end)

  -- Of those that a program holds; what stands behind them is reached through them.
  local NOT_HELD = {
    ["claude.BatchEntry"] = true,
    ["claude.ChainedResponse"] = true, -- only while middleware is at work
    ["claude.CurlExchange"] = true,
    ["claude.FallbackReply"] = true, -- only with fallback_models
    ["claude.SocketExchange"] = true, -- only where the host owns its sockets
    ["claude.Descriptors"] = true,
    ["claude.Timers"] = true,
    ["claude.Map"] = true,
  }

  it("are of every public class", function()
    local pipe = assert(io.popen([[grep -hoE '__name = "claude\.[A-Za-z]+"' lua/claude/*.lua]]))
    local missing = {}
    for line in pipe:lines() do
      local name = line:match('"(.-)"')
      if not classes[name] and not NOT_HELD[name] then missing[#missing + 1] = name end
    end
    pipe:close()
    assert.same({}, missing)
  end)
end)
