-- What every place of a request may hold: types, words, bounds, names, and where a
-- refusal says the mistake is.
local cases = require("spec.support.api_cases")
local core = require("claude.core")

local null = core.null
local user = cases.user

local BETAS = {
  ["anthropic-beta"] = table.concat({
    "context-management-2025-06-27",
    "compact-2026-09-04",
    "mcp-client-2025-11-20",
    "server-side-fallback-2026-07-01",
    "fallback-credit-2026-07-01",
    "task-budgets-2026-03-13",
    "advisor-tool-2026-03-01",
    "computer-use-2025-11-24",
    "mid-conversation-tool-changes-2026-07-01",
  }, ","),
}

--- A table with one more field, or one fewer (`cases.ABSENT`).
local function with(given, name, value)
  local copy = {}
  for field, content in pairs(given) do
    copy[field] = content
  end
  copy[name] = value ~= cases.ABSENT and value or nil
  return copy
end

local function holding(block) return { messages = { user({ block }) } } end
local function tools(tool) return { tools = { tool } } end
local function edits(edit) return { context_management = { edits = { edit } } } end

local IMAGE = { type = "base64", media_type = "image/png", data = "aGk=" }
local SEARCH = { type = "web_search_20250305", name = "web_search" }
local FETCH = { type = "web_fetch_20260318", name = "web_fetch" }
local SCREEN = {
  type = "computer_20251124",
  name = "computer",
  display_width_px = 100,
  display_height_px = 100,
}
local MCP = { type = "url", name = "m", url = "https://x.example/" }
local RUN = {
  type = "bash_code_execution_result",
  content = core.array({}),
  return_code = 0,
  stdout = "",
  stderr = "",
}

local function image(source) return holding({ type = "image", source = source }) end
local function cited(citation)
  return holding({ type = "text", text = "a", citations = { citation } })
end
local function inside(block)
  return holding({ type = "tool_result", tool_use_id = "toolu_1", content = { block } })
end
local function ran(content, id)
  return {
    messages = {
      user("a"),
      cases.assistant({
        {
          type = "bash_code_execution_tool_result",
          tool_use_id = id or "srvtoolu_1",
          content = content,
        },
      }),
    },
  }
end
local function mcp(field, value) return { mcp_servers = { with(MCP, field, value) } } end

