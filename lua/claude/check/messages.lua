--- Rules on the list of messages. Most are plain texts, of which little can be wrong: what looks
--- into others loads with the first.

local core = require("claude.core")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local MOST = 100000
local NOTHING = {}

---@param message table
---@return table list of blocks, empty for a string
local function blocks_of(message) return values.plain(message.content) or NOTHING end

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

local function content() return require("claude.check.content") end

-- Every message, and where there is more than texts, how they follow each other.
---@param messages table[]
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_all(messages, ctx)
  if core.are_texts(messages) then return nil end
  local more_than_texts = false
  for i, message in ipairs(messages) do
    if not core.is_text(message) then
      more_than_texts = true
      local err = not content().is_right(message, ctx)
        and content().message(message, ("messages[%d]"):format(i), i == #messages, ctx)
      if err then return err end
    end
  end
  return more_than_texts and require("claude.check.order").check(messages, ctx) or nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx)
  local system, messages = params.system, values.plain(params.messages)
  local err = type(system) == "table" and content().blocks(system, "system", "system", ctx) or nil
  -- Messages of a thread continue what only the server has.
  if err or not messages or params.thread ~= nil then return err end
  if #messages == 0 then return rules.broken("messages_empty", "messages") end
  if #messages > MOST then return rules.broken("messages_many", "messages", #messages) end
  return check_all(messages, ctx) or check_prefill(params, ctx)
end

return M
