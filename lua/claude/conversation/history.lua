--- What a sealed message says, for the few questions a conversation has about its
--- own bytes. Reads; never writes.

local core = require("claude.core")
local message_views = require("claude.message")

local M = {}

-- What an input that was no JSON went back as: no tool may run on it.
local INVALID = "INVALID_JSON"

---@param json string one message
---@return table message decoded
function M.decode(json)
  local message, problem = core.decode(json)
  if not message then error("a sealed message cannot be read: " .. tostring(problem), 0) end
  return message
end

---@param message table decoded
---@return table[] blocks empty when the content is a text
function M.blocks(message) return type(message.content) == "table" and message.content or {} end

--- Number of the last assistant message, when nothing but system messages follow it.
---@param transcript userdata
---@return integer?
function M.open_reply(transcript)
  for i = transcript:count(), 1, -1 do
    local role = transcript:role(i)
    if role == "assistant" then return i end
    if role == "user" then return nil end
  end
  return nil
end

---@param input any decoded
---@return boolean
local function is_invalid(input)
  if type(input) ~= "table" then return true end
  return type(input[INVALID]) == "string" and next(input) == INVALID and next(input, INVALID) == nil
end

--- Whether the model goes on with what it began to say: from an open reply, or from the
--- results of its calls.
---@param transcript userdata
---@return boolean
function M.is_in_turn(transcript)
  for i = transcript:count(), 1, -1 do
    local role = transcript:role(i)
    if role == "assistant" then return M.open_reply(transcript) == i end
    for _, block in ipairs(role == "user" and M.blocks(M.decode(transcript:get(i))) or {}) do
      if type(block) == "table" and block.type == "tool_result" then return true end
    end
  end
  return false
end

---@param message table decoded
---@param raws string[] of its blocks
local function remember_blocks(message, raws)
  for k, raw in ipairs(raws) do
    local block = message.content[k]
    if type(block) == "table" then message_views.remember(block, raw) end
  end
end

-- As blocks do, an input remembers the bytes that the model wrote.
---@param block table decoded
local function remember_input(block)
  local raw = message_views.raw_of(block)
  local json = raw and core.split(raw).input
  if json and type(block.input) == "table" then message_views.remember(block.input, json) end
end

--- The call that a block is, if this side must answer it.
---@param block any decoded
---@param index integer of the block, from 0
---@return claude.ToolCall?
function M.call_of(block, index)
  if type(block) ~= "table" or block.type ~= "tool_use" then return nil end
  if type(block.id) ~= "string" then return nil end
  remember_input(block)
  return {
    id = block.id,
    name = tostring(block.name),
    input = block.input,
    toolset_name = block.toolset_name,
    index = index,
    invalid = is_invalid(block.input) or nil,
  }
end