--- { parameters, where and why }
local REFUSED = {
  { { model = null }, "model: Input should be a valid string" },
  { { max_tokens = true }, "max_tokens: Input should be a valid integer" },
  { { messages = cases.EMPTY }, "messages: Input should be a valid list" },
  { { messages = { "hi" } }, "messages.0: Input should be a valid dictionary" },
  { { system = null }, "system: Input should be a valid list" },
  { { system = { cases.text("") } }, "system: text content blocks must be non-empty" },
  { { system = { IMAGE } }, "system.0: Input tag 'base64' found using 'type' does not match" },
  { { stop_sequences = { 1 } }, "stop_sequences.0: Input should be a valid string" },
  { { stream = null }, "stream: Input should be a valid boolean" },
  { { metadata = null }, "metadata: Input should be a valid dictionary" },
  {
    { metadata = { user_id = ("x"):rep(513) } },
    "metadata.user_id: String should have at most 512",
  },
  { { thinking = null }, "thinking: Input should be a valid dictionary" },
  { { top_k = -1 }, "top_k: Input should be greater than or equal to 0" },
  { { service_tier = null }, "service_tier: Input should be 'auto' or 'standard_only'" },
  { { container = { id = 1 } }, "container.id: Input should be a valid string" },
  {
    { container = { skills = { { type = "own", skill_id = "s" } } } },
    "container.skills.0.type: Input should be 'anthropic' or 'custom'",
  },
  { { output_config = { effort = "huge" } }, "output_config.effort: Input should be 'low'" },
  {
    { output_config = { task_budget = { type = "tokens", total = 1023 } } },
    "output_config.task_budget.tokens.total: Input should be greater than or equal to 1024",
  },
  { { cache_control = { type = "lasting" } }, "cache_control: Input tag 'lasting' found" },
  {
    { cache_control = { type = "ephemeral", ttl = null } },
    "cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
  },

  { holding({ text = "a" }), "messages.0.content.0.type: Field required" },
  {
    holding(with(cases.text("a"), "citations", "c")),
    "0.text.citations: Input should be a valid list",
  },
  { cited({ type = "page" }), "messages.0.content.0.text.citations.0: Input tag 'page' found" },
  {
    cited(with(cases.CITATION, "start_block_index", -1)),
    "search_result_location.start_block_index: Input should be greater than or equal to 0",
  },
  {
    cited(with(cases.CITATION, "title", cases.ABSENT)),
    "citations.0.search_result_location.title: Field required",
  },
  {
    image(with(IMAGE, "media_type", "image/tiff")),
    "0.image.source.base64.media_type: Input should be",
  },
  { image(with(IMAGE, "url", "x")), "0.image.source.base64.url: Extra inputs are not permitted" },
  { image({ type = "file" }), "0.image.source.file.file_id: Field required" },
  {
    holding({ type = "image", source = IMAGE, transformations = { oversized_image = "crop" } }),
    "0.image.transformations.oversized_image: Input should be 'downsize' or 'error'",
  },
  {
    holding({ type = "document", source = { type = "text", media_type = "text/html", data = "" } }),
    "0.document.source.text.media_type: Input should be 'text/plain'",
  },
  {
    holding({
      type = "document",
      title = "",
      source = { type = "text", media_type = "text/plain", data = "a" },
    }),
    "0.document.title: String should have at least 1 character",
  },
  {
    holding({ type = "document", source = { type = "content", content = { cases.text("") } } }),
    "document.source.content.content.0.text.text: String should have at least 1 character",
  },
  {
    holding({ type = "search_result", source = "s", title = "t", content = { IMAGE } }),
    "0.search_result.content.0: Input tag 'base64' found",
  },
  { inside(cases.text("")), "tool_result.content.0.text.text: String should have at least 1" },
  { inside(cases.call("c")), "tool_result.content.0: Input tag 'tool_use' found" },
  {
    inside({ type = "tool_reference", tool_name = "a b" }),
    "tool_reference.tool_name: String should match pattern '^[a-zA-Z0-9_-]{1,256}$'",
  },
  { holding(with(cases.call("a b"), "id", "a b")), "0.tool_use.id: String should match pattern" },
  {
    holding(with(cases.call("a"), "input", "{}")),
    "0.tool_use.input: Input should be a valid dict",
  },
  {
    holding(with(cases.call("a"), "caller", { type = "code_execution_20260120" })),
    "0.tool_use.caller.code_execution_20260120.tool_id: Field required",
  },
  {
    holding(with(cases.result("a"), "is_error", null)),
    "0.tool_result.is_error: Input should be a valid boolean",
  },
  {
    holding({ type = "server_tool_use", id = "toolu_1", name = "web_search", input = cases.EMPTY }),
    "0.server_tool_use.id: String should match pattern '^srvtoolu_[a-zA-Z0-9_]+$'",
  },
  {
    holding({ type = "server_tool_use", id = "srvtoolu_1", name = "bash", input = cases.EMPTY }),
    "0.server_tool_use.name: Input should be 'advisor', 'web_search'",
  },
  { ran(RUN, "toolu_1"), "bash_code_execution_tool_result.tool_use_id: String should match" },
  {
    ran(with(RUN, "return_code", "0")),
    "content.bash_code_execution_result.return_code: Input should be a valid integer",
  },
  {
    ran({ type = "bash_code_execution_tool_result_error", error_code = "file_not_found" }),
    "bash_code_execution_tool_result_error.error_code: Input should be",
  },
  {
    holding({ type = "compaction", content = 1 }),
    "0.compaction.content: Input should be a valid str",
  },
  {
    { messages = { user("a"), { role = "system", content = { cases.call("a") } } } },
    "messages.1.content.0: Input tag 'tool_use' found",
  },
  {
    { messages = { user("a"), { role = "system", content = "s", clear_at = "later" } } },
    "messages.1.clear_at: Input should be 'next_user_message' or 'never'",
  },
  {
    {
      messages = {
        user("a"),
        {
          role = "system",
          content = { { type = "tool_addition", tool = { type = "tool_definition" } } },
        },
      },
    },
    "tool_addition.tool.tool_definition.definition: Field required",
  },

  {
    tools(with(cases.TOOL, "description", null)),
    "tools.0.custom.description: Input should be a valid s",
  },
  {
    tools(with(cases.TOOL, "input_schema", { type = "array" })),
    "custom.input_schema.type: Input should be",
  },
  {
    tools(with(cases.TOOL, "input_schema", { type = "object", required = "a" })),
    "tools.0.custom.input_schema.required: Input should be a valid list",
  },
  {
    tools(with(cases.TOOL, "allowed_callers", { "anyone" })),
    "custom.allowed_callers.0: Input should be",
  },
  {
    tools(with(cases.TOOL, "input_examples", { "a" })),
    "custom.input_examples.0: Input should be a valid d",
  },
  {
    tools(with(SEARCH, "max_uses", 0)),
    "web_search_20250305.max_uses: Input should be greater than 0",
  },
  {
    tools(with(SEARCH, "user_location", { type = "approximate", country = "DEU" })),
    "user_location.approximate.country: String should have at most 2 characters",
  },
  { tools(with(SEARCH, "use_cache", true)), "web_search_20250305.use_cache: Extra inputs are not" },
  {
    tools(with(FETCH, "response_inclusion", "half")),
    "response_inclusion: Input should be 'full'",
  },
  {
    tools(with(FETCH, "url_sources", { user_input = { type = "only" } })),
    "url_sources.user_input: Input tag 'only' found",
  },
  {
    tools(with(SCREEN, "display_number", -1)),
    "computer_20251124.display_number: Input should be",
  },
  {
    tools({ type = "bash_20250124", name = "sh" }),
    "tools.0.bash_20250124.name: Input should be 'bash'",
  },
  {
    tools({ type = "computer_toolset_20260801", configs = { zoom = { enabled = "yes" } } }),
    "computer_toolset_20260801.configs.zoom.enabled: Input should be a valid boolean",
  },
  {
    tools({ type = "mcp_toolset", mcp_server_name = "" }),
    "mcp_toolset.mcp_server_name: String should have at least 1 character",
  },

  { mcp("type", "stdio"), "mcp_servers.0: Input tag 'stdio' found" },
  { mcp("url", cases.ABSENT), "mcp_servers.0.url.url: Field required" },
  {
    mcp("tool_configuration", { allowed_tools = { 1 } }),
    "tool_configuration.allowed_tools.0: Input",
  },
  { edits({ type = "clear_all" }), "context_management.edits.0: Input tag 'clear_all' found" },
  {
    edits({ type = "clear_tool_uses_20250919", keep = { type = "tool_uses", value = -1 } }),
    "clear_tool_uses_20250919.keep.tool_uses.value: Input should be greater than or equal to 0",
  },
  {
    edits({ type = "clear_tool_uses_20250919", clear_tool_inputs = "all" }),
    "clear_tool_uses_20250919.clear_tool_inputs: Input should be a valid boolean",
  },
  {
    edits({ type = "clear_thinking_20251015", keep = "some" }),
    "clear_thinking_20251015.keep: Input should be 'all'",
  },
  {
    edits({ type = "compact_20260112", trigger = { type = "tool_uses", value = 1 } }),
    "compact_20260112.trigger: Input tag 'tool_uses' found",
  },
  { { compaction = { type = "summarise" } }, "compaction: Input tag 'summarise' found" },
  { { fallbacks = "always" }, "fallbacks: Input should be 'default'" },
  { { fallbacks = { { max_tokens = 1 } } }, "fallbacks.0.model: Field required" },
  {
    { fallback_credit_token = { mode = "strict" } },
    "fallback_credit_token.token: Field required",
  },
}

