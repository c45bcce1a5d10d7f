-- The API over each way to wait, against servers in processes of their own.
local claude = require("claude")
local hub = require("claude.loop")
local servers = require("spec.support.servers")

local QUESTION = { { role = "user", content = "What is 127 * 389?" } }

local function params(fields)
  local all = {
    model = "claude-opus-4-8",
    max_tokens = 8000,
    thinking = { type = "adaptive", display = "summarized" },
    messages = QUESTION,
  }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

-- What each fault comes to in the API: fields of the error, and the text that arrived.
local FAULTS = {
  { "reset_at_once", kind = "network", retryable = true },
  { "close_at_once", kind = "network", retryable = true },
  { "cut_in_headers", kind = "network", retryable = true },
  { "reset_in_headers", kind = "network", retryable = true },
  { "cut_before_first_chunk", kind = "network", retryable = true },
  { "cut_in_chunk_header", kind = "incomplete", partial = "Hello" },
  { "cut_in_event", kind = "incomplete", partial = "Hello" },
  { "reset_in_event", kind = "incomplete", partial = "Hello" },
  { "ended_in_event", kind = "incomplete", partial = "Hello" },
  { "cut_before_stop_reason", kind = "incomplete", partial = "Hello" },
  { "error_429", kind = "api", type = "rate_limit_error", status = 429, retryable = true },
  { "error_529", kind = "api", type = "overloaded_error", status = 529, retryable = true },
  { "error_500", kind = "api", type = "api_error", status = 500, retryable = true },
  { "html_502", kind = "api", type = "api_error", status = 502, retryable = true },
  { "endless_500", kind = "api", type = "api_error", status = 500, retryable = true },
  { "html_200", kind = "protocol", status = 200 },
  { "error_event", kind = "api", type = "overloaded_error", partial = "Hello" },
}

-- Limits, and the fault that each of them ends.
local LIMITS = {
  { "first_byte", 0.1, "stall_before_headers" },
  { "idle", 0.1, "stall_in_event" },
  { "stalled", 0.1, "pings_in_text" },
}

