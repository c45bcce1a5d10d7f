local api = require("spec.support.api_server")
local child = require("spec.support.child")
local claude = require("claude")
local environment = require("spec.support.environment")
local errors = require("claude.errors")
local retry = require("claude.retry")
local with_limit = require("spec.helpers").with_limit

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

  it("differs between processes that fail at the same moment", function()
    local code = "print(require('claude.retry').delay(0, {}))"
    local command = ('"%s" -e "%s"'):format(os.getenv("LUA") or arg[-1], code)
    local first, second = child.run(command).out, child.run(command).out
    assert.is_number(tonumber(first))
    assert.not_equal(first, second)
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

  it("does not try again at a spend limit even when it is told to", function()
    local details = { error_code = "contract_spend_limit_reached" }
    local body = { error = { type = "rate_limit_error", message = "No", details = details } }
    local told = { ["retry-after-ms"] = "1", ["x-should-retry"] = "true" }
    local _, _, err = create({ api.json(429, body, told), good() })
    assert.equal("contract_spend_limit_reached", err.error_code)
    assert.equal(1, #server.requests)
  end)

  it("does not wait longer than max_retry_wait, and says how long it was asked to", function()
    local _, _, err = create({ bad(429, { ["retry-after"] = "9999" }), good() })
    assert.equal(9999, err.retry_after)
    assert.equal(1, #server.requests)
  end)

  it("takes another max_retry_wait for one call", function()
    local client = claude.new({ api_key = "k", base_url = "http://127.0.0.1:1" })
    server = api.start({ bad(429, { ["retry-after-ms"] = "20" }), good() })
    client.base_url = server.url
    local _, _, err = client.messages:create(PARAMS, { max_retry_wait = 0.01 })
    assert.equal(0.02, err.retry_after)
    assert(client.messages:create(PARAMS, { max_retry_wait = 0.03 }))
  end)

  it("sends the same request again, and no count of them", function()
    create({ bad(529), good() })
    assert.same(server.requests[1].headers, server.requests[2].headers)
  end)

  describe("within time_budget", function()
    it(
      "tries again as long as the next attempt would begin in time",
      function()
        assert.equal("one", assert(create({ bad(529), good() }, { time_budget = 30 })):text())
      end
    )

    it("returns the error at once when the next attempt would begin too late", function()
      local slow = bad(529, { ["retry-after"] = "60" })
      local _, _, err = create({ slow, good() }, { time_budget = 30 })
      assert.same({ 529, 60, true }, { err.status, err.retry_after, err.retryable })
      assert.equal(1, #server.requests)
    end)

    it("ends an attempt that brings no answer in time", function()
      local _, text, err = create({ { silent = true } }, { time_budget = 0.5 })
      assert.same({ "timeout", true }, { err.kind, err.retryable })
      assert.truthy(text:find("time_budget of 0.5 s is used up", 1, true))
      assert.equal(1, #server.requests)
    end)

    it("ends a later attempt that brings none, too", function()
      local soon = bad(529, { ["retry-after-ms"] = "1" })
      local options = { time_budget = 0.5, limits = { first_byte = 60 } }
      local _, _, err = create({ soon, { silent = true } }, options)
      assert.equal("timeout", err.kind)
      assert.is_true(err.details.seconds <= 0.5)
      assert.equal(2, #server.requests)
    end)

    it("counts from the first attempt, whatever the number of retries", function()
      local soon = bad(529, { ["retry-after-ms"] = "200" })
      with_limit(1, function(budget)
        local waits = {}
        local options = { max_retries = 1000, time_budget = budget }
        options.on_retry = function(_, _, delay) waits[#waits + 1] = delay end
        local _, _, err = create({ soon }, options)
        server:close()
        assert.is_true(#waits >= 1 and #waits <= 5 * budget, #waits .. " waits of 0.2 s")
        return err.status == 529 -- it may be used up while an attempt is under way
      end)
    end)
  end)

  describe("with on_retry", function()
    it("tells the error, which attempt it ended, and the wait", function()
      local told = {}
      local function on_retry(...) told[#told + 1] = { ... } end
      assert(create({ bad(529), bad(500, {}), good() }, { on_retry = on_retry }))
      assert.equal(2, #told)
      assert.same({ 529, 1, 0.001 }, { told[1][1].status, told[1][2], told[1][3] })
      assert.same({ 500, 2 }, { told[2][1].status, told[2][2] })
      assert.is_true(told[2][3] >= 0.75 and told[2][3] <= 1)
    end)

    it("takes that of the call before that of the client", function()
      server = api.start({ bad(529), good() })
      local told = {}
      local client = claude.new({
        api_key = "k",
        base_url = server.url,
        on_retry = function() told[#told + 1] = "client" end,
      })
      local function on_retry() told[#told + 1] = "call" end
      assert(client.messages:create(PARAMS, { on_retry = on_retry }))
      assert.same({ "call" }, told)
    end)

    it("returns the error where it returns false", function()
      local _, _, err = create({ bad(529), good() }, { on_retry = function() return false end })
      assert.equal(529, err.status)
      assert.equal(1, #server.requests)
    end)

    it("is not called when there will be no other attempt", function()
      local count = 0
      local function on_retry() count = count + 1 end
      create({ bad(400) }, { on_retry = on_retry })
      assert.equal(0, count)
      server:close()
      create({ bad(529) }, { on_retry = on_retry, max_retries = 1 })
      assert.equal(1, count)
    end)

    it("may cancel the request", function()
      server = api.start({ bad(529), good() })
      local client = claude.new({ api_key = "k", base_url = server.url })
      local stream
      stream = client.messages:stream(PARAMS, { on_retry = function() stream:cancel() end })
      local _, _, err = stream:next()
      assert.equal("cancelled", err.kind)
      assert.equal(1, #server.requests)
    end)

    it("may wait, in a task", function()
      local tasks = require("claude.tasks")
      server = api.start({ bad(529), good() })
      local client = claude.new({ api_key = "k", base_url = server.url })
      local function on_retry() assert(tasks.sleep(0.001)) end
      local message
      tasks.loop(function() message = client.messages:create(PARAMS, { on_retry = on_retry }) end)
      assert.equal("one", message:text())
    end)

    it("may raise: the step raises, and the next one is the next attempt", function()
      server = api.start({ bad(529), good() })
      local client = claude.new({ api_key = "k", base_url = server.url })
      local function on_retry() error({ mine = true }) end
      local stream = client.messages:stream(PARAMS, { on_retry = on_retry })
      local ok, raised = pcall(stream.next, stream)
      assert.same({ false, true }, { ok, raised.mine })
      assert.equal("one", assert(stream:final_message()):text())
      assert.equal(2, #server.requests)
    end)
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
