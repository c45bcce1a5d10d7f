--- What the fault server's answers are made of: events, chunks, heads, and the steps that a
--- connection plays.
local M = {}

---@param name string
---@param data string
---@return string
function M.event(name, data) return ("event: %s\ndata: %s\n\n"):format(name, data) end

---@param text string JSON text between the quotes
---@return string
function M.text_delta(text)
  local data = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}'
  return M.event("content_block_delta", data:format(text))
end

M.PING = M.event("ping", '{"type":"ping"}')
M.START = M.event(
  "message_start",
  '{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",'
    .. '"model":"claude-sonnet-4-6","content":[],"stop_reason":null,"stop_sequence":null,'
    .. '"usage":{"input_tokens":3,"output_tokens":1}}}'
)
M.BLOCK_START = M.event(
  "content_block_start",
  '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
)
M.BLOCK_STOP = M.event("content_block_stop", '{"type":"content_block_stop","index":0}')
M.DELTA = M.event(
  "message_delta",
  '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    .. '"usage":{"output_tokens":5}}'
)
M.STOP = M.event("message_stop", '{"type":"message_stop"}')
M.OPEN = M.START .. M.BLOCK_START .. M.text_delta("Hel") .. M.text_delta("lo")
M.REST = M.BLOCK_STOP .. M.DELTA .. M.STOP
M.WHOLE = M.OPEN .. M.REST

--- The body of a JSON answer: a token count, whoever asks.
M.JSON = '{"input_tokens":7}'

--- The head of a stream, with more header lines where there are some.
---@param more? string
---@return string
function M.stream_head(more)
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    .. "request-id: req_fault\r\n"
    .. (more or "Transfer-Encoding: chunked\r\n")
    .. "\r\n"
end
M.STREAM_HEAD = M.stream_head()
M.HALF_HEAD = "HTTP/1.1 200 OK\r\nContent-Ty"

---@param bytes string
---@return string
function M.chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end
M.LAST_CHUNK = "0\r\n\r\n"

--- A whole answer with its length.
---@param status string
---@param content_type string
---@param body string
---@param more? string further header lines, each with its end
---@return string
function M.answer(status, content_type, body, more)
  local head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nrequest-id: req_fault\r\n"
  return head:format(status, content_type, #body) .. (more or "") .. "\r\n" .. body
end

--- An error as the API says it.
---@param status string
---@param kind string
---@param message string
---@param more? string
---@return string
function M.api_error(status, kind, message, more)
  local body = '{"type":"error","error":{"type":"%s","message":"%s"},"request_id":"req_body"}'
  return M.answer(status, "application/json", body:format(kind, message), more)
end

--- The whole stream, and the whole JSON answer, as they should be.
M.GOOD_STREAM = { M.STREAM_HEAD, M.chunk(M.WHOLE), M.LAST_CHUNK }
M.GOOD_JSON = { M.answer("200 OK", "application/json", M.JSON) }

-- Steps that are no bytes: spec/faults/connection.lua plays them.
M.CLOSE, M.RESET, M.HANG = { "close" }, { "reset" }, { "hang" }
M.PAUSE = 0.02 -- seconds: what was sent before has been read as a rule

--- One byte after the other, again and again from the beginning.
---@param text string
---@param seconds? number between two bytes
---@return table step
function M.drip(text, seconds) return { "drip", text, seconds or 0.02 } end

--- The same bytes many times, as fast as they are taken.
---@param text string
---@param times integer
---@return table step
function M.times(text, times) return { "times", text, times } end

return M
