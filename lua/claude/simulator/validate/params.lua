--- Parameters: which the version, the betas and the model take.
local content = require("claude.simulator.content")
local tables = require("claude.tables")

local M = {}

local LONG_OUTPUT = "output-300k-2026-03-24"
local EXTRA = ": Extra inputs are not permitted"

-- Parameters behind a beta header; any of those named opens it.
local BETA = {
  context_management = { "context-management-2025-06-27", "compact-2026-01-12" },
  compaction = { "compact-2026-09-04" },
  mcp_servers = { "mcp-client-2025-11-20", "mcp-client-2026-09-15", "mcp-client-2025-04-04" },
  fallbacks = { "server-side-fallback-2026-07-01", "server-side-fallback-2026-06-01" },
  fallback_credit_token = { "fallback-credit-2026-07-01", "fallback-credit-2026-06-01" },
  billing_policy = { "user-profiles-billing-2026-10-01" },
  thread = { "message-threads-2026-08-12" },
  output_format = { "structured-outputs-2025-11-13" },
  user_profile_id = {
    "user-profiles-2026-03-24",
    "user-profiles-2026-08-18",
    "user-profiles-2026-09-04",
  },
}

local function opened(context, names)
  for _, name in ipairs(names) do
    if context.beta[name] then return true end
  end
  return false
end

--- Null is more than the API takes where it does not know the parameter.
---@param request table with its null members
---@param context claude.simulator.validate.Context
---@return string|nil problem
function M.betas(request, context)
  for _, name in ipairs(tables.sorted_names(BETA)) do
    if request[name] ~= nil and not opened(context, BETA[name]) then return name .. EXTRA end
  end
  local output = request.output_config
  if output and output.task_budget and not context.beta["task-budgets-2026-03-13"] then
    return "output_config.task_budget" .. EXTRA
  end
  if request.speed == "fast" and not context.beta["fast-mode-2026-02-01"] then
    return "speed" .. EXTRA
  end
end

function M.sampling_version(request, context)
  if context.version ~= "2026-10-21" then return nil end
  for _, name in ipairs({ "temperature", "top_k", "top_p" }) do
    if request[name] ~= nil then return name .. EXTRA end
  end
end

--- Models after Opus 4.6 take only the values that change nothing.
function M.sampling_model(request, context)
  if context.model.sampling == "free" then return nil end
  if request.temperature and request.temperature ~= 1 then
    return "`temperature` is deprecated for this model."
  end
  if request.top_p and request.top_p < 0.99 then return "`top_p` is deprecated for this model." end
  if request.top_k then return "`top_k` is deprecated for this model." end
end

function M.sampling_thinking(request, context)
  local kind = request.thinking and request.thinking.type
  if kind ~= "enabled" and kind ~= "adaptive" or context.model.sampling ~= "free" then
    return nil
  end
  local docs = " Please consult our documentation at https://docs.claude.com/en/docs/"
    .. "build-with-claude/extended-thinking#important-considerations-when-using-extended-thinking"
  if request.temperature and request.temperature ~= 1 then
    return "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode."
      .. docs
  end
  if request.top_p and request.top_p < 0.95 then
    return "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled or in "
      .. "adaptive mode."
      .. docs
  end
  if request.top_k then
    return "`top_k` must be unset when thinking is enabled or in adaptive mode." .. docs
  end
end

function M.sampling_both(request)
  if request.temperature and request.top_p then
    return "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
  end
end

function M.max_tokens(request, context)
  local most = context.model.max_output
  if context.batch and context.beta[LONG_OUTPUT] then
    most = context.model.max_batch_output or most
  end
  if request.max_tokens and request.max_tokens > most then
    return (
      "max_tokens: %d > %d, " .. "which is the maximum allowed number of output tokens for %s"
    ):format(request.max_tokens, most, context.model.id)
  end
end

--- max_tokens = 0 warms the cache and does nothing else.
function M.warm_up(request)
  if request.max_tokens ~= 0 then return nil end
  local text = "max_tokens: 0 cannot be combined with `%s`"
  if request.stream then return text:format("stream") end
  if request.thinking and request.thinking.type == "enabled" then
    return text:format("thinking.type.enabled")
  end
  if request.output_config and request.output_config.format then
    return text:format("output_config.format")
  end
  local choice = request.tool_choice and request.tool_choice.type
  if choice == "any" or choice == "tool" then return text:format("tool_choice") end
end

function M.effort(request, context)
  local effort = request.output_config and request.output_config.effort
  if not effort then return nil end
  local levels = context.model.efforts
  if #levels == 0 then return "This model does not support the effort parameter." end
  for _, level in ipairs(levels) do
    if level == effort then return nil end
  end
  local names = {}
  for index, level in ipairs(levels) do
    names[index] = level
  end
  table.sort(names)
  return ("This model does not support effort level '%s'. Supported levels: %s."):format(
    effort,
    table.concat(names, ", ")
  )
end

function M.stop_sequences(request)
  for _, sequence in ipairs(request.stop_sequences or {}) do
    if not sequence:find("%S") then
      return "stop_sequences: each stop sequence must contain non-whitespace"
    end
  end
end

--- Every object of a schema says that it takes no further properties.
local function open_object(schema, depth)
  if not content.is_object(schema) or depth > 50 then return false end
  if schema.type == "object" and schema.additionalProperties ~= false then return true end
  for _, name in ipairs({ "properties", "$defs", "definitions" }) do
    for _, inner in pairs(content.is_object(schema[name]) and schema[name] or {}) do
      if open_object(inner, depth + 1) then return true end
    end
  end
  for _, name in ipairs({ "anyOf", "oneOf", "allOf" }) do
    for _, inner in ipairs(content.is_array(schema[name]) and schema[name] or {}) do
      if open_object(inner, depth + 1) then return true end
    end
  end
  return open_object(schema.items, depth + 1)
end

local CLOSED = "For 'object' type, 'additionalProperties' must be explicitly set to false"

function M.output_schema(request)
  local format = request.output_config and request.output_config.format
  if format and open_object(format.schema, 0) then
    return "output_config.format.schema: " .. CLOSED
  end
end

function M.strict_tools(request)
  local count = 0
  for index, tool in ipairs(request.tools or {}) do
    if tool.strict == true then
      count = count + 1
      if open_object(tool.input_schema, 0) then
        return ("tools.%d.custom: %s"):format(index - 1, CLOSED)
      end
    end
  end
  if count > 20 then
    return ("tools: at most 20 strict tools are allowed, found %d"):format(count)
  end
end

M.rules = {
  M.sampling_version,
  M.sampling_model,
  M.sampling_thinking,
  M.sampling_both,
  M.max_tokens,
  M.warm_up,
  M.effort,
  M.stop_sequences,
  M.output_schema,
  M.strict_tools,
}

return M
