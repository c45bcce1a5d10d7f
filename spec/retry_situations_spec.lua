--- When the official TypeScript SDK tries again, how often and after how long; this library
--- does the same. All situations wait side by side: each has a server and a client.
local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")

local PARAMS = {
  model = "claude-sonnet-5",
  max_tokens = 64,
  messages = { { role = "user", content = "Hi" } },
}

local function refused(status, headers) return api.failure(status, "some_error", "No", headers) end
local function in_two_seconds() return os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 2) end

-- The default waits: half a second, then one, less up to a quarter.
local FIRST, SECOND = { 0.375, 0.5 }, { 0.75, 1 }

-- What is answered before a good answer, attempts, the waits between (at least, at most), and
-- limits.
local SITUATIONS = {
  ["three times 529"] = { { refused(529), refused(529), refused(529) }, 3, { FIRST, SECOND } },
  ["429 with retry-after-ms"] = {
    { refused(429, { ["retry-after-ms"] = "50" }) },
    2,
    { { 0.05, 0.05 } },
  },
  ["429 with retry-after in seconds"] = {
    { refused(429, { ["retry-after"] = "1" }) },
    2,
    { { 1, 1 } },
  },
  ["429 with retry-after as a date"] = {
    { function() return refused(429, { ["retry-after"] = in_two_seconds() }) end },
    2,
    { { 0.5, 2 } },
  },
  ["429 with a negative retry-after"] = {
    { refused(429, { ["retry-after"] = "-5" }) },
    2,
    { FIRST },
  },
  ["429 with a retry-after of 0"] = { { refused(429, { ["retry-after"] = "0" }) }, 2, { FIRST } },
  ["400"] = { { refused(400) }, 1, {} },
  ["400 with x-should-retry: true"] = {
    { refused(400, { ["x-should-retry"] = "true" }) },
    2,
    { FIRST },
  },
  ["500 with x-should-retry: false"] = {
    { refused(500, { ["x-should-retry"] = "false" }) },
    1,
    {},
  },
  ["408"] = { { refused(408) }, 2, { FIRST } },
  ["409"] = { { refused(409) }, 2, { FIRST } },
  ["413"] = { { refused(413) }, 1, {} },
  ["a connection that is closed without an answer"] = { { { hang_up = true } }, 2, { FIRST } },
  ["an answer that does not come in time"] = {
    { { silent = true } },
    2,
    { FIRST },
    { first_byte = 1 },
  },
}

-- The server notes when each request came; the good answer comes after the others.
local function serve(situation, outcome)
  local uv = require("luv")
  local answers = {}
  local function noting(answer)
    return function(request)
      outcome.times[#outcome.times + 1] = uv.hrtime() / 1e9
      if type(answer) == "function" then answer = answer(request) end
      return answer
    end
  end
  for i, answer in ipairs(situation[1]) do
    answers[i] = noting(answer)
  end
  answers[#answers + 1] = noting(api.stream(api.reply({ api.text("good") })))
  return api.start(answers)
end

local function live_through(situation)
  local outcome = { times = {}, waits = {}, attempts = {} }
  local server = serve(situation, outcome)
  local client = claude.new({
    api_key = "k",
    base_url = server.url,
    limits = situation[4],
    on_retry = function(_, attempt, delay)
      outcome.attempts[#outcome.attempts + 1] = attempt
      outcome.waits[#outcome.waits + 1] = delay
    end,
  })
  outcome.message, outcome.text, outcome.err = client.messages:create(PARAMS)
  server:close()
  return outcome
end

describe("as the official SDK does, after", function()
  local outcomes = {}

  setup(function()
    require("claude.loop").use("luv")
    environment.set({})
    local names = require("claude.tables").sorted_names(SITUATIONS)
    local function live(name) return live_through(SITUATIONS[name]) end
    claude.loop(function()
      local map = claude.map(names, live, { limit = #names })
      for _ = 1, #names do
        local name, outcome, text = map:next()
        outcomes[name] = assert(outcome, text)
      end
    end)
  end)
  teardown(function()
    environment.restore()
    require("claude.loop").use("blocking")
  end)

  for name, situation in pairs(SITUATIONS) do
    local attempts, waits = situation[2], situation[3]
    it(("%s it makes %d of at most 3 attempts"):format(name, attempts), function()
      local outcome = outcomes[name]
      assert.equal(attempts, #outcome.times)
      local good = attempts > #situation[1]
      assert.equal(good and "good" or nil, outcome.message and outcome.message:text())
      assert.equal(not good, outcome.err ~= nil)
    end)

    if #waits > 0 then
      it(name .. " it waits as long", function()
        local outcome = outcomes[name]
        assert.equal(#waits, #outcome.waits)
        for i, range in ipairs(waits) do
          local told, waited = outcome.waits[i], outcome.times[i + 1] - outcome.times[i]
          assert.is_true(told >= range[1] and told <= range[2], "told " .. told)
          -- Timers count in milliseconds.
          assert.is_true(waited >= told - 0.002, ("waited %g, told %g"):format(waited, told))
          assert.equal(i, outcome.attempts[i])
        end
      end)
    end
  end
end)
