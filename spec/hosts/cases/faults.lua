-- What the world outside does, and what becomes of it.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local texts = require("spec.hosts.texts")
local with_limit = require("spec.helpers").with_limit

-- The fault, fields of the error that it comes to, and the text that arrived before.
local FAULTS = {
  { "reset_at_once", kind = "network", retryable = true },
  { "cut_in_headers", kind = "network", retryable = true },
  { "cut_in_event", kind = "incomplete", partial = "Hello" },
  { "reset_in_event", kind = "incomplete", partial = "Hello" },
  { "ended_in_event", kind = "incomplete", partial = "Hello" },
  { "error_429", kind = "api", type = "rate_limit_error", status = 429, retryable = true },
  { "error_529", kind = "api", type = "overloaded_error", status = 529, retryable = true },
  { "html_502", kind = "api", type = "api_error", status = 502, retryable = true },
  { "endless_500", kind = "api", type = "api_error", status = 500, retryable = true },
  { "html_200", kind = "protocol", status = 200 },
  { "error_event", kind = "api", type = "overloaded_error", partial = "Hello" },
}

local LIMITS = {
  { "first_byte", "stall_before_headers" },
  { "idle", "stall_in_event", partial = "Hello" },
  { "stalled", "pings_in_text", partial = "Hello" },
}

local function check_error(env, fault, message, text, err)
  check.equal(nil, message)
  check.equal(tostring(err), text)
  check.equal(nil, text:find(env.key, 1, true), "the key in an error")
  check.equal(fault.kind, err.kind)
  if fault.type then check.equal(fault.type, err.type) end
  if fault.status then check.equal(fault.status, err.status) end
  if fault.retryable then check.equal(true, err.retryable) end
  check.equal(fault.partial, err.partial and err.partial:text())
end

local function fault_case(fault)
  return {
    "a fault is an error: " .. fault[1],
    function(env)
      local client = ask.faulty(env, fault[1])
      check_error(env, fault, client.messages:create(ask.params("Hi")))
    end,
  }
end

local function limit_case(limit)
  return {
    ("the limit %s ends a request: %s"):format(limit[1], limit[2]),
    function(env)
      local message, text, err
      with_limit(0.2, function(seconds)
        local client = ask.faulty(env, limit[2], { limits = { [limit[1]] = seconds } })
        message, text, err = client.messages:create(ask.params("Hi"))
        return not limit.partial or err and err.partial
      end)
      check_error(env, { kind = "timeout", partial = limit.partial }, message, text, err)
      check.equal(limit[1], err.details.limit)
      check.contains(limit[1], text)
    end,
  }
end

return function()
  local cases = {
    {
      "a refused connection is an error that says so",
      function(env)
        local client = ask.client(env, { base_url = "http://127.0.0.1:1", max_retries = 0 })
        local message, text, err = client.messages:create(ask.params("Hi"))
        check_error(env, { kind = "network", retryable = true }, message, text, err)
        check.contains("127.0.0.1", text)
      end,
    },
    {
      "a failure is tried again after a wait, and told before",
      function(env)
        local told = {}
        local client = ask.faulty(env, "error_529", {
          max_retries = 1,
          on_retry = function(err, attempt, delay)
            told[#told + 1] = ("%d %d"):format(err.status, attempt)
            check.equal(true, delay > 0 and delay <= 0.5)
          end,
        })
        local fault = { kind = "api", type = "overloaded_error", status = 529, retryable = true }
        check_error(env, fault, client.messages:create(ask.params("Hi")))
        check.equal("529 1", table.concat(told, ", "))
      end,
    },
    {
      "a whole message is a success, whatever the connection does then",
      function(env)
        for _, scenario in ipairs({ "cut_after_stop_reason", "cut_in_message_stop" }) do
          local message = assert(ask.faulty(env, scenario).messages:create(ask.params("Hi")))
          check.equal(texts.FAULT_SERVER_OK, message:text())
        end
      end,
    },
    {
      "after a failure a conversation is as it was, and sending again is the retry",
      function(env)
        local chat = ask.chat(ask.faulty(env, "cut_in_event"), {})
        chat:user("Hello")
        local message, _, err = chat:send()
        check.equal(nil, message)
        check.equal("incomplete", err.kind)
        check.equal(1, #chat:messages())
        local dump = assert(chat:dump())
        chat = assert(ask.client(env):load(dump))
        assert(chat:send())
        check.equal(2, #chat:messages())
      end,
    },
  }
  for _, fault in ipairs(FAULTS) do
    cases[#cases + 1] = fault_case(fault)
  end
  for _, limit in ipairs(LIMITS) do
    cases[#cases + 1] = limit_case(limit)
  end
  return cases
end
