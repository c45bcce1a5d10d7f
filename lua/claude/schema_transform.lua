--- Makes a JSON Schema one that structured output takes: objects are closed, and what the
--- API's grammar does not know is told to the model in the description instead.
---
---     { type = "integer", minimum = 1, maximum = 5 }
---     { type = "integer", description = "{minimum: 1, maximum: 5}" }
---
--- The official SDKs transform schemas in the same way; where this differs is listed in
--- doc/deviations.md. A plain table becomes a plain table; members in an order of the
--- user's (claude.object of pairs, claude.json) keep it.

local core = require("claude.core")

local M = {}

local DEEPEST = 200

-- Formats that the grammar knows.
local FORMATS = {
  date = true,
  ["date-time"] = true,
  duration = true,
  email = true,
  hostname = true,
  ipv4 = true,
  ipv6 = true,
  time = true,
  uri = true,
  uuid = true,
}

-- In a plain table members have no order: these come as people write them, others by name.
local RANKS = {
  minimum = 1,
  exclusiveMinimum = 2,
  maximum = 3,
  exclusiveMaximum = 4,
  multipleOf = 5,
  minLength = 6,
  maxLength = 7,
  pattern = 8,
  uniqueItems = 10,
  maxItems = 11,
}
local OTHER_RANK = 9
-- What is known, but not with every value, is told last.
local LAST = { "format", "minItems" }

-- Members that a schema may get which it did not have.
local ADDED = { "anyOf", "properties", "additionalProperties", "description" }

---@param path string
---@param text string
local function refuse(path, text)
  error({ problem = (path ~= "" and path .. ": " or "") .. text }, 0)
end

---@class claude.SchemaMembers
---@field names string[] in order
---@field left table<string, any> what has not been taken yet
---@field ordered boolean

local function by_rank(a, b)
  local x, y = RANKS[a] or OTHER_RANK, RANKS[b] or OTHER_RANK
  if x ~= y then return x < y end
  return a < b
end

