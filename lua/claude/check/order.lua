--- Rules on the order of messages: where tool calls and their results stand, and system messages.

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local NOTHING = {}

---@param message table
---@return table list of blocks, empty for a string
local function blocks_of(message) return values.plain(message.content) or NOTHING end

-- A walk over the messages, with the tool calls that wait for their results.
---@class claude.check.Walk
---@field open table<string, number> tool_use id -> place, as number_of has it
---@field answered table<string, boolean> ids answered since the last assistant message
---@field serving? string id of a call of the server's own that has no result yet
---@field role? string of the message before

---@param number integer of the message
---@param i integer of the block
---@return string
local function place_of(number, i) return ("messages[%d].content[%d]"):format(number, i) end

local PER_MESSAGE = 2 ^ 30 -- numbers: more than a message has blocks

-- A place as a number, which costs nothing where it is not told; they are in order.
---@param number integer
---@param i integer
---@return number
local function number_of(number, i) return number * PER_MESSAGE + i end

---@param walk claude.check.Walk
---@return claude.Error?
local function check_all_answered(walk)
  local id, first = next(walk.open)
  if not id then return nil end
  -- The first in the list, not whichever the table gives.
  for other, place in pairs(walk.open) do
    if place < first then
      id, first = other, place
    end
  end
  local path = place_of(math.floor(first / PER_MESSAGE), first % PER_MESSAGE)
  return rules.broken("tool_use_unanswered", path, id)
end

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
      walk.open[block.id] = number_of(number, i)
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
function M.check(messages, ctx)
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

return M
