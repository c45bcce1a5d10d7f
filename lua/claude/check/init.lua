--- Checks of a request's parameters before it is sent: what the API is known to
--- answer with 400 is refused here, with path, rule and remedy. What these checks
--- do not know passes untouched.

local models = require("claude.models")

local M = {}

---@class claude.CheckContext
---@field model? string
---@field version string API version
---@field betas table<string, boolean> those the user named
---@field capabilities? claude.Capabilities nil: nothing is known about the model
---@field warn fun(code: string, text: string, about?: string)
---@field endpoint "messages"|"count_tokens"|"batch"
---@field stream? boolean the user asked for a stream
---@field paused? boolean whether the last message is a reply that the API wants to go on from;
--- nil when nobody knows
---@field marks_before? claude.CacheMark[] breakpoints in earlier messages, which are not in params
---@field came_whole? boolean the assistant's messages came from a server, and not in part
---@field messages_elsewhere? boolean a conversation holds the messages
---@field tools_elsewhere? boolean a conversation holds the tools
---@field images? integer counted so far

local CHECKS = {
  "claude.check.fields",
  "claude.check.thinking",
  "claude.check.cache",
  "claude.check.messages",
}

--- A context with its defaults filled in.
---@param fields table
---@return claude.CheckContext
function M.context(fields)
  fields.endpoint = fields.endpoint or "messages"
  fields.betas = fields.betas or {}
  fields.warn = fields.warn or function() end
  if fields.capabilities == nil then
    fields.capabilities = models.capabilities(fields.model, fields.retrieved)
  end
  return fields
end

local checks ---@type (fun(params: table, ctx: claude.CheckContext): claude.Error?)[]?

-- They load with the first request.
local function loaded_checks()
  local functions = {}
  for i, name in ipairs(CHECKS) do
    functions[i] = require(name).check
  end
  return functions
end

--- Checks a request's parameters.
---@param params table
---@param ctx claude.CheckContext
---@return true? ok nil when a rule is broken
---@return claude.Error? err
function M.params(params, ctx)
  checks = checks or loaded_checks()
  for i = 1, #checks do
    local err = checks[i](params, ctx)
    if err then return nil, err end
  end
  return true
end

return M
