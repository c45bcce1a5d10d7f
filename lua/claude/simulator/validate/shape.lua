--- Shapes of JSON values. A shape is a function of a value and its path that
--- returns what is wrong with it, in the API's words, or nil. The value has its
--- null members: `core.null`, which fits no shape but `any`.
local content = require("claude.simulator.content")
local core = require("claude.core")
local tables = require("claude.tables")

local M = {}

---@alias claude.simulator.Shape fun(value: any, path: string): string|nil

local function at(path, text) return path == "" and text or path .. ": " .. text end

local function join(path, name)
  return path == "" and tostring(name) or path .. "." .. tostring(name)
end

local function quoted(choices)
  local parts = {}
  for index, choice in ipairs(choices) do
    parts[index] = "'" .. choice .. "'"
  end
  if #parts == 1 then return parts[1] end
  local last = table.remove(parts)
  return table.concat(parts, ", ") .. " or " .. last
end

---@type claude.simulator.Shape
function M.any() end

--- A value that may be null.
---@param shape claude.simulator.Shape
---@return claude.simulator.Shape
function M.nullable(shape)
  return function(value, path)
    if value ~= core.null then return shape(value, path) end
  end
end

--- Characters, not bytes.
local function length(text)
  local _, continuation = text:gsub("[\128-\191]", "")
  return #text - continuation
end

---@param rule? { min?: integer, max?: integer, pattern?: string, wanted?: string }
---@return claude.simulator.Shape
function M.string(rule)
  rule = rule or {}
  return function(value, path)
    if type(value) ~= "string" then return at(path, "Input should be a valid string") end
    local characters = length(value)
    if rule.min and characters < rule.min then
      return at(
        path,
        ("String should have at least %d character%s"):format(rule.min, rule.min == 1 and "" or "s")
      )
    end
    if rule.max and characters > rule.max then
      return at(path, ("String should have at most %d characters"):format(rule.max))
    end
    if rule.pattern and not value:find(rule.pattern) then
      return at(path, ("String should match pattern '%s'"):format(rule.wanted))
    end
  end
end

local function bounds(value, path, rule)
  if rule.above and value <= rule.above then
    return at(path, ("Input should be greater than %d"):format(rule.above))
  end
  if rule.min and value < rule.min then
    return at(path, ("Input should be greater than or equal to %d"):format(rule.min))
  end
  if rule.max and value > rule.max then
    return at(path, ("Input should be less than or equal to %d"):format(rule.max))
  end
end

---@param rule? { min?: number, max?: number }
---@return claude.simulator.Shape
function M.number(rule)
  return function(value, path)
    if core.is_raw(value) then value = tonumber(tostring(value)) end
    if type(value) ~= "number" then return at(path, "Input should be a valid number") end
    return bounds(value, path, rule or {})
  end
end

---@param rule? { min?: integer, max?: integer, above?: integer }
---@return claude.simulator.Shape
function M.integer(rule)
  return function(value, path)
    if core.is_raw(value) then value = tonumber(tostring(value)) end
    if type(value) ~= "number" then return at(path, "Input should be a valid integer") end
    if value ~= math.floor(value) then
      return at(path, "Input should be a valid integer, got a number with a fractional part")
    end
    return bounds(value, path, rule or {})
  end
end

---@type claude.simulator.Shape
function M.boolean(value, path)
  if type(value) ~= "boolean" then return at(path, "Input should be a valid boolean") end
end

--- One of some strings.
---@param choices string[]
---@return claude.simulator.Shape
function M.one_of(choices)
  local known = {}
  for _, choice in ipairs(choices) do
    known[choice] = true
  end
  return function(value, path)
    if type(value) ~= "string" or not known[value] then
      return at(path, "Input should be " .. quoted(choices))
    end
  end
end

--- Any JSON object.
---@type claude.simulator.Shape
function M.map(value, path)
  if not content.is_object(value) then return at(path, "Input should be a valid dictionary") end
end

