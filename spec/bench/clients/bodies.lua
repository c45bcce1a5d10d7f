--- Large replies, and the memory that they take.
---
---     lua bodies.lua WAY BASE-URL REQUESTS
---
--- WAY is `message`, a reply that is no stream; `input`, the input of a tool in a stream; or
--- `results`, those of a batch. Prints as JSON how many bytes of text came (`text` or `input_json`,
--- or `results`), and the most memory that was added before anything was decoded for Lua
--- (`added_kb`).
local claude = require("claude")
local memory = require("spec.bench.clients.memory")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}

local way, url, requests = arg[1], arg[2], tonumber(arg[3])
local client = claude.new({ api_key = "bench", base_url = url })

local ways = {}

-- The first event is told once all of the body is there.
function ways.message()
  local stream = client.messages:stream(PARAMS)
  assert(stream:next())
  local most = memory.of("VmHWM")
  return #assert(stream:final_message()):text(), most
end

function ways.input()
  local stream, bytes = client.messages:stream(PARAMS), 0
  for kind, text in stream:deltas() do
    if kind == "input_json" then bytes = bytes + #text end
  end
  local most = memory.of("VmHWM")
  local message = assert(stream:final_message())
  assert(message.content[#message.content].input.content)
  return bytes, most
end

function ways.results()
  local count = 0
  for entry in client.messages.batches:results("msgbatch_1") do
    assert(entry.result.message)
    count = count + 1
  end
  return count, memory.of("VmHWM")
end

local FIELDS = { message = "text", input = "input_json", results = "results" }

assert(client:request("GET", "/received")) -- libcurl is loaded, and all else
local before, sum, most = memory.now(), 0, 0
for _ = 1, requests do
  local got, peak = ways[way]()
  sum, most = sum + got, math.max(most, peak)
end
print(('{"%s":%.0f,"added_kb":%d}'):format(FIELDS[way], sum, most - before))
