--- A finished message as the events of a stream.
local core = require("claude.core")

local M = {}

local function encode(value) return assert(core.encode(value, { request = true })) end

local function event(name, data) return ("event: %s\ndata: %s\n\n"):format(name, data) end

--- Blanks before the closing brace, as the API hides the length of its events.
local function pad(data, count)
  if count == 0 then return data end
  return data:sub(1, -2) .. (" "):rep(count) .. "}"
end

---@class claude.simulator.sse.Options
---@field piece integer bytes of text in one delta, about
---@field ping_every? integer a ping after every so many events
---@field padding? integer|boolean most blanks in an event; true: up to 16

---@class claude.simulator.sse.Writer
local Writer = {}
Writer.__index = Writer
Writer.__name = "claude.simulator.sse.Writer"

local PING = event("ping", '{"type": "ping"}')

function Writer:add(name, data)
  local count = #self.events
  local most = self.padding
  -- A little number theory instead of chance: the same blanks in every run.
  local blanks = most > 0 and (count * 7 + #data) % (most + 1) or 0
  self.events[count + 1] = event(name, pad(data, blanks))
  if self.ping_every and (count + 1) % self.ping_every == 0 then self.events[count + 2] = PING end
end

function Writer:delta(index, delta)
  self:add(
    "content_block_delta",
    ('{"type":"content_block_delta","index":%d,"delta":%s}'):format(index, delta)
  )
end

--- Cuts text into pieces between characters.
local function pieces(text, size)
  local at = 1
  return function()
    if at > #text then return nil end
    local last = math.min(at + size - 1, #text)
    while last < #text and text:find("^[\128-\191]", last + 1) do
      last = last + 1
    end
    local piece = text:sub(at, last)
    at = last + 1
    return piece
  end
end

function Writer:text(index, text, template)
  for piece in pieces(text, self.piece) do
    self:delta(index, (template:gsub("%%s", function() return encode(piece) end)))
  end
end

local start, deltas = {}, {}

function start.text(block)
  return block.citations and '{"type":"text","text":"","citations":[]}'
    or '{"type":"text","text":""}'
end

function deltas.text(self, index, block)
  for _, citation in ipairs(block.citations or {}) do
    self:delta(index, ('{"type":"citations_delta","citation":%s}'):format(encode(citation)))
  end
  self:text(index, block.text, '{"type":"text_delta","text":%s}')
end

function start.thinking() return '{"type":"thinking","thinking":"","signature":""}' end

function deltas.thinking(self, index, block)
  self:text(index, block.thinking, '{"type":"thinking_delta","thinking":%s}')
  if block.signature then
    self:delta(index, ('{"type":"signature_delta","signature":%s}'):format(encode(block.signature)))
  end
end

local function tool_start(block)
  local fields = {}
  for name, value in pairs(block) do
    fields[name] = value
  end
  fields.input = core.object({})
  return encode(fields)
end

--- Tool input streams as text; the first piece is empty, as the API sends it.
local function tool_deltas(self, index, block)
  local text = block.input_json or encode(block.input)
  if not block.input_json and text == "{}" then text = "" end
  self:delta(index, '{"type":"input_json_delta","partial_json":""}')
  self:text(index, text, '{"type":"input_json_delta","partial_json":%s}')
end

for _, kind in ipairs({ "tool_use", "server_tool_use", "mcp_tool_use" }) do
  start[kind] = function(block)
    local copy = {}
    for name, value in pairs(block) do
      if name ~= "input_json" then copy[name] = value end
    end
    return tool_start(copy)
  end
  deltas[kind] = tool_deltas
end

-- One that was asked for comes whole and signed; of the others the content follows.
function start.compaction(block)
  if block.signature then return encode(block) end
  return '{"type":"compaction","content":null}'
end

function deltas.compaction(self, index, block)
  if block.signature then return end
  local delta = { type = "compaction_delta", content = block.content or core.null }
  delta.encrypted_content = block.encrypted_content
  self:delta(index, encode(delta))
end

function Writer:block(index, block)
  local first = (start[block.type] or encode)(block)
  self:add(
    "content_block_start",
    ('{"type":"content_block_start","index":%d,"content_block":%s}'):format(index, first)
  )
  if index == 0 then self.events[#self.events + 1] = PING end
  if deltas[block.type] then deltas[block.type](self, index, block) end
  self:add("content_block_stop", ('{"type":"content_block_stop","index":%d}'):format(index))
end

local function nullable(value) return value == nil and "null" or encode(value) end

--- Members that only some messages have.
local function more_of(message)
  local parts = {}
  for _, name in ipairs({ "diagnostics", "input_transformations" }) do
    local value = message[name]
    if value ~= nil then parts[#parts + 1] = (',"%s":%s'):format(name, encode(value)) end
  end
  return table.concat(parts)
end

--- The head of a message: everything but content and how it ended.
local function head(message, usage)
  return (
    '{"type":"message_start","message":{"model":%s,"id":%s,"type":"message",'
    .. '"role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,'
    .. '"stop_details":null,"container":null,"usage":%s%s}}'
  ):format(encode(message.model), encode(message.id), encode(usage), more_of(message))
end

local function edits(message)
  local told = message.context_management
  return told and ',"context_management":' .. encode(told) or ""
end

--- How the message ended.
local function tail(message)
  return (
    '{"type":"message_delta","delta":{"stop_reason":%s,"stop_sequence":%s,'
    .. '"stop_details":%s,"container":%s},"usage":%s%s}'
  ):format(
    nullable(message.stop_reason),
    nullable(message.stop_sequence),
    nullable(message.stop_details),
    nullable(message.container),
    encode(message.usage_delta),
    edits(message)
  )
end

--- The events of a message, in order.
---@param message table as reply.lua builds it
---@param options claude.simulator.sse.Options
---@return string[] events
function M.events(message, options)
  local padding = options.padding == true and 16 or options.padding or 0
  local writer = setmetatable({
    events = {},
    piece = math.max(1, options.piece),
    padding = padding,
    ping_every = options.ping_every,
  }, Writer)
  writer:add("message_start", head(message, message.usage_start))
  for index, block in ipairs(message.content) do
    writer:block(index - 1, block)
  end
  writer:add("message_delta", tail(message))
  writer:add("message_stop", '{"type":"message_stop"}')
  return writer.events
end

--- An error in the middle of a stream.
---@param body string the API's error body
---@return string
function M.error(body) return event("error", body) end

--- The message as one JSON body.
---@param message table
---@return string
function M.json(message)
  local blocks = {}
  for index, block in ipairs(message.content) do
    if block.input_json then
      local copy = {}
      for name, value in pairs(block) do
        copy[name] = value
      end
      copy.input = core.decode(block.input_json)
        or core.decode_partial(block.input_json)
        or core.object({})
      copy.input_json = nil
      block = copy
    end
    blocks[index] = encode(block)
  end
  return (
    '{"model":%s,"id":%s,"type":"message","role":"assistant","content":[%s],'
    .. '"stop_reason":%s,"stop_sequence":%s,"stop_details":%s,"container":%s,"usage":%s%s}'
  ):format(
    encode(message.model),
    encode(message.id),
    table.concat(blocks, ","),
    nullable(message.stop_reason),
    nullable(message.stop_sequence),
    nullable(message.stop_details),
    nullable(message.container),
    encode(message.usage),
    more_of(message) .. edits(message)
  )
end

return M
