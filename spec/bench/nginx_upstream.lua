--- The API of the benchmark: text deltas at an even pace, from a worker of nginx.
local ngx = rawget(_G, "ngx")

local M = {}

local PACE = 0.02 -- seconds between two deltas

local function event(name, data)
  return ('event: %s\ndata: {"type":"%s",%s}\n\n'):format(name, name, data)
end

local START = event(
  "message_start",
  '"message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6",'
    .. '"content":[],"stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}'
) .. event("content_block_start", '"index":0,"content_block":{"type":"text","text":""}')

local DELTA = event(
  "content_block_delta",
  '"index":0,"delta":{"type":"text_delta","text":"some words of the answer, and "}'
)

local STOP = event("content_block_stop", '"index":0')
  .. event("message_delta", '"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":50}')
  .. 'event: message_stop\ndata: {"type":"message_stop"}\n\n'

local function say(bytes)
  ngx.print(bytes)
  ngx.flush(true)
end

--- Plays one answer.
---@param seconds number how long it takes
function M.play(seconds)
  ngx.req.discard_body()
  ngx.header.content_type = "text/event-stream"
  say(START)
  for _ = 1, seconds / PACE do
    ngx.sleep(PACE)
    say(DELTA)
  end
  say(STOP)
end

return M
