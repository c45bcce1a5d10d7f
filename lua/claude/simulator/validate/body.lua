--- The shape of a request body: which parameters there are, and of what type.
local blocks = require("claude.simulator.validate.blocks")
local content = require("claude.simulator.content")
local context_management = require("claude.simulator.validate.context_management")
local parts = require("claude.simulator.validate.parts")
local shape = require("claude.simulator.validate.shape")
local tool_shapes = require("claude.simulator.validate.tool_shapes")

local M = {}

local string, boolean = shape.string(), shape.boolean

local forced = { ["type!"] = string, disable_parallel_tool_use = boolean }
local tool_choice = shape.tagged({
  auto = shape.object(forced),
  any = shape.object(forced),
  tool = shape.object({
    ["type!"] = string,
    ["name!"] = string,
    disable_parallel_tool_use = boolean,
  }),
  none = shape.object({ ["type!"] = string }),
})

local thread = shape.tagged({
  create = shape.object({ ["type!"] = string }),
  continue = shape.object({ ["type!"] = string, ["previous_message_id!"] = string }),
})

local skill_text = shape.string({ min = 1, max = 64 })
local container = shape.object({
  ["id?"] = string,
  ["skills?"] = shape.array(
    shape.object({
      ["type!"] = shape.one_of({ "anthropic", "custom" }),
      ["skill_id!"] = skill_text,
      version = skill_text,
    }),
    { max = 8 }
  ),
})

local mcp_server = shape.tagged({
  url = shape.object({
    ["type!"] = string,
    ["name!"] = string,
    ["url!"] = string,
    ["authorization_token?"] = string,
    ["tool_configuration?"] = shape.object({
      ["allowed_tools?"] = shape.array(string),
      ["enabled?"] = boolean,
    }),
  }),
})

local fallback = shape.open_object({
  ["model!"] = parts.model,
  ["max_tokens?"] = shape.integer({ min = 1 }),
  ["output_config?"] = parts.output_config,
  ["speed?"] = parts.speed,
  ["thinking?"] = parts.thinking,
})

local ROLES = { user = true, assistant = true, system = true }

local function message_shape(role)
  local of_role = role == "system" and blocks.system_role or blocks.any_role
  local fields = { ["role!"] = string }
  fields[role == "system" and "content" or "content!"] =
    shape.string_or(string, shape.array(shape.tagged(of_role)))
  if role == "system" then
    fields["output_config?"] = shape.object({ ["effort?"] = parts.effort })
    fields["clear_at?"] = shape.one_of({ "next_user_message", "never" })
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

-- What counting tokens takes as well.
local PROMPT = {
  ["model!"] = parts.model,
  ["messages!"] = shape.array(message, { max = 100000 }),
  system = shape.string_or(string, shape.array(shape.tagged({ text = blocks.text }))),
  thinking = parts.thinking,
  tool_choice = tool_choice,
  tools = shape.array(tool_shapes.any),
  output_config = parts.output_config,
  ["cache_control?"] = parts.cache_control,
  -- Behind beta headers:
  ["context_management?"] = context_management.edits,
  ["output_format?"] = parts.json_schema_format,
  ["speed?"] = parts.speed,
  ["compaction?"] = context_management.compaction,
  ["billing_policy?"] = shape.tagged({
    billing_policy = shape.object({
      ["type!"] = string,
      bill_to = shape.one_of({ "self", "user_profile" }),
    }),
  }),
  mcp_servers = shape.array(mcp_server, { max = 20 }),
}

local PARAMETERS = {
  stop_sequences = shape.array(string),
  stream = boolean,
  metadata = shape.object({ ["user_id?"] = shape.string({ max = 512 }) }),
  ["container?"] = shape.string_or(string, container),
  service_tier = shape.one_of({ "auto", "standard_only" }),
  ["inference_geo?"] = string,
  ["diagnostics?"] = shape.object({ ["previous_message_id?"] = string }),
  temperature = shape.number({ min = 0, max = 1 }),
  top_p = shape.number({ min = 0, max = 1 }),
  top_k = shape.integer({ min = 0 }),
  -- Behind beta headers:
  ["fallbacks?"] = shape.string_or(shape.one_of({ "default" }), shape.array(fallback, { max = 3 })),
  ["fallback_credit_token?"] = shape.string_or(
    string,
    shape.object({ ["token!"] = string, mode = shape.one_of({ "strict", "best_effort" }) })
  ),
  ["thread?"] = thread,
  ["user_profile_id?"] = string,
}

local function parameters(more)
  local fields = {}
  for name, value in pairs(PROMPT) do
    fields[name] = value
  end
  for name, value in pairs(more) do
    fields[name] = value
  end
  return fields
end

M.create = parameters(PARAMETERS)
M.create["max_tokens!"] = shape.integer({ min = 0 })
M.create = shape.object(M.create)
M.count = shape.object(parameters({}))

return M
