--- Checks of a request's parameters before it is sent: what the API is known to
--- answer with 400 is refused here, with path, rule and remedy. What these checks
--- do not know passes untouched.

local core = require("claude.core")
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

local parts = {} ---@type table<string, fun(params: table, ctx: claude.CheckContext): claude.Error?>

-- They load with the first request that says something of what they check.
---@param name string
---@return fun(params: table, ctx: claude.CheckContext): claude.Error?
local function part(name)
  local check = parts[name] or require("claude.check." .. name).check
  parts[name] = check
  return check
end

---@param params table
---@return boolean
local function says_how_to_think(params)
  if params.thinking ~= nil or params.output_config ~= nil then return true end
  if params.tool_choice ~= nil then return true end
  return params.temperature ~= nil or params.top_p ~= nil or params.top_k ~= nil
end

-- Texts alone have no place for a breakpoint.
---@param messages any
---@return boolean
local function have_texts(messages)
  if type(messages) ~= "table" then return true end
  for _, message in ipairs(messages) do
    if type(message) ~= "table" or type(message.content) ~= "string" then return false end
  end
  return true
end

---@param params table
---@param ctx claude.CheckContext
---@return boolean
local function may_have_breakpoints(params, ctx)
  if params.cache ~= nil or params.cache_control ~= nil or params.tools ~= nil then return true end
  if type(params.system) == "table" or ctx.marks_before then return true end
  return not (core.are_texts(params.messages) or have_texts(params.messages))
end

--- Checks a request's parameters.
---@param params table
---@param ctx claude.CheckContext
---@return true? ok nil when a rule is broken
---@return claude.Error? err
function M.params(params, ctx)
  local err = part("fields")(params, ctx)
    or says_how_to_think(params) and part("thinking")(params, ctx)
    or part("output")(params, ctx)
    or may_have_breakpoints(params, ctx) and part("cache")(params, ctx)
    or part("messages")(params, ctx)
  if err then return nil, err end
  return true
end

return M
