--- Tools: their shapes, their names, and what tool_choice may ask for.
local blocks = require("claude.simulator.validate.blocks")
local content = require("claude.simulator.content")
local shape = require("claude.simulator.validate.shape")

local M = {}

local string, boolean, any = shape.string(), shape.boolean, shape.any
local names = shape.string({ pattern = "^[%w_%-]+$", wanted = "^[a-zA-Z0-9_-]{1,128}$", max = 128 })

-- What every tool may have.
local function tool(fields)
  fields.cache_control = blocks.cache_control
  fields.defer_loading = boolean
  fields.allowed_callers = shape.array(string)
  fields.type = fields.type or string
  return shape.object(fields)
end

local custom = tool({
  ["name!"] = names,
  description = string,
  ["input_schema!"] = shape.map,
  strict = boolean,
  input_examples = shape.array(shape.map),
  eager_input_streaming = boolean,
})

local search = {
  max_uses = shape.integer({ min = 1 }),
  allowed_domains = shape.array(string),
  blocked_domains = shape.array(string),
  user_location = shape.map,
  response_inclusion = any,
}
local fetch = {
  max_uses = shape.integer({ min = 1 }),
  allowed_domains = shape.array(string),
  blocked_domains = shape.array(string),
  citations = shape.map,
  use_cache = boolean,
  max_content_tokens = shape.integer({ min = 1 }),
  response_inclusion = any,
}

--- A tool of the API's own, with its fixed name.
local function builtin(name, more)
  local fields = { strict = boolean, eager_input_streaming = boolean, input_examples = any }
  for field, value in pairs(more or {}) do
    fields[field] = value
  end
  fields["name!"] = shape.one_of({ name })
  return tool(fields)
end

local screen = {
  ["display_width_px!"] = shape.integer({ min = 1 }),
  ["display_height_px!"] = shape.integer({ min = 1 }),
  display_number = shape.integer(),
  enable_zoom = boolean,
}

local KINDS = {
  custom = custom,
  computer_toolset_20260801 = tool({ configs = any, display = any }),
  browser_toolset_20260801 = tool({ configs = any }),
  mcp_toolset = tool({
    ["mcp_server_name!"] = string,
    configs = any,
    default_config = any,
  }),
}

local function several(name, dates, more)
  for date in dates:gmatch("%S+") do
    KINDS[name .. "_" .. date] = builtin(name, more)
  end
end

several("bash", "20250124")
several("memory", "20250818")
several("computer", "20250124 20251124", screen)
several("web_search", "20250305 20260209 20260318", search)
several("web_fetch", "20250910 20260209 20260309 20260318", fetch)
several("code_execution", "20250522 20250825 20260120 20260521")
several("advisor", "20260301", {
  ["model!"] = string,
  max_tokens = shape.integer({ min = 1 }),
  max_uses = shape.integer({ min = 1 }),
  caching = any,
})
KINDS.text_editor_20250124 = builtin("str_replace_editor")
for _, date in ipairs({ "20250429", "20250728" }) do
  KINDS["text_editor_" .. date] =
    builtin("str_replace_based_edit_tool", { max_characters = shape.integer({ min = 1 }) })
end
for _, method in ipairs({ "regex", "bm25" }) do
  local name = "tool_search_tool_" .. method
  KINDS[name], KINDS[name .. "_20251119"] = builtin(name), builtin(name)
end

local tagged = shape.tagged(KINDS, "custom")

local BETA = {
  mcp_toolset = { "mcp-client-2025-11-20", "mcp-client-2026-09-15" },
  advisor_20260301 = { "advisor-tool-2026-03-01" },
  computer_20250124 = { "computer-use-2025-01-24" },
  computer_20251124 = { "computer-use-2025-11-24" },
}

--- Every tool by its shape.
function M.shapes(request)
  for index, value in ipairs(request.tools or {}) do
    local problem = tagged(value, "tools." .. (index - 1))
    if problem then return problem end
    local schema = value.input_schema
    if schema and schema.type ~= "object" then
      local kind = value.type or "custom"
      return ("tools.%d.%s.input_schema.type: Field required"):format(index - 1, kind)
    end
  end
end

--- Tools that are behind a beta header.
function M.betas(request, context)
  for index, value in ipairs(request.tools or {}) do
    local wanted, given = BETA[value.type], false
    for _, beta in ipairs(wanted or {}) do
      given = given or context.beta[beta]
    end
    if wanted and not given then
      return (
        "tools.%d: Input tag '%s' found "
        .. "using 'type' does not match any of the expected tags"
      ):format(index - 1, value.type)
    end
  end
end

function M.unique_names(request)
  local seen = {}
  for _, value in ipairs(request.tools or {}) do
    local name = value.name or value.mcp_server_name or value.type
    if seen[name] then return "tools: Tool names must be unique." end
    seen[name] = true
  end
end

function M.choice_needs_tools(request)
  local choice = request.tool_choice
  if not choice or (request.tools and #request.tools > 0) then return nil end
  if choice.type == "none" or request.mcp_servers then return nil end
  return "tool_choice: tool_choice may only be specified while providing tools"
end

function M.choice_names_a_tool(request)
  local choice = request.tool_choice
  if not choice or choice.type ~= "tool" then return nil end
  for _, value in ipairs(request.tools) do
    if value.name == choice.name then return nil end
  end
  return ("Tool '%s' not found in provided tools"):format(choice.name)
end

function M.forced_choice(request, context)
  local choice = request.tool_choice
  if not choice or (choice.type ~= "tool" and choice.type ~= "any") then return nil end
  if not context.model.forced then
    return 'tool_choice: type "tool" and "any" are not supported for this model.'
  end
  if request.thinking and request.thinking.type == "enabled" then
    return "Thinking may not be enabled when tool_choice forces tool use."
  end
end

function M.computer_on_new_models(request, context)
  for _, value in ipairs(request.tools or {}) do
    local kind = value.type or ""
    if kind:find("^computer_%d") and context.model.binds then
      return ("'%s' does not support tool types: %s."):format(context.model.id, kind)
    end
  end
end

--- Blocks of a server tool in the history want that tool offered again.
function M.server_tools_stay(request)
  local offered = {}
  for _, value in ipairs(request.tools or {}) do
    offered[value.name or ""] = true
  end
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(content.blocks(message.content)) do
      local name = block.type == "server_tool_use" and block.name
      if
        (name == "web_search" or name == "web_fetch")
        and not offered[name]
        and at == #request.messages
      then
        return (
          "messages.%d.content.%d: a `%s` "
          .. "tool use was found but no `%s` tool was provided"
        ):format(at - 1, index - 1, name, name)
      end
    end
  end
end

M.rules = {
  M.unique_names,
  M.choice_needs_tools,
  M.choice_names_a_tool,
  M.forced_choice,
  M.computer_on_new_models,
  M.server_tools_stay,
}

return M
