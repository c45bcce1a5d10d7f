-- A conversation that is written down as it goes.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local claude = require("claude")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- In nginx only who asks for it is synced: here it is asked for everywhere.
local function open(env, path, run)
  local journal = assert(claude.journal.file(path, { sync = true }))
  return assert(ask.chat(ask.client(env), { calculator = run }, journal))
end

return function()
  return {
    {
      "a conversation with a journal is opened again where it was",
      function(env)
        local path, ran = os.tmpname(), 0
        os.remove(path)
        local function run()
          ran = ran + 1
          return "49403"
        end
        local chat = open(env, path, run)
        assert(chat:user("What is 127 * 389?"))
        assert(chat:run({ max_requests = 3 }):final_message())
        local dump = assert(chat:dump())
        local second, text = claude.journal.file(path)
        check.equal(nil, second)
        check.contains("it is in use", text)
        chat:close()
        local again = open(env, path, run)
        check.equal(dump, again:dump())
        check.equal(1, ran)
        again:close()
        check.equal(nil, read(path):find(env.key, 1, true))
        os.remove(path)
      end,
    },
  }
end
