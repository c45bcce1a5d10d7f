--- Runs the parameter checks as a request would.
local check = require("claude.check")

local M = {}

--- A request that breaks no rule, with changes.
---@param changes? table
---@return table
function M.request(changes)
  local params = {
    model = "claude-sonnet-4-6",
    max_tokens = 16000,
    messages = { { role = "user", content = "What is 127 * 389?" } },
  }
  for name, value in pairs(changes or {}) do
    params[name] = value
  end
  return params
end

--- Checks a request; returns what `check.params` does, and the warnings.
---@param changes? table
---@param fields? table of the context
---@return true?, claude.Error?, { code: string, text: string }[]
function M.run(changes, fields)
  local params, warnings = M.request(changes), {}
  local ctx = {
    model = params.model,
    version = "2026-10-21",
    warn = function(code, text) warnings[#warnings + 1] = { code = code, text = text } end,
  }
  for name, value in pairs(fields or {}) do
    ctx[name] = value
  end
  local ok, err = check.params(params, check.context(ctx))
  return ok, err, warnings
end

--- The error of a request that must be refused by the rule named.
---@param rule string
---@param changes table
---@param fields? table
---@return claude.Error
function M.refused(rule, changes, fields)
  local ok, err = M.run(changes, fields)
  assert(not ok, "passed, though it breaks " .. rule)
  assert(err.rule == rule, ("expected %s, got %s"):format(rule, tostring(err)))
  assert(err.kind == "invalid" and err.path and err.hint, "no path or no remedy")
  return err
end

--- A request that must pass; returns its warnings.
---@param changes? table
---@param fields? table
---@return { code: string, text: string }[]
function M.passes(changes, fields)
  local ok, err, warnings = M.run(changes, fields)
  assert(ok, tostring(err))
  return warnings
end

return M
