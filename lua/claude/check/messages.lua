--- Rules on the list of messages: roles, content, and tool calls with their results.

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local MOST = 100000
local ROLES = { user = true, assistant = true, system = true }
local THINKING = { thinking = true, redacted_thinking = true }
-- What may hold images and documents: seldom met, and checked by a part of its own.
local MEDIA = { image = true, document = true, tool_result = true }

local SAYS_SOMETHING = "[^ \t\n\v\f\r]"
local NOTHING = {}

---@param message table
---@return table list of blocks, empty for a string
local function blocks_of(message) return values.plain(message.content) or NOTHING end

-- Blanks alone are taken from the model only: what it wrote goes back as it is.
---@param text any
---@param path string
---@param role string
---@return claude.Error?
local function check_text(text, path, role)
  if text == "" then return rules.broken("empty_text", path) end
  if role == "assistant" or type(text) ~= "string" then return nil end
  return not text:find(SAYS_SOMETHING) and rules.broken("blank_text", path) or nil
end

---@param block table
---@param path string
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_media(block, path, ctx)
  if block.type == "tool_result" and type(block.content) ~= "table" then return nil end
  return require("claude.check.media").check(block, path, ctx)
end

-- Servers that sign nothing take unsigned thinking back: what came whole from one, and what
-- goes to a model that is none of the API's, is theirs to judge.
---@param block table
---@param ctx claude.CheckContext
---@return boolean
local function is_unsigned(block, ctx)
  if block.type ~= "thinking" or ctx.came_whole or not ctx.capabilities then return false end
  return block.signature == nil or block.signature == ""
end

---@param block any
---@param path string
---@param role string
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_block(block, path, role, ctx)
  local err = values.expect(block, "an object", path)
  if err then return err end
  if not values.plain(block) then return nil end
  if not values.given(block.type) then return rules.broken("field_missing", path .. ".type") end
  err = values.expect(block.type, "a string", path .. ".type")
  if err then return err end
  if block.type == "text" then
    if not values.given(block.text) then return rules.broken("field_missing", path .. ".text") end
    return check_text(block.text, path, role)
      or values.expect(block.text, "a string", path .. ".text")
  end
  if is_unsigned(block, ctx) then return rules.broken("thinking_unsigned", path) end
  return MEDIA[block.type] and check_media(block, path, ctx) or nil
end

---@param text any
---@param role string
---@return boolean
local function is_right_text(text, role)
  if type(text) ~= "string" or text == "" then return false end
  return role == "assistant" or text:find(SAYS_SOMETHING) ~= nil
end

-- Most blocks and messages are texts with which nothing is wrong: no path is written for those.
---@param block any
---@param role string
---@return boolean
local function is_right_block(block, role)
  if type(block) ~= "table" or getmetatable(block) then return false end
  return block.type == "text" and is_right_text(block.text, role)
end

---@param message any
---@return boolean
local function is_right_message(message)
  if type(message) ~= "table" or getmetatable(message) then return false end
  local role = message.role
  return (role == "user" or role == "assistant") and is_right_text(message.content, role)
end

---@param content any
---@param path string
---@param role string
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_blocks(content, path, role, ctx)
  if not values.plain(content) then return nil end
  for i, block in ipairs(content) do
    local err = not is_right_block(block, role)
      and check_block(block, ("%s[%d]"):format(path, i), role, ctx)
    if err then return err end
  end
  return nil
end

