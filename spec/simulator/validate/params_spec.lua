local cases = require("spec.support.api_cases")

local OLD = "claude-sonnet-4-5"
local OPUS = "claude-opus-4-6"
local ABSENT = cases.ABSENT
local MANUAL = cases.MANUAL
local CLOSED = { type = "object", properties = cases.EMPTY, additionalProperties = false }

--- { name, parameters, what the message holds [, headers] }
local REFUSED = {
  { "a missing model", { model = ABSENT }, "model: Field required" },
  { "missing max_tokens", { max_tokens = ABSENT }, "max_tokens: Field required" },
  { "missing messages", { messages = ABSENT }, "messages: Field required" },
  { "an unknown parameter", { foo = 1 }, "foo: Extra inputs are not permitted" },
  {
    "max_tokens that is no integer",
    { max_tokens = 1.5 },
    "max_tokens: Input should be a valid integer",
  },
  { "max_tokens as a string", { max_tokens = "9" }, "max_tokens: Input should be a valid integer" },
  {
    "negative max_tokens",
    { max_tokens = -1 },
    "max_tokens: Input should be greater than or equal to 0",
  },
  {
    "max_tokens beyond the model's",
    { model = OLD, max_tokens = 64001 },
    "max_tokens: 64001 > 64000, which is the maximum allowed number of output tokens for "
      .. "claude-sonnet-4-5-20250929",
  },
  {
    "max_tokens 0 with a stream",
    { max_tokens = 0, stream = true },
    "max_tokens: 0 cannot be combined with `stream`",
  },
  { "a stream that is no boolean", { stream = "yes" }, "stream: Input should be a valid boolean" },
  {
    "stop sequences of blanks",
    { stop_sequences = { " " } },
    "stop_sequences: each stop sequence must contain non-whitespace",
  },
  {
    "metadata with unknown fields",
    { metadata = { name = "x" } },
    "metadata.name: Extra inputs are not permitted",
  },
  {
    "an unknown service tier",
    { service_tier = "fast" },
    "service_tier: Input should be 'auto' or 'standard_only'",
  },
  {
    "temperature under the version of October 2026",
    { temperature = 1 },
    "temperature: Extra inputs are not permitted",
    { ["anthropic-version"] = "2026-10-21" },
  },
  {
    "top_p under the version of October 2026",
    { top_p = 1 },
    "top_p: Extra inputs are not permitted",
    { ["anthropic-version"] = "2026-10-21" },
  },
  {
    "top_k under the version of October 2026",
    { top_k = 1 },
    "top_k: Extra inputs are not permitted",
    { ["anthropic-version"] = "2026-10-21" },
  },
  {
    "temperature on a model that fixed it",
    { model = "claude-opus-5", temperature = 0.5 },
    "`temperature` is deprecated for this model.",
  },
  {
    "temperature with manual thinking",
    { temperature = 0.5, thinking = MANUAL },
    "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode",
  },
  {
    "temperature with adaptive thinking",
    { temperature = 0.5, thinking = { type = "adaptive" } },
    "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode",
  },
  {
    "a low top_p with thinking",
    { top_p = 0.5, thinking = MANUAL },
    "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled",
  },
  {
    "top_k with thinking",
    { top_k = 5, thinking = MANUAL },
    "`top_k` must be unset when thinking is enabled",
  },
  {
    "temperature and top_p together",
    { temperature = 1, top_p = 0.5 },
    "`temperature` and `top_p` cannot both be specified for this model",
  },
  {
    "temperature beyond 1",
    { temperature = 1.5 },
    "temperature: Input should be less than or equal to 1",
  },
  {
    "an effort the model has not",
    { model = OPUS, output_config = { effort = "xhigh" } },
    "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.",
  },
  {
    "effort on a model without",
    { model = OLD, output_config = { effort = "low" } },
    "This model does not support the effort parameter.",
  },
  {
    "an unknown effort",
    { output_config = { effort = "huge" } },
    "output_config.effort: Input should be",
  },
  {
    "a task budget without its beta",
    { output_config = { task_budget = { type = "tokens", total = 20000 } } },
    "output_config.task_budget: Extra inputs are not permitted",
  },
  {
    "context management without its beta",
    { context_management = { edits = {} } },
    "context_management: Extra inputs are not permitted",
  },
  {
    "mcp servers without their beta",
    { mcp_servers = {} },
    "mcp_servers: Extra inputs are not permitted",
  },
  {
    "an output schema with open objects",
    { output_config = { format = { type = "json_schema", schema = { type = "object" } } } },
    "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set",
  },
  {
    "an output schema whose properties are no object",
    {
      output_config = { format = { type = "json_schema", schema = { properties = "a" } } },
    },
    "output_config.format.schema: JSON schema is invalid. It must match JSON Schema draft 2020-12: "
      .. "properties must be an object",
  },
  {
    "an output schema that requires no list",
    { output_config = { format = { type = "json_schema", schema = { required = true } } } },
    "output_config.format.schema: JSON schema is invalid. It must match JSON Schema draft 2020-12: "
      .. "required must be a list of strings",
  },
  {
    "a strict tool with an open schema",
    { tools = { { name = "t", strict = true, input_schema = { type = "object" } } } },
    "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false",
  },
}

--- { name, parameters [, headers] }
local TAKEN = {
  { "max_tokens 0 without a stream", { max_tokens = 0 } },
  { "temperature 1 with thinking", { temperature = 1, thinking = MANUAL } },
  { "temperature without thinking", { temperature = 0.3 } },
  {
    "structured output",
    { output_config = { format = { type = "json_schema", schema = CLOSED } } },
  },
  {
    "null for what may be null",
    '{"model":"claude-sonnet-4-6","max_tokens":9,"metadata":{"user_id":null},"container":null,'
      .. '"cache_control":null,"messages":[{"role":"user","content":"x"}]}',
  },
}

describe("claude.simulator.validate.params", function()
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
