--- JSON Schemas inside a request: whether each keyword has a value of the kind that the
--- standard wants. Keywords that it does not know may hold anything.
local content = require("claude.simulator.content")
local core = require("claude.core")

local M = {}

local INVALID = "JSON schema is invalid. It must match JSON Schema draft 2020-12: "
local DEEPEST = 200

local function is_text(value) return type(value) == "string" end

local function is_number(value) return type(value) == "number" or core.is_raw(value) end

local function list_of(fits)
  return function(value)
    if type(value) ~= "table" or content.is_object(value) then return false end
    for _, item in ipairs(value) do
      if not fits(item) then return false end
    end
    return true
  end
end

local function anything() return true end

local function is_type(value) return is_text(value) or list_of(is_text)(value) end

-- What a keyword holds, where that is no schema.
local PLAIN = {
  type = { is_type, "a string or a list of strings" },
  required = { list_of(is_text), "a list of strings" },
  enum = { list_of(anything), "a list" },
  description = { is_text, "a string" },
  minimum = { is_number, "a number" },
  maximum = { is_number, "a number" },
}

local INNER = { "items", "additionalProperties", "contains", "propertyNames", "not" }
local LISTS = { "anyOf", "oneOf", "allOf", "prefixItems" }
local MAPS = { "properties", "patternProperties", "$defs", "definitions" }

---@param schema table
---@param path string
---@return string? problem
local function plain_problem(schema, path)
  for name, rule in pairs(PLAIN) do
    local value = schema[name]
    if value ~= nil and not rule[1](value) then return path .. name .. " must be " .. rule[2] end
  end
end

local check

---@param schema table
---@param path string
---@param depth integer
---@return string? problem
local function inner_problem(schema, path, depth)
  for _, name in ipairs(INNER) do
    local problem = schema[name] ~= nil and check(schema[name], path .. name, depth)
    if problem then return problem end
  end
  for _, name in ipairs(LISTS) do
    local value = schema[name]
    if value ~= nil and not content.is_array(value) then
      return path .. name .. " must be a list"
    end
    for i, inner in ipairs(value or {}) do
      local problem = check(inner, ("%s%s.%d"):format(path, name, i - 1), depth)
      if problem then return problem end
    end
  end
  for _, name in ipairs(MAPS) do
    local value = schema[name]
    if value ~= nil and not content.is_object(value) then
      return path .. name .. " must be an object"
    end
    for key, inner in pairs(value or {}) do
      local problem = check(inner, path .. name .. "." .. key, depth)
      if problem then return problem end
    end
  end
end

---@param schema any
---@param path string
---@param depth integer
---@return string? problem
function check(schema, path, depth)
  if type(schema) == "boolean" or depth > DEEPEST then return nil end
  if not content.is_object(schema) then return path .. " must be an object or a boolean" end
  local prefix = path == "" and "" or path .. "."
  return plain_problem(schema, prefix) or inner_problem(schema, prefix, depth + 1)
end

--- Schemas of tools.
---@param request table
---@return string? problem
function M.of_tools(request)
  for i, tool in ipairs(request.tools or {}) do
    local problem = tool.input_schema ~= nil and check(tool.input_schema, "", 0)
    if problem then
      return ("tools.%d.custom.input_schema: %s%s"):format(i - 1, INVALID, problem)
    end
  end
end

--- The schema of structured output.
---@param request table
---@return string? problem
function M.of_output(request)
  local format = request.output_config and request.output_config.format
  local problem = format and check(format.schema, "", 0)
  return problem and "output_config.format.schema: " .. INVALID .. problem or nil
end

M.rules = { M.of_tools, M.of_output }

return M
