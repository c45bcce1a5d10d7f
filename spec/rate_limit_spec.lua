local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")
local read_limits = require("claude.headers").rate_limit

local HEADERS = {
  date = "Sun, 22 Nov 2026 11:00:00 GMT",
  ["anthropic-ratelimit-requests-limit"] = "50",
  ["anthropic-ratelimit-requests-remaining"] = "49",
  ["anthropic-ratelimit-requests-reset"] = "2026-11-22T11:00:02Z",
  ["anthropic-ratelimit-input-tokens-limit"] = "30000",
  ["anthropic-ratelimit-input-tokens-remaining"] = "0",
  ["anthropic-ratelimit-input-tokens-reset"] = "2026-11-22T11:01:00Z",
}
local READ = {
  requests = { limit = 50, remaining = 49, reset = 2 },
  input_tokens = { limit = 30000, remaining = 0, reset = 60 },
}

describe("headers.rate_limit", function()
  local function read(fields)
    local headers = {}
    for name, value in pairs(HEADERS) do
      headers[name] = value
    end
    for name, value in pairs(fields or {}) do
      headers[name] = value or nil
    end
    return read_limits(headers)
  end

  it(
    "gives limits, what remains, and the seconds until they are whole again",
    function() assert.same(READ, read()) end
  )

  it("takes what there is: a limit alone", function()
    local given = read_limits({
      ["anthropic-ratelimit-requests-limit"] = "50",
    })
    assert.same({ requests = { limit = 50 } }, given)
  end)

  it("counts the seconds by the clock of who answered", function()
    local late = read({ date = "Sun, 22 Nov 2026 11:00:01 GMT" })
    assert.equal(1, late.requests.reset)
  end)

  it("knows no time before the answer", function()
    local past = read({ ["anthropic-ratelimit-requests-reset"] = "2026-11-22T10:00:00Z" })
    assert.equal(0, past.requests.reset)
  end)

  it("reads the limits of other tiers", function()
    local tiers = read_limits({
      ["anthropic-priority-input-tokens-limit"] = "10000",
      ["anthropic-priority-output-tokens-remaining"] = "7",
      ["anthropic-fast-input-tokens-remaining"] = "8",
    })
    assert.same({
      priority_input_tokens = { limit = 10000 },
      priority_output_tokens = { remaining = 7 },
      fast_input_tokens = { remaining = 8 },
    }, tiers)
  end)

  it("counts in whole numbers", function()
    local requests = read().requests
    assert.equal("50", tostring(requests.limit))
    assert.equal("2", tostring(requests.reset))
  end)

  it("leaves out names that are none of a limit, or longer than any", function()
    local ratelimit = "anthropic-ratelimit-"
    assert.is_nil(read_limits({
      ["anthropic-limit"] = "1",
      ["anthropic-reset"] = "2026-11-22T11:00:02Z",
      [ratelimit .. "limit"] = "1",
      [ratelimit .. "requests-lim"] = "1",
      [ratelimit .. "requests-limits"] = "1",
      [ratelimit .. ("x"):rep(64) .. "-limit"] = "1",
      ["x-" .. ratelimit .. "requests-limit"] = "1",
      [1] = "1",
    }))
  end)

  it("leaves out what it cannot read", function()
    local odd = read_limits({
      ["anthropic-ratelimit-requests-limit"] = "many",
      ["anthropic-ratelimit-requests-remaining"] = "3",
      ["anthropic-ratelimit-requests-reset"] = "soon",
    })
    assert.same({ requests = { remaining = 3 } }, odd)
  end)

  it("reads the headers' lines as it reads their table", function()
    local lines = {}
    for name, value in pairs(HEADERS) do
      lines[#lines + 1] = name .. ":" .. value .. "\n"
    end
    assert.same(READ, read_limits(table.concat(lines)))
    assert.is_nil(read_limits(""))
  end)

  it("goes by the last line of one name, and by no line that is cut short", function()
    local name = "anthropic-ratelimit-requests-limit:"
    local given = read_limits(name .. "50\n" .. name .. "60\n" .. name .. "7")
    assert.same({ requests = { limit = 60 } }, given)
  end)

  it("is no line's that holds another", function()
    local given = read_limits({ ["x-text"] = "\nanthropic-ratelimit-requests-limit:5" })
    assert.is_nil(given)
  end)

  it(
    "is nil when no header tells of a limit",
    function()
      assert.is_nil(read_limits({ ["anthropic-organization-id"] = "o", ["x-limit"] = "5" }))
    end
  )
end)

describe("rate_limit", function()
  local PARAMS = {
    model = "claude-sonnet-4-6",
    max_tokens = 1000,
    messages = { { role = "user", content = "Hi" } },
  }
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    server:close()
  end)

  local function client_for(answer)
    for name, value in pairs(HEADERS) do
      answer.headers[name] = value
    end
    server = api.start({ answer })
    return claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
  end

  it("is on a message", function()
    local client = client_for(api.stream(api.reply({ api.text("one") })))
    assert.same(READ, assert(client.messages:create(PARAMS)).rate_limit)
  end)

  it("is on a stream once its answer has begun", function()
    local client = client_for(api.stream(api.reply({ api.text("one") })))
    local stream = client.messages:stream(PARAMS)
    assert.is_nil(stream.rate_limit)
    assert(stream:next())
    assert.same(READ, stream.rate_limit)
    assert(stream:final_message())
  end)

  it("is on an answer of another endpoint", function()
    local client = client_for(api.json(200, { input_tokens = 3 }))
    local count = assert(client.messages:count_tokens(PARAMS))
    assert.same({ input_tokens = 3 }, count)
    assert.same(READ, claude.response(count).rate_limit)
  end)

  it("is on an error", function()
    local client = client_for(api.failure(429, "rate_limit_error", "No"))
    local _, _, err = client.messages:create(PARAMS)
    assert.same(READ, err.rate_limit)
  end)

  it("is on the error of a stream that was broken off", function()
    local begun = api.stream({ api.reply({})[1] }, { promise = 1000 })
    local _, _, err = client_for(begun).messages:create(PARAMS)
    assert.equal("incomplete", err.kind)
    assert.same(READ, err.rate_limit)
  end)

  it("does not go back to the API with a message", function()
    local client = client_for(api.stream(api.reply({ api.text("one") })))
    local message = assert(client.messages:create(PARAMS))
    local messages = { PARAMS.messages[1], message, { role = "user", content = "On" } }
    assert(client.messages:create({ model = PARAMS.model, max_tokens = 9, messages = messages }))
    assert.same(
      { "content", "role" },
      require("claude.tables").sorted_names(server.requests[2].json.messages[2])
    )
  end)
end)
