--- A Lua that starts: empty, with the library, or as far as the first request or its answer; or
--- as far as the answer with libcurl and nothing around it (floor.c).
---
---     lua start.lua WAY BASE-URL BUFFER-BYTES
---
--- WAY is `empty`, `require`, `ready` (the first request has been handed to the socket whole, and
--- nobody waits for its answer), `request` (it was answered) or `floor`. Prints as JSON which it
--- was, and whether libcurl is mapped.
local way, url, buffer = arg[1], arg[2], tonumber(arg[3])
local ways = {}

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
}

local function bytes_sent(exchange)
  return select(8, require("claude.loop").engine():activity(exchange.id)) or 0
end

local function wait_until_sent(stream)
  local loop, exchange = require("claude.loop"), stream.reply.exchange
  loop.begin()
  while not exchange.ended and bytes_sent(exchange) == 0 do -- so small a body goes out in one piece
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
