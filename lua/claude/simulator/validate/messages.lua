--- Messages: roles, order, what each may hold, and tool calls with their results.
local content = require("claude.simulator.content")

local M = {}

local function each_block(request, visit)
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(message.content) do
      local problem =
        visit(block, ("messages.%d.content.%d"):format(at - 1, index - 1), message, at)
      if problem then return problem end
    end
  end
end

--- The messages with neighbours of one role made one, as the API reads them.
---@param messages table[]
---@return { role: string, content: table[] }[]
function M.merge(messages)
  local merged = {}
  for _, message in ipairs(messages) do
    local last = merged[#merged]
    if not last or last.role ~= message.role or message.role == "system" then
      last = { role = message.role, content = {}, source = message }
      merged[#merged + 1] = last
    end
    for _, block in ipairs(content.blocks(message.content)) do
      last.content[#last.content + 1] = block
    end
  end
  return merged
end

function M.some(request)
  if #request.messages == 0 then return "messages: at least one message is required" end
end

function M.not_empty(request)
  for at, message in ipairs(request.messages) do
    local bare = #message.content == 0 and message.role ~= "system"
    if bare and not (at == #request.messages and message.role == "assistant") then
      return (
        "messages.%d: all messages must have non-empty content except for the optional final "
        .. "assistant message"
      ):format(at - 1)
    end
  end
end

--- `blank` says whether text of blanks alone is taken, as in what the model wrote.
local function text_problem(blocks, where, blank)
  for _, block in ipairs(blocks) do
    if block.type == "text" then
      if block.text == "" then return where .. ": text content blocks must be non-empty" end
      if not blank and not block.text:find("%S") then
        return where .. ": text content blocks must contain non-whitespace text"
      end
    end
  end
end

function M.text_not_empty(request)
  for _, message in ipairs(request.messages) do
    local problem = text_problem(message.content, "messages", message.role == "assistant")
    if problem then return problem end
  end
  if type(request.system) == "table" then return text_problem(request.system, "system", false) end
end

local ONLY = {
  tool_use = "assistant",
  thinking = "assistant",
  redacted_thinking = "assistant",
  server_tool_use = "assistant",
  mcp_tool_use = "assistant",
  fallback = "assistant",
  tool_result = "user",
  image = "user",
  container_upload = "user",
  search_result = "user",
}

function M.blocks_by_role(request)
  return each_block(request, function(block, _, message, at)
    local role = ONLY[block.type]
    if role and role ~= message.role then
      return ("messages.%d: `%s` blocks can only be in `%s` messages"):format(
        at - 1,
        block.type,
        role
      )
    end
  end)
end

--- What the version of October 2026 no longer takes.
function M.version_blocks(request, context)
  if context.version ~= "2026-10-21" then return nil end
  return each_block(request, function(block, path, message)
    if block.type == "document" and message.role == "assistant" then
      return path .. ": `document` blocks are not permitted in `assistant` messages"
    end
    if
      block.type == "text"
      and message.role == "user"
      and block.citations
      and block.citations[1]
    then
      return path .. ".text.citations: Extra inputs are not permitted"
    end
  end)
end

--- Ids of the results that lead a user message; text ends them.
local function leading_results(message)
  local found = {}
  for _, block in ipairs(message and message.role == "user" and message.content or {}) do
    if block.type ~= "tool_result" then break end
    found[block.tool_use_id] = true
  end
  return found
end

function M.calls_are_answered(request)
  for at, message in ipairs(request.messages) do
    local answered, missing = leading_results(request.messages[at + 1]), {}
    for _, block in ipairs(message.content) do
      if block.type == "tool_use" and not answered[block.id] then
        missing[#missing + 1] = block.id
      end
    end
    if #missing > 0 then
      return (
        "messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: "
        .. "%s. Each `tool_use` block must have a corresponding `tool_result` block in the next "
        .. "message."
      ):format(at - 1, table.concat(missing, ", "))
    end
  end
end

local function calls_of(message)
  local found = {}
  for _, block in ipairs(message and message.content or {}) do
    if block.type == "tool_use" then found[block.id] = true end
  end
  return found
end

function M.results_have_calls(request)
  return each_block(request, function(block, path, _, at)
    if block.type ~= "tool_result" or calls_of(request.messages[at - 1])[block.tool_use_id] then
      return nil
    end
    return (
      "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block "
      .. "must have a corresponding `tool_use` block in the previous message."
    ):format(path, block.tool_use_id)
  end)
end

function M.one_result_each(request)
  local seen, message_at = {}, 0
  return each_block(request, function(block, path, _, at)
    if at ~= message_at then
      seen, message_at = {}, at
    end
    if block.type ~= "tool_result" then return nil end
    if seen[block.tool_use_id] then
      return (
        "%s: each tool_use must have a single result. Found multiple `tool_result` blocks with "
        .. "id: %s"
      ):format(path, block.tool_use_id)
    end
    seen[block.tool_use_id] = true
  end)
end

function M.unique_calls(request)
  local seen, message_at = {}, 0
  return each_block(request, function(block, _, _, at)
    if at ~= message_at then
      seen, message_at = {}, at
    end
    if block.type ~= "tool_use" then return nil end
    if seen[block.id] then return "messages: `tool_use` ids must be unique" end
    seen[block.id] = true
  end)
end

--- A server tool's call without result may only stand in a turn that is still open.
function M.server_calls_are_answered(request)
  local answered = {}
  for at = #request.messages, 1, -1 do
    for _, block in ipairs(request.messages[at].content) do
      if block.type:find("_tool_result$") then answered[block.tool_use_id] = true end
    end
  end
  local over = false -- whether a user message after this one ends the turn
  for at = #request.messages, 1, -1 do
    local message = request.messages[at]
    for _, block in ipairs(message.content) do
      if message.role == "user" and block.type ~= "tool_result" then over = true end
      if block.type == "server_tool_use" and over and not answered[block.id] then
        return (
          "messages.%d: `%s` tool use with id `%s` was found without a corresponding "
          .. "`%s_tool_result` block"
        ):format(at - 1, block.name, block.id, block.name)
      end
    end
  end
end

-- What the server's own work ends in, with no user's turn behind it.
local function ends_in_server_result(message)
  local last = message.content[#message.content]
  if last == nil then return false end
  if last.type == "compaction" then return true end
  return last.type ~= "tool_result" and last.type:find("_tool_result$") ~= nil
end

--- Where a system message may stand, and on which models.
function M.system_messages(request, context)
  for at, message in ipairs(request.messages) do
    if message.role == "system" then
      local before, after = request.messages[at - 1], request.messages[at + 1]
      if not context.model.system_messages then
        return 'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
          .. 'parameter, not "system" as an input message role.'
      end
      if not before then return "messages.0: role 'system' must follow a 'user' message" end
      if before.role == "assistant" and not ends_in_server_result(before) then
        return ("messages.%d: role 'system' must follow a 'user' message"):format(at - 1)
      end
      if after and after.role == "user" then
        return (
          "messages.%d: "
          .. "role 'system' must precede an 'assistant' message or end the array"
        ):format(at - 1)
      end
    end
  end
end

-- Any of the betas opens the field.
local SYSTEM_BETAS = {
  output_config = { "mid-conversation-output-config-2026-07-01", "per-turn-control-2026-07-01" },
  clear_at = { "mid-conversation-system-clear-at-2026-08-21" },
}

local function system_field_opens(field, beta)
  for _, name in ipairs(SYSTEM_BETAS[field]) do
    if beta[name] then return true end
  end
  return false
end

function M.system_betas(request, context)
  for at, message in ipairs(request.messages) do
    for _, field in ipairs({ "clear_at", "output_config" }) do
      local given = message.role == "system" and message.source[field] ~= nil
      if given and not system_field_opens(field, context.beta) then
        return ("messages.%d.%s: Extra inputs are not permitted"):format(at - 1, field)
      end
    end
  end
end

local INLINE = "inline-tools-2026-09-15"

--- Tools that come and go: by names that are there, or defined behind a beta.
function M.tool_changes(request, context)
  local names = {}
  for _, tool in ipairs(request.tools or {}) do
    names[tool.name or tool.mcp_server_name or tool.type] = true
  end
  return each_block(request, function(block, path)
    if block.type ~= "tool_addition" and block.type ~= "tool_removal" then return nil end
    local tool = block.tool
    local inline = tool.type == "tool_definition"
    if inline and not context.beta[INLINE] then
      local text = "%s.tool: Input tag 'tool_definition' found using 'type' does not match any of "
        .. "the expected tags"
      return text:format(path)
    end
    local name = inline and tool.definition.name or tool.name
    if inline then names[name or ""] = true end
    if tool.type == "tool_reference" and not names[name or ""] then
      local text = "%s.tool: Tool reference '%s' not found in available tools"
      return text:format(path, tostring(name))
    end
  end)
end

--- Whether a final assistant message is one that the API itself left open.
local function paused(message)
  local last = message.content[#message.content]
  return last ~= nil
    and (
      last.type == "server_tool_use"
      or last.type == "mcp_tool_use"
      or last.type == "compaction"
      or ends_in_server_result(message)
    )
end

function M.prefill(request, context)
  local last = request.messages[#request.messages]
  if last.role ~= "assistant" or paused(last) or context.paused then return nil end
  if not context.model.prefill then
    return "This model does not support assistant message prefill. "
      .. "The conversation must end with a user message."
  end
  local block = last.content[#last.content]
  if block and block.type == "text" and block.text:find("%s$") then
    return "messages: final assistant content cannot end with trailing whitespace"
  end
  if request.output_config and request.output_config.format then
    return "output_config.format: "
      .. "assistant message prefill is not supported with structured outputs"
  end
end

M.rules = {
  M.some,

  M.system_messages,
  M.system_betas,
  M.tool_changes,
  M.not_empty,
  M.text_not_empty,
  M.blocks_by_role,
  M.version_blocks,
  M.unique_calls,
  M.results_have_calls,
  M.one_result_each,
  M.calls_are_answered,
  M.server_calls_are_answered,
}

return M
