--- Content blocks that exist only behind a beta header.
local content = require("claude.simulator.content")

local M = {}

local MCP = { "mcp-client-2025-11-20", "mcp-client-2026-09-15", "mcp-client-2025-04-04" }
local COMPACT = { "compact-2026-01-12", "compact-2026-09-04" }
local CHANGES = { "mid-conversation-tool-changes-2026-07-01" }

-- Any of the betas opens the block.
local BETAS = {
  advisor_tool_result = { "advisor-tool-2026-03-01" },
  compaction = COMPACT,
  fallback = { "server-side-fallback-2026-06-01", "server-side-fallback-2026-07-01" },
  mcp_tool_use = MCP,
  mcp_tool_result = MCP,
  mcp_tool_listing = MCP,
  tool_addition = CHANGES,
  tool_removal = CHANGES,
}

local function opened(block, beta)
  local names = BETAS[block.type]
  for _, name in ipairs(names or {}) do
    if beta[name] then return true end
  end
  return names == nil
end

--- The first block that the request's betas do not open.
---@param request table whose shape is right
---@param context claude.simulator.validate.Context
---@return string|nil problem
function M.check(request, context)
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(content.blocks(message.content)) do
      if not opened(block, context.beta) then
        return (
          "messages.%d.content.%d: Input tag '%s' found using 'type' does not match any of the "
          .. "expected tags"
        ):format(at - 1, index - 1, block.type)
      end
    end
  end
end

return M
