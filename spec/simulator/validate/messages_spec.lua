local core = require("claude.core")
local cases = require("spec.support.api_cases")

local OLD = "claude-sonnet-4-5"
local NEW = "claude-opus-5-5"
local EMPTY = cases.EMPTY
local TOOL = cases.TOOL
local assistant = cases.assistant
local call = cases.call
local result = cases.result
local system = cases.system
local text = cases.text
local user = cases.user

--- { name, parameters, what the message holds [, headers] }
local REFUSED = {
  { "no messages", { messages = {} }, "messages: at least one message is required" },
  {
    "an unknown role",
    { messages = { { role = "robot", content = "x" } } },
    "messages.0.role: Input should be 'user', 'assistant' or 'system'",
  },
  {
    "a message without content",
    { messages = { { role = "user" } } },
    "messages.0.content: Field required",
  },
  {
    "content that is a number",
    { messages = { user(5) } },
    "messages.0.content: Input should be a valid list",
  },
  {
    "an unknown block",
    { messages = { user({ { type = "smell" } }) } },
    "messages.0.content.0: Input tag 'smell' found using 'type' does not match",
  },
  {
    "a block without type",
    { messages = { user({ { text = "x" } }) } },
    "messages.0.content.0.type: Field required",
  },
  {
    "a text block without text",
    { messages = { user({ { type = "text" } }) } },
    "messages.0.content.0.text.text: Field required",
  },
  {
    "a field that only replies have",
    {
      tools = { TOOL },
      messages = {
        user("a"),
        assistant({ { type = "tool_use", id = "a", name = "t", input = EMPTY, text = "" } }),
        user({ result("a") }),
      },
    },
    "messages.1.content.0.tool_use.text: Extra inputs are not permitted",
  },
  {
    "a tool input that is no object",
    {
      messages = {
        user("a"),
        assistant({ { type = "tool_use", id = "a", name = "t", input = "x" } }),
        user({ result("a") }),
      },
    },
    "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
  },
  {
    "empty content",
    { messages = { user("") } },
    "messages: text content blocks must be non-empty",
  },
  {
    "an empty list of blocks",
    { messages = { user(core.array({})) } },
    "messages.0: all messages must have non-empty content except for the optional final assistant",
  },
  {
    "an empty assistant message in the middle",
    { messages = { user("a"), assistant(core.array({})), user("b") } },
    "messages.1: all messages must have non-empty content",
  },
  {
    "an empty text block",
    { messages = { user({ text("a"), text("") }) } },
    "messages: text content blocks must be non-empty",
  },
  {
    "text of blanks",
    { messages = { user(" \n") } },
    "messages: text content blocks must contain non-whitespace text",
  },
  {
    "an empty system block",
    { system = { text("") } },
    "system: text content blocks must be non-empty",
  },
  {
    "a tool result without its call",
    { messages = { user({ result("a") }) } },
    "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: a. Each "
      .. "`tool_result` block must have a corresponding `tool_use` block in the previous message.",
  },
  {
    "a call without result",
    { messages = { user("a"), assistant({ call("b") }), user("c") } },
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b. Each "
      .. "`tool_use` block must have a corresponding `tool_result` block in the next message.",
  },
  {
    "a call at the end",
    { messages = { user("a"), assistant({ call("b") }) } },
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b.",
  },
  {
    "one of two calls without result",
    { messages = { user("a"), assistant({ call("b"), call("c") }), user({ result("b") }) } },
    "`tool_result` blocks immediately after: c.",
  },
  {
    "text before the results",
    { messages = { user("a"), assistant({ call("b") }), user({ text("x"), result("b") }) } },
    "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b.",
  },
  {
    "two results for one call",
    { messages = { user("a"), assistant({ call("b") }), user({ result("b"), result("b") }) } },
    "messages.2.content.1: each tool_use must have a single result.",
  },
  {
    "two calls of one id",
    { messages = { user("a"), assistant({ call("b"), call("b") }), user({ result("b") }) } },
    "messages: `tool_use` ids must be unique",
  },
  {
    "a tool call by the user",
    { messages = { user({ call("b") }) } },
    "messages.0: `tool_use` blocks can only be in `assistant` messages",
  },
  {
    "a tool result by the assistant",
    { messages = { user("a"), assistant({ result("b") }) } },
    "messages.1: `tool_result` blocks can only be in `user` messages",
  },
  {
    "thinking by the user",
    { messages = { user({ { type = "thinking", thinking = "", signature = "x" }, text("a") }) } },
    "messages.0: `thinking` blocks can only be in `assistant` messages",
  },
  {
    "a prefill on a model without",
    { messages = { user("a"), assistant("b") } },
    "This model does not support assistant message prefill. The conversation must end with a user "
      .. "message.",
  },
  {
    "a prefill that ends in a blank",
    { model = OLD, messages = { user("a"), assistant("b ") } },
    "messages: final assistant content cannot end with trailing whitespace",
  },
  {
    "a server tool's call without result",
    {
      tools = { { type = "web_search_20250305", name = "web_search" } },
      messages = {
        user("a"),
        assistant({
          { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = EMPTY },
        }),
        user("go on"),
      },
    },
    "`web_search` tool use with id `srvtoolu_1` was found without a corresponding "
      .. "`web_search_tool_result` block",
  },
  {
    "a server tool gone on resume",
    {
      messages = {
        user("a"),
        assistant({
          { type = "server_tool_use", id = "srvtoolu_1", name = "web_fetch", input = EMPTY },
        }),
      },
    },
    "but no `web_fetch` tool was provided",
  },
  {
    "a system message on a model without",
    { messages = { user("a"), system("b") } },
    'messages: Unexpected role "system".',
  },
  {
    "a system message at the start",
    { model = NEW, messages = { system("b"), user("a") } },
    "messages.0: role 'system' must follow a 'user' message",
  },
  {
    "a system message before a user's",
    { model = NEW, messages = { user("a"), system("b"), user("c") } },
    "messages.1: role 'system' must precede an 'assistant' message or end the array",
  },
  {
    "a system message after the assistant's",
    { model = NEW, messages = { user("a"), assistant("b"), system("c") } },
    "messages.2: role 'system' must follow a 'user' message",
  },
  {
    "a system message between call and result",
    {
      model = NEW,
      tools = { TOOL },
      messages = { user("a"), assistant({ call("b") }), system("c"), user({ result("b") }) },
    },
    "messages.2: role 'system' must follow a 'user' message",
  },
  {
    "a document by the assistant under the version of October 2026",
    {
      messages = {
        user("a"),
        assistant({
          {
            type = "document",
            source = { type = "text", media_type = "text/plain", data = "x" },
          },
        }),
        user("b"),
      },
    },
    "messages.1.content.0: `document` blocks are not permitted in `assistant` messages",
    { ["anthropic-version"] = "2026-10-21" },
  },
  {
    "citations by the user under the version of October 2026",
    {
      messages = {
        user({
          { type = "text", text = "a", citations = { cases.CITATION } },
        }),
      },
    },
    "messages.0.content.0.text.citations: Extra inputs are not permitted",
    { ["anthropic-version"] = "2026-10-21" },
  },
}

