-- Tools: side by side, failing, declined, stopped.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local claude = require("claude")

-- Tools that only return once both are running.
local function two_that_meet()
  local arrived = 0
  local function meet()
    arrived = arrived + 1
    while arrived < 2 do
      assert(claude.sleep(0.002))
    end
    return "12:34"
  end
  return meet
end

return function()
  return {
    {
      "tools that wait run side by side",
      function(env)
        local meet = two_that_meet()
        local chat = ask.chat(ask.client(env), { clock = meet, read_file = meet })
        chat:user("What time is it, and what is in notes.txt?")
        local run = chat:run({ max_requests = 3 })
        assert(run:final_message())
        check.equal(2, run.requests)
      end,
    },
    {
      "a tool may ask the API itself",
      function(env)
        local client = ask.client(env)
        local chat = ask.chat(client, {
          calculator = function()
            return assert(client.messages:create(ask.params("What is 127 * 389?"))):text()
          end,
        })
        chat:user("What is 127 * 389?")
        check.contains("49403", assert(chat:run():final_message()):text())
      end,
    },
    {
      "a tool that raises answers with its error, and the run goes on",
      function(env)
        local chat = ask.chat(ask.client(env), {
          calculator = function()
            assert(claude.sleep(0.005))
            error("out of chalk")
          end,
        })
        chat:user("What is 127 * 389?")
        local told = ask.everything(chat:run({ max_requests = 3 }))
        check.contains("tool_end", told)
        check.contains("out of chalk", told)
      end,
    },
    {
      "an approval may wait, and a call that is declined does not run",
      function(env)
        local ran = false
        local chat = ask.chat(ask.client(env), { calculator = function() ran = true end })
        chat:user("What is 127 * 389?")
        local function approve()
          assert(claude.sleep(0.005))
          return false
        end
        assert(chat:run({ max_requests = 3, approve = approve }):final_message())
        check.equal(false, ran)
      end,
    },
    {
      "a run that is cancelled stops its tools and leaves a conversation that goes on",
      function(env)
        local begun, stopped
        local chat = ask.chat(ask.client(env), {
          calculator = function()
            begun = true
            local _, _, err = claude.sleep(60)
            stopped = err
            return "late"
          end,
        })
        chat:user("What is 127 * 389?")
        local run = chat:run()
        local reader = claude.spawn(function() return run:final_message() end)
        while not begun do
          assert(claude.sleep(0.002))
        end
        run:cancel()
        local message, _, err = reader:wait()
        check.equal(nil, message)
        check.equal("cancelled", err.kind)
        while not stopped do
          assert(claude.sleep(0.002))
        end
        check.equal("cancelled", stopped.kind)
        chat:user("Never mind. Hello")
        assert(chat:send())
      end,
    },
  }
end
