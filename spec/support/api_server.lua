--- A server on loopback that gives the answers it is told to, one for each request, and
--- remembers what it was asked, headers included.
local core = require("claude.core")
local uv = require("luv")

require("spec.support.sigpipe").survive()

local M = {}

local Server = {}
Server.__index = Server

local REASONS = { [200] = "OK", [400] = "Bad Request", [429] = "Too Many", [529] = "Overloaded" }

---@param bytes string
---@return table? request, integer? length of it
local function parse(bytes)
  local head_end = select(2, bytes:find("\r\n\r\n", 1, true))
  if not head_end then return nil end
  local method, path = bytes:match("^(%S+) (%S+)")
  local request = { method = method, path = path, headers = {} }
  for name, value in bytes:sub(1, head_end):gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
    request.headers[name:lower()] = value
  end
  local length = tonumber(request.headers["content-length"]) or 0
  if #bytes < head_end + length then return nil end
  request.body = bytes:sub(head_end + 1, head_end + length)
  request.json = request.body ~= "" and core.decode(request.body) or nil
  return request, head_end + length
end

local function head_of(answer, length)
  local status = answer.status or 200
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status] or "Status") }
  for name, value in pairs(answer.headers or {}) do
    lines[#lines + 1] = name .. ": " .. value
  end
  lines[#lines + 1] = "content-length: " .. (answer.promise or length)
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Writes the pieces in turn, so that each is read by itself where the reader is quick.
local function write_pieces(socket, pieces, finished)
  local i = 0
  local function go_on()
    i = i + 1
    if socket:is_closing() then return end
    if not pieces[i] then return finished() end
    socket:write(pieces[i], go_on)
  end
  go_on()
end

function Server:_answer(socket, request)
  self.requests[#self.requests + 1] = request
  local answer = self.answers[math.min(#self.requests, #self.answers)]
  if type(answer) == "function" then answer = answer(request) end
  if answer.silent then return end
  if answer.hang_up then return socket:close() end
  local pieces = answer.pieces or { answer.body or "" }
  local length = 0
  for _, piece in ipairs(pieces) do
    length = length + #piece
  end
  local all = { head_of(answer, length) }
  for _, piece in ipairs(pieces) do
    all[#all + 1] = piece
  end
  write_pieces(socket, all, function()
    if answer.promise or answer.close then
      if answer.stay then return end
      socket:close()
    end
  end)
end

function Server:_serve(socket)
  local received = ""
  self.sockets[socket] = true
  socket:read_start(function(_, bytes)
    if not bytes then
      self.hung_up = self.hung_up + 1
      self.sockets[socket] = nil
      if not socket:is_closing() then socket:close() end
      return
    end
    received = received .. bytes
    local request, length = parse(received)
    while request do
      received = received:sub(length + 1)
      self:_answer(socket, request)
      request, length = parse(received)
    end
  end)
end

function Server:close()
  for socket in pairs(self.sockets) do
    if not socket:is_closing() then socket:close() end
  end
  self.sockets = {}
  if not self.listener:is_closing() then self.listener:close() end
  uv.run("nowait")
end

--- Starts a server; the last answer serves every further request. An answer has status,
--- headers, body or pieces; `promise` promises more bytes than come before it closes;
--- `silent` answers nothing, `hang_up` closes without a word.
---@param answers table[]
---@return table server with url, port, requests
function M.start(answers)
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", 0))
  local self = setmetatable({
    answers = answers,
    requests = {},
    sockets = {},
    hung_up = 0,
    listener = listener,
    port = listener:getsockname().port,
  }, Server)
  self.url = ("http://127.0.0.1:%d"):format(self.port)
  assert(listener:listen(128, function()
    local socket = uv.new_tcp()
    listener:accept(socket)
    self:_serve(socket)
  end))
  return self
end

--- Server-sent events of the API: each a table with a type.
---@param events table[]
---@return string[] pieces
function M.sse(events)
  local pieces = {}
  for i, event in ipairs(events) do
    local data = type(event) == "string" and event or assert(core.encode(event))
    local name = type(event) == "string" and event:match('"type":"([%w_]+)"') or event.type
    pieces[i] = ("event: %s\ndata: %s\n\n"):format(name, data)
  end
  return pieces
end

local START = {
  type = "message_start",
  message = {
    id = "msg_1",
    type = "message",
    role = "assistant",
    model = "claude-sonnet-4-6",
    content = core.array({}),
    stop_reason = core.null,
    usage = { input_tokens = 25, output_tokens = 1 },
  },
}

--- The events of a reply with the blocks given: each a list of the start block and its
--- deltas.
---@param blocks table[][]
---@param stop_reason? string
---@return table[]
function M.reply(blocks, stop_reason)
  local events = { START }
  for i, block in ipairs(blocks) do
    local index = i - 1
    local start = { type = "content_block_start", index = index, content_block = block[1] }
    events[#events + 1] = start
    for j = 2, #block do
      events[#events + 1] = { type = "content_block_delta", index = index, delta = block[j] }
    end
    events[#events + 1] = { type = "content_block_stop", index = index }
  end
  events[#events + 1] = {
    type = "message_delta",
    delta = { stop_reason = stop_reason or "end_turn" },
    usage = { output_tokens = 15 },
  }
  events[#events + 1] = { type = "message_stop" }
  return events
end

---@param text string
---@return table[] block
function M.text(text)
  local start = { type = "text", text = "" }
  return { start, { type = "text_delta", text = text } }
end

---@param thinking string
---@param signature string
---@return table[] block
function M.thinking(thinking, signature)
  local block = { { type = "thinking", thinking = "", signature = "" } }
  if thinking ~= "" then block[2] = { type = "thinking_delta", thinking = thinking } end
  block[#block + 1] = { type = "signature_delta", signature = signature }
  return block
end

--- An answer that streams.
---@param events table[]
---@param fields? table
---@return table
function M.stream(events, fields)
  local answer = { pieces = M.sse(events) }
  answer.headers = { ["content-type"] = "text/event-stream", ["request-id"] = "req_1" }
  for name, value in pairs(fields or {}) do
    answer[name] = value
  end
  return answer
end

--- An answer with one JSON body.
---@param status integer
---@param value table|string
---@param headers? table<string, string>
---@return table
function M.json(status, value, headers)
  local answer = { status = status, headers = { ["content-type"] = "application/json" } }
  for name, text in pairs(headers or {}) do
    answer.headers[name] = text
  end
  answer.body = type(value) == "string" and value or assert(core.encode(value))
  return answer
end

--- The API's error object.
---@param status integer
---@param kind string
---@param message string
---@param headers? table<string, string>
---@return table
function M.failure(status, kind, message, headers)
  return M.json(status, {
    type = "error",
    error = { type = kind, message = message },
    request_id = "req_body",
  }, headers)
end

return M
