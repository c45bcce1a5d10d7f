local errors = require("claude.errors")
local rule_table = require("claude.check.rule_table")
local rules = require("claude.check.rules")

describe("check.rules", function()
  -- What the API writes (as far as it matters), and the rule that must know it.
  local cases = {
    {
      "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
      "budget_minimum",
    },
    {
      "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult",
      "budget_below_max",
    },
    { "`temperature` may only be set to 1 when thinking is enabled", "sampling_thinking" },
    { "temperature: Extra inputs are not permitted", "sampling_version" },
    { "Thinking may not be enabled when tool_choice forces tool use.", "forced_tool_manual" },
    { 'tool_choice: type "tool" and "any" are not supported for this model.', "forced_tool_model" },
    { '"thinking.type.enabled" is not supported for this model. Use', "thinking_type" },
    { '"thinking.type.disabled" is not supported for this model.', "thinking_type" },
    { "adaptive thinking is not supported on this model", "thinking_type" },
    {
      "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.",
      "thinking_first",
    },
    {
      "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant"
        .. " message cannot be modified.",
      "thinking_changed",
    },
    { "messages.1.content.0: Invalid `signature` in `thinking` block", "signature" },
    {
      "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a"
        .. " different conversation. Remove the block, or set",
      "binding",
    },
    { "This model does not support assistant message prefill.", "prefill_model" },
    {
      "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly"
        .. " set to false",
      "schema_open",
    },
    {
      "output_config.format.schema: For 'integer' type, properties maximum, minimum are not"
        .. " supported",
      "schema_keyword",
    },
    {
      "tools.0.custom: For 'string' type, property 'minLength' is not supported",
      "schema_keyword",
    },
    {
      "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: t_1.",
      "tool_use_unanswered",
    },
    { "messages.9: server tools, but no `web_fetch` tool was provided", "server_tool_gone" },
    {
      "`web_search` tool use with id `srvtoolu_1` was found without a corresponding"
        .. " `web_search_tool_result` block",
      "server_tool_unresolved",
    },
    { "Unexpected value(s) `x` for the `anthropic-beta` header. Please", "beta_unknown" },
    { "'claude-opus-5-5' does not support tool types: computer_20251124.", "tool_type_model" },
    { "messages.1.content.1.tool_use.text: Extra inputs are not permitted", "extra_field" },
    {
      "input length and `max_tokens` exceed context limit: 1 + 2 > 2, decrease input length",
      "context_overflow",
    },
    { "messages.4: role 'system' must precede an 'assistant' message", "system_misplaced" },
    { "messages: text content blocks must be non-empty", "empty_text" },
    { "messages: text content blocks must contain non-whitespace text", "blank_text" },
    { "The final block in an assistant message cannot be `thinking`.", "thinking_last" },
    { "This model does not support effort level 'xhigh'. Supported levels: high", "effort_value" },
    { "model: claude-sonet-4-6", "model_unknown" },
    { "messages.0.content: Field required", "field_missing" },
    { "`top_k` is deprecated for this model.", "sampling_model" },
    {
      "messages.0.content.0: Input tag 'x' found using 'type' does not match any of the expected",
      "block_type",
    },
    { "messages.1: `tool_result` blocks can only be in `user` messages", "block_role" },
    { "messages: `tool_use` ids must be unique", "tool_use_twice" },
    { "messages: final assistant content cannot end with trailing whitespace", "prefill_space" },
    {
      "tool_choice: tool_choice may only be specified while providing tools",
      "tool_choice_alone",
    },
    {
      "stop_sequences: each stop sequence must contain non-whitespace",
      "stop_sequence_blank",
    },
    { "tools.0.custom.name: String should have at most 128 characters", "field_type" },
    { "anthropic-version: header is required", "version_header" },
    {
      "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg' or",
      "image_format",
    },
    {
      "messages.0.content.0.document.source.base64.media_type: Input should be 'application/pdf'",
      "document_format",
    },
    {
      "The image was specified using the image/png media type, but the image appears to be a"
        .. " image/jpeg image",
      "source_media_type",
    },
    { "expires_in_seconds: Input should be greater than or equal to 3600", "file_expiry" },
  }
  for _, case in ipairs(cases) do
    it(("knows the API's text for %s: %s"):format(case[2], case[1]:sub(1, 40)), function()
      local remedy, rule = rules.hint_for(case[1])
      assert.equal(case[2], rule)
      assert.equal(rule_table[rule].remedy, remedy)
    end)
  end

  it(
    "has no hint for a text it does not know",
    function() assert.is_nil(rules.hint_for("The moon is in the wrong quarter.")) end
  )

  it("has a remedy for every rule", function()
    for name, rule in pairs(rule_table) do
      assert.is_string(rule.remedy, name)
      assert.truthy(rule.text or rule.api, name)
    end
  end)

  it("makes an error with path, rule and remedy", function()
    local err = rules.broken("budget_minimum", "thinking.budget_tokens", 5)
    assert.is_true(errors.is(err))
    assert.equal("invalid", err.kind)
    assert.equal("invalid_request_error", err.type)
    assert.equal("budget_minimum", err.rule)
    assert.is_false(err.retryable)
    assert.truthy(tostring(err):find("thinking.budget_tokens: budget_tokens is 5", 1, true))
    assert.truthy(tostring(err):find("hint: ", 1, true))
  end)
end)
