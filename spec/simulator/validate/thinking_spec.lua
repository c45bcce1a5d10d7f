local cases = require("spec.support.api_cases")

local OLD = "claude-sonnet-4-5"
local NEW = "claude-opus-5-5"
local MANUAL = cases.MANUAL
local MINUTES = cases.MINUTES
local TOOL = cases.TOOL
local assistant = cases.assistant
local call = cases.call
local result = cases.result
local text = cases.text
local user = cases.user

--- { name, parameters, what the message holds [, headers] }
local REFUSED = {
  {
    "a budget under 1024",
    { thinking = { type = "enabled", budget_tokens = 1023 } },
    "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
  },
  {
    "a budget that is no integer",
    { thinking = { type = "enabled", budget_tokens = 1024.5 } },
    "thinking.enabled.budget_tokens: Input should be a valid integer",
  },
  {
    "no budget",
    { thinking = { type = "enabled" } },
    "thinking.enabled.budget_tokens: Field required",
  },
  {
    "a budget that reaches max_tokens",
    { max_tokens = 1024, thinking = MANUAL },
    "`max_tokens` must be greater than `thinking.budget_tokens`.",
  },
  {
    "an unknown thinking type",
    { thinking = { type = "deep" } },
    "thinking: Input tag 'deep' found using 'type' does not match any of the expected tags",
  },
  {
    "enabled on a new model",
    { model = NEW, thinking = MANUAL },
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
      .. '"output_config.effort" to control thinking behavior.',
  },
  {
    "disabled where thinking is always on",
    { model = NEW, thinking = { type = "disabled" } },
    '"thinking.type.disabled" is not supported for this model.',
  },
  {
    "disabled on Sonnet 5.5",
    { model = "claude-sonnet-5-5", thinking = { type = "disabled" } },
    'Use "thinking.type.between_tools"',
  },
  {
    "adaptive on an old model",
    { model = OLD, thinking = { type = "adaptive" } },
    "adaptive thinking is not supported on this model",
  },
  {
    "between_tools elsewhere",
    { model = "claude-opus-5", thinking = { type = "between_tools" } },
    '"thinking.type.between_tools" is not supported for this model.',
  },
  {
    "between_tools with a field",
    { model = "claude-sonnet-5-5", thinking = { type = "between_tools", display = "omitted" } },
    "thinking.between_tools.display: Extra inputs are not permitted",
  },
  {
    "between_tools at a high effort",
    {
      model = "claude-sonnet-5-5",
      thinking = { type = "between_tools" },
      output_config = { effort = "max" },
    },
    "\"thinking.type.between_tools\" is not supported with effort level 'max'",
  },
  {
    "disabled at a high effort",
    {
      model = "claude-opus-5",
      thinking = { type = "disabled" },
      output_config = { effort = "xhigh" },
    },
    "\"thinking.type.disabled\" is not supported with effort level 'xhigh'",
  },
  {
    "display with disabled",
    { thinking = { type = "disabled", display = "omitted" } },
    "thinking.disabled.display: Extra inputs are not permitted",
  },
  {
    "an unknown display",
    { thinking = { type = "adaptive", display = "full" } },
    "thinking.adaptive.display: Input should be",
  },
  {
    "display updates without its beta",
    { thinking = { type = "adaptive", display = "updates" } },
    "thinking.adaptive.display: Input should be 'summarized' or 'omitted'",
  },
  {
    "block_binding without its beta",
    { thinking = { type = "adaptive", block_binding = { prefix_mismatch_behavior = "error" } } },
    "thinking.adaptive.block_binding: Extra inputs are not permitted",
  },
  {
    "an open tool turn that does not start with thinking",
    {
      thinking = MANUAL,
      tools = { TOOL },
      messages = { user("a"), assistant({ call("a") }), user({ result("a") }) },
    },
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "
      .. "When `thinking` is enabled, a final `assistant` message must start with a thinking block",
  },
  {
    "a prefill with manual thinking",
    { model = OLD, thinking = MANUAL, messages = { user("a"), assistant("b") } },
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.",
  },
  {
    "thinking in a prefill when it is off",
    {
      model = OLD,
      thinking = { type = "disabled" },
      messages = {
        user("a"),
        assistant({ { type = "thinking", thinking = "x", signature = "y" }, text("b") }),
      },
    },
    "When thinking is disabled, an `assistant` message in the final position "
      .. "cannot contain `thinking`.",
  },
  {
    "thinking as the last block",
    {
      messages = {
        user("a"),
        assistant({ text("b"), { type = "thinking", thinking = "x", signature = "y" } }),
        user("c"),
      },
    },
    "messages.1: The final block in an assistant message cannot be `thinking`.",
  },
  {
    "thinking without signature",
    { messages = { user("a"), assistant({ { type = "thinking", thinking = "x" } }), user("c") } },
    "messages.1.content.0.thinking.signature: Field required",
  },
  {
    "cache_control on thinking",
    {
      messages = {
        user("a"),
        assistant({
          { type = "thinking", thinking = "x", signature = "y", cache_control = MINUTES },
          text("b"),
        }),
        user("c"),
      },
    },
    "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
  },
  {
    "a field of ours on redacted thinking",
    {
      messages = {
        user("a"),
        assistant({ { type = "redacted_thinking", data = "x", thinking = "y" }, text("b") }),
        user("c"),
      },
    },
    "messages.1.content.0.redacted_thinking.thinking: Extra inputs are not permitted",
  },
}

--- { name, parameters [, headers] }
local TAKEN = {
  { "a budget just under max_tokens", { max_tokens = 1025, thinking = MANUAL } },
  {
    "a budget beyond max_tokens with interleaving",
    { max_tokens = 1024, thinking = MANUAL, tools = { TOOL } },
    { ["anthropic-beta"] = "interleaved-thinking-2025-05-14" },
  },
  {
    "between_tools on Sonnet 5.5",
    { model = "claude-sonnet-5-5", thinking = { type = "between_tools" } },
  },
  { "disabled at effort high", { model = "claude-opus-5", thinking = { type = "disabled" } } },
  {
    "block_binding with its beta",
    { thinking = { type = "adaptive", block_binding = { prefix_mismatch_behavior = "error" } } },
    { ["anthropic-beta"] = "thinking-binding-controls-2026-08-01" },
  },
  {
    "an adaptive tool turn without thinking",
    {
      thinking = { type = "adaptive" },
      tools = { TOOL },
      messages = { user("a"), assistant({ call("b") }), user({ result("b") }) },
    },
  },
}

describe("claude.simulator.validate.thinking", function()
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
