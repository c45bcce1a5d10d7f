--- Whether the API would take a request: its rules in the API's order and words.
local block_betas = require("claude.simulator.validate.block_betas")
local body = require("claude.simulator.validate.body")
local cache = require("claude.simulator.validate.cache")
local content = require("claude.simulator.content")
local faults = require("claude.simulator.faults")
local headers = require("claude.simulator.validate.headers")
local messages = require("claude.simulator.validate.messages")
local params = require("claude.simulator.validate.params")
local schemas = require("claude.simulator.validate.schemas")
local thinking = require("claude.simulator.validate.thinking")
local tools = require("claude.simulator.validate.tools")

local M = {}

---@class claude.simulator.validate.Context
---@field version string anthropic-version
---@field beta table<string, boolean>
---@field exact? table the request with its null members, if it has any
---@field counting boolean whether this is count_tokens
---@field batch? boolean whether this is a request of a batch
---@field find_model fun(id: string): claude.simulator.Model|nil
---@field model? claude.simulator.Model set once found
---@field threads? claude.simulator.Threads what it holds for clients; nil: nothing
---@field paused? boolean whether the simulator itself left the final assistant message open

M.headers = headers.check
M.betas = headers.betas

local GROUPS = { schemas, params, tools, thinking, messages, cache }
-- The first of several mistakes is what the API tells: order first, thinking later.
local FIRST = { messages.some }

local function first_problem(rules, request, context)
  for _, rule in ipairs(rules) do
    local problem = rule(request, context)
    if problem then return faults.invalid(problem) end
  end
end

local function shape_problem(request, context)
  if not content.is_object(request) then
    return faults.invalid("Input should be a valid dictionary")
  end
  local shape = context.counting and body.count or body.create
  local problem = shape(context.exact or request, "")
    or params.betas(context.exact or request, context)
    or tools.betas(request, context)
    or block_betas.check(request, context)
  return problem and faults.invalid(problem)
end

--- A request that continues a thread, with what the thread holds.
local function whole_request(request, context)
  if not request.thread or not context.beta["message-threads-2026-08-12"] then return request end
  if not context.threads then
    local text = "thread: threads are not supported here; send the whole conversation without"
    return nil, faults.coded(400, "thread_unsupported_request", text)
  end
  return context.threads:whole(request)
end

--- The request with its messages as the API reads them: neighbours merged.
---@param request table
---@return table
function M.view(request)
  return setmetatable({ messages = messages.merge(request.messages) }, { __index = request })
end

--- Judges a body. On the way it finds the model and leaves it in the context.
---@param request table decoded
---@param context claude.simulator.validate.Context
---@return claude.simulator.Fault|nil fault
---@return table|nil view the whole request with merged messages, when it is right
---@return table|nil whole the request, with what its thread holds
function M.body(request, context)
  local fault = shape_problem(request, context)
  if fault then return fault end
  context.model = context.find_model(request.model)
  if not context.model then
    return { status = 404, type = "not_found_error", message = "model: " .. request.model }
  end
  local whole
  whole, fault = whole_request(request, context)
  if not whole then return fault end
  local view = M.view(whole)
  fault = first_problem(FIRST, view, context)
  if fault then return fault end
  for _, group in ipairs(GROUPS) do
    fault = first_problem(group.rules, view, context)
    if fault then return fault end
  end
  return nil, view, whole
end

--- What can be judged only once the history was read.
---@param request table the view
---@param context claude.simulator.validate.Context
---@param tokens integer of the prompt
---@return claude.simulator.Fault|nil
function M.history(request, context, tokens)
  local problem = not context.counting and messages.prefill(request, context)
  if problem then return faults.invalid(problem) end
  local most = context.model.context
  if tokens > most then
    return faults.invalid(("prompt is too long: %d tokens > %d maximum"):format(tokens, most))
  end
end

return M
