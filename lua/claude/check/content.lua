--- Rules on what a message, or the system parameter, holds.

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local ROLES = { user = true, assistant = true, system = true }
local THINKING = { thinking = true, redacted_thinking = true }
-- What may hold images and documents: seldom met, and checked by a part of its own.
local MEDIA = { image = true, document = true, tool_result = true }

local SAYS_SOMETHING = "[^ \t\n\v\f\r]"

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

-- With most blocks nothing is wrong: no path is written for those.
---@param block any
---@param role string
---@param ctx claude.CheckContext
---@return boolean
local function is_right_block(block, role, ctx)
  if type(block) ~= "table" or getmetatable(block) or block[1] ~= nil then return false end
  local kind, text = block.type, block.text
  if kind == "text" then
    if type(text) ~= "string" or text == "" then return false end
    return role == "assistant" or text:find(SAYS_SOMETHING) ~= nil
  end
  if MEDIA[kind] and (kind ~= "tool_result" or type(block.content) == "table") then return false end
  return type(kind) == "string" and not is_unsigned(block, ctx)
end

--- Whether it is a list of blocks, and nothing is wrong with it.
---@param message any
---@param ctx claude.CheckContext
---@return boolean
function M.is_right(message, ctx)
  if type(message) ~= "table" or getmetatable(message) or message[1] ~= nil then return false end
  local role, content, count = message.role, message.content, 0
  if not ROLES[role] or type(content) ~= "table" or getmetatable(content) then return false end
  for _, block in pairs(content) do
    if not is_right_block(block, role, ctx) then return false end
    count = count + 1
  end
  if count == 0 or count ~= #content then return false end
  return role ~= "assistant" or not THINKING[content[count].type]
end

--- Rules on a list of blocks.
---@param content any
---@param path string
---@param role string
---@param ctx claude.CheckContext
---@return claude.Error?
function M.blocks(content, path, role, ctx)
  if not values.plain(content) then return nil end
  for i, block in ipairs(content) do
    local err = not is_right_block(block, role, ctx)
      and check_block(block, ("%s[%d]"):format(path, i), role, ctx)
    if err then return err end
  end
  return nil
end

--- Rules on one message.
---@param message any
---@param path string
---@param is_last boolean
---@param ctx claude.CheckContext
---@return claude.Error?
function M.message(message, path, is_last, ctx)
  local err = values.expect(message, "an object", path)
  if err then return err end
  if not values.plain(message) then return nil end
  local role, content = message.role, message.content
  if not ROLES[role] then
    local said = role == nil and "missing" or values.show(role)
    return rules.broken("role_unknown", path .. ".role", said)
  end
  if content == nil then return rules.broken("field_missing", path .. ".content") end
  err = values.expect(content, "a string or a list", path .. ".content")
    or M.blocks(content, path .. ".content", role, ctx)
  if err then return err end
  local empty = content == "" or (values.plain(content) and next(content) == nil)
  if empty and role ~= "system" and not (is_last and role == "assistant") then
    return rules.broken("empty_content", path .. ".content", role)
  end
  if role ~= "assistant" and type(content) == "string" then
    return check_text(content, path .. ".content", role)
  end
  if role ~= "assistant" then return nil end
  local blocks = values.plain(content) or {}
  local last = values.plain(blocks[#blocks])
  if last and THINKING[last.type] then
    return rules.broken("thinking_last", ("%s.content[%d]"):format(path, #blocks), last.type)
  end
  return nil
end

return M