for _, driver in ipairs(require("spec.support.drivers")) do
  describe("the API, driver " .. driver .. ":", function()
    local sim, bad, client
    setup(function()
      hub.use(driver)
      sim, bad = servers.simulator(), servers.fault_server()
      client = claude.new({ api_key = "k", base_url = sim.url })
    end)
    teardown(function()
      sim:stop()
      bad:stop()
      hub.use("blocking")
    end)

    local function faulty(scenario, options)
      options = options or {}
      options.api_key, options.base_url = "k", bad.url .. "/" .. scenario
      options.max_retries = 0
      return claude.new(options)
    end

    it("create returns the whole message", function()
      local message = assert(client.messages:create(params()))
      assert.matches("49403", message:text())
      assert.equal("end_turn", message.stop_reason)
      assert.is_true(#message:thinking() > 0)
    end)

    it("create asks without a stream, too", function()
      local message = assert(client.messages:create(params({ stream = false })))
      assert.matches("49403", message:text())
      local warm_up = { model = "claude-opus-4-8", max_tokens = 0, messages = QUESTION }
      message = assert(client.messages:create(warm_up))
      assert.equal("max_tokens", message.stop_reason)
      assert.equal(0, #message.content)
    end)

    it("stream tells thinking, signature and text in order", function()
      local kinds, last = {}, nil
      for kind in client.messages:stream(params()):deltas() do
        if kind ~= last then kinds[#kinds + 1] = kind end
        last = kind
      end
      assert.same({
        "message_start",
        "block_start",
        "thinking",
        "signature",
        "block_stop",
        "block_start",
        "text",
        "block_stop",
        "message_delta",
        "message_stop",
      }, kinds)
    end)

    it("count_tokens and models answer", function()
      local count =
        assert(client.messages:count_tokens({ model = "claude-opus-4-8", messages = QUESTION }))
      assert.is_true(count.input_tokens > 0)
      assert.equal("claude-opus-4-8", assert(client.models:retrieve("claude-opus-4-8")).id)
    end)

    it("run calls tools, which may wait, and thinks between them", function()
      local chat = client:conversation({
        model = "claude-opus-4-8",
        max_tokens = 8000,
        thinking = { type = "adaptive", display = "summarized" },
        tools = {
          claude.tool({
            name = "calculator",
            description = "Evaluate arithmetic",
            input_schema = {
              type = "object",
              properties = { expression = { type = "string" } },
              required = { "expression" },
            },
            run = function()
              assert(claude.sleep(0.01))
              return "49403"
            end,
          }),
        },
      })
      chat:user("What is 127 * 389?")
      local run = chat:run({ max_requests = 5 })
      local message = assert(run:final_message())
      assert.matches("49403", message:text())
      assert.equal(2, run.requests)
      chat:user("And what is 127 * 389 once more?")
      assert(chat:send())
      assert.equal(6, #chat:messages())
    end)

    it("carries many requests at once inside tasks", function()
      local texts = {}
      claude.loop(function()
        local map = claude.map({ 2, 3, 4, 5, 6 }, function(n)
          local question = { role = "user", content = ("What is %d * 100?"):format(n) }
          local message = assert(client.messages:create(params({ messages = { question } })))
          return message:text():match("= (%d+)")
        end)
        local n, text = map:next()
        while n do
          texts[n] = text
          n, text = map:next()
        end
      end)
      assert.same({ [2] = "200", [3] = "300", [4] = "400", [5] = "500", [6] = "600" }, texts)
    end)

    it("blocks in a coroutine of the user's own, outside tasks", function()
      local asking = coroutine.create(function() return client.messages:create(params()) end)
      local resumed, message = coroutine.resume(asking)
      assert.is_true(resumed)
      assert.matches("49403", message:text())
      assert.equal("dead", coroutine.status(asking))
    end)

    for _, fault in ipairs(FAULTS) do
      it("a fault is an error: " .. fault[1], function()
        local message, text, err = faulty(fault[1]).messages:create(params())
        assert.is_nil(message)
        assert.equal(tostring(err), text)
        assert.equal(fault.kind, err.kind)
        if fault.type then assert.equal(fault.type, err.type) end
        if fault.status then assert.equal(fault.status, err.status) end
        if fault.retryable then assert.is_true(err.retryable) end
        assert.equal(fault.partial, err.partial and err.partial:text())
      end)
    end

    it("a loop over what is no stream of the API's raises, too", function()
      local ok, err = pcall(function()
        for _ in faulty("html_200").messages:stream(params()):deltas() do
        end
      end)
      assert.is_false(ok)
      assert.equal("protocol", err.kind)
      assert.matches("Welcome", err.message)
      assert.matches("base URL", err.hint)
    end)

    it("a task whose time is up is told that, also in the middle of an error", function()
      for _, scenario in ipairs({ "stall_in_error", "stall_in_event", "stall_before_headers" }) do
        local failing = faulty(scenario)
        local task = claude.spawn(function() return failing.messages:create(params()) end)
        local _, _, err = task:set_timeout(0.2):wait()
        assert.equal("timeout", err.kind)
        assert.matches("the task was not done within 0.2 s", err.message, 1, true)
      end
    end)

    it("a whole message is success however the connection ends", function()
      for _, scenario in ipairs({ "cut_after_stop_reason", "cut_in_message_stop" }) do
        local message = assert(faulty(scenario).messages:create(params()))
        assert.equal("Hello", message:text())
      end
    end)

    for _, case in ipairs(LIMITS) do
      local name, seconds, scenario = case[1], case[2], case[3]
      it("the limit " .. name .. " is the client's, or the call's", function()
        local limits = { [name] = seconds }
        local _, _, err = faulty(scenario, { limits = limits }).messages:create(params())
        assert.same({ "timeout", name }, { err.kind, err.details.limit })
        local patient = faulty(scenario, { limits = { [name] = 60 } })
        _, _, err = patient.messages:create(params(), { limits = limits })
        assert.same({ "timeout", name }, { err.kind, err.details.limit })
      end)
    end

    it("a limit may be that of a conversation's turn or run, too", function()
      local chat = faulty("stall_before_headers"):conversation(params())
      local limits = { first_byte = 0.1 }
      local _, _, err = chat:send(nil, { limits = limits })
      assert.same({ "timeout", "first_byte" }, { err.kind, err.details.limit })
      _, _, err = chat:run({}, { limits = limits }):final_message()
      assert.same({ "timeout", "first_byte" }, { err.kind, err.details.limit })
    end)

    it("the limit connect is the client's, or the call's", function()
      -- Where TLS is expected and a plain server says nothing, no connection ever stands.
      local url = bad.url:gsub("^http:", "https:")
      local hasty = claude.new({ api_key = "k", base_url = url, limits = { connect = 0.2 } })
      local _, _, err = hasty.messages:create(params(), { max_retries = 0 })
      assert.same({ "timeout", "connect" }, { err.kind, err.details.limit })
      local patient = claude.new({ api_key = "k", base_url = url, max_retries = 0 })
      _, _, err = patient.messages:create(params(), { limits = { connect = 0.2 } })
      assert.same({ "timeout", "connect" }, { err.kind, err.details.limit })
    end)

    it("an event or an answer over its limit is an error that names the limit", function()
      local small = faulty("ok", { max_event_bytes = 100 })
      local _, text, err = small.messages:create(params())
      assert.equal("protocol", err.kind)
      assert.matches("max_event_bytes", text)
      small = faulty("ok", { max_body_bytes = 300 })
      _, text, err = small.messages:create(params())
      assert.equal("protocol", err.kind)
      assert.matches("max_body_bytes", text)
    end)
  end)
end
