--- The options of a run: which there are, and of what kind.

local M = {}

local function above_zero(value) return value > 0 end
local function from_zero(value) return value >= 0 and value % 1 == 0 end
local function from_one(value) return value >= 1 and value % 1 == 0 end

local OPTIONS = {
  approve = { "function" },
  eager = { "boolean" },
  max_depth = { "number", from_zero, "an integer from 0" },
  max_parallel = { "number", from_one, "an integer from 1" },
  max_pauses = { "number", from_zero, "an integer from 0" },
  max_result_bytes = { "number", from_one, "an integer from 1, or false", or_false = true },
  max_turn_bytes = { "number", from_one, "an integer from 1, or false", or_false = true },
  max_requests = { "number", from_zero, "an integer from 0" },
  tool_timeout = { "number", above_zero, "a number of seconds above 0" },
}

---@param name string
---@param value any
---@return string? problem
local function problem_of(name, value)
  local kind, holds, what = OPTIONS[name][1], OPTIONS[name][2], OPTIONS[name][3]
  if value == false and OPTIONS[name].or_false then return nil end
  if type(value) ~= kind then
    return ("%s must be a %s, not a %s"):format(name, kind, type(value))
  end
  if holds and not holds(value) then return ("%s must be %s"):format(name, what) end
end

--- Tells options from params, which are for the run's requests. Raises when one is wrong.
---@param given? table
---@param level integer stack level of the caller to blame
---@return claude.RunOptions options
---@return table params
function M.split(given, level)
  if given ~= nil and type(given) ~= "table" then
    error("chat:run takes a table of options, not a " .. type(given), level + 1)
  end
  local options, params = {}, {}
  for name, value in pairs(given or {}) do
    if OPTIONS[name] then
      local problem = problem_of(name, value)
      if problem then error("chat:run: " .. problem, level + 1) end
      options[name] = value
    else
      params[name] = value
    end
  end
  return options, params
end

return M
