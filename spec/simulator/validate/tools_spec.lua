local cases = require("spec.support.api_cases")

local NEW = "claude-opus-5-5"
local EMPTY = cases.EMPTY
local MANUAL = cases.MANUAL
local TOOL = cases.TOOL
local assistant = cases.assistant
local user = cases.user

local function tool_with(schema)
  schema.type = "object"
  return { name = "t", input_schema = schema }
end

--- { name, parameters, what the message holds [, headers] }
local REFUSED = {
  {
    "forced choice with manual thinking",
    { thinking = MANUAL, tools = { TOOL }, tool_choice = { type = "any" } },
    "Thinking may not be enabled when tool_choice forces tool use.",
  },
  {
    "a named tool with manual thinking",
    { thinking = MANUAL, tools = { TOOL }, tool_choice = { type = "tool", name = "t" } },
    "Thinking may not be enabled when tool_choice forces tool use.",
  },
  {
    "forced choice on a new model",
    { model = NEW, tools = { TOOL }, tool_choice = { type = "any" } },
    'tool_choice: type "tool" and "any" are not supported for this model.',
  },
  {
    "a choice without tools",
    { tool_choice = { type = "auto" } },
    "tool_choice may only be specified while providing tools",
  },
  {
    "a choice of a tool that is not there",
    { tools = { TOOL }, tool_choice = { type = "tool", name = "u" } },
    "Tool 'u' not found in provided tools",
  },
  {
    "a choice without name",
    { tools = { TOOL }, tool_choice = { type = "tool" } },
    "tool_choice.tool.name: Field required",
  },
  { "two tools of one name", { tools = { TOOL, TOOL } }, "tools: Tool names must be unique." },
  {
    "a tool without schema",
    { tools = { { name = "t" } } },
    "tools.0.custom.input_schema: Field required",
  },
  {
    "a tool whose schema has no type",
    { tools = { { name = "t", input_schema = EMPTY } } },
    "tools.0.custom.input_schema.type: Field required",
  },
  {
    "a tool whose schema holds something else than a schema",
    { tools = { tool_with({ properties = { a = "text" } }) } },
    "input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12: "
      .. "properties.a must be an object or a boolean",
  },
  {
    "a keyword of a schema with a value of another kind",
    { tools = { tool_with({ properties = { a = { type = "object", required = 7 } } }) } },
    "properties.a.required must be a list of strings",
  },
  {
    "a limit in a schema that is no number",
    { tools = { tool_with({ properties = { a = { type = "integer", minimum = "1" } } }) } },
    "properties.a.minimum must be a number",
  },
  {
    "alternatives in a schema that are no list",
    { tools = { tool_with({ properties = { a = { anyOf = { b = {} } } } }) } },
    "properties.a.anyOf must be a list",
  },
  {
    "a tool name with a blank",
    { tools = { { name = "a b", input_schema = { type = "object" } } } },
    "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
  },
  {
    "a tool name that is too long",
    { tools = { { name = ("x"):rep(129), input_schema = { type = "object" } } } },
    "tools.0.custom.name: String should have at most 128 characters",
  },
  {
    "an unknown tool type",
    { tools = { { type = "teleport_20260101", name = "t" } } },
    "tools.0: Input tag 'teleport_20260101' found using 'type' does not match",
  },
  {
    "a server tool under another name",
    { tools = { { type = "web_search_20250305", name = "s" } } },
    "tools.0.web_search_20250305.name: Input should be 'web_search'",
  },
  {
    "a legacy computer tool on a new model",
    {
      model = NEW,
      tools = {
        {
          type = "computer_20251124",
          name = "computer",
          display_width_px = 1,
          display_height_px = 1,
        },
      },
    },
    "'claude-opus-5-5' does not support tool types: computer_20251124.",
    { ["anthropic-beta"] = "computer-use-2025-11-24" },
  },
  {
    "the advisor without its beta",
    { tools = { { type = "advisor_20260301", name = "advisor", model = NEW } } },
    "tools.0: Input tag 'advisor_20260301' found using 'type' does not match",
  },
}

--- { name, parameters [, headers] }
local TAKEN = {
  {
    "forced choice with adaptive thinking",
    { thinking = { type = "adaptive" }, tools = { TOOL }, tool_choice = { type = "any" } },
  },
  {
    "choice auto and none with manual thinking",
    { thinking = MANUAL, tools = { TOOL }, tool_choice = { type = "none" } },
  },
  {
    "an open server tool",
    {
      tools = { { type = "web_search_20250305", name = "web_search" } },
      messages = {
        user("a"),
        assistant({
          { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = EMPTY },
        }),
      },
    },
  },
}

describe("claude.simulator.validate.tools", function()
  local sim
  setup(function() sim = cases.start() end)
  teardown(function() sim:close() end)
  for _, row in ipairs(REFUSED) do
    it("refuses " .. row[1], function() cases.refused(sim, row) end)
  end
  for _, row in ipairs(TAKEN) do
    it("takes " .. row[1], function() cases.taken(sim, row) end)
  end
end)