--- { name, parameters [, headers] }
local TAKEN = {
  { "a prefill on an old model", { model = OLD, messages = { user("a"), assistant("b") } } },
  { "neighbouring messages of one role", { messages = { user("a"), user("b") } } },
  {
    "results over two user messages",
    {
      tools = { TOOL },
      messages = {
        user("a"),
        assistant({ call("b"), call("c") }),
        user({ result("b") }),
        user({ result("c") }),
      },
    },
  },
  {
    "text after the results",
    {
      tools = { TOOL },
      messages = {
        user("a"),
        assistant({ call("b") }),
        user({ result("b"), text("x") }),
      },
    },
  },
  {
    "a result without content",
    {
      tools = { TOOL },
      messages = {
        user("a"),
        assistant({ call("b") }),
        user({ { type = "tool_result", tool_use_id = "b" } }),
      },
    },
  },
  { "blanks that the model wrote", { messages = { user("a"), assistant(" "), user("b") } } },
  { "a conversation that the assistant begins", { messages = { assistant("a"), user("b") } } },
  {
    "a system message in mid-conversation",
    { model = NEW, messages = { user("a"), system("b") } },
  },
  {
    "images, documents and search results",
    {
      messages = {
        user({
          { type = "image", source = { type = "url", url = "https://x/y.png" } },
          {
            type = "document",
            title = "d",
            source = { type = "text", media_type = "text/plain", data = "x" },
          },
          { type = "search_result", source = "s", title = "t", content = { text("c") } },
        }),
      },
    },
  },
}

describe("claude.simulator.validate.messages", function()
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
