--- Thinking: which types a model takes, budgets, and where blocks must stand.
local content = require("claude.simulator.content")

local M = {}

local USE_ADAPTIVE = 'Use "thinking.type.adaptive" and "output_config.effort" to control thinking '
  .. "behavior."
local DOCS = " When `thinking` is enabled, a final `assistant` message must start with a thinking "
  .. "block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We recommend you "
  .. "include thinking blocks from previous turns. To avoid this requirement, disable `thinking`. "
  .. "Please consult our documentation at "
  .. "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"

function M.type(request, context)
  local kind = request.thinking and request.thinking.type
  if not kind or context.model.thinking[kind] then return nil end
  if kind == "adaptive" then return "adaptive thinking is not supported on this model" end
  local text = ('"thinking.type.%s" is not supported for this model.'):format(kind)
  if kind == "enabled" then return text .. " " .. USE_ADAPTIVE end
  if kind == "disabled" and context.model.thinking.between_tools then
    return text
      .. ' Use "thinking.type.between_tools" to skip thinking before the first response, or '
      .. '"thinking.type.adaptive" with a lower "output_config.effort".'
  end
  if kind == "disabled" then return text .. " " .. USE_ADAPTIVE end
  return text
end

--- Without thinking, and with between_tools, only the lower efforts exist.
function M.effort(request, context)
  local kind = request.thinking and request.thinking.type
  local effort = (request.output_config or {}).effort or context.model.effort
  if effort ~= "xhigh" and effort ~= "max" then return nil end
  if kind == "between_tools" or kind == "disabled" and context.model.default == "on" then
    return (
      "\"thinking.type.%s\" is not supported with effort level '%s'. Supported levels: high, "
      .. "low, medium."
    ):format(kind, effort)
  end
end

--- Interleaved manual thinking has the whole turn for its budget.
local function interleaves(request, context)
  return context.beta["interleaved-thinking-2025-05-14"]
    and context.model.interleaves
    and request.tools
    and #request.tools > 0
end

function M.budget(request, context)
  local thinking = request.thinking
  if not thinking or thinking.type ~= "enabled" or not request.max_tokens then return nil end
  if thinking.budget_tokens < request.max_tokens or interleaves(request, context) then
    return nil
  end
  return "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
    .. "documentation at https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    .. "#max-tokens-and-context-window-size"
end

function M.betas(request, context)
  local thinking = request.thinking
  if not thinking then return nil end
  if thinking.block_binding and not context.beta["thinking-binding-controls-2026-08-01"] then
    return ("thinking.%s.block_binding: Extra inputs are not permitted"):format(thinking.type)
  end
  if thinking.display == "updates" and not context.beta["thinking-display-updates-2026-08-18"] then
    return ("thinking.%s.display: Input should be 'summarized' or 'omitted'"):format(thinking.type)
  end
end

--- The first assistant message after the last user message that is no tool result:
--- there the open tool turn begins. nil when no turn is open.
local function open_turn(messages)
  if #messages == 0 then return nil end
  local first
  for at = #messages, 1, -1 do
    local message = messages[at]
    if message.role == "assistant" then
      first = at
    elseif message.role == "user" then
      local results = message.content[1] and message.content[1].type == "tool_result"
      if not results then return first end
    end
  end
  return first
end

function M.starts_with_thinking(request)
  if not request.thinking or request.thinking.type ~= "enabled" then return nil end
  local at = open_turn(request.messages)
  local first = at and request.messages[at].content[1]
  if not first or content.is_thinking(first) then return nil end
  return (
    "messages.%d.content.0.type: "
    .. "Expected `thinking` or `redacted_thinking`, but found `%s`.%s"
  ):format(at - 1, first.type, DOCS)
end

function M.no_thinking_in_prefill(request)
  local last = request.messages[#request.messages]
  if
    not request.thinking
    or request.thinking.type ~= "disabled"
    or not last
    or last.role ~= "assistant"
  then
    return nil
  end
  for _, block in ipairs(last.content) do
    if content.is_thinking(block) then
      return (
        "messages.%d: When thinking is disabled, an `assistant` message in the final position "
        .. "cannot contain `thinking`."
      ):format(#request.messages - 1)
    end
  end
end

function M.not_last(request)
  for at, message in ipairs(request.messages) do
    local last = message.content[#message.content]
    if message.role == "assistant" and last and content.is_thinking(last) then
      return ("messages.%d: The final block in an assistant message cannot be `thinking`."):format(
        at - 1
      )
    end
  end
end

M.rules = {
  M.type,
  M.effort,
  M.betas,
  M.budget,
  M.no_thinking_in_prefill,
  M.starts_with_thinking,
  M.not_last,
}

return M
