--- A day's work of a client in one round: streams, whole answers, tool loops, refusals, busy
--- servers, cut and cancelled replies, connections that are kept and that are not, forks,
--- dumps, batch results. spec/bench/server.c plays the API.
local claude = require("claude")

local M = {}

local MODEL = "claude-opus-4-8"

local tool = claude.tool({
  name = "wait",
  description = "Waits a moment",
  input_schema = { type = "object", properties = { n = { type = "integer" } } },
  run = function(input) return "waited " .. input.n end,
})

-- What the server plays is named by metadata.user_id.
local function params(played)
  return {
    model = MODEL,
    max_tokens = 8000,
    messages = { { role = "user", content = "What is new?" } },
    metadata = played and { user_id = played } or nil,
  }
end

local function conversation(client, tools)
  local chat = client:conversation({ model = MODEL, max_tokens = 8000, tools = tools })
  return assert(chat:user("Wait, and say when it is done."))
end

local function is_done(message) assert(message:text():find("It is done", 1, true)) end

-- Reads all pieces of a stream or a run; Lua 5.1 cannot wait in a `for` loop in a task.
local function read_all(stream)
  local kind, text, err = stream:next()
  while kind do
    kind, text, err = stream:next()
  end
  return text, err
end

local function whole_answer(client)
  is_done(assert(client.messages:create(params())))
  return 1
end

local function stream(client)
  local reply = client.messages:stream(params())
  assert(not read_all(reply))
  is_done(assert(reply:final_message()))
  return 1
end

local function connection_that_closes(client)
  local reply = client.messages:stream(params("closing"))
  is_done(assert(reply:final_message()))
  return 1
end

local function tool_loop(client)
  local chat = conversation(client, { tool })
  local run = chat:run({ max_requests = 3 })
  assert(not read_all(run))
  is_done(run.message)
  assert(run.requests == 2)
  return 2
end

local function busy_server(client)
  is_done(assert(client.messages:create(params("busy"), { max_retries = 100 })))
  return 2 -- every second such request is refused
end

local function refusal(client)
  local message, _, err = client.messages:create(params("refused"))
  assert(not message and err.type == "invalid_request_error")
  return 1
end

local function cut_reply(client)
  local reply = client.messages:stream(params("cut"))
  local _, err = read_all(reply)
  assert(err.kind == "incomplete" and err.partial)
  return 1
end

local function cut_conversation(client)
  local chat = conversation(client)
  local message, _, err = chat:send({ metadata = { user_id = "cut" } }, { max_retries = 0 })
  assert(not message and err.partial)
  is_done(assert(chat:send()))
  return 2
end

local function cancelled_stream(client)
  local reply = client.messages:stream(params("held"))
  assert(reply:next() == "message_start")
  reply:cancel()
  return 1
end

local function dropped_stream(client)
  local reply = client.messages:stream(params("held"))
  assert(reply:next() == "message_start")
  return 1 -- the collector finds it
end

local function fork_and_load(client)
  local chat = conversation(client, { tool })
  is_done(assert(chat:run():final_message()))
  local fork = chat:fork()
  fork:user("And once more.")
  is_done(assert(fork:run():final_message()))
  assert(fork:undo() and fork:prefix_hash() == chat:prefix_hash())
  local loaded = assert(client:load(assert(chat:dump()), { tools = { tool } }))
  assert(loaded:prefix_hash() == chat:prefix_hash())
  return 4
end

local function small_answers(client)
  assert(client.messages:count_tokens(params()).input_tokens == 9)
  assert(client.models:list():next().id == MODEL)
  local entries, count = client.messages.batches:results("msgbatch_1"), 0
  while entries:next() do
    count = count + 1
  end
  assert(count == 3)
  return 4
end

local function cancelled_task(client)
  local task = claude.spawn(function()
    local reply = client.messages:stream(params("held"))
    while reply:next() do
    end
  end)
  claude.sleep(0.001)
  task:cancel()
  task:wait()
  return 1
end

local ROUND = {
  stream,
  whole_answer,
  connection_that_closes,
  tool_loop,
  busy_server,
  refusal,
  cut_reply,
  stream,
  cut_conversation,
  cancelled_stream,
  dropped_stream,
  fork_and_load,
  small_answers,
  cancelled_task,
  stream,
}

--- Does everything once; every call checks what it gets.
---@param client claude.Client
---@return number requests that were made
function M.round(client)
  local requests = 0
  for _, work in ipairs(ROUND) do
    requests = requests + work(client)
  end
  return requests
end

return M
