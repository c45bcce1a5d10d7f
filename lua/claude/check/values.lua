--- Looking at users' values without being fooled by the special ones: nulls, raw
--- JSON text and ordered objects are somebody's decision and pass unchecked.

local core = require("claude.core")
local rules = require("claude.check.rules")

local M = {}

--- Whether a parameter was given at all: null counts as absent.
---@param value any
---@return boolean
function M.given(value)
  if type(value) == "userdata" then return core.is_raw(value) end
  return value ~= nil
end

--- The table itself when its fields can be looked at, else nil.
---@param value any
---@return table?
function M.plain(value)
  if type(value) ~= "table" then return nil end
  -- An object in the user's order is a list of pairs.
  if getmetatable(value) == core.object_mt and value[1] ~= nil then return nil end
  return value
end

local ESCAPED = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

---@param char string
---@return string
local function escaped(char) return ESCAPED[char] or ("\\%03d"):format(char:byte()) end

--- The value for an error's text: strings quoted and on one line, tables by their type.
---@param value any
---@return string
function M.show(value)
  if type(value) == "string" then return '"' .. value:gsub('[%z\1-\31\127"\\]', escaped) .. '"' end
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return "a " .. type(value)
end

---@param value any
---@return boolean
function M.is_integer(value)
  return type(value) == "number" and value == math.floor(value) and value - value == 0
end

---@param value any
---@return boolean
function M.is_list(value)
  if type(value) ~= "table" then return false end
  local count = 0
  for _ in pairs(value) do
    count = count + 1
  end
  return count == #value
end

local function is_object(value)
  return type(value) == "table" and (next(value) == nil or value[1] == nil)
end

local KINDS = {
  ["a string"] = function(v) return type(v) == "string" end,
  ["a boolean"] = function(v) return type(v) == "boolean" end,
  ["a number"] = function(v) return type(v) == "number" end,
  ["an integer"] = M.is_integer,
  ["a list"] = M.is_list,
  ["an object"] = is_object,
  ["a string or a list"] = function(v) return type(v) == "string" or M.is_list(v) end,
  ["a string or an object"] = function(v) return type(v) == "string" or is_object(v) end,
}

--- Nil when the value is absent, special or of the kind; else the error.
---@param value any
---@param kind string one of KINDS
---@param path string
---@return claude.Error?
function M.expect(value, kind, path)
  if value == nil or KINDS[kind](value) or type(value) == "userdata" then return nil end
  if type(value) == "table" and not M.plain(value) then return nil end
  return rules.broken("field_type", path, kind, M.show(value))
end

return M
