-- What a client logs, against a server on loopback.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local KEY = "sk-ant-api03-very-secret-key"
local GATE = "open sesame, very-secret"
local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi, I am " .. KEY } },
}

-- What is written to standard error while `work` runs.
local function stderr_of(work)
  local written, real = {}, io.stderr
  local catcher = {}
  function catcher.write(_, ...) written[#written + 1] = table.concat({ ... }) end
  io.stderr = catcher -- luacheck: ignore 122
  local ran, problem = pcall(work)
  io.stderr = real -- luacheck: ignore 122
  assert(ran, problem)
  return written
end

local function strings_in(value, found)
  if type(value) == "string" then found[#found + 1] = value end
  if type(value) ~= "table" then return found end
  for key, member in pairs(value) do
    strings_in(key, found)
    strings_in(member, found)
  end
  return found
end

describe("the log", function()
  local server, lines
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function()
    environment.set({ ANTHROPIC_API_KEY = KEY })
    lines = {}
  end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function one() return api.stream(api.reply({ api.text("one") })) end

  local function logger(level, text, fields)
    lines[#lines + 1] = { level = level, text = text, fields = fields }
  end

  local function client_for(answers, options)
    server = api.start(answers)
    local given = { base_url = server.url, max_retries = 0 }
    for name, value in pairs(options) do
      given[name] = value
    end
    return claude.new(given)
  end

  local function texts()
    local list = {}
    for i, line in ipairs(lines) do
      list[i] = line.level .. " " .. line.text
    end
    return table.concat(list, "\n")
  end

  it("is off: nothing is written, and its part is not loaded", function()
    local client = client_for({ one() }, {})
    assert.same({}, stderr_of(function() assert(client.messages:create(PARAMS)) end))
    assert.is_false(client.log)
  end)

  it("is switched on by ANTHROPIC_LOG, and goes to standard error", function()
    environment.set({ ANTHROPIC_API_KEY = KEY, ANTHROPIC_LOG = "info" })
    local client = client_for({ one() }, {})
    local written = stderr_of(function() assert(client.messages:create(PARAMS)) end)
    assert.equal(1, #written)
    local pattern = "^lua%-claude: info: #%d+ POST http://127.0.0.1:%d+/v1/messages: 200, "
      .. "%d+%.%d+ s, request req_1\n$"
    assert.truthy(written[1]:find(pattern), written[1])
  end)

  it("is what the option says, whatever the environment does", function()
    environment.set({ ANTHROPIC_API_KEY = KEY, ANTHROPIC_LOG = "debug" })
    local client = client_for({ one() }, { log_level = "off" })
    assert.same({}, stderr_of(function() assert(client.messages:create(PARAMS)) end))
  end)

  it("stays off when ANTHROPIC_LOG is no level, and says so", function()
    environment.set({ ANTHROPIC_API_KEY = KEY, ANTHROPIC_LOG = "loud" })
    local codes = {}
    claude.new({ on_warning = function(_, code) codes[#codes + 1] = code end })
    assert.same({ "log_level" }, codes)
  end)

  it("raises for a level or a logger that is none", function()
    for _, options in ipairs({ { log_level = "loud" }, { log_level = 3 }, { logger = "x" } }) do
      assert.is_false((pcall(claude.new, options)))
    end
  end)

  it("goes to a function, one line for each exchange, with its parts", function()
    local client = client_for({ one() }, { logger = logger })
    assert(client.messages:create(PARAMS))
    assert.equal(1, #lines)
    local fields = lines[1].fields
    assert.same({ "info", "POST", server.url .. "/v1/messages", 200, "req_1", 1 }, {
      lines[1].level,
      fields.method,
      fields.url,
      fields.status,
      fields.request_id,
      fields.attempt,
    })
    assert.is_true(fields.seconds >= 0)
  end)

  it("tells at warn what is tried again, and at error what failed for good", function()
    local busy = api.failure(529, "overloaded_error", "Busy", { ["retry-after-ms"] = "1" })
    local client = client_for({ busy }, { max_retries = 1, logger = logger, log_level = "warn" })
    client.messages:create(PARAMS)
    assert.equal(2, #lines)
    assert.truthy(
      lines[1].text:find("attempt 1 failed, another follows in 0.001 s: api 529", 1, true)
    )
    assert.equal("warn error", lines[1].level .. " " .. lines[2].level)
    assert.equal("overloaded_error", lines[2].fields.err.type)
    lines = {}
    client.messages:count_tokens(PARAMS)
    assert.equal(2, #lines)
  end)

  it("tells at error how a stream broke", function()
    local events = api.reply({ api.text("one") })
    events[#events - 1] = { type = "error", error = { type = "overloaded_error", message = "No" } }
    local client = client_for({ api.stream(events) }, { logger = logger, log_level = "error" })
    client.messages:create(PARAMS)
    assert.equal(1, #lines)
    assert.truthy(lines[1].text:find("api overloaded_error: No", 1, true))
  end)

  it("has the library's warnings in it when there is nobody else to tell", function()
    local client = client_for({ one() }, { logger = logger, log_level = "warn" })
    client:warn("a_code", "something is odd")
    assert.same({ "warn", "something is odd", "a_code" }, {
      lines[1].level,
      lines[1].text,
      lines[1].fields.code,
    })
  end)

  it("tells of answers that middleware gave", function()
    local client = client_for({ one() }, {
      logger = logger,
      middleware = { function() return { status = 404, body = "{}" } end },
    })
    client.messages:create(PARAMS)
    assert.equal("info POST /v1/messages: 404, answered by middleware", texts():match("[^\n]+"))
  end)

  describe("at debug", function()
    local function debugging(answers, options)
      options = options or {}
      options.logger, options.log_level = logger, "debug"
      return client_for(answers, options)
    end

    it("shows headers and bodies, of a stream the message that it made", function()
      assert(debugging({ one() }).messages:create(PARAMS))
      local all = texts()
      assert.truthy(
        all:find("request headers: accept: application/json; anthropic-version", 1, true)
      )
      assert.truthy(all:find('request body %(%d+ bytes%): {"max_tokens":1000'))
      assert.truthy(all:find("response headers: .*request%-id: req_1"))
      assert.truthy(all:find('message body %(%d+ bytes%): {"content":%[{"text":"one"'))
    end)

    it("shows the body that middleware put in the place of the first", function()
      local middleware = {
        function(request, send)
          request.body = '{"own":true}'
          return send(request)
        end,
      }
      assert(debugging({ one() }, { middleware = middleware }).messages:create(PARAMS))
      assert.truthy(texts():find('request body (12 bytes): {"own":true}', 1, true))
    end)

    it("shows the bodies of failures", function()
      debugging({ api.failure(400, "invalid_request_error", "wrong") }).messages:create(PARAMS)
      assert.truthy(texts():find('response body %(%d+ bytes%): {"error":{"message":"wrong"'))
    end)

    it("shows the beginning of a long body only", function()
      local params = { model = "claude-sonnet-4-6", max_tokens = 10 }
      params.messages = { { role = "user", content = ("ä"):rep(100000) } }
      assert(debugging({ one() }).messages:create(params))
      for _, line in ipairs(lines) do
        assert.is_true(#line.text < 9000)
        assert.is_true(require("claude.core").utf8_valid(line.text))
      end
      assert.truthy(texts():find("request body (200", 1, true))
    end)

    it("shows nothing that a terminal would obey, and one line for each", function()
      debugging({
        { status = 500, body = "a\27[31m\r\nb\194\155c\0" },
      }).messages:create(PARAMS)
      assert.truthy(texts():find([[a\x1B[31m\nb\x9Bc\x00]], 1, true))
    end)

    it("shows no secret: not of headers, URLs, bodies or echoes", function()
      local client = debugging({
        function(request)
          local heard = request.headers["x-api-key"] .. " and " .. request.headers["x-gate"]
          return api.failure(401, "authentication_error", heard .. " at " .. request.path, {
            ["x-heard"] = heard,
            ["set-cookie"] = "id=very-secret",
          })
        end,
      }, {
        headers = { ["X-Gate"] = GATE },
        middleware = {
          function(request, send)
            request.url = request.url .. "?code=very-secret&access_token=very-secret"
            return send(request)
          end,
        },
        sign = function(request) request.headers["x-seal"] = "the very-secret seal" end,
        api_key = KEY,
      })
      client.messages:create(PARAMS)
      client.messages:count_tokens(PARAMS)
      assert.is_true(#lines >= 12)
      assert.truthy(server.requests[1].path:find("very-secret", 1, true))
      for _, text in ipairs(strings_in(lines, {})) do
        assert.is_nil(text:find("very-secret", 1, true), text)
      end
    end)

    it("shows no part of a secret at the end of what is shown", function()
      local keys = {}
      for i = 1, 2000 do
        keys[i] = GATE .. i
      end
      local params = { model = "claude-sonnet-4-6", max_tokens = 10 }
      params.messages = { { role = "user", content = table.concat(keys, " ") } }
      assert(debugging({ one() }, { headers = { ["x-gate"] = GATE } }).messages:create(params))
      assert.truthy(texts():find("[redacted]1 [redacted]2 ", 1, true))
      for _, text in ipairs(strings_in(lines, {})) do
        assert.is_nil(text:find("sesame", 1, true))
      end
    end)
  end)

  describe("of a host", function()
    local host = require("claude.host")
    after_each(function()
      rawset(_G, "vim", nil)
      rawset(_G, "ngx", nil)
    end)

    it("is written at its levels: Neovim's", function()
      local told = {}
      rawset(_G, "vim", {
        loop = {},
        log = { levels = { DEBUG = 1, INFO = 2, WARN = 3, ERROR = 4 } },
        schedule = function(fn) fn() end,
        notify = function(text, level) told[#told + 1] = text .. " " .. level end,
      })
      for _, level in ipairs({ "debug", "info", "warning", "error" }) do
        host.log(level, level)
      end
      assert.same({
        "lua-claude: debug 1",
        "lua-claude: info 2",
        "lua-claude: warning 3",
        "lua-claude: error 4",
      }, told)
    end)

    it("is written at its levels: nginx's", function()
      local told = {}
      rawset(_G, "ngx", {
        socket = {},
        thread = {},
        DEBUG = 8,
        INFO = 7,
        WARN = 5,
        ERR = 4,
        log = function(level, ...) told[#told + 1] = level .. " " .. table.concat({ ... }) end,
      })
      for _, level in ipairs({ "debug", "info", "warning", "error" }) do
        host.log(level, level)
      end
      assert.same({
        "8 lua-claude: debug",
        "7 lua-claude: info",
        "5 lua-claude: warning",
        "4 lua-claude: error",
      }, told)
    end)
  end)

  it("costs no request its answer when the logger raises; that is told once", function()
    local client = client_for({ one() }, {
      logger = function(level) error("full disk at " .. level .. ", with " .. KEY) end,
    })
    local written = stderr_of(function()
      assert(client.messages:create(PARAMS))
      assert(client.messages:create(PARAMS))
    end)
    assert.equal(1, #written)
    assert.truthy(written[1]:find("the logger raised: .*full disk at info, with %[redacted%]"))
  end)
end)
