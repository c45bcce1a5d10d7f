--- A Lua that starts: empty, with the library, or as far as the first request or its answer; or
--- as far as the answer with libcurl and nothing around it (floor.c).
---
---     lua start.lua WAY BASE-URL BUFFER-BYTES
---
--- WAY is `empty`, `require`, `ready` (the first request has been handed to the socket whole, and
--- nobody waits for its answer), `request` (it was answered) or `floor`. Prints as JSON which it was,
--- and whether libcurl is mapped.
local way, url, buffer = arg[1], arg[2], tonumber(arg[3])
local ways = {}

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

local function client() return require("claude").new({ api_key = "bench", base_url = url }) end

function ways.empty() end

function ways.require() require("claude") end

function ways.ready() wait_until_sent(client().messages:stream(PARAMS)) end

function ways.request() assert(client().messages:create(PARAMS)) end

function ways.floor()
  local reader = require("bench.floor").new(url .. "/v1/messages", buffer)
  assert(reader:deltas()() == false, "the answer has no end")
end

ways[way]()
local maps = assert(io.open("/proc/self/maps"))
local libcurl = maps:read("*a"):find("libcurl", 1, true) ~= nil
maps:close()
print(('{"way":"%s","libcurl":%s}'):format(way, tostring(libcurl)))
