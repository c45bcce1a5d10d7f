--- A conversation with a tool: as many turns as are asked for, each with a thought, a text and a
--- call, and with the result of the call as what is sent next.
---
---     lua turns.lua BASE-URL TURNS RESULT-BYTES [memory]
---
--- Prints as JSON the CPU seconds that making the requests took after 10, 50, 100, 200 and 400
--- turns in all (`after_10` and so on), and the bytes that the server got (`sent`); with `memory`
--- how much the conversation added for each of its bytes, and what 100 forks of it added.
local claude = require("claude")
local conversations = require("spec.bench.clients.conversation")
local memory = require("spec.bench.clients.memory")

local FORKS = 100
local MARKS = { [10] = true, [50] = true, [100] = true, [200] = true, [400] = true }

local url, turns, result_bytes = arg[1], tonumber(arg[2]), tonumber(arg[3])

local text = conversations.result(result_bytes)

-- Returns the seconds of CPU that making the requests took, and what they came to at the marks.
local function take_turns(chat, count)
  local making, marks = 0, {}
  for turn = 1, count do
    local clock = os.clock()
    for _, call in ipairs(chat:pending()) do
      chat:answer(call.id, text)
    end
    local stream = chat:stream()
    making = making + os.clock() - clock
    if MARKS[turn] then marks[#marks + 1] = (',"after_%d":%.6f'):format(turn, making) end
    assert(stream:final_message())
  end
  return table.concat(marks)
end

local function fork_all(chat)
  local before, forks = memory.now(), {}
  for i = 1, FORKS do
    forks[i] = chat:fork()
  end
  return (memory.now() - before) * 1024, forks
end

local client = claude.new({ api_key = "bench", base_url = url })
local received -- bytes of requests since this was asked last
local function ask_received() received = assert(client:request("GET", "/received")):json() end

-- All that is loaded when first needed is there before anything is measured.
take_turns(conversations.begin(client), 2)
ask_received()
local chat, before = conversations.begin(client), memory.now()
local marks = take_turns(chat, turns)
local conversation = (memory.now() - before) * 1024
ask_received()
assert(received.requests == turns, "requests are missing")
if arg[4] == "memory" then
  local forks = fork_all(chat)
  marks = (',"resident_per_byte":%.4f,"forks":%d'):format(conversation / #chat:dump(), forks)
    .. marks
end
print(('{"sent":%.0f%s}'):format(received.bytes, marks))
