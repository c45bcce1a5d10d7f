--- What a stream of bytes says, by the rules and in plain Lua: a second opinion on what the
--- C core makes of it. Everything is read anew from the text, as slowly as it takes.
---
--- The rules are those of WHATWG's event streams, of RFC 8259, and of the tables in
--- doc/imperfect-replies.md, as far as damage to one byte of a reply can come to them.
local strict_json = require("spec.cuts.strict_json")

local M = {}

local NAMES = {
  content_block_delta = true,
  content_block_start = true,
  content_block_stop = true,
  error = true,
  message_delta = true,
  message_start = true,
  message_stop = true,
  ping = true,
}

-- Event streams

-- Lines with an end: what the stream breaks off in is none.
local function lines_of(bytes)
  local lines, at = {}, bytes:sub(1, 3) == "\239\187\191" and 4 or 1
  while true do
    local last = bytes:find("[\r\n]", at)
    if not last then return lines end
    lines[#lines + 1] = bytes:sub(at, last - 1)
    at = last + (bytes:sub(last, last + 1) == "\r\n" and 2 or 1)
  end
end

--- The events of a stream, as { name, data }.
---@param bytes string
---@return { name: string, data: string }[]
function M.events(bytes)
  local events, name, data = {}, "", nil
  for _, line in ipairs(lines_of(bytes)) do
    local field, value = line:match("^([^:]*):? ?(.*)$")
    if line == "" then
      if data then events[#events + 1] = { name = name, data = data } end
      name, data = "", nil
    elseif field == "event" then
      name = value
    elseif field == "data" then
      data = data and (data .. "\n" .. value) or value
    end
  end
  return events
end

-- Events without a name are passed over, unless no event has one: a message_start and the
-- event behind it show that.
local function that_count(events)
  local counted, named, none, start = {}, false, false, nil
  for _, event in ipairs(events) do
    named = named or event.name ~= ""
    if event.name ~= "" or none then
      counted[#counted + 1] = event
    elseif not named and start then
      none = true
      counted[#counted + 1], counted[#counted + 2] = start, event
    elseif not named and event.data:find('"message_start"', 1, true) then
      start = event
    end
  end
  return counted
end

-- JSON

-- Most events of most streams are the same: what they say is read once.
local read_before = {}

local function read_json(text)
  if read_before[text] == nil then read_before[text] = strict_json.read(text) or false end
  return read_before[text] or nil
end

local function member(value, name) return value and value.object and value.object[name] end

local function text_of(value) return value and value.string and strict_json.plain(value.string) end

local function is_given(value) return value ~= nil and value.word ~= "null" end

local function copy(value)
  local made = { object = {} }
  for name, inner in pairs(value and value.object or {}) do
    made.object[name] = inner
  end
  return made
end

-- Messages

local function refuse(what) error({ refused = what }, 0) end

local function need(condition, what) return condition or refuse(what) end

local function index_of(data)
  local digits = member(data, "index") and member(data, "index").number
  need(digits and digits:find("^%d+$"), "an index")
  return tonumber(digits)
end

-- A string grows by what stands between the quotes of another.
local function grow(block, name, more)
  local before = member(block.fields, name)
  local inside = before and before.string or ""
  block.fields.object[name] = { string = inside .. more.string }
end

local DELTAS = {}

function DELTAS.text_delta(block, delta)
  local more = need(member(delta, "text"), "a text")
  need(more.string, "a text")
  local before = member(block.fields, "text")
  if block.type ~= "text" and not (before and before.string) then return false end
  grow(block, "text", more)
end

function DELTAS.thinking_delta(block, delta)
  local more = need(member(delta, "thinking"), "thinking")
  need(more.string, "thinking")
  local before = member(block.fields, "thinking")
  if block.type ~= "thinking" and not (before and before.string) then return false end
  grow(block, "thinking", more)
end

function DELTAS.signature_delta(block, delta)
  local signature = need(member(delta, "signature"), "a signature")
  if block.type ~= "thinking" and not member(block.fields, "signature") then return false end
  block.fields.object.signature = signature
end

function DELTAS.citations_delta(block, delta)
  local citation = need(member(delta, "citation"), "a citation")
  local before = member(block.fields, "citations")
  if block.type ~= "text" and not before then return false end
  local list = {}
  for i, one in ipairs(before and before.array or {}) do
    list[i] = one
  end
  list[#list + 1] = citation
  block.fields.object.citations = { array = list }
end

function DELTAS.input_json_delta(block, delta)
  local more = need(member(delta, "partial_json"), "a partial_json")
  need(more.string, "a partial_json")
  if not block.type:find("tool_use$") then return false end
  block.input = (block.input or "") .. more.string
end

local EVENTS = {}

function EVENTS.content_block_start(message, data)
  local index = index_of(data)
  local fields = need(member(data, "content_block"), "a block")
  local kind = text_of(member(need(fields.object and fields, "a block"), "type"))
  need(kind and kind ~= "", "a block's type")
  if message.by_index[index] then refuse("a block once") end
  local block = { index = index, type = kind, fields = copy(fields) }
  message.by_index[index] = block
  message.blocks[#message.blocks + 1] = block
end

local function is_delta_of(block, delta)
  local add = DELTAS[text_of(member(delta, "type")) or ""]
  return add and add(block, delta) ~= false
end

function EVENTS.content_block_delta(message, data)
  local index = index_of(data)
  local delta = need(member(data, "delta"), "a delta")
  need(delta.object, "a delta")
  local block = message.by_index[index]
  -- What the delta itself lacks shows before what is wrong with its place.
  local placed = is_delta_of(block or { fields = copy(), type = "" }, delta)
  need(block and not block.stopped, "a block for the delta")
  if not placed then block.unplaced = true end
end

function EVENTS.content_block_stop(message, data)
  local block = message.by_index[index_of(data)]
  need(block, "a block that started").stopped = true
end

local function set_members(into, from, left_out)
  for name, value in pairs(from and from.object or {}) do
    if is_given(value) and not left_out[name] then into.object[name] = value end
  end
end

function EVENTS.message_delta(message, data)
  local delta, usage = member(data, "delta"), member(data, "usage")
  need(not is_given(usage) or usage.object, "usage")
  need(not delta or delta.object, "a delta")
  set_members(message.fields, delta, { content = true, usage = true })
  if is_given(usage) then
    local all = copy(message.fields.object.usage)
    set_members(all, usage, {})
    message.fields.object.usage = all
  end
  for _, name in ipairs({ "context_management", "input_transformations" }) do
    if is_given(member(data, name)) then message.fields.object[name] = member(data, name) end
  end
end

local function begin_message(data)
  local fields = need(member(data, "message"), "a message")
  need(fields.object, "a message")
  return { fields = copy(fields), blocks = {}, by_index = {} }
end

local function take(message, kind, data)
  if kind == "message_start" then
    if message then refuse("one message") end
    return begin_message(data)
  end
  if not message then return nil end
  if kind == "message_stop" then
    message.ended = true
  elseif EVENTS[kind] then
    EVENTS[kind](message, data)
  end
  return message
end

local function take_event(message, event)
  if event.name == "error" then error({ api = true }, 0) end
  if event.name == "ping" then return message end
  local data = read_json(event.data)
  need(data and data.object, "strict JSON")
  local kind = text_of(member(data, "type"))
  if NAMES[event.name] then
    kind = kind or event.name
    need(kind == event.name, "one type")
  end
  if kind == "error" then error({ api = true }, 0) end
  return take(message, kind, data)
end

-- Whether all is there although message_stop is not.
local function is_whole(message)
  if message.ended then return true end
  if (text_of(member(message.fields, "stop_reason")) or "") == "" then return false end
  for _, block in ipairs(message.blocks) do
    if not block.stopped then return false end
  end
  return true
end

-- The fields of a block; its input is worked out where that is strict JSON.
local function finished(block)
  local fields = block.fields
  if block.input and block.input ~= "" then
    fields.object.input = read_json(strict_json.plain(block.input)) or { cut = true }
  end
  return fields
end

local function value_of(message)
  if not message then return nil end
  local list = {}
  for i, block in ipairs(message.blocks) do
    list[i] = finished(block)
  end
  message.fields.object.content = { array = list }
  return message.fields
end

---@class spec.Told what the bytes come to
---@field message? table as strict_json has it; nil before its message_start
---@field blocks table[] { index, type, stopped, input, unplaced }
---@field whole boolean
---@field failure? "api"|"protocol" what ended it before its end

--- What a reply's stream comes to, however it ends.
---@param bytes string
---@return spec.Told
function M.read(bytes)
  local message, failure
  for _, event in ipairs(that_count(M.events(bytes))) do
    local ok, result = pcall(take_event, message, event)
    if not ok then
      if type(result) ~= "table" then error(result, 0) end
      failure = result.api and "api" or "protocol"
      break
    end
    message = result
    if message and message.ended then break end
  end
  return {
    message = value_of(message),
    blocks = message and message.blocks or {},
    whole = message ~= nil and not failure and is_whole(message),
    failure = failure,
  }
end

return M
