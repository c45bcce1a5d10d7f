--- The bytes of a conversation's requests and nothing else: what the library does from the value
--- that a tool returned to the list of slices that libcurl reads, and with a reply that is whole to
--- its bytes in the conversation. All of it is the library's own code, in the order of
--- claude.conversation.turn; checks of the parameters, headers and the transport are left out.
---
---     lua serialise.lua BASE-URL TURNS RESULT-BYTES
---
--- Prints as JSON the CPU seconds after 10, 50, 100, 200 and 400 turns in all, the bytes of all
--- requests (`made`), and how many of the seconds the replies took (`replies`): to seal as many of
--- them is measured once more, by itself. The first requests are made by a conversation that sends
--- them, too, and both must have as many bytes.
local claude = require("claude")
local core = require("claude.core")
local conversations = require("spec.bench.clients.conversation")
local frames = require("claude.conversation.frames")
local history = require("claude.conversation.history")
local new_draft = require("claude.conversation.draft").new
local tool_result = require("claude.tool_loop.result")

local SENT = 3 -- turns that are sent as well
local MARKS = { [10] = true, [50] = true, [100] = true, [200] = true, [400] = true }

local url, turns, result_bytes = arg[1], tonumber(arg[2]), tonumber(arg[3])
local text = conversations.result(result_bytes)
local client = claude.new({ api_key = "bench", base_url = url })
local rules = { warn = error, scrub = client.credentials.scrub }

local function received() return assert(client:request("GET", "/received")):json().bytes end

-- A conversation that is sent: the bytes of its requests, a reply, and the call in it.
local function send()
  local chat = conversations.begin(client)
  local stream, call
  received()
  for _ = 1, SENT do
    for _, open in ipairs(chat:pending()) do
      call = open
      chat:answer(open.id, text)
    end
    stream = chat:stream()
    assert(stream:final_message())
  end
  return received(), stream.response, call
end

-- The messages of a new turn behind the others.
local function add(transcript, draft, calls)
  return (assert(history.extended(transcript, draft:messages(calls))))
end

local function answer(call)
  local draft = new_draft()
  draft.results[call.id] = tool_result.success(call, text, rules)
  return draft
end

local function make(response, call, count, each)
  local chat = conversations.begin(client)
  local calls, draft, transcript = { call }, chat.draft, core.transcript()
  for turn = 1, count do
    transcript = add(transcript, draft, calls)
    local frame = frames.bytes(chat, chat.params, true)
    local body = core.body({ frame.before, transcript, frame.after })
    assert(response:seal("whole", transcript))
    draft = answer(call)
    each(turn, body)
  end
end

local sent, response, call = send()
local made, marks = 0, {}

make(response, call, SENT, function(_, body) made = made + #body end)
assert(made == sent, "what is made is not what is sent")

made = 0
collectgarbage()
local clock = os.clock()
make(response, call, turns, function(turn, body)
  made = made + #body
  if not MARKS[turn] then return end
  marks[#marks + 1] = (',"after_%d":%.6f'):format(turn, os.clock() - clock)
end)

local sealed = core.transcript()
collectgarbage()
clock = os.clock()
for _ = 1, turns do
  assert(response:seal("whole", sealed))
end
local replies = os.clock() - clock
print(('{"made":%.0f,"replies":%.6f%s}'):format(made, replies, table.concat(marks)))
