-- Blocks and parameters that exist only behind a beta header.
local cases = require("spec.support.api_cases")
local core = require("claude.core")

local user = cases.user

local function history(block)
  return { messages = { user("a"), cases.assistant({ block, cases.text("b") }), user("c") } }
end

local BLOCKS = {
  { { type = "compaction", content = "s" }, "compact-2026-01-12" },
  { { type = "compaction", content = "s" }, "compact-2026-09-04" },
  {
    { type = "fallback", from = { model = "a" }, to = { model = "b" } },
    "server-side-fallback-2026-07-01",
  },
  {
    { type = "mcp_tool_use", id = "m1", name = "n", server_name = "s", input = cases.EMPTY },
    "mcp-client-2025-11-20",
  },
  {
    { type = "mcp_tool_result", tool_use_id = "m1", content = "r" },
    "mcp-client-2026-09-15",
  },
  {
    {
      type = "advisor_tool_result",
      tool_use_id = "srvtoolu_1",
      content = { type = "advisor_result", text = "t" },
    },
    "advisor-tool-2026-03-01",
  },
}

describe("claude.simulator.validate's betas", function()
  local sim
  setup(function() sim = cases.start() end)
  teardown(function() sim:close() end)

  for _, row in ipairs(BLOCKS) do
    local block, beta = row[1], row[2]
    it(("open %s blocks by %s"):format(block.type, beta), function()
      local text = ("messages.1.content.0: Input tag '%s' found"):format(block.type)
      cases.refused(sim, { "", history(block), text })
      cases.taken(sim, { "", history(block), { ["anthropic-beta"] = beta } })
    end)
  end

  it("open changes of tools in system messages", function()
    local change = { type = "tool_removal", tool = { type = "tool_reference", name = "t" } }
    local fields = {
      model = "claude-opus-5",
      tools = { cases.TOOL },
      messages = { user("a"), { role = "system", content = { change } } },
    }
    cases.refused(sim, { "", fields, "messages.1.content.0: Input tag 'tool_removal' found" })
    local beta = { ["anthropic-beta"] = "mid-conversation-tool-changes-2026-07-01" }
    cases.taken(sim, { "", fields, beta })
  end)

  for _, row in ipairs({
    { "output_config", { effort = "low" }, "mid-conversation-output-config-2026-07-01" },
    { "output_config", { effort = "low" }, "per-turn-control-2026-07-01" },
    { "clear_at", "next_user_message", "mid-conversation-system-clear-at-2026-08-21" },
  }) do
    it(("open %s of a system message by %s"):format(row[1], row[3]), function()
      local message = { role = "system", content = "s", [row[1]] = row[2] }
      local fields = { model = "claude-opus-5", messages = { user("a"), message } }
      local text = ("messages.1.%s: Extra inputs are not permitted"):format(row[1])
      cases.refused(sim, { "", fields, text })
      cases.taken(sim, { "", fields, { ["anthropic-beta"] = row[3] } })
    end)
  end

  it("refuse a parameter that is not open even where it is null", function()
    local text = "context_management: Extra inputs are not permitted"
    cases.refused(sim, { "", { context_management = core.null }, text })
    local beta = { ["anthropic-beta"] = "context-management-2025-06-27" }
    cases.taken(sim, { "", { context_management = core.null }, beta })
  end)
end)
