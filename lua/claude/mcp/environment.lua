--- What a child process learns of this one's environment: what programs need to run, and
--- nothing else unless it is named. Keys of whoever starts a server are none of its business.

local M = {}

local PASSED_ON = {
  "HOME",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "LOGNAME",
  "PATH",
  "SHELL",
  "TERM",
  "TMPDIR",
  "TZ",
  "USER",
  "XDG_CACHE_HOME",
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_RUNTIME_DIR",
}

--- Why a table of variables is none; nil when it is one.
---@param env any
---@return string?
function M.problem(env)
  if env == nil then return nil end
  if type(env) ~= "table" then return "env must be a table of names and values" end
  for name, value in pairs(env) do
    if type(name) ~= "string" or name == "" or name:find("[=%z]") then
      return "env must have names without =, and has " .. tostring(name)
    end
    local known = value == true or value == false or type(value) == "string"
    if not known or (type(value) == "string" and value:find("%z")) then
      return ("env.%s must be a string, true (as it is here) or false (not at all)"):format(name)
    end
  end
  return nil
end

--- The environment as a list of NAME=value.
---@param env? table<string, string|boolean> true: as it is here; false: not at all
---@return string[]
function M.list(env)
  local all = {}
  for _, name in ipairs(PASSED_ON) do
    all[name] = os.getenv(name)
  end
  for name, value in pairs(env or {}) do
    if value == true then value = os.getenv(name) end
    all[name] = value or nil
  end
  local list = {}
  for name, value in pairs(all) do
    list[#list + 1] = name .. "=" .. value
  end
  table.sort(list)
  return list
end

return M