---@param object any
---@param path string
---@param what string
---@return claude.SchemaMembers
local function members_of(object, path, what)
  if core.is_raw(object) then object = core.decode_ordered(tostring(object)) end
  if type(object) ~= "table" then
    refuse(path, ("%s must be a table, not a %s"):format(what, type(object)))
  end
  local members = { names = {}, left = {}, ordered = false }
  members.ordered = getmetatable(object) == core.object_mt and object[1] ~= nil
  local function add(name, value)
    members.names[#members.names + 1] = name
    members.left[name] = value
  end
  if members.ordered then
    for _, pair in ipairs(object) do
      add(pair[1], pair[2])
    end
    return members
  end
  for name, value in pairs(object) do
    if type(name) ~= "string" then refuse(path, what .. " must have names, and is a list") end
    add(name, value)
  end
  table.sort(members.names, by_rank)
  return members
end

---@param members claude.SchemaMembers
---@param name string
---@return any
local function take(members, name)
  local value = members.left[name]
  members.left[name] = nil
  return value
end

-- The members in `out`, in the order they were given.
---@param members claude.SchemaMembers
---@param out table<string, any>
---@return table
local function assembled(members, out)
  if not members.ordered then return next(out) == nil and core.object(out) or out end
  local pairs_in_order, seen = {}, {}
  local function add(name)
    if out[name] == nil or seen[name] then return end
    seen[name] = true
    pairs_in_order[#pairs_in_order + 1] = { name, out[name] }
  end
  for _, name in ipairs(members.names) do
    add(name)
  end
  for _, name in ipairs(ADDED) do
    add(name)
  end
  return core.object(pairs_in_order)
end

local transformed

---@param path string
---@param name string
---@return string
local function below(path, name) return path == "" and name or path .. "." .. name end

-- Schemas by names that the user chose.
---@param schemas any
---@param path string
---@param depth integer
---@return table
local function transformed_each(schemas, path, depth)
  local members = members_of(schemas, path, "the schemas")
  local out = {}
  for _, name in ipairs(members.names) do
    out[name] = transformed(members.left[name], below(path, name), depth + 1)
  end
  return assembled(members, out)
end

---@param list any
---@param path string
---@param depth integer
---@return table
local function transformed_list(list, path, depth)
  if core.is_raw(list) then list = core.decode_ordered(tostring(list)) end
  if type(list) ~= "table" then refuse(path, "must be a list of schemas") end
  local out = {}
  for i, schema in ipairs(list) do
    out[i] = transformed(schema, ("%s[%d]"):format(path, i), depth + 1)
  end
  return core.array(out)
end

---@param types any
---@param name string
---@return boolean
local function has_type(types, name)
  if core.is_raw(types) then types = core.decode(tostring(types)) end
  if type(types) ~= "table" then return types == name end
  for _, one in ipairs(types) do
    if one == name then return true end
  end
  return false
end

-- Alternatives stand for themselves: none of them needs a type beside it.
---@return boolean has_any
local function take_alternatives(members, out, path, depth)
  local name = members.left.anyOf ~= nil and "anyOf" or "oneOf"
  local any, all = take(members, name), take(members, "allOf")
  if any ~= nil then out.anyOf = transformed_list(any, below(path, name), depth) end
  if all ~= nil then out.allOf = transformed_list(all, below(path, "allOf"), depth) end
  return any ~= nil or all ~= nil
end

---@return boolean has_any
local function take_constants(members, out)
  if has_type(members.left.type, "object") then return false end
  out.enum, out.const = take(members, "enum"), take(members, "const")
  return out.enum ~= nil or out.const ~= nil
end

local function take_object(members, out, path, depth)
  local properties = take(members, "properties")
  out.properties = properties == nil and core.object()
    or transformed_each(properties, below(path, "properties"), depth)
  if type(members.left.additionalProperties) == "boolean" then
    take(members, "additionalProperties")
  end
  out.additionalProperties = false
  local required = take(members, "required")
  if type(required) == "table" and next(required) == nil then required = core.array() end
  out.required = required
end

local function take_array(members, out, path, depth)
  local items, least = take(members, "items"), members.left.minItems
  if items ~= nil then out.items = transformed(items, below(path, "items"), depth + 1) end
  if least == 0 or least == 1 then out.minItems = take(members, "minItems") end
end

---@param members claude.SchemaMembers
---@param out table<string, any>
---@param path string
---@param depth integer
local function take_type(members, out, path, depth)
  local types = take(members, "type")
  if types == nil then
    refuse(path, "a schema needs a type, or anyOf, oneOf, allOf, enum, const or $ref")
  end
  out.type = types
  if has_type(types, "object") then take_object(members, out, path, depth) end
  if has_type(types, "array") then take_array(members, out, path, depth) end
  if has_type(types, "string") and FORMATS[members.left.format] then
    out.format = take(members, "format")
  end
end

-- What is left, as words: {minimum: 1, maximum: 5}.
---@param members claude.SchemaMembers
---@param path string
---@return string?
local function words_for(members, path)
  local words = {}
  local function say(name)
    local value = take(members, name)
    if value == nil then return end
    local json, problem = core.encode(value)
    if not json then refuse(below(path, name), problem) end
    words[#words + 1] = ("%s: %s"):format(name, json)
  end
  local last = {}
  for _, name in ipairs(LAST) do
    last[name] = true
  end
  for _, name in ipairs(members.names) do
    if not last[name] then say(name) end
  end
  for _, name in ipairs(LAST) do
    say(name)
  end
  return words[1] and "{" .. table.concat(words, ", ") .. "}" or nil
end

---@param members claude.SchemaMembers
---@param out table<string, any>
---@param path string
local function describe(members, out, path)
  local description = take(members, "description")
  if description ~= nil and type(description) ~= "string" then
    refuse(below(path, "description"), "must be a string")
  end
  local words = words_for(members, path)
  if words and description and description ~= "" then words = description .. "\n\n" .. words end
  out.description = words or description
end

---@param schema any
---@param path string
---@param depth integer
---@return table
function transformed(schema, path, depth)
  if depth > DEEPEST then refuse(path, "nested deeper than 200 levels, or contains itself") end
  local members, out = members_of(schema, path, "a schema"), {}
  take(members, "$schema")
  for _, name in ipairs({ "$defs", "definitions" }) do
    local schemas = take(members, name)
    if schemas ~= nil then out[name] = transformed_each(schemas, below(path, name), depth) end
  end
  out["$ref"] = take(members, "$ref")
  if out["$ref"] ~= nil then return assembled(members, out) end
  local alternatives = take_alternatives(members, out, path, depth)
  local constants = take_constants(members, out)
  if alternatives or constants then
    take(members, "type")
  else
    take_type(members, out, path, depth)
  end
  out.title = take(members, "title")
  describe(members, out, path)
  return assembled(members, out)
end

--- The schema as structured output and strict tools take it. Raises, with the place, where
--- it is no schema that they could take.
---@param schema any table, claude.object or claude.json
---@return table schema a new one
function M.transform(schema)
  local ok, result = pcall(transformed, schema, "", 0)
  if ok then return result end
  local problem = type(result) == "table" and result.problem
  error(problem and "claude.transform_schema: " .. problem or result, problem and 2 or 0)
end

return M
