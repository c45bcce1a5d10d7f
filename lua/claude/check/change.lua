--- What it costs to change how the model thinks from one turn to the next.

local core = require("claude.core")
local models = require("claude.models")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local function thinking_key(params)
  local thinking = values.plain(params.thinking)
  if not thinking then return "unset" end
  -- display may be switched freely.
  return ("%s %s"):format(tostring(thinking.type), tostring(thinking.budget_tokens))
end

local function effort_key(params, capabilities)
  local config = values.plain(params.output_config)
  local effort = config and config.effort
  -- Writing the default is the same as leaving it out.
  if not values.given(effort) then return capabilities and capabilities.effort or "unset" end
  return effort
end

local LOST = {
  messages = "the cache of messages is lost, those of tools and system stay",
  all = "the caches of tools, system and messages are lost",
  unknown = "the cache of messages is lost, and those of tools and system may be",
}

---@param capabilities? claude.Capabilities
---@param thinking_changed boolean
---@param effort_changed boolean
---@return string
local function what_is_lost(capabilities, thinking_changed, effort_changed)
  if not capabilities then return LOST.unknown end
  local thinking_loses = thinking_changed and (capabilities.thinking_loses or "unknown")
  local effort_loses = effort_changed and (capabilities.effort_loses or "unknown")
  if thinking_loses == "all" or effort_loses == "all" then return LOST.all end
  if thinking_loses == "unknown" or effort_loses == "unknown" then return LOST.unknown end
  return LOST.messages
end

--- Whether there is anything to compare: most requests think as the one before.
---@param before table params of the last request
---@param after table params of the next
---@return boolean
function M.is_any(before, after)
  return before.model ~= after.model
    or not core.same(before.thinking, after.thinking)
    or not core.same(before.output_config, after.output_config)
end

--- Compares the thinking parameters of a conversation's last request with those of
--- the next. A change inside a turn whose tool calls are open is an error; one at a
--- turn's end is allowed, and the text says which caches it costs.
---@param before table params of the last request
---@param after table params of the next
---@param options { capabilities: claude.Capabilities?, in_turn: boolean? }
---@return string? warning nil when nothing changed
---@return claude.Error? err
function M.thinking(before, after, options)
  local known = options.capabilities or models.capabilities(after.model)
  local thinking_changed = thinking_key(before) ~= thinking_key(after)
  local effort_changed = effort_key(before, known) ~= effort_key(after, known)
  if not thinking_changed and not effort_changed then return nil end
  local what = thinking_changed and "thinking" or "output_config.effort"
  if options.in_turn then return nil, rules.broken("thinking_in_turn", what, what) end
  return ("%s changed: on %s %s"):format(
    what,
    tostring(after.model),
    what_is_lost(known, thinking_changed, effort_changed)
  )
end

return M
