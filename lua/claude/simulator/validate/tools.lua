--- Tools: which the betas open, their names, and what tool_choice may ask for.
local content = require("claude.simulator.content")

local M = {}

local BETA = {
  mcp_toolset = { "mcp-client-2025-11-20", "mcp-client-2026-09-15" },
  advisor_20260301 = { "advisor-tool-2026-03-01" },
  bash_20241022 = { "computer-use-2024-10-22" },
  text_editor_20241022 = { "computer-use-2024-10-22" },
  computer_20241022 = { "computer-use-2024-10-22" },
  computer_20250124 = { "computer-use-2025-01-24" },
  computer_20251124 = { "computer-use-2025-11-24" },
}

--- Tools that are behind a beta header.
function M.betas(request, context)
  for index, value in ipairs(request.tools or {}) do
    local wanted, given = BETA[value.type], false
    for _, beta in ipairs(wanted or {}) do
      given = given or context.beta[beta]
    end
    if wanted and not given then
      return (
        "tools.%d: Input tag '%s' found "
        .. "using 'type' does not match any of the expected tags"
      ):format(index - 1, value.type)
    end
  end
end

function M.unique_names(request)
  local seen = {}
  for _, value in ipairs(request.tools or {}) do
    local name = value.name or value.mcp_server_name or value.type
    if seen[name] then return "tools: Tool names must be unique." end
    seen[name] = true
  end
end

function M.choice_needs_tools(request)
  local choice = request.tool_choice
  if not choice or (request.tools and #request.tools > 0) then return nil end
  if choice.type == "none" or request.mcp_servers then return nil end
  return "tool_choice: tool_choice may only be specified while providing tools"
end

function M.choice_names_a_tool(request)
  local choice = request.tool_choice
  if not choice or choice.type ~= "tool" then return nil end
  for _, value in ipairs(request.tools) do
    if value.name == choice.name then return nil end
  end
  return ("Tool '%s' not found in provided tools"):format(choice.name)
end

function M.forced_choice(request, context)
  local choice = request.tool_choice
  if not choice or (choice.type ~= "tool" and choice.type ~= "any") then return nil end
  if not context.model.forced then
    return 'tool_choice: type "tool" and "any" are not supported for this model.'
  end
  if request.thinking and request.thinking.type == "enabled" then
    return "Thinking may not be enabled when tool_choice forces tool use."
  end
end

function M.computer_on_new_models(request, context)
  for _, value in ipairs(request.tools or {}) do
    local kind = value.type or ""
    if kind:find("^computer_%d") and context.model.binds then
      return ("'%s' does not support tool types: %s."):format(context.model.id, kind)
    end
  end
end

--- Blocks of a server tool in the history want that tool offered again.
function M.server_tools_stay(request)
  local offered = {}
  for _, value in ipairs(request.tools or {}) do
    offered[value.name or ""] = true
  end
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(content.blocks(message.content)) do
      local name = block.type == "server_tool_use" and block.name
      if
        (name == "web_search" or name == "web_fetch")
        and not offered[name]
        and at == #request.messages
      then
        return (
          "messages.%d.content.%d: a `%s` "
          .. "tool use was found but no `%s` tool was provided"
        ):format(at - 1, index - 1, name, name)
      end
    end
  end
end

M.rules = {
  M.unique_names,
  M.choice_needs_tools,
  M.choice_names_a_tool,
  M.forced_choice,
  M.computer_on_new_models,
  M.server_tools_stay,
}

return M
