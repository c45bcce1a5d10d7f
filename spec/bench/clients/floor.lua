--- The least that hands each delta to Lua as a string (floor.c), read by the project's loop. The
--- library is loaded and has had a message: that is what a program's strings and its collector
--- find beside them.
---
---     lua floor.lua BASE-URL REQUESTS BUFFER-BYTES
---
--- Prints the bytes of all texts as JSON spells them, and how many there were, as JSON.
local claude = require("claude")
local counts = require("spec.bench.clients.counts")
local floor = require("bench.floor")

local url, requests, buffer = arg[1], tonumber(arg[2]), tonumber(arg[3])

local client = claude.new({ api_key = "bench", base_url = url:match("^%l+://[^/]+") })
assert(client.messages
  :stream({
    model = "claude-sonnet-4-6",
    max_tokens = 16000,
    messages = { { role = "user", content = "Go on" } },
  })
  :final_message())

local reader = floor.new(url .. "/v1/messages", buffer)
for _ = 1, requests do
  counts.read(reader)
end

local spelled = 0
for _, sum in pairs(counts.bytes) do
  spelled = spelled + sum
end
print(('{"pieces":%d,"spelled":%d}'):format(counts.pieces, spelled))
