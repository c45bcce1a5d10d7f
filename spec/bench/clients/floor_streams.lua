--- The least that hands the deltas of many streams at once to a coroutine each (floor.c), which
--- reads them with the project's loop.
---
---     lua floor_streams.lua URL STREAMS BUFFER-BYTES [1.1|2]
---
--- Prints JSON: the bytes of all texts as JSON spells them, and what paced.lua tells.
local floor = require("bench.floor")
local paced = require("spec.bench.clients.paced")

local url, streams, buffer = arg[1], tonumber(arg[2]), tonumber(arg[3])

paced.begin(streams)
local tasks, resume = {}, coroutine.resume
for number = 1, streams do
  tasks[number] = coroutine.create(paced.read)
  assert(resume(tasks[number], number, coroutine.yield))
end
for kind, text, number in floor.new(url, buffer, streams, arg[4]):deltas() do
  resume(tasks[number], kind or nil, text) -- false: nothing more comes
  if not kind then tasks[number] = nil end
end
assert(next(tasks) == nil, "streams have not ended")
print(('{"spelled":%d,%s}'):format(paced.sum(), paced.report()))
