--- A Lua that starts: empty, with the library, or as far as the first request or its answer.
---
---     lua start.lua WAY BASE-URL
---
--- WAY is `empty`, `require`, `ready` (the first request has been handed to the socket whole, and
--- nobody waits for its answer) or `request` (it was answered). Prints as JSON which it was, and
--- whether libcurl is mapped.
local way = arg[1]

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
}

-- A body so small goes out in one piece with the headers, as soon as there is a connection.
local function wait_until_sent(stream)
  local loop, exchange = require("claude.loop"), stream.reply.exchange
  loop.begin()
  while not (exchange.ended or loop.engine():activity(exchange.id)) do
    loop.wait()
  end
  assert(not exchange.failure, exchange.failure)
end

local WAYS = {
  empty = function() end,
  require = function() require("claude") end,
  ready = function()
    local client = require("claude").new({ api_key = "bench", base_url = arg[2] })
    wait_until_sent(client.messages:stream(PARAMS))
  end,
  request = function()
    local client = require("claude").new({ api_key = "bench", base_url = arg[2] })
    assert(client.messages:create(PARAMS))
  end,
}
WAYS[way]()

local maps = assert(io.open("/proc/self/maps"))
local libcurl = maps:read("*a"):find("libcurl", 1, true) ~= nil
maps:close()
print(('{"way":"%s","libcurl":%s}'):format(way, tostring(libcurl)))
