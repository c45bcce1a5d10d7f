--- Writes event streams for specs, and reads them through claude.core.
local core = require("claude.core")

local M = {}

M.START = [[{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",]]
  .. [["model":"m","content":[],"stop_reason":null,"stop_sequence":null,]]
  .. [["usage":{"input_tokens":7,"output_tokens":1}}}]]
M.STOP = [[{"type":"message_stop"}]]

---@param index integer
---@param block string JSON
function M.block_start(index, block)
  return ([[{"type":"content_block_start","index":%d,"content_block":%s}]]):format(index, block)
end

---@param index integer
---@param delta string JSON
function M.delta(index, delta)
  return ([[{"type":"content_block_delta","index":%d,"delta":%s}]]):format(index, delta)
end

---@param index integer
function M.block_stop(index) return ([[{"type":"content_block_stop","index":%d}]]):format(index) end

---@param reason string
---@param usage? string JSON
function M.message_delta(reason, usage)
  return ([[{"type":"message_delta","delta":{"stop_reason":"%s"},"usage":%s}]]):format(
    reason,
    usage or '{"output_tokens":5}'
  )
end

--- One frame; its name is the data's type, unless given.
---@param data string
---@param name? string
function M.frame(data, name)
  return ("event: %s\ndata: %s\n\n"):format(name or data:match('"type"%s*:%s*"([^"]*)"'), data)
end

--- Frames for a list of events, one after the other.
---@param events string[]
function M.stream(events)
  local frames = {}
  for i, data in ipairs(events) do
    frames[i] = M.frame(data)
  end
  return table.concat(frames)
end

--- A whole reply: its blocks (each a list of events without the index: start first,
--- then deltas), stopped in order, and its end.
---@param blocks string[][]
---@param reason? string end_turn
---@return string[] events
function M.reply(blocks, reason)
  local events = { M.START }
  for i, parts in ipairs(blocks) do
    events[#events + 1] = M.block_start(i - 1, parts[1])
    for k = 2, #parts do
      events[#events + 1] = M.delta(i - 1, parts[k])
    end
    events[#events + 1] = M.block_stop(i - 1)
  end
  events[#events + 1] = M.message_delta(reason or "end_turn")
  events[#events + 1] = M.STOP
  return events
end

--- Everything next() says now, as "kind index text", and why it stopped.
function M.drain(response, lines)
  lines = lines or {}
  local kind, text, index = response:next()
  while kind do
    lines[#lines + 1] = ("%s %s %s"):format(kind, index or "-", text or "-")
    kind, text, index = response:next()
  end
  return lines, text
end

--- A response that has taken the bytes (or pieces of them) as an event stream.
---@param bytes string|string[]
---@param failure? string how the connection ended
function M.read(bytes, failure)
  local response, lines = core.response({}), {}
  response:feed_header("HTTP/1.1 200 OK")
  response:feed_header("content-type: text/event-stream; charset=utf-8")
  for _, piece in ipairs(type(bytes) == "table" and bytes or { bytes }) do
    response:feed(piece)
    M.drain(response, lines)
  end
  response:finish(failure)
  local _, why = M.drain(response, lines)
  return response, lines, why
end

--- The response to a whole reply made by M.reply.
function M.read_reply(blocks, reason) return M.read(M.stream(M.reply(blocks, reason))) end

return M