--- { name, parameters }
local TAKEN = {
  { "citations as they came", cited(cases.CITATION) },
  { "a citation without a title", cited(with(cases.CITATION, "title", null)) },
  { "what a server tool ran", ran(RUN) },
  {
    "what a server tool could not do",
    ran({ type = "bash_code_execution_tool_result_error", error_code = "unavailable" }),
  },
  { "a tool of type null", tools(with(cases.TOOL, "type", null)) },
  {
    "a schema with words of its own",
    tools(
      with(cases.TOOL, "input_schema", { type = "object", properties = null, examples = { 1 } })
    ),
  },
  {
    "null inside a schema and inside a tool's input",
    {
      tools = { with(cases.TOOL, "input_schema", { type = "object", default = null }) },
      messages = {
        user("a"),
        cases.assistant({ with(cases.call("a"), "input", { x = null }) }),
        user({ cases.result("a") }),
      },
    },
  },
  {
    "every kind of edit",
    {
      context_management = {
        edits = {
          { type = "clear_thinking_20251015", keep = "all" },
          {
            type = "clear_tool_uses_20250919",
            trigger = { type = "input_tokens", value = 30000 },
            keep = { type = "tool_uses", value = 0 },
            clear_at_least = null,
            clear_tool_inputs = { "t" },
            exclude_tools = { "u" },
          },
        },
      },
    },
  },
  {
    "an MCP server and its toolset",
    {
      mcp_servers = { with(MCP, "authorization_token", null) },
      tools = {
        {
          type = "mcp_toolset",
          mcp_server_name = "m",
          default_config = { enabled = false },
          configs = { a = { enabled = true } },
        },
      },
    },
  },
  {
    "the newest search and fetch",
    {
      tools = {
        {
          type = "web_search_20260318",
          name = "web_search",
          max_uses = 3,
          response_inclusion = "excluded",
          user_location = { type = "approximate", country = "DE", city = null },
        },
        with(FETCH, "url_sources", { client_tool_results = { type = "all" } }),
      },
    },
  },
}

describe("claude.simulator.validate's shapes", function()
  local sim
  setup(function() sim = cases.start() end)
  teardown(function() sim:close() end)
  for _, row in ipairs(REFUSED) do
    it("refuse " .. row[2], function() cases.refused(sim, { row[2], row[1], row[2], BETAS }) end)
  end
  for _, row in ipairs(TAKEN) do
    it("take " .. row[1], function() cases.taken(sim, { row[1], row[2], BETAS }) end)
  end
end)