--- The tool calls of a message that this side must answer, in order.
---@param message table decoded
---@return claude.ToolCall[]
function M.calls(message)
  local calls = {}
  for i, block in ipairs(M.blocks(message)) do
    calls[#calls + 1] = M.call_of(block, i - 1)
  end
  return calls
end

--- The places of calls that nobody can answer, since they have no id to name.
---@param message table decoded
---@return integer[] indexes of blocks, from 0
function M.calls_without_id(message)
  local indexes = {}
  for i, block in ipairs(M.blocks(message)) do
    local is_call = type(block) == "table" and block.type == "tool_use"
    if is_call and type(block.id) ~= "string" then indexes[#indexes + 1] = i - 1 end
  end
  return indexes
end

--- The calls of the last reply, empty when it has been answered already. Their inputs
--- remember the bytes that the model wrote.
---@param transcript userdata
---@return claude.ToolCall[]
function M.open_calls(transcript)
  local i = M.open_reply(transcript)
  if not i then return {} end
  local message = M.decode(transcript:get(i))
  remember_blocks(message, transcript:blocks(i))
  return M.calls(message)
end

-- Transcripts -> what is known of their last reply.
local known_calls = setmetatable({}, { __mode = "k" })

---@param transcript userdata
---@return claude.ToolCall[] without their inputs
local function read_calls_to_answer(transcript)
  local i, calls = M.open_reply(transcript), {}
  for _, block in ipairs(i and M.blocks(M.decode(transcript:get(i))) or {}) do
    if type(block) == "table" and block.type == "tool_use" and type(block.id) == "string" then
      local name, toolset = tostring(block.name), block.toolset_name
      calls[#calls + 1] = { id = block.id, name = name, toolset_name = toolset }
    end
  end
  return calls
end

--- The same calls without their inputs, for those who answer them. A reply is looked into once;
--- nobody may change the list.
---@param transcript userdata
---@return claude.ToolCall[]
function M.calls_to_answer(transcript)
  local known, count, removals = known_calls[transcript], transcript:count(), transcript:removals()
  if not known or known.count ~= count or known.removals ~= removals then
    known = { count = count, removals = removals, calls = read_calls_to_answer(transcript) }
    known_calls[transcript] = known
  end
  return known.calls
end

--- Whether the last reply holds a call of the server's own that has no result yet: then
--- nothing but results may follow.
---@param transcript userdata
---@return boolean
function M.is_serving(transcript)
  local i = M.open_reply(transcript)
  local serving = {}
  for _, block in ipairs(i and M.blocks(M.decode(transcript:get(i))) or {}) do
    local kind = type(block) == "table" and tostring(block.type) or ""
    if kind == "server_tool_use" or kind == "mcp_tool_use" then serving[block.id or ""] = true end
    if kind:find("_tool_result$") then serving[block.tool_use_id or ""] = nil end
  end
  return next(serving) ~= nil
end

--- Whether a message ends in what the server did: the result of a tool of its own, or a
--- compaction.
---@param transcript userdata
---@param i integer
---@return boolean
function M.ends_in_server_result(transcript, i)
  local blocks = M.blocks(M.decode(transcript:get(i)))
  local last = blocks[#blocks]
  local kind = type(last) == "table" and last.type
  if type(kind) ~= "string" then return false end
  return kind == "compaction" or kind:find("_tool_result$") ~= nil
end

--- Whether a signed summary stands in for what was said first.
---@param transcript userdata
---@return boolean
function M.begins_with_compaction(transcript)
  if transcript:count() == 0 or transcript:role(1) ~= "assistant" then return false end
  local first = M.blocks(M.decode(transcript:get(1)))[1]
  return type(first) == "table" and first.type == "compaction" and first.signature ~= nil
end

--- The open turn, from the last reply on, decoded as far as checks look at it: long texts are
--- cut. A user message stands in for what came before it.
---@param transcript userdata
---@return table[] messages
---@return integer hidden what to add to a number in the list to get the message's own
---@return integer first number of the first message that is in the list
function M.open_turn(transcript)
  local first = transcript:count()
  while first > 1 and transcript:role(first) ~= "assistant" do
    first = first - 1
  end
  local messages = {}
  if first > 1 then messages[1] = { role = "user", content = "…" } end
  local hidden = first - 1 - #messages
  for i = first, transcript:count() do
    messages[#messages + 1] = transcript:outline(i)
  end
  return messages, hidden, first
end

--- All messages as tables that remember the bytes of their blocks.
---@param transcript userdata
---@return { role: string, content: string|table[] }[]
function M.views(transcript)
  local list = {}
  for i = 1, transcript:count() do
    local message = M.decode(transcript:get(i))
    remember_blocks(message, transcript:blocks(i))
    list[i] = message
  end
  return list
end

--- Number of the messages after which what the user says next stands: system messages that
--- no reply has followed come behind it, where the API wants them.
---@param transcript userdata
---@return integer
function M.place_of_user(transcript)
  local count = transcript:count()
  while count > 0 and transcript:role(count) == "system" do
    count = count - 1
  end
  return count
end

--- The messages that are sent: those that are sealed, and new ones.
---@param sealed userdata
---@param messages claude.NewMessage[] the user's first
---@return userdata? transcript a new one
---@return string? problem
function M.extended(sealed, messages)
  local transcript, list = sealed:fork(), messages
  local place = M.place_of_user(sealed)
  local moved = messages[1] and place < sealed:count() and messages[1].role == "user"
  if moved then
    transcript:truncate(place)
    list = { messages[1] }
    for i = place + 1, sealed:count() do
      list[#list + 1] = sealed:get(i)
    end
    for i = 2, #messages do
      list[#list + 1] = messages[i]
    end
  end
  for _, message in ipairs(list) do
    local added, problem = transcript:append(message)
    if not added then return nil, problem end
  end
  return transcript, nil
end

--- Whether a message begins a turn: something a person said, not only tool results.
---@param message table decoded
---@return boolean
function M.begins_turn(message)
  if message.role ~= "user" then return false end
  if type(message.content) == "string" then return true end
  for _, block in ipairs(M.blocks(message)) do
    if type(block) ~= "table" or block.type ~= "tool_result" then return true end
  end
  return #M.blocks(message) == 0
end

--- Number of the message that begins the last turn; nil when there is none.
---@param transcript userdata
---@return integer?
function M.last_turn(transcript)
  for i = transcript:count(), 1, -1 do
    if transcript:role(i) == "user" and M.begins_turn(M.decode(transcript:get(i))) then return i end
  end
  return nil
end

return M
