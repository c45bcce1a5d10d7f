--- The parameter `cache`: which parts of a prompt get a cache breakpoint, and for how long.
---
---     cache = "auto"                                    tools, system, and the growing tail
---     cache = { ttl = "1h" }                            the same for an hour
---     cache = { tools = "1h", system = "1h", messages = false, diagnostics = true }

local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

---@class claude.CacheSettings
---@field tools string|false ttl, or ANY
---@field system string|false
---@field messages string|false
---@field diagnostics boolean whether the API is asked what it found different

local LEVELS = { "tools", "system", "messages" }
local TTLS = { ["5m"] = true, ["1h"] = true }
local KNOWN = { ttl = true, tools = true, system = true, messages = true, diagnostics = true }

--- No ttl was asked for: the shortest that the order of breakpoints allows.
M.ANY = "any"

---@param value any
---@return string?
local function name_problem(value)
  for name in pairs(value) do
    if not KNOWN[name] then return tostring(name) end
  end
  return nil
end

---@param value any of a level
---@param ttl string? of all levels
---@return string|false|nil
local function level(value, ttl)
  if value == nil or value == true then return ttl or M.ANY end
  if value == false or TTLS[value] then return value end
  return nil
end

---@param value table
---@return claude.CacheSettings? settings
---@return claude.Error? err
local function read_table(value)
  local unknown = name_problem(value)
  if unknown then return nil, rules.broken("cache_field", "cache." .. unknown, unknown) end
  if value.ttl ~= nil and not TTLS[value.ttl] then
    return nil, rules.broken("cache_ttl", "cache.ttl", values.show(value.ttl))
  end
  if value.diagnostics ~= nil and type(value.diagnostics) ~= "boolean" then
    local shown = values.show(value.diagnostics)
    return nil, rules.broken("field_type", "cache.diagnostics", "a boolean", shown)
  end
  local settings = { diagnostics = value.diagnostics or false }
  for _, name in ipairs(LEVELS) do
    settings[name] = level(value[name], value.ttl)
    if settings[name] == nil then
      return nil, rules.broken("cache_level", "cache." .. name, name, values.show(value[name]))
    end
  end
  return settings
end

--- What the parameter says.
---@param value any
---@return claude.CacheSettings? settings nil: nothing is planned
---@return claude.Error? err
function M.read(value)
  if value == false or not values.given(value) then return nil end
  if value == "auto" then return read_table({}) end
  if type(value) ~= "table" or not values.plain(value) then
    return nil, rules.broken("cache_setting", "cache", values.show(value))
  end
  return read_table(value)
end

return M
