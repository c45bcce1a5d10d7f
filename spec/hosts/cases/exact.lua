-- The conversation is bytes: the same ones in every host.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local claude = require("claude")

local QUESTION = "What time is it, what is in notes.txt, and what is 127 * 389?"

-- The first two run at once, and end in an order that no host can change.
local function new_tools()
  local is_told
  return {
    clock = function()
      assert(claude.sleep(0.01))
      is_told = true
      return "12:34"
    end,
    read_file = function()
      while not is_told do
        assert(claude.sleep(0.002))
      end
      return "Grüße, 10000000000000001 and 1.5e300"
    end,
    calculator = function() return "49403" end,
  }
end

return function()
  return {
    {
      "a conversation with thinking and tools has the bytes that it has elsewhere",
      function(env)
        local client = ask.client(env)
        local chat = ask.chat(client, new_tools())
        chat:user(QUESTION)
        local run = chat:run({ max_requests = 5 })
        local told, err = ask.everything(run)
        check.equal(nil, err)
        check.contains("thinking 0 ", told)
        check.contains("tool_end", told)
        chat:user("And what is 2 + 3?")
        assert(chat:run():final_message())
        env.digest[#env.digest + 1] = told
        env.digest[#env.digest + 1] = chat:prefix_hash()
        env.digest[#env.digest + 1] = assert(chat:dump())
      end,
    },
    {
      "each request begins with the bytes of the one before",
      function(env)
        local chat = ask.chat(ask.client(env), new_tools())
        chat:user(QUESTION)
        assert(chat:run({ max_requests = 5 }):final_message())
        local count, hash = #chat:messages(), chat:prefix_hash()
        chat:user("And what is 2 + 3?")
        assert(chat:run():final_message())
        check.equal(hash, chat:prefix_hash(count))
      end,
    },
    {
      "a dump is loaded, goes on, and has the same bytes again",
      function(env)
        local client = ask.client(env)
        local chat = ask.chat(client, { calculator = new_tools().calculator })
        chat:user("What is 127 * 389?")
        assert(chat:run():final_message())
        local dump = assert(chat:dump())
        check.equal(nil, dump:find(env.key, 1, true))
        local loaded = assert(client:load(dump))
        check.equal(chat:prefix_hash(), loaded:prefix_hash())
        check.equal(dump, assert(loaded:dump()))
        loaded:user("And what is 2 + 3?")
        assert(loaded:send())
      end,
    },
    {
      "a fork goes its own way, and undo leads back",
      function(env)
        local chat = ask.chat(ask.client(env), new_tools())
        chat:user("Hello")
        assert(chat:send())
        local hash = chat:prefix_hash()
        local fork = chat:fork()
        fork:user("What is 1 + 1?")
        assert(fork:run():final_message())
        check.equal(hash, chat:prefix_hash())
        assert(fork:prefix_hash() ~= hash)
        while fork:prefix_hash() ~= hash do
          assert(fork:undo(), "undo came to the start without passing the fork")
        end
      end,
    },
  }
end