---@param message any
---@param path string
---@param is_last boolean
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_message(message, path, is_last, ctx)
  local err = values.expect(message, "an object", path)
  if err then return err end
  if not values.plain(message) then return nil end
  local role, content = message.role, message.content
  if not ROLES[role] then
    return rules.broken("role_unknown", path .. ".role", values.show(role))
  end
  if content == nil then return rules.broken("field_missing", path .. ".content") end
  err = values.expect(content, "a string or a list", path .. ".content")
    or check_blocks(content, path .. ".content", role, ctx)
  if err then return err end
  local empty = content == "" or (values.plain(content) and next(content) == nil)
  if empty and role ~= "system" and not (is_last and role == "assistant") then
    return rules.broken("empty_content", path .. ".content", role)
  end
  if role ~= "assistant" and type(content) == "string" then
    return check_text(content, path .. ".content", role)
  end
  if role ~= "assistant" then return nil end
  local blocks = blocks_of(message)
  local last = values.plain(blocks[#blocks])
  if last and THINKING[last.type] then
    return rules.broken("thinking_last", ("%s.content[%d]"):format(path, #blocks), last.type)
  end
  return nil
end

-- A walk over the messages, with the tool calls that wait for their results.
---@class claude.check.Walk
---@field open table<string, string> tool_use id -> path
---@field answered table<string, boolean> ids answered since the last assistant message
---@field serving? string id of a call of the server's own that has no result yet
---@field role? string of the message before

---@param walk claude.check.Walk
---@return claude.Error?
local function check_all_answered(walk)
  local id, path = next(walk.open)
  if not id then return nil end
  -- The first in the list, not whichever the table gives.
  for other, place in pairs(walk.open) do
    if #place < #path or (#place == #path and place < path) then
      id, path = other, place
    end
  end
  return rules.broken("tool_use_unanswered", path, id)
end

---@param number integer of the message
---@param i integer of the block
---@return string
local function place_of(number, i) return ("messages[%d].content[%d]"):format(number, i) end

---@param walk claude.check.Walk
---@param message table
---@param number integer
---@return claude.Error?
local function walk_assistant(walk, message, number)
  if walk.role ~= "assistant" then
    local err = check_all_answered(walk)
    if err then return err end
    if next(walk.answered) then walk.answered = {} end
  end
  for i, block in ipairs(blocks_of(message)) do
    block = values.plain(block)
    local kind = block and block.type
    if kind == "tool_use" and type(block.id) == "string" then
      walk.open[block.id] = place_of(number, i)
    elseif kind == "server_tool_use" then
      walk.serving = block.id
    elseif block and block.tool_use_id == walk.serving then
      walk.serving = nil
    end
  end
  return nil
end

---@param walk claude.check.Walk
---@param id string
---@param number integer
---@param i integer
---@return claude.Error?
local function take_result(walk, id, number, i)
  if walk.open[id] then
    walk.open[id] = nil
    walk.answered[id] = true
    return nil
  end
  local rule = walk.answered[id] and "tool_result_twice" or "tool_result_unasked"
  return rules.broken(rule, place_of(number, i), id)
end

---@param walk claude.check.Walk
---@param message table
---@param number integer
---@return claude.Error?
local function walk_user(walk, message, number)
  local other_before = false
  if walk.serving and type(message.content) == "string" then
    local path = ("messages[%d].content"):format(number)
    return rules.broken("server_tool_unresolved", path, tostring(walk.serving))
  end
  for i, block in ipairs(blocks_of(message)) do
    block = values.plain(block)
    if block and block.type == "tool_result" then
      if other_before and next(walk.open) then
        return rules.broken("tool_result_late", place_of(number, i))
      end
      if type(block.tool_use_id) ~= "string" then
        return rules.broken("field_missing", place_of(number, i) .. ".tool_use_id")
      end
      local err = take_result(walk, block.tool_use_id, number, i)
      if err then return err end
    elseif walk.serving then
      return rules.broken("server_tool_unresolved", place_of(number, i), tostring(walk.serving))
    else
      other_before = true
    end
  end
  return nil
end

---@param walk claude.check.Walk
---@param messages table
---@param i integer
---@param ctx claude.CheckContext
---@return claude.Error?
local function walk_system(walk, messages, i, ctx)
  local path = ("messages[%d]"):format(i)
  if ctx.capabilities and ctx.capabilities.system_messages == false then
    return rules.broken("system_model", path, ctx.model)
  end
  if i == 1 then return rules.broken("system_misplaced", path, "first") end
  if next(walk.open) then
    return rules.broken("system_misplaced", path, "between a tool_use and its tool_result")
  end
  local after = values.plain(messages[i + 1])
  if after and after.role == "user" then
    return rules.broken("system_misplaced", path, "before a user message")
  end
  return nil
end

---@param messages table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_order(messages, ctx)
  local walk = { open = {}, answered = {} }
  for i, message in ipairs(messages) do
    message = values.plain(message)
    -- What cannot be looked into ends what can be said about pairs.
    if not message then return nil end
    local err
    if message.role == "system" then
      err = walk_system(walk, messages, i, ctx)
    elseif message.role == "assistant" then
      err = walk_assistant(walk, message, i)
    else
      err = walk_user(walk, message, i)
    end
    if err then return err end
    if message.role ~= "system" then walk.role = message.role end
  end
  return check_all_answered(walk)
end

-- An unfinished turn of the server's own tools is sent back as it is: no prefill.
---@param message table
---@return boolean
local function is_prefill(message)
  if type(message.content) == "string" then return true end
  for _, block in ipairs(blocks_of(message)) do
    block = values.plain(block)
    if not block or block.type ~= "text" then return false end
  end
  return next(blocks_of(message)) ~= nil
end

-- The same, for one who knows that the server did not pause: only its end counts.
---@param message table
---@return boolean
local function is_kept(message)
  local blocks = blocks_of(message)
  local last = values.plain(blocks[#blocks])
  local kind = last and type(last.type) == "string" and last.type or "text"
  return not (kind == "compaction" or kind:find("_tool_use$") or kind:find("_tool_result$"))
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_prefill(params, ctx)
  local messages = params.messages
  local last = values.plain(messages[#messages])
  if not last or last.role ~= "assistant" or ctx.paused then return nil end
  if not is_prefill(last) and not (ctx.paused == false and is_kept(last)) then return nil end
  local path = ("messages[%d]"):format(#messages)
  if ctx.capabilities and ctx.capabilities.prefill == false then
    return rules.broken("prefill_model", path, ctx.model)
  end
  local thinking = values.plain(params.thinking)
  if thinking and thinking.type == "enabled" then return rules.broken("prefill_thinking", path) end
  local config = values.plain(params.output_config)
  if config and values.given(config.format) then return rules.broken("prefill_format", path) end
  return nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx)
  local err = check_blocks(params.system, "system", "system", ctx)
  local messages = values.plain(params.messages)
  -- Messages of a thread continue what only the server has.
  if err or not messages or params.thread ~= nil then return err end
  if #messages == 0 then return rules.broken("messages_empty", "messages") end
  if #messages > MOST then return rules.broken("messages_many", "messages", #messages) end
  for i, message in ipairs(messages) do
    if not is_right_message(message) then
      err = check_message(message, ("messages[%d]"):format(i), i == #messages, ctx)
      if err then return err end
    end
  end
  return check_order(messages, ctx) or check_prefill(params, ctx)
end

return M
