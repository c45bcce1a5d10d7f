--- The shape of a request body: which parameters there are, and of what type.
local blocks = require("claude.simulator.validate.blocks")
local content = require("claude.simulator.content")
local shape = require("claude.simulator.validate.shape")

local M = {}

local string, boolean = shape.string(), shape.boolean
local tag = string

local display = shape.one_of({ "summarized", "omitted", "updates" })
local binding = shape.object({
  ["prefix_mismatch_behavior!"] = shape.one_of({ "error", "drop_block" }),
})

local thinking = shape.tagged({
  enabled = shape.object({
    ["type!"] = tag,
    ["budget_tokens!"] = shape.integer({ min = 1024 }),
    display = display,
    block_binding = binding,
  }),
  adaptive = shape.object({ ["type!"] = tag, display = display, block_binding = binding }),
  disabled = shape.object({ ["type!"] = tag }),
  between_tools = shape.object({ ["type!"] = tag }),
})

local tool_choice = shape.tagged({
  auto = shape.object({ ["type!"] = tag, disable_parallel_tool_use = boolean }),
  any = shape.object({ ["type!"] = tag, disable_parallel_tool_use = boolean }),
  tool = shape.object({
    ["type!"] = tag,
    ["name!"] = string,
    disable_parallel_tool_use = boolean,
  }),
  none = shape.object({ ["type!"] = tag }),
})

local effort = shape.one_of({ "low", "medium", "high", "xhigh", "max" })
local output_config = shape.object({
  effort = effort,
  format = shape.tagged({
    json_schema = shape.object({ ["type!"] = tag, ["schema!"] = shape.map }),
  }),
  task_budget = shape.tagged({
    tokens = shape.object({
      ["type!"] = tag,
      ["total!"] = shape.integer({ min = 1 }),
      remaining = shape.integer({ min = 0 }),
    }),
  }),
})

local system_blocks = shape.array(blocks.text)

local ROLES = { user = true, assistant = true, system = true }

local by_role = {
  user = shape.array(shape.tagged(blocks.any_role)),
  assistant = shape.array(shape.tagged(blocks.any_role)),
  system = shape.array(shape.tagged(blocks.system_role)),
}

local function message_shape(role)
  local fields = { ["role!"] = string, ["content!"] = shape.string_or(string, by_role[role]) }
  if role == "system" then
    fields.output_config = shape.object({ effort = effort })
    fields.clear_at = shape.one_of({ "next_user_message" })
  end
  return shape.object(fields)
end

local messages_of = {}
for role in pairs(ROLES) do
  messages_of[role] = message_shape(role)
end

local function message(value, path)
  local role = content.is_object(value) and value.role
  if type(role) == "string" and not ROLES[role] then
    return path .. ".role: Input should be 'user', 'assistant' or 'system'"
  end
  return (messages_of[role] or messages_of.user)(value, path)
end

local PARAMETERS = {
  ["model!"] = shape.string({ min = 1, max = 256 }),
  ["messages!"] = shape.array(message, { max = 100000 }),
  system = shape.string_or(string, system_blocks),
  thinking = thinking,
  tool_choice = tool_choice,
  output_config = output_config,
  stop_sequences = shape.array(string),
  stream = boolean,
  metadata = shape.object({ user_id = shape.string({ max = 512 }) }),
  cache_control = blocks.cache_control,
  container = shape.string_or(string, shape.map),
  service_tier = shape.one_of({ "auto", "standard_only" }),
  speed = shape.one_of({ "standard", "fast" }),
  inference_geo = string,
  diagnostics = shape.object({ previous_message_id = string }),
  temperature = shape.number({ min = 0, max = 1 }),
  top_p = shape.number({ min = 0, max = 1 }),
  top_k = shape.integer({ min = 0 }),
  tools = shape.array(shape.any), -- each by validate/tools.lua
  -- Behind beta headers:
  context_management = shape.object({ edits = shape.array(shape.map) }),
  compaction = shape.map,
  mcp_servers = shape.array(shape.map, { max = 20 }),
  fallbacks = shape.string_or(shape.one_of({ "default" }), shape.array(shape.map, { max = 3 })),
  fallback_credit_token = string,
  billing_policy = shape.any,
  thread = shape.map,
  output_format = shape.map,
  user_profile_id = string,
}

local function parameters_with(max_tokens)
  local fields = {}
  for name, value in pairs(PARAMETERS) do
    fields[name] = value
  end
  fields[max_tokens] = shape.integer({ min = 0 })
  return shape.object(fields)
end

M.create = parameters_with("max_tokens!")
M.count = parameters_with("max_tokens")

return M
