--- Rules on thinking, effort, forced tools and sampling: what a model is known not to take
--- is refused with the line to write instead.

local models = require("claude.models")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local MINIMUM_BUDGET = 1024
-- Fewer tokens than this beside the budget seldom hold an answer.
local ANSWER_ROOM = 1024
-- From this version on no model takes temperature, top_p, top_k.
local VERSION_WITHOUT_SAMPLING = "2026-10-21"
local TAKES_DISPLAY = { enabled = true, adaptive = true }
local SAMPLING = { "temperature", "top_p", "top_k" }
local DISPLAYS = { summarized = true, omitted = true, updates = true }

local WRITE_ADAPTIVE = 'write thinking = { type = "adaptive", display = "summarized" } and'
  .. ' output_config = { effort = "high" }'
local WRITE_ENABLED = 'write thinking = { type = "enabled", budget_tokens = 10000 }'
local WRITE_NOTHING = "leave thinking out"

---@param types table<string, boolean>
---@return string
local function line_to_write(types)
  if types.adaptive then return WRITE_ADAPTIVE end
  if types.enabled then return WRITE_ENABLED end
  return WRITE_NOTHING
end

---@param names string[]
---@return string
local function quoted_list(names)
  if #names == 0 then return "none" end
  return '"' .. table.concat(names, '", "') .. '"'
end

local function effort_of(params)
  local config = values.plain(params.output_config)
  local effort = config and config.effort
  return type(effort) == "string" and effort or nil
end

---@param thinking table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_type(thinking, ctx)
  local known = ctx.capabilities and ctx.capabilities.thinking
  if not known or known[thinking.type] ~= false then return nil end
  local taken = quoted_list(models.names(known))
  local err = rules.broken("thinking_type", "thinking.type", thinking.type, ctx.model, taken)
  err.hint = line_to_write(known)
  return err
end

---@param thinking table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_fields(thinking, ctx)
  local kind, display = thinking.type, thinking.display
  if
    kind ~= "enabled"
    and values.given(thinking.budget_tokens)
    and (TAKES_DISPLAY[kind] or kind == "disabled" or kind == "between_tools")
  then
    return rules.broken("thinking_fields", "thinking.budget_tokens", kind, "budget_tokens")
  end
  if not values.given(display) then return nil end
  if kind == "disabled" or kind == "between_tools" then
    return rules.broken("thinking_fields", "thinking.display", kind, "display")
  end
  local err = values.expect(display, "a string", "thinking.display")
  if err then return err end
  if not DISPLAYS[display] and next(ctx.betas) == nil then
    return rules.broken("display_value", "thinking.display", display)
  end
  return nil
end

---@param budget any
---@param max_tokens any
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_budget(budget, max_tokens, ctx)
  local path = "thinking.budget_tokens"
  if type(budget) == "userdata" and values.given(budget) then return nil end
  if not values.is_integer(budget) then
    local shown = budget == nil and "missing" or values.show(budget)
    return rules.broken("budget_integer", path, shown)
  end
  if budget < MINIMUM_BUDGET then return rules.broken("budget_minimum", path, budget) end
  if not values.is_integer(max_tokens) or ctx.betas[models.INTERLEAVED_BETA] then return nil end
  if budget >= max_tokens then return rules.broken("budget_below_max", path, budget, max_tokens) end
  if max_tokens - budget < ANSWER_ROOM then
    ctx.warn(
      "little_room",
      ("budget_tokens %d of max_tokens %d leave %d tokens for the answer: raise max_tokens"):format(
        budget,
        max_tokens,
        max_tokens - budget
      )
    )
  end
  return nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_thinking(params, ctx)
  local thinking = values.plain(params.thinking)
  if not thinking then return nil end
  if not values.given(thinking.type) then return rules.broken("field_missing", "thinking.type") end
  local err = values.expect(thinking.type, "a string", "thinking.type")
    or check_type(thinking, ctx)
    or check_fields(thinking, ctx)
  if err then return err end
  if thinking.type ~= "enabled" then return nil end
  if params.max_tokens == 0 then
    return rules.broken("warm_up", "max_tokens", 'thinking type "enabled"')
  end
  return check_budget(thinking.budget_tokens, params.max_tokens, ctx)
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_effort(params, ctx)
  local effort, known = effort_of(params), ctx.capabilities
  if not effort then return nil end
  local path = "output_config.effort"
  local thinking = values.plain(params.thinking)
  local kind = thinking and thinking.type
  if kind == "between_tools" and (effort == "xhigh" or effort == "max") then
    return rules.broken("between_tools_effort", path, effort)
  end
  if not known then return nil end
  if known.efforts == false then return rules.broken("effort_none", path, ctx.model) end
  if known.efforts and not known.efforts[effort] then
    local taken = quoted_list(models.names(known.efforts))
    return rules.broken("effort_value", path, effort, ctx.model, taken)
  end
  if kind == "disabled" and known.disabled_efforts and not known.disabled_efforts[effort] then
    return rules.broken("disabled_effort", path, effort, ctx.model)
  end
  return nil
