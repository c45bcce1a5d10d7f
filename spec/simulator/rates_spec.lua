local claude = require("claude")
local rates = require("claude.simulator.rates")
local simulator = require("claude.simulator")

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 1000,
  messages = { { role = "user", content = "Hi" } },
}

describe("the simulator's rate limits", function()
  local now, limiter

  local function start(limits)
    now = 100
    limiter = rates.new(limits, function() return now end)
  end

  local function used(input, output)
    limiter:used({
      input_tokens = input,
      cache_creation_input_tokens = 0,
      output_tokens = output,
    })
  end

  local function header(name)
    for _, pair in ipairs(limiter:headers()) do
      if pair[1] == "anthropic-ratelimit-" .. name then return pair[2] end
    end
  end

  it("let so many requests in, and more as time passes", function()
    start({ requests = 2 })
    assert.is_nil(limiter:admit())
    assert.is_nil(limiter:admit())
    local fault = limiter:admit()
    assert.same({ 429, "30" }, { fault.status, fault.headers["retry-after"] })
    now = now + 30
    assert.is_nil(limiter:admit())
    assert.is_table(limiter:admit())
  end)

  it("never fill beyond the limit", function()
    start({ requests = 2 })
    now = now + 3600
    assert.is_nil(limiter:admit())
    assert.equal("1", header("requests-remaining"))
  end)

  it("take out tokens when they are known: one request may take more than was left", function()
    start({ input_tokens = 100, output_tokens = 60 })
    assert.is_nil(limiter:admit())
    used(150, 10)
    assert.same(
      { "0", "50" },
      { header("input-tokens-remaining"), header("output-tokens-remaining") }
    )
    local fault = limiter:admit()
    assert.truthy(fault.message:find("100 input tokens per minute", 1, true))
    assert.equal("31", fault.headers["retry-after"])
    now = now + 31
    assert.is_nil(limiter:admit())
  end)

  it("tell when they are whole again", function()
    local before = os.time()
    start({ tokens = 600 })
    used(30, 30)
    assert.same({ "600", "540" }, { header("tokens-limit"), header("tokens-remaining") })
    local reset = require("claude.dates").rfc3339(header("tokens-reset"))
    assert.is_true(reset >= before + 6 and reset <= os.time() + 6)
  end)

  for name, limits in pairs({
    ["a limit of nothing"] = { requests = 0 },
    ["a limit that is no number"] = { requests = "5" },
    ["what it does not know"] = { images = 5 },
    ["no table"] = 5,
  }) do
    it("refuse " .. name, function()
      local ok, problem = pcall(simulator.start, { rate_limits = limits })
      assert.is_false(ok)
      assert.truthy(problem:find("simulator.start: rate_limits", 1, true))
    end)
  end

  describe("as a client meets them", function()
    local sim
    after_each(function() sim:close() end)

    it("are in the headers of answers and refusals, and retry_after with them", function()
      sim = assert(simulator.start({ script = "Hello.", rate_limits = { requests = 1 } }))
      local client = claude.new({ api_key = "k", base_url = sim.url, max_retries = 0 })
      local message = assert(client.messages:create(PARAMS))
      assert.same(
        { 1, 0 },
        { message.rate_limit.requests.limit, message.rate_limit.requests.remaining }
      )
      assert.is_true(message.rate_limit.requests.reset > 50)
      local _, _, err = client.messages:create(PARAMS)
      assert.same({ 429, "rate_limit_error", true }, { err.status, err.type, err.retryable })
      assert.is_true(err.retry_after > 50 and err.retry_after <= 60)
      assert.equal(0, err.rate_limit.requests.remaining)
    end)

    it("can be a spend limit, which no retry helps against", function()
      local fault = { error_code = "enforced_spend_limit_reached", times = math.huge }
      sim = assert(simulator.start({ script = "Hello.", faults = { fault } }))
      local client = claude.new({ api_key = "k", base_url = sim.url })
      local _, text, err = client.messages:create(PARAMS)
      assert.same(
        { 429, "rate_limit_error", "enforced_spend_limit_reached", false },
        { err.status, err.type, err.error_code, err.retryable }
      )
      assert.truthy(text:find("spend limit", 1, true))
      assert.equal(1, #sim.requests)
    end)
  end)

  it("have error codes that are known, or come with a status", function()
    local ok, problem = pcall(simulator.start, { faults = { { error_code = "nonsense" } } })
    assert.is_false(ok)
    assert.truthy(problem:find("faults[1]: unknown error_code nonsense", 1, true))
    local script = { { error = { error_code = "nonsense" } } }
    assert.is_false(pcall(simulator.start, { script = script }))
    local sim = assert(simulator.start({ faults = { { error_code = "new_code", status = 400 } } }))
    sim:close()
  end)
end)
