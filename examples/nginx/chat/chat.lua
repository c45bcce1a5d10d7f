--- A chat over server-sent events, with tools, for nginx:
---
---     POST /chat/NAME     the body is what the user says; the answer comes as events
---
---     event: thinking, text    data: a JSON string, to be appended to what came before
---     event: tool_start        data: the tool's name
---     event: tool_end          data: what the model sees of its result
---     event: error             data: { "kind": …, "message": …, "hint": … }
---     event: done              data: { "stop_reason": …, "output_tokens": … }
---     : ping                   a comment, so that nobody on the way takes silence for the end
---
--- Between requests a conversation lives, as the bytes of `chat:dump()`, in the shared
--- dictionary `chats`; whichever worker is asked next goes on with it. What was not answered
--- to the end is not kept: asking again is trying again.
local cjson = require("cjson.safe")
local claude = require("resty.claude")

local M = {}

local BEAT = 5 -- seconds between comments when the API is silent, too
local KEPT = 24 * 3600 -- seconds that a conversation is remembered
local LONGEST_TURN = 3 * BEAT -- seconds without a beat after which a turn is given up for dead

local clock = claude.tool({
  name = "clock",
  description = "The current date and time of the server, in UTC",
  input_schema = { type = "object" },
  run = function() return os.date("!%Y-%m-%d %H:%M:%S") end,
})

local PARAMS = {
  model = "claude-sonnet-5-5",
  max_tokens = 16000,
  thinking = { type = "adaptive", display = "summarized" },
  system = "You answer people who visit a web page. Be brief.",
  tools = { clock },
}

-- One client for all requests of the worker: it keeps no state of theirs.
local client = claude.new()

-- One whole event in one print: the beat may come between any two.
local function send(event, data)
  ngx.print(("event: %s\ndata: %s\n\n"):format(event, cjson.encode(data)))
  return ngx.flush(true)
end

local function comment()
  ngx.print(": ping\n\n")
  return ngx.flush(true)
end

local function open(name)
  local saved = ngx.shared.chats:get(name)
  if saved then return client:load(saved, { tools = PARAMS.tools }) end
  return client:conversation(PARAMS)
end

local function keep(name, chat)
  local dump = assert(chat:dump())
  local kept, problem = ngx.shared.chats:set(name, dump, KEPT)
  if not kept then ngx.log(ngx.ERR, "the conversation is forgotten: ", problem) end
end

-- What of a run a visitor gets to see, and how.
local SHOWN = { text = true, thinking = true, tool_start = true, tool_end = true }

-- Whether the run came to its end.
local function tell(run)
  local kind, text, err
  repeat
    kind, text, err = run:next()
    if kind == "ping" then
      comment()
    elseif SHOWN[kind] then
      send(kind, text)
    end
  until not kind
  if err then
    send("error", { kind = err.kind, message = err.message, hint = err.hint })
    return false
  end
  local usage = run:final_message().usage
  send("done", { stop_reason = run.reason, output_tokens = usage.output_tokens })
  return true
end

-- While the API has not begun to answer, or a tool runs, there are no pings of its own.
local function beat(lock)
  while claude.sleep(BEAT) do
    ngx.shared.chats:set(lock, true, LONGEST_TURN)
    comment()
  end
end

local function say(status, text)
  ngx.status = status
  ngx.say(text)
end

-- The conversation and the run that answers; nil, a status and a text if there can be none.
local function begin(name, question)
  local chat, text = open(name)
  if not chat then return nil, 500, text end
  local taken, problem = chat:user(question)
  if not taken then return nil, 400, problem end
  return chat, chat:run({ max_requests = 10 }, { pings = true })
end

--- The content of the location /chat/.
function M.answer()
  local name = ngx.var.uri:match("^/chat/([%w_-]+)$")
  if not name then return say(404, "a conversation's name has letters, digits, - and _") end
  ngx.req.read_body()
  local question = ngx.req.get_body_data()
  if not question then return say(400, "the body is the question") end
  local lock = name .. " is busy"
  if not ngx.shared.chats:add(lock, true, LONGEST_TURN) then
    return say(409, "the answer to the last question is still coming")
  end

  local chat, run, text = begin(name, question)
  if not chat then
    ngx.shared.chats:delete(lock)
    return say(run, text)
  end
  -- Needs lua_check_client_abort on. Whoever has left needs no answer, and we need no bill.
  ngx.on_abort(function()
    run:cancel()
    ngx.shared.chats:delete(lock)
    ngx.exit(499)
  end)

  ngx.header.content_type = "text/event-stream"
  ngx.header.cache_control = "no-cache"
  ngx.header.x_accel_buffering = "no" -- for an nginx in front of this one
  local beats = claude.spawn(beat, lock)
  if tell(run) then keep(name, chat) end
  beats:cancel()
  ngx.shared.chats:delete(lock)
end

return M