end

---@param params table
---@param name string
---@return boolean known whether tools are listed and the name is not among them
local function tool_is_missing(params, name)
  local tools = values.plain(params.tools)
  if not tools then return params.tools == nil end
  for _, tool in ipairs(tools) do
    tool = values.plain(tool)
    -- A toolset brings names that are not written here.
    if not tool or tool.name == nil or tool.name == name then return false end
  end
  return true
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_tool_choice(params, ctx)
  local choice = values.plain(params.tool_choice)
  if not choice then return nil end
  if not values.given(choice.type) then return rules.broken("field_missing", "tool_choice.type") end
  if choice.type ~= "any" and choice.type ~= "tool" then return nil end
  local known = ctx.capabilities
  if known and known.forced_tool == "never" then
    return rules.broken("forced_tool_model", "tool_choice", choice.type, ctx.model)
  end
  local thinking = values.plain(params.thinking)
  if thinking and thinking.type == "enabled" then
    return rules.broken("forced_tool_manual", "tool_choice", choice.type)
  end
  if params.max_tokens == 0 then
    return rules.broken("warm_up", "max_tokens", "a forced tool_choice")
  end
  if choice.type == "tool" and type(choice.name) == "string" then
    if not ctx.tools_elsewhere and tool_is_missing(params, choice.name) then
      return rules.broken("tool_choice_missing", "tool_choice.name", choice.name)
    end
  end
  return nil
end

--- Whether the model thinks with these parameters, as far as is known.
---@param params table
---@param known? claude.Capabilities
---@return boolean
local function thinks(params, known)
  local thinking = values.plain(params.thinking)
  if thinking then return thinking.type ~= "disabled" end
  return known ~= nil and known.thinks ~= "off"
end

---@param name string
---@param value number
---@param lowest_top_p number
---@return boolean allowed, string? what
local function fixed_value(name, value, lowest_top_p)
  if name == "temperature" then return value == 1, ", only 1 is" end
  if name == "top_p" then
    return value >= lowest_top_p, (", only %.2f to 1 is"):format(lowest_top_p)
  end
  return false, ""
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_sampling(params, ctx)
  local known = ctx.capabilities
  for _, name in ipairs(SAMPLING) do
    local value = params[name]
    if type(value) == "number" then
      if ctx.version >= VERSION_WITHOUT_SAMPLING then
        return rules.broken("sampling_version", name, name, ctx.version)
      end
      if known and known.sampling == "fixed" then
        local allowed, only = fixed_value(name, value, 0.99)
        if not allowed then
          return rules.broken("sampling_model", name, name, tostring(value), ctx.model, only)
        end
      elseif thinks(params, known) then
        local allowed, only = fixed_value(name, value, 0.95)
        if not allowed then
          return rules.broken("sampling_thinking", name, name, tostring(value), only)
        end
      end
    end
  end
  if known and known.sampling == "one_of" and params.temperature and params.top_p then
    return rules.broken("sampling_both", "temperature", ctx.model)
  end
  return nil
end

local CHECKS = {
  check_thinking,
  check_effort,
  check_tool_choice,
  check_sampling,
}

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx)
  for _, check in ipairs(CHECKS) do
    local err = check(params, ctx)
    if err then return err end
  end
  return nil
end

-- Also as JSON text.
local function has_tools(params)
  local tools = params.tools
  if type(tools) == "table" then return next(tools) ~= nil end
  return values.given(tools) and not tostring(tools):find("^%s*%[%s*%]%s*$")
end

---@param thinking table
---@param params table
---@param capabilities? claude.Capabilities
---@return boolean
local function interleaves_by_header(thinking, params, capabilities)
  if thinking.type ~= "enabled" or not has_tools(params) then return false end
  return capabilities ~= nil and capabilities.interleaving == "header"
end

--- Beta header values that a request needs without its user naming them: manual
--- thinking goes on between tool calls only with one, and block_binding has its own.
---@param params table
---@param capabilities? claude.Capabilities
---@param interleaved? boolean false: no header for thinking between tool calls
---@return string[]
function M.needed_betas(params, capabilities, interleaved)
  local thinking, needed = values.plain(params.thinking), {}
  if not thinking then return needed end
  if interleaved ~= false and interleaves_by_header(thinking, params, capabilities) then
    needed[1] = models.INTERLEAVED_BETA
  end
  if values.given(thinking.block_binding) then needed[#needed + 1] = models.BINDING_BETA end
  return needed
end

return M
