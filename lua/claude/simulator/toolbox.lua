--- Which of the tools offered does what, judged by names, descriptions and
--- schemas; and the input a tool wants.
local core = require("claude.core")

local M = {}

local KINDS = {
  { "calculate", { "calc", "math", "arithmetic", "evaluate", "compute", "expression" } },
  { "clock", { "clock", "time", "date", "now" } },
  { "read", { "read", "file", "cat ", "open", "document", "view" } },
}

--- A text in which each word begins after what is no letter: `TaskUpdate` is two.
local function spaced(text) return text:gsub("(%l)(%u)", "%1 %2"):lower() end

--- Words that tell two tools apart may stand in both descriptions: a name counts more.
local function score(tool, words)
  local name, description = spaced(tool.name), (tool.description or ""):lower()
  local points = 0
  for _, word in ipairs(words) do
    if name:find("%f[%a]" .. word) then points = points + 10 end
    if description:find("%f[%a]" .. word) then points = points + 1 end
  end
  return points
end

--- The tools by what they are good for: calculate, clock, read.
---@param tools table[]|nil
---@return table<string, table> kit tools by kind
---@return table[] others client tools of no known kind
function M.sort(tools)
  local kit, taken, others = {}, {}, {}
  for _, kind in ipairs(KINDS) do
    local best = 0
    for _, tool in ipairs(tools or {}) do
      local points = tool.input_schema and not taken[tool] and score(tool, kind[2]) or 0
      if points > best and points >= 2 then
        best, kit[kind[1]] = points, tool
      end
    end
    if kit[kind[1]] then taken[kit[kind[1]]] = true end
  end
  for _, tool in ipairs(tools or {}) do
    if tool.input_schema and not taken[tool] then others[#others + 1] = tool end
  end
  return kit, others
end

local sample = {}

--- A value that fits a schema; `hint` is text to take words and numbers from.
---@param schema table
---@param hint string
---@return any
function M.sample(schema, hint)
  if type(schema) ~= "table" then return hint end
  if schema.const ~= nil then return schema.const end
  if schema.enum then
    for _, choice in ipairs(schema.enum) do
      if type(choice) == "string" and hint:lower():find(choice:lower(), 1, true) then
        return choice
      end
    end
    return schema.enum[1]
  end
  local inner = schema.anyOf or schema.oneOf or schema.allOf
  if inner and inner[1] then return M.sample(inner[1], hint) end
  local kind = type(schema.type) == "table" and schema.type[1] or schema.type
  return (sample[kind] or sample.string)(schema, hint)
end

function sample.string(_, hint)
  local quoted = hint:match('"([^"]+)"') or hint:match("'([^']+)'")
  local place = hint:match("%f[%a][iI]n ([%u][%w%-]*)") or hint:match("%f[%a]for ([%u][%w%-]*)")
  return quoted or place or hint
end

function sample.number(schema, hint)
  return tonumber(hint:match("%-?%d+%.?%d*")) or schema.minimum or 1
end

function sample.integer(schema, hint)
  local number = sample.number(schema, hint)
  return number - number % 1
end

sample["boolean"] = function() return true end
sample["null"] = function() return core.null end

function sample.array(schema, hint) return core.array({ M.sample(schema.items or {}, hint) }) end

function sample.object(schema, hint)
  local value = core.object({})
  local required = {}
  for _, name in ipairs(schema.required or {}) do
    required[name] = true
  end
  local filled = {}
  for name, property in pairs(schema.properties or {}) do
    if required[name] then filled[name] = M.sample(property, hint) end
  end
  return next(filled) and filled or value
end

local PREFERRED = {
  calculate = { "expression", "formula", "input", "query", "code" },
  read = { "path", "file", "filename", "file_path", "name" },
}

--- The property that takes the main argument.
local function main_property(schema, kind)
  local properties = schema.properties or {}
  for _, name in ipairs(PREFERRED[kind] or {}) do
    if properties[name] then return name end
  end
  for _, name in ipairs(schema.required or {}) do
    if properties[name] and properties[name].type == "string" then return name end
  end
end

--- Input for a tool whose main argument is `argument`.
---@param tool table
---@param kind string
---@param argument? string
---@return table
function M.input(tool, kind, argument)
  local schema = tool.input_schema
  local input = sample.object(schema, argument or "UTC")
  local name = argument and main_property(schema, kind)
  if not name then return input end
  local filled = {}
  for key, value in pairs(input) do
    filled[key] = value
  end
  filled[name] = argument
  return filled
end

return M
