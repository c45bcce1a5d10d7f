local claude = require("claude")
local environment = require("spec.support.environment")

local KEY = "sk-ant-very-secret"

local function sent_headers(client)
  local list =
    assert(require("claude.wire").headers(client, { method = "POST", path = "/", body = "{}" }))
  local found = {}
  for _, header in ipairs(list) do
    found[header[1]:lower()] = header[2]
  end
  return found
end

describe("client", function()
  before_each(function() environment.set({ ANTHROPIC_API_KEY = KEY }) end)
  after_each(environment.restore)

  it("takes key, token, base URL and headers from the environment, trimmed", function()
    environment.set({
      ANTHROPIC_API_KEY = " " .. KEY .. "\n",
      ANTHROPIC_BASE_URL = "https://proxy.example/anthropic/",
      ANTHROPIC_CUSTOM_HEADERS = "X-Team: blue\nX-Other: 1",
    })
    local client = claude.new()
    assert.equal("https://proxy.example/anthropic", client.base_url)
    local headers = sent_headers(client)
    assert.equal(KEY, headers["x-api-key"])
    assert.equal("blue", headers["x-team"])
    assert.is_nil(headers.authorization)
  end)

  it("sends ANTHROPIC_AUTH_TOKEN as a bearer when there is no key", function()
    environment.set({ ANTHROPIC_AUTH_TOKEN = "tok", ANTHROPIC_API_KEY = "" })
    assert.equal("Bearer tok", sent_headers(claude.new()).authorization)
  end)

  it("sends the key when the environment has both, and says so", function()
    environment.set({ ANTHROPIC_AUTH_TOKEN = "tok", ANTHROPIC_API_KEY = KEY })
    local codes = {}
    local client = claude.new({ on_warning = function(_, code) codes[#codes + 1] = code end })
    local headers = sent_headers(client)
    assert.equal(KEY, headers["x-api-key"])
    assert.is_nil(headers.authorization)
    assert.same({ "two_credentials" }, codes)
  end)

  it("puts options before the environment", function()
    environment.set({ ANTHROPIC_API_KEY = "other", ANTHROPIC_BASE_URL = "https://other" })
    local client = claude.new({ auth_token = "mine", base_url = "https://mine.example" })
    local headers = sent_headers(client)
    assert.equal("Bearer mine", headers.authorization)
    assert.is_nil(headers["x-api-key"])
    assert.equal("https://mine.example", client.base_url)
  end)

  it("sends the current API version and its own name", function()
    local headers = sent_headers(claude.new())
    assert.equal("2026-10-21", headers["anthropic-version"])
    assert.truthy(headers["user-agent"]:find("^lua%-claude/"))
    assert.equal("application/json", headers["content-type"])
  end)

  it("sends the version and headers it was given", function()
    local client =
      claude.new({ version = "2023-06-01", headers = { ["X-A"] = "1", accept = false } })
    local headers = sent_headers(client)
    assert.equal("2023-06-01", headers["anthropic-version"])
    assert.equal("1", headers["x-a"])
    assert.is_nil(headers.accept)
  end)

  it("sends whatever is called a version, with every request", function()
    for _, version in ipairs({ "count", "by_name" }) do
      local client = claude.new({ version = version })
      for _ = 1, 3 do
        assert.equal(version, sent_headers(client)["anthropic-version"])
      end
    end
  end)

  describe("raises at the caller's line for", function()
    local wrong = {
      { "options that are no table", "key" },
      { "an option it does not know", { apikey = "x" } },
      { "a key that is no string", { api_key = 5 } },
      { "key and token at once", { api_key = "a", auth_token = "b" } },
      { "a key with a line break inside", { api_key = KEY .. "\r\nx-evil: 1" } },
      { "a version with a line break", { version = "2026\r\nx: y" } },
      { "a beta with a line break", { betas = { "a\r\nx: y" } } },
      { "a header with a line break", { headers = { x = "a\r\ny: z" } } },
      { "a header name with a space", { headers = { ["x y"] = "a" } } },
      { "http to another machine", { base_url = "http://example.com" } },
      { "an HTTP version it does not speak", { http_version = "3" } },
      { "a limit in bytes that is none", { max_event_bytes = 0 } },
      { "a password in the base URL", { base_url = "https://me:" .. KEY .. "@example.com" } },
    }
    for _, case in ipairs(wrong) do
      it(case[1], function()
        local ok, message = pcall(claude.new, case[2])
        assert.is_false(ok)
        assert.is_string(message)
        assert.is_nil(message:find(KEY, 1, true))
      end)
    end
  end)

  it("names the option that is wrong, and the rule", function()
    for text, options in pairs({
      ["there is no option apikey"] = { apikey = "k" },
      ["max_retries must be a number"] = { max_retries = "2" },
      ["api_key must be a string, or false where none is needed"] = { api_key = true },
      ["give api_key or auth_token, not both"] = { api_key = "a", auth_token = "b" },
      ["betas must be a list of names"] = { betas = { 7 } },
      ['http_version must be "1.1" or "2"'] = { http_version = "3" },
      ["max_body_bytes must be a number of bytes"] = { max_body_bytes = 0 / 0 },
      ["max_concurrency must be an integer from 1"] = { max_concurrency = 0.5 },
      ["middleware must be a list of functions"] = { middleware = { "x" } },
      ["log_level must be off, error, warn, info or debug"] = { log_level = "loud" },
    }) do
      local _, message = pcall(function() claude.new(options) end)
      assert.equal("claude.new: " .. text, (message:gsub("^.-spec%.lua:%d+: ", "")))
    end
  end)

  it("takes http to another machine when that was asked for", function()
    local client = claude.new({ base_url = "http://gateway.internal", allow_http = true })
    assert.equal("http://gateway.internal", client.base_url)
  end)

  describe("without a key", function()
    local params = { model = "claude-opus-4-8", max_tokens = 10, messages = "x" }
    before_each(function()
      environment.set({})
      params.messages = { { role = "user", content = "Hi" } }
    end)

    it("names the variable and the simulator", function()
      local message, text, err = claude.new().messages:create(params)
      assert.is_nil(message)
      assert.truthy(text:find("ANTHROPIC_API_KEY", 1, true))
      assert.truthy(err.hint:find("lua-claude simulate -- lua my.lua", 1, true))
      assert.is_nil(err.hint:find("nginx", 1, true))
      assert.equal("authentication_error", err.type)
      assert.is_false(err.retryable)
    end)

    it("names the env line in nginx", function()
      rawset(_G, "ngx", {})
      local _, _, err = claude.new().messages:create(params)
      rawset(_G, "ngx", nil)
      assert.truthy(err.hint:find("env ANTHROPIC_API_KEY;", 1, true))
    end)

    it("does not ask for one that something else adds", function()
      assert.is_nil(claude.new({ api_key = false }).problem)
      assert.is_nil(claude.new({ headers = { authorization = "Bearer x" } }).problem)
    end)

    it("says so at a stream's first step", function()
      local stream = claude.new().messages:stream(params)
      local kind, text = stream:next()
      assert.is_nil(kind)
      assert.truthy(text:find("ANTHROPIC_API_KEY", 1, true))
    end)
  end)

  describe("with a wrong environment", function()
    local function problem(variables)
      environment.set(variables)
      local _, _, err = claude.new().models:retrieve("claude-opus-4-8")
      return err
    end

    it("tells about the base URL with the first request", function()
      local err = problem({ ANTHROPIC_API_KEY = KEY, ANTHROPIC_BASE_URL = "http://example.com" })
      assert.truthy(tostring(err):find("ANTHROPIC_BASE_URL", 1, true))
    end)

    it("tells about the headers with the first request", function()
      local err = problem({ ANTHROPIC_API_KEY = KEY, ANTHROPIC_CUSTOM_HEADERS = "nothing" })
      assert.truthy(tostring(err):find("ANTHROPIC_CUSTOM_HEADERS", 1, true))
    end)

    it("tells about a key with a line break in it, and does not show it", function()
      local err = problem({ ANTHROPIC_API_KEY = "sk-a\nsk-b" })
      assert.truthy(tostring(err):find("x-api-key", 1, true))
      assert.is_nil(tostring(err):find("sk-a", 1, true))
    end)
  end)

  it("says to write a colon", function()
    local client = claude.new()
    for _, name in ipairs({ "create", "stream", "count_tokens" }) do
      local ok, message = pcall(client.messages[name], { model = "x" })
      assert.is_false(ok)
      assert.truthy(message:find("client.messages:" .. name, 1, true))
      assert.truthy(message:find("colon", 1, true))
    end
    for _, name in ipairs({ "retrieve", "list" }) do
      local ok, message = pcall(client.models[name], "x")
      assert.is_false(ok)
      assert.truthy(message:find("colon", 1, true))
    end
    for _, name in ipairs({ "conversation", "load" }) do
      local ok, message = pcall(client[name], {})
      assert.is_false(ok)
      assert.truthy(message:find("colon", 1, true))
    end
  end)

  it("raises for params that are no table and options that are wrong", function()
    local client = claude.new()
    assert.has_error(function() client.messages:create("Hi") end)
    assert.has_error(function() client.messages:create({}, { timeout = 5 }) end)
    assert.has_error(function() client.messages:create({}, { betas = "x" }) end)
    assert.has_error(function() client.messages:create({ betas = "x" }) end)
    assert.has_error(function() client.messages:create({ stream = true }) end)
  end)

  it("returns what the API would refuse as nil, text, err", function()
    local message, text, err = claude.new().messages:create({ model = "claude-opus-4-8" })
    assert.is_nil(message)
    assert.truthy(text:find("max_tokens", 1, true))
    assert.equal("invalid", err.kind)
  end)

  it("refuses requests once closed", function()
    local client = claude.new()
    client:close()
    local _, _, err = client.models:retrieve("claude-opus-4-8")
    assert.equal("cancelled", err.kind)
  end)

  it(
    "prints as a client, without its key",
    function() assert.equal("claude.Client (https://api.anthropic.com)", tostring(claude.new())) end
  )

  describe("warnings", function()
    it("go to on_warning, text first", function()
      local seen = {}
      local client = claude.new({ on_warning = function(...) seen[#seen + 1] = { ... } end })
      client:warn("code", "text")
      client:warn("code", "text")
      assert.same({ { "text", "code" }, { "text", "code" } }, seen)
    end)

    it("come once for each thing they are about", function()
      local seen = {}
      local client = claude.new({ on_warning = function(text) seen[#seen + 1] = text end })
      for _, about in ipairs({ "a", "b", "a" }) do
        client:warn("code", "on " .. about, about)
      end
      assert.same({ "on a", "on b" }, seen)
    end)

    it("hold no key", function()
      local seen
      local client = claude.new({ on_warning = function(text) seen = text end })
      client:warn("code", "your key is " .. KEY)
      assert.equal("your key is [redacted]", seen)
    end)

    it("go to stderr once for each code without on_warning", function()
      local written, real = {}, io.stderr
      local catcher = {}
      function catcher.write(_, ...) written[#written + 1] = table.concat({ ... }) end
      io.stderr = catcher -- luacheck: ignore 122
      local client = claude.new()
      client:warn("code", "first")
      client:warn("code", "second")
      client:warn("other", "third")
      io.stderr = real -- luacheck: ignore 122
      assert.same({ "lua-claude: warning: first\n", "lua-claude: warning: third\n" }, written)
    end)
  end)
end)
