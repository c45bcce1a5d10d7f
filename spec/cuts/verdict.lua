--- Compares what the library made of damaged bytes with what they say, and with what the
--- whole reply says. Every function returns nothing when all is well, else what is wrong.
local strict_json = require("spec.cuts.strict_json")

local M = {}

local function member(value, name) return value and value.object and value.object[name] end

local function content_of(message) return message and member(message, "content").array or {} end

-- The same text often comes again: it is read once, and nobody changes what was read.
local read_before = {}

--- A message of the library's, as strict_json has it; nil if it is no JSON.
---@param text string
---@return table?
function M.message_of(text)
  if read_before.text ~= text then read_before = { text = text, value = strict_json.read(text) } end
  return read_before.value
end

local function all_but(object, name)
  local rest = {}
  for key, value in pairs(object) do
    if key ~= name then rest[key] = value end
  end
  return rest
end

local function same_but(one, other, name)
  return strict_json.equal(all_but(one.object, name), all_but(other.object, name))
end

--- Whether a block is what it should be. Of input that was cut its raw text would have to be
--- compared instead: the block has what is complete of it.
---@param block table as strict_json has it
---@param expected table
---@return boolean
function M.same_block(block, expected)
  local input = member(expected, "input")
  if input and input.cut then return same_but(block, expected, "input") end
  return strict_json.equal(block, expected)
end

local function same_message(message, expected)
  local blocks, all = content_of(message), content_of(expected)
  if #blocks ~= #all or not same_but(message, expected, "content") then return false end
  for i, block in ipairs(blocks) do
    if not M.same_block(block, all[i]) then return false end
  end
  return true
end

local function compare_blocks(response, told)
  if response:block_count() ~= #told.blocks then return "not as many blocks" end
  for i, block in ipairs(told.blocks) do
    local seen = response:block(i)
    if seen.index ~= block.index then return "a block's index" end
    if seen.stopped ~= (block.stopped or false) then return "whether a block has stopped" end
    local raw = block.input and block.input ~= "" and strict_json.plain(block.input) or nil
    if seen.input_raw ~= raw then return "the raw text of an input" end
    if block.unplaced and not seen.flaw then return "a delta that was left out, unsaid" end
  end
end

local function compare_messages(response, told)
  local text = response:message_json()
  if not text or not told.message then
    return (text == nil) ~= (told.message == nil) and "whether a message began" or nil
  end
  local message = M.message_of(text)
  if not message then return "the message is not JSON" end
  if not same_message(message, told.message) then return "the message" end
end

--- What a response came to against what its bytes say.
---@param response userdata of claude.core, read to its end
---@param told spec.Told
---@param ending string the kind of failure where the bytes end too early
---@return string? wrong
function M.response(response, told, ending)
  local failure = response:failure()
  if response:complete() ~= told.whole then return "whether the message is whole" end
  local expected = not told.whole and (told.failure or ending) or nil
  if (failure and failure.kind) ~= expected then
    return ("the failure %s, not %s"):format(failure and failure.kind, expected)
  end
  return compare_messages(response, told) or compare_blocks(response, told)
end

-- Whether a value is one that was cut: members are missing, never changed.
local function is_part(part, whole)
  if type(part) ~= "table" or type(whole) ~= "table" then return part == whole end
  if not (part.object or part.array) then return strict_json.equal(part, whole) end
  local inner, other = part.object or part.array, whole.object or whole.array or {}
  for key, value in pairs(inner) do
    if not is_part(value, other[key]) then return false end
  end
  return true
end

-- Texts only grow, and halves of an escape are never there.
local function is_beginning(name, value, whole)
  if name == "input" or name == "citations" then return is_part(value, whole) end
  if name == "signature" and value.string == "" then return true end
  if not (value.string and whole and whole.string) then return strict_json.equal(value, whole) end
  if name ~= "text" and name ~= "thinking" then return value.string == whole.string end
  return whole.string:sub(1, #value.string) == value.string
end

local function is_cut_block(block, whole)
  for name, value in pairs(block.object) do
    if not is_beginning(name, value, whole.object[name]) then return false end
  end
  return true
end

local LATE = { content = true, stop_reason = true, stop_sequence = true, usage = true }

--- Whether a message is a true beginning of another: its blocks are, the last one perhaps
--- cut; what ends a message is there only if it has come.
---@param message table as strict_json has it
---@param whole table
---@param ended boolean whether the bytes hold the stop_reason
---@return string? wrong
function M.beginning(message, whole, ended)
  local blocks, all = content_of(message), content_of(whole)
  for i, block in ipairs(blocks) do
    if not all[i] then return "a block that is not there" end
    local is_same = strict_json.equal(block, all[i])
    if not is_same and (i < #blocks or not is_cut_block(block, all[i])) then
      return "block " .. i .. " is no beginning"
    end
  end
  for name, value in pairs(message.object) do
    local early = LATE[name] or strict_json.equal(value, whole.object[name])
    if not early then return "the member " .. name end
  end
  local reason = member(message, "stop_reason")
  if ended ~= (reason ~= nil and reason.word ~= "null") then return "the stop_reason" end
end

local THINKING = { thinking = true, redacted_thinking = true }

-- Whether a turn may be sent: no call, no thinking at its end, no empty text.
local function is_sendable(block, is_last)
  local kind = member(block, "type").string
  if kind == "tool_use" or (kind == "text" and member(block, "text").string == "") then
    return false
  end
  return not (is_last and (THINKING[kind] or kind == "server_tool_use"))
end

--- Whether what was kept of a broken reply may go back: a beginning of the whole one without
--- anything that has no end.
---@param turn string JSON of a message
---@param whole table as strict_json has it
---@return string? wrong
function M.kept(turn, whole)
  local message = strict_json.read(turn)
  if not message then return "the turn kept is not JSON" end
  if member(message, "role").string ~= "assistant" then return "the role of the turn kept" end
  local blocks = content_of(message)
  if #blocks == 0 then return "an empty turn was kept" end
  for i, block in ipairs(blocks) do
    if not is_sendable(block, i == #blocks) then return "what was kept cannot go back" end
  end
  local only_content = { object = { content = message.object.content } }
  return M.beginning(only_content, whole, false)
end

return M
