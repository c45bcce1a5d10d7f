--- Types of the parameters the library knows. A parameter it does not know passes.

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local FIELDS = {
  { "model", "a string" },
  { "max_tokens", "an integer" },
  { "messages", "a list" },
  { "system", "a string or a list" },
  { "tools", "a list" },
  { "tool_choice", "an object" },
  { "thinking", "an object" },
  { "output_config", "an object" },
  { "metadata", "an object" },
  { "cache_control", "an object" },
  { "container", "a string or an object" },
  { "stop_sequences", "a list" },
  { "temperature", "a number" },
  { "top_p", "a number" },
  { "top_k", "an integer" },
  { "service_tier", "a string" },
  { "stream", "a boolean" },
}

-- Whether it has a name and a schema, and nothing is wrong with it: no path is written for those.
---@param tool any
---@return boolean
local function is_right_tool(tool)
  if type(tool) ~= "table" or getmetatable(tool) or tool[1] ~= nil then return false end
  if type(tool.name) ~= "string" then return false end
  local description, schema = tool.description, tool.input_schema
  if description ~= nil and type(description) ~= "string" then return false end
  return type(schema) == "table" and not getmetatable(schema) and schema[1] == nil
end

---@param tool any
---@param path string
---@return claude.Error?
local function check_tool(tool, path)
  local err = values.expect(tool, "an object", path)
  if err or not values.plain(tool) then return err end
  err = values.expect(tool.name, "a string", path .. ".name")
    or values.expect(tool.description, "a string", path .. ".description")
    or values.expect(tool.input_schema, "an object", path .. ".input_schema")
  if err then return err end
  if tool.type ~= nil and tool.type ~= "custom" then return nil end
  if tool.name == nil then return rules.broken("field_missing", path .. ".name") end
  if tool.input_schema == nil then return rules.broken("field_missing", path .. ".input_schema") end
  return nil
end

---@param tools any
---@return claude.Error?
local function check_tools(tools)
  if not values.plain(tools) then return nil end
  local seen = {}
  for i, tool in ipairs(tools) do
    local err = not is_right_tool(tool) and check_tool(tool, ("tools[%d]"):format(i))
    if err then return err end
    local name = values.plain(tool) and tool.name
    if name and seen[name] then
      return rules.broken("tool_name_twice", ("tools[%d]"):format(i), values.show(name))
    end
    if name then seen[name] = true end
  end
  return nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
local function check_required(params, ctx)
  if not values.given(params.model) then return rules.broken("field_missing", "model") end
  if ctx.endpoint ~= "count_tokens" and not values.given(params.max_tokens) then
    return rules.broken("field_missing", "max_tokens")
  end
  if not ctx.messages_elsewhere and not values.given(params.messages) then
    return rules.broken("field_missing", "messages")
  end
  return nil
end

local KIND_OF = {}
for _, field in ipairs(FIELDS) do
  KIND_OF[field[1]] = field[2]
end

-- Whether every parameter is of its kind: as a rule, and requests have few of them.
---@param params table
---@return boolean
local function are_right(params)
  for name, value in pairs(params) do
    local kind = KIND_OF[name]
    if kind and values.expect(value, kind, name) then return false end
  end
  return true
end

-- The first that is wrong, in the order of the fields.
---@param params table
---@return claude.Error?
local function first_wrong(params)
  for _, field in ipairs(FIELDS) do
    local err = values.expect(params[field[1]], field[2], field[1])
    if err then return err end
  end
  return nil
end

---@param params table
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(params, ctx)
  local wrong = not are_right(params) and first_wrong(params)
  if wrong then return wrong end
  local err = check_required(params, ctx)
  if err then return err end
  if params.model == "" then return rules.broken("field_type", "model", "a name", '""') end
  if values.given(params.model) and params.model:find("%c") then
    local what = "a name without control characters"
    return rules.broken("field_type", "model", what, values.show(params.model))
  end
  local max_tokens = params.max_tokens
  if type(max_tokens) == "number" and max_tokens < 0 then
    return rules.broken("field_order", "max_tokens", tostring(max_tokens))
  end
  for i, text in ipairs(values.plain(params.stop_sequences) or {}) do
    err = values.expect(text, "a string", ("stop_sequences[%d]"):format(i))
    if err then return err end
  end
  return check_tools(params.tools)
end

return M
