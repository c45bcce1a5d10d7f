-- What users put around requests, and the log: nothing of it holds this host up.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local claude = require("claude")

-- Sends the request on after a wait, and says so.
local function waiting(order)
  return function(request, send)
    claude.sleep(0.005)
    order[#order + 1] = "middleware " .. request.attempt
    local answer, text, err = send(request)
    order[#order + 1] = "answer " .. tostring(answer and answer.status or err.kind)
    return answer, text, err
  end
end

return function()
  return {
    {
      "middleware and sign may wait, around a stream too",
      function(env)
        local order = {}
        local client = ask.client(env, {
          middleware = { waiting(order) },
          sign = function(request)
            claude.sleep(0.005)
            order[#order + 1] = "sign " .. #request.body:sha256()
          end,
        })
        local told, err = ask.everything(client.messages:stream(ask.params("What is 2 * 3?")))
        check.equal(nil, err)
        check.contains("message_stop", told)
        check.list({ "middleware 1", "sign 64", "answer 200" }, order)
      end,
    },
    {
      "an attempt that fails goes through middleware again",
      function(env)
        local order = {}
        local client =
          ask.faulty(env, "error_529", { middleware = { waiting(order) }, max_retries = 1 })
        local _, _, err = client.messages:create(ask.params("x"))
        check.equal("overloaded_error", err.type)
        check.list({ "middleware 1", "answer 529", "middleware 2", "answer 529" }, order)
      end,
    },
    {
      "the log goes to a function, without the key",
      function(env)
        local lines = {}
        local client = ask.client(env, {
          log_level = "debug",
          logger = function(level, text) lines[#lines + 1] = level .. " " .. text end,
        })
        assert(client.messages:create(ask.params("Remember " .. env.key)))
        local all = table.concat(lines, "\n")
        check.contains("/v1/messages: 200, ", all)
        check.contains("Remember [redacted]", all)
        check.equal(nil, (all:find(env.key, 1, true)))
      end,
    },
  }
end