---@param item claude.simulator.Shape
---@param rule? { min?: integer, max?: integer }
---@return claude.simulator.Shape
function M.array(item, rule)
  rule = rule or {}
  return function(value, path)
    if not content.is_array(value) then return at(path, "Input should be a valid list") end
    if rule.max and #value > rule.max then
      return at(
        path,
        ("List should have at most %d items after validation, not %d"):format(rule.max, #value)
      )
    end
    if rule.min and #value < rule.min then
      return at(
        path,
        ("List should have at least %d item after validation, not %d"):format(rule.min, #value)
      )
    end
    for index, element in ipairs(value) do
      local problem = item(element, join(path, index - 1))
      if problem then return problem end
    end
  end
end

--- Any JSON object whose members have this shape.
---@param member claude.simulator.Shape
---@return claude.simulator.Shape
function M.map_of(member)
  return function(value, path)
    local problem = M.map(value, path)
    if problem then return problem end
    for _, name in ipairs(tables.sorted_names(value)) do
      problem = member(value[name], join(path, name))
      if problem then return problem end
    end
  end
end

--- Reads `name`, `name!` (required), `name?` (may be null) and `name!?` (both).
local function read_fields(fields)
  local shapes, required = {}, {}
  for field, shape in pairs(fields) do
    local name, marks = field:match("^(.-)([!?]*)$")
    shapes[name] = marks:find("?", 1, true) and M.nullable(shape) or shape
    if marks:find("!", 1, true) then required[#required + 1] = name end
  end
  table.sort(required)
  return shapes, required
end

local function missing(required, value, path)
  for _, name in ipairs(required) do
    if value[name] == nil then return at(join(path, name), "Field required") end
  end
end

local function members_problem(names, shapes, value, path)
  for _, name in ipairs(names) do
    local problem = value[name] ~= nil and shapes[name](value[name], join(path, name))
    if problem then return problem end
  end
end

--- An object with these fields and any others.
---@param fields table<string, claude.simulator.Shape> by name, with the marks of `object`
---@return claude.simulator.Shape
function M.open_object(fields)
  local shapes, required = read_fields(fields)
  local names = tables.sorted_names(shapes)
  return function(value, path)
    if not content.is_object(value) then
      return at(path, "Input should be a valid dictionary or object to extract fields from")
    end
    return missing(required, value, path) or members_problem(names, shapes, value, path)
  end
end

--- An object with these fields and no others. A name that ends in "!" is
--- required; with "?" the field may be null.
---@param fields table<string, claude.simulator.Shape>
---@return claude.simulator.Shape
function M.object(fields)
  local known, open = read_fields(fields), M.open_object(fields)
  return function(value, path)
    local problem = open(value, path)
    if problem then return problem end
    for _, name in ipairs(tables.sorted_names(value)) do
      if not known[name] then return at(join(path, name), "Extra inputs are not permitted") end
    end
  end
end

--- Objects told apart by their `type`. The tag becomes part of the path, as the
--- API has it.
---@param variants table<string, claude.simulator.Shape>
---@param fallback? string the tag of an object without `type`
---@return claude.simulator.Shape
function M.tagged(variants, fallback)
  local tags = tables.sorted_names(variants)
  return function(value, path)
    if not content.is_object(value) then
      return at(path, "Input should be a valid dictionary or object to extract fields from")
    end
    local tag = value.type
    if tag == nil or fallback and tag == core.null then tag = fallback end
    if tag == nil then return at(join(path, "type"), "Field required") end
    local variant = type(tag) == "string" and variants[tag]
    if not variant then
      return at(
        path,
        ("Input tag '%s' found using 'type' does not match any of the expected tags: %s"):format(
          tostring(tag),
          quoted(tags):gsub(" or ", ", ")
        )
      )
    end
    return variant(value, join(path, tag))
  end
end

local function kind_of(value)
  if content.is_array(value) then return "list" end
  if content.is_object(value) then return "object" end
  return type(value)
end

--- One of several shapes, by the kind of value: string, number, boolean, list or object.
---@param shapes table<string, claude.simulator.Shape> `otherwise`: for all kinds not named
---@return claude.simulator.Shape
function M.by_kind(shapes)
  return function(value, path) return (shapes[kind_of(value)] or shapes.otherwise)(value, path) end
end

--- A string or something else.
---@param text claude.simulator.Shape
---@param other claude.simulator.Shape
---@return claude.simulator.Shape
function M.string_or(text, other) return M.by_kind({ string = text, otherwise = other }) end

return M
