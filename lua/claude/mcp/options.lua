--- The options of an MCP server: checked, and completed.

local environment = require("claude.mcp.environment")

local M = {}

---@class claude.mcp.Options
---@field command string[] a program, by its name or path, and its arguments
---@field env? table<string, string|boolean> true: as it is here; false: not at all
---@field cwd? string folder it runs in, else this one
---@field prefix? string before the names of its tools, such as "files_"
---@field timeout? number seconds that one answer may take, 60
---@field start_timeout? number seconds until it is ready, 60
---@field stderr? "inherit"|fun(text: string) else its last words are kept for errors
---@field on_notification? fun(method: string, params: table) runs as a task

local DEFAULT_TIMEOUT = 60

local TYPES = {
  command = { "table" },
  cwd = { "string" },
  env = { "table" },
  on_notification = { "function" },
  prefix = { "string" },
  start_timeout = { "number" },
  stderr = { "string", "function" },
  timeout = { "number" },
}

---@param list any
---@return boolean
local function is_command(list)
  if type(list) ~= "table" or #list == 0 then return false end
  for _, word in ipairs(list) do
    if type(word) ~= "string" or word:find("%z") then return false end
  end
  return list[1] ~= ""
end

---@param options table
---@return string?
local function type_problem(options)
  for name, value in pairs(options) do
    local expected = TYPES[name]
    if not expected then return "there is no option " .. tostring(name) end
    if type(value) ~= expected[1] and type(value) ~= expected[2] then
      return ("%s must be a %s, not a %s"):format(
        name,
        table.concat(expected, " or a "),
        type(value)
      )
    end
  end
end

---@param options table
---@return string?
local function value_problem(options)
  if not is_command(options.command) then
    return 'command must be a list of a program and its arguments, such as { "npx", "-y", "…" }'
  end
  for _, name in ipairs({ "timeout", "start_timeout" }) do
    local seconds = options[name]
    if seconds and (seconds < 0 or seconds ~= seconds) then
      return name .. " must be a number of seconds from 0"
    end
  end
  if type(options.stderr) == "string" and options.stderr ~= "inherit" then
    return 'stderr must be "inherit" or a function'
  end
  if options.prefix and options.prefix:find("[^%w_-]") then
    return 'prefix must be of letters, digits, "_" and "-"'
  end
  return environment.problem(options.env)
end

--- A copy with its defaults.
---@param options table
---@return claude.mcp.Options
function M.completed(options)
  local own = {}
  for name, value in pairs(options) do
    own[name] = value
  end
  own.command = {}
  for i, word in ipairs(options.command) do
    own.command[i] = word
  end
  own.timeout = options.timeout or DEFAULT_TIMEOUT
  own.start_timeout = options.start_timeout or DEFAULT_TIMEOUT
  return own
end

--- Why options are none; nil when they are.
---@param options any
---@return string?
function M.problem(options)
  if type(options) ~= "table" then return "takes a table of options, not a " .. type(options) end
  return type_problem(options) or value_problem(options)
end

return M
