local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")
local errors = require("claude.errors")
local retry = require("claude.retry")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi" } },
}
-- So that nothing waits for half a second.
local SOON = { ["retry-after-ms"] = "1" }

describe("retry.delay", function()
  local function delay(number, fields, random)
    return retry.delay(number, errors.new(fields or { kind = "network", message = "x" }), random)
  end

  it("doubles from half a second to eight, less up to a quarter", function()
    local function none() return 0 end
    local function most() return 1 end
    local expected = { 0.5, 1, 2, 4, 8, 8 }
    for i, seconds in ipairs(expected) do
      assert.equal(seconds, delay(i - 1, nil, none))
      assert.equal(seconds * 0.75, delay(i - 1, nil, most))
    end
  end)

  it(
    "is what the API asked for",
    function()
      assert.equal(3, delay(0, { kind = "api", status = 429, message = "x", retry_after = 3 }))
    end
  )
end)

describe("retry", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function create(answers, options)
    server = api.start(answers)
    local given = { api_key = "k", base_url = server.url }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return claude.new(given).messages:create(PARAMS)
  end

  local function good() return api.stream(api.reply({ api.text("one") })) end
  local function bad(status, headers)
    return api.failure(status, "some_error", "No", headers or SOON)
  end

  for _, status in ipairs({ 408, 409, 429, 500, 503, 529 }) do
    it(("tries again after %d"):format(status), function()
      assert.equal("one", assert(create({ bad(status), good() })):text())
      assert.equal(2, #server.requests)
      assert.equal(server.requests[1].body, server.requests[2].body)
    end)
  end

  for _, status in ipairs({ 400, 401, 403, 404, 413, 422 }) do
    it(("does not try again after %d"):format(status), function()
      local _, _, err = create({ bad(status), good() })
      assert.equal(status, err.status)
      assert.is_false(err.retryable)
      assert.equal(1, #server.requests)
    end)
  end

  it("gives up after two more attempts", function()
    local _, _, err = create({ bad(529) })
    assert.equal(529, err.status)
    assert.is_true(err.retryable)
    assert.equal(3, #server.requests)
  end)

  it("tries as often as was asked, by client and by call", function()
    create({ bad(529) }, { max_retries = 0 })
    assert.equal(1, #server.requests)
    local client = claude.new({ api_key = "k", base_url = server.url })
    client.messages:create(PARAMS, { max_retries = 1 })
    assert.equal(3, #server.requests)
  end)

  it("goes by x-should-retry before anything else", function()
    local no = { ["x-should-retry"] = "false", ["retry-after-ms"] = "1" }
    local yes = { ["x-should-retry"] = "true", ["retry-after-ms"] = "1" }
    create({ bad(529, no), good() })
    assert.equal(1, #server.requests)
    server:close()
    assert.equal("one", assert(create({ bad(400, yes), good() })):text())
    assert.equal(2, #server.requests)
  end)

  it("does not try again at a spend limit", function()
    local answer = api.json(429, {
      type = "error",
      error = {
        type = "rate_limit_error",
        message = "Limit reached",
        details = { error_code = "enforced_spend_limit_reached" },
      },
    }, SOON)
    local _, _, err = create({ answer, good() })
    assert.is_false(err.retryable)
    assert.truthy(err.hint:find("spend limit", 1, true))
    assert.equal(1, #server.requests)
  end)

  it("does not wait longer than max_retry_wait, and says how long it was asked to", function()
    local _, _, err = create({ bad(429, { ["retry-after"] = "9999" }), good() })
    assert.equal(9999, err.retry_after)
    assert.equal(1, #server.requests)
  end)

  it("tries again after a connection closed before the answer", function()
    local first = true
    local message = assert(create({
      function()
        if not first then return good() end
        first = false
        return { hang_up = true }
      end,
    }))
    assert.equal("one", message:text())
    assert.equal(2, #server.requests)
  end)

  it("tries again when nothing of a stream came", function()
    local nothing = api.stream({}, { promise = 1000 })
    assert.equal("one", assert(create({ nothing, good() })):text())
  end)

  it("does not try again once the answer had begun", function()
    local begun = api.stream({ api.reply({})[1] }, { promise = 1000 })
    local _, _, err = create({ begun, good() })
    assert.equal("incomplete", err.kind)
    assert.equal(1, #server.requests)
  end)

  it("fails as network when nobody listens", function()
    local listener = api.start({ good() })
    local url = listener.url
    listener:close()
    local client = claude.new({ api_key = "k", base_url = url, max_retries = 0 })
    local message, text, err = client.messages:create(PARAMS)
    assert.is_nil(message)
    assert.is_string(text)
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    assert.is_nil(err.partial)
  end)

  it("retries calls that answer with JSON, too", function()
    server = api.start({ bad(500), api.json(200, { input_tokens = 3 }) })
    local client = claude.new({ api_key = "k", base_url = server.url })
    assert.equal(3, assert(client.messages:count_tokens(PARAMS)).input_tokens)
  end)

  it("ends a wait when its task is cancelled", function()
    local tasks = require("claude.tasks")
    server = api.start({ bad(529, { ["retry-after"] = "60" }) })
    local client = claude.new({ api_key = "k", base_url = server.url })
    local err
    tasks.loop(function()
      local task = tasks.spawn(function() err = select(3, client.messages:create(PARAMS)) end)
      while #server.requests == 0 do
        tasks.sleep(0.01)
      end
      tasks.sleep(0.05)
      task:cancel()
      task:wait()
    end)
    assert.equal("cancelled", err.kind)
    assert.equal(1, #server.requests)
  end)
end)
