--- Shapes of JSON values. A shape is a function of a value and its path that
--- returns what is wrong with it, in the API's words, or nil.
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

---@param rule? { min?: integer, max?: integer }
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

--- An object with these fields and no others. A name that ends in "!" is required.
---@param fields table<string, claude.simulator.Shape>
---@return claude.simulator.Shape
function M.object(fields)
  local shapes, required = {}, {}
  for name, shape in pairs(fields) do
    local plain = name:gsub("!$", "")
    shapes[plain] = shape
    if plain ~= name then required[#required + 1] = plain end
  end
  local names = tables.sorted_names(shapes)
  table.sort(required)
  return function(value, path)
    if not content.is_object(value) then
      return at(path, "Input should be a valid dictionary or object to extract fields from")
    end
    for _, name in ipairs(required) do
      if value[name] == nil then return at(join(path, name), "Field required") end
    end
    for _, name in ipairs(names) do
      local problem = value[name] ~= nil and shapes[name](value[name], join(path, name))
      if problem then return problem end
    end
    for _, name in ipairs(tables.sorted_names(value)) do
      if not shapes[name] then return at(join(path, name), "Extra inputs are not permitted") end
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
    if tag == nil then tag = fallback end
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

--- A string or something else.
---@param text claude.simulator.Shape
---@param other claude.simulator.Shape
---@return claude.simulator.Shape
function M.string_or(text, other)
  return function(value, path)
    if type(value) == "string" then return text(value, path) end
    return other(value, path)
  end
end

return M
