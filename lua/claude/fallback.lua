--- Fallback models: when a model refuses, the same request goes to the next of a list.
---
---     client:conversation {
---       model = "claude-fable-5-1", max_tokens = 16000,
---       fallback_models = { "claude-opus-4-8", { model = "claude-sonnet-4-6", max_tokens = 99 } },
---     }
---
--- An entry changes the params of the request that was made: what it names is replaced,
--- claude.null takes it away, `output_config` is changed member by member. The reply's
--- content has a `fallback` block where the next model took over. The refused output is
--- no part of it, unless the API lets the next model go on with it. A model that took over
--- stays: a conversation remembers it; otherwise pass `{ fallback_state = state }`, a table
--- of one's own, with each call.
---
--- With every request goes the beta that gives refusals a credit token, and the token goes
--- with the next: then the prompt's cache is not paid for twice. `fallback_credit = false`
--- leaves that out, for servers that do not know it.
---
--- This is the client's work; the API's own way is the parameter `fallbacks`.

local core = require("claude.core")
local headers = require("claude.headers")
local models = require("claude.models")
local tables = require("claude.tables")
local values = require("claude.check.values")

local M = {}

M.BETA = "fallback-credit-2026-07-01"

---@alias claude.FallbackModels (string|table)[] models, or tables with a model and what differs

---@class claude.FallbackState
---@field model? string the model that took over

---@class claude.Fallback what a stream needs to go on with the next model
---@field index integer of the entry that the first request is for; 0: the model asked for
---@field count integer
---@field model fun(index: integer): string
---@field request fun(index: integer, more: claude.FallbackMore): claude.Plan?, claude.Error?
---@field accepted fun(index: integer) called once a model has not refused
---@field warn fun(code: string, text: string)

---@class claude.FallbackMore
---@field token? string the refusal's credit token
---@field continuation? string JSON of an assistant message that the next model goes on with

---@param list any
---@return string? problem
local function problem_of(list)
  if type(list) ~= "table" then return ": must be a list of models, not a " .. type(list) end
  if not values.is_list(list) then return ": must be a list of models" end
  for i, entry in ipairs(list) do
    local model = type(entry) == "table" and entry.model or entry
    if type(model) ~= "string" then
      return ("[%d] must be a model, or a table with a model"):format(i)
    end
  end
end

--- What is wrong with fallback_models, or does not go with the other params.
---@param params table
---@return string? problem
function M.problem(params)
  local problem = problem_of(params.fallback_models)
  if problem then return "fallback_models" .. problem end
  local credit = params.fallback_credit
  if credit ~= nil and type(credit) ~= "boolean" then
    return "fallback_credit must be true or false"
  end
  if params.fallbacks ~= nil then
    return "fallback_models and fallbacks exclude each other: one of them does it"
  end
end

--- Raises when there is a problem.
---@param params table
---@param level integer stack level of the caller to blame
function M.check(params, level)
  local problem = M.problem(params)
  if problem then error(problem, level + 1) end
end

---@param entry string|table
---@return table
local function as_table(entry) return type(entry) == "table" and entry or { model = entry } end

---@param list claude.FallbackModels
---@param index integer
---@return string
function M.model(list, index) return as_table(list[index]).model end

--- The entry for a model that took over before; 0 when there is none.
---@param list claude.FallbackModels
---@param model string?
---@return integer
function M.index_of(list, model)
  for i in ipairs(list) do
    if M.model(list, i) == model then return i end
  end
  return 0
end

---@param params table changed
---@param name string
---@param value any
local function patch(params, name, value)
  if value == core.null then value = nil end
  params[name] = value
end

-- Notes between tools are one model's only; the others do without.
---@param params table changed
---@param client claude.Client
local function fit_thinking(params, client)
  local thinking = values.plain(params.thinking)
  if not thinking or thinking.type ~= "between_tools" then return end
  local known = models.capabilities(params.model, client.retrieved)
  local taken = known and known.thinking
  if taken and taken.between_tools then return end
  params.thinking = not (taken and not taken.disabled) and { type = "disabled" } or nil
end

--- The params for an entry; those that were asked with for 0.
---@param client claude.Client
---@param params table
---@param index integer
---@return table
function M.patched(client, params, index)
  local list = params.fallback_models
  local result = tables.merged(params)
  result.fallback_models, result.fallback_credit = nil, nil
  if index == 0 then return result end
  local entry = as_table(list[index])
  for name, value in pairs(entry) do
    if name == "output_config" and values.plain(value) then
      local merged = tables.merged(values.plain(params.output_config))
      for inner, member in pairs(value) do
        patch(merged, inner, member)
      end
      value = next(merged) and merged or nil
    end
    patch(result, name, value)
  end
  if entry.thinking == nil then fit_thinking(result, client) end
  return result
end

--- The params of a hop as they are sent: with the beta and, if there is one, the token.
---@param client claude.Client
---@param params table
---@param index integer
---@param token? string
---@return table
function M.params(client, params, index, token)
  local result = M.patched(client, params, index)
  if params.fallback_credit == false then return result end
  result.betas = headers.union(result.betas, { M.BETA })
  -- A token that cannot be redeemed costs its credit, not the answer.
  if token then result.fallback_credit_token = { mode = "best_effort", token = token } end
  return result
end

---@class claude.FallbackStart
---@field model? string the model that took over before
---@field accepted fun(model: string?, params: table) which of the list has answered; nil: none
---@field build fun(params: table, more: claude.FallbackMore): claude.Plan?, claude.Error?

--- The first request, and what is needed for those of the models behind it.
---@param client claude.Client
---@param params table with fallback_models
---@param start claude.FallbackStart
---@return claude.Plan?
---@return claude.Error? err
function M.plan(client, params, start)
  local list = params.fallback_models
  local index = M.index_of(list, start.model)
  local plan, err = start.build(M.params(client, params, index), {})
  if not plan then return nil, err end
  plan.fallback = {
    index = index,
    count = #list,
    model = function(i) return i == 0 and tostring(params.model) or M.model(list, i) end,
    request = function(i, more)
      local hop = M.params(client, params, i, more.token)
      return start.build(hop, more)
    end,
    accepted = function(i)
      start.accepted(i > 0 and M.model(list, i) or nil, M.patched(client, params, i))
    end,
    warn = function(code, text) client:warn(code, text) end,
  }
  return plan
end

--- Whether the API is asked for fallbacks of its own: then it knows their blocks.
---@param betas table<string, boolean>
---@return boolean
local function is_server_side(betas)
  for name in pairs(betas) do
    if name:find("^server%-side%-fallback%-") then return true end
  end
  return false
end

-- Ids of the calls in a reply, and of the results.
---@param blocks table[] decoded
---@return table<string, boolean> calls
---@return table<string, boolean> results
local function pairs_in(blocks)
  local calls, results = {}, {}
  for _, block in ipairs(blocks) do
    local kind = tostring(block.type)
    if kind:find("tool_use$") then calls[block.id or ""] = true end
    if kind:find("tool_result$") then results[block.tool_use_id or ""] = true end
  end
  return calls, results
end

--- Whether a reply holds a call that has no result in it.
---@param blocks table[] decoded
---@return boolean
function M.has_open_call(blocks)
  local calls, results = pairs_in(blocks)
  for id in pairs(calls) do
    if not results[id] then return true end
  end
  return false
end

local GONE = { thinking = true, redacted_thinking = true, fallback = true }

-- Blocks before the last fallback block that stay: what is signed, and calls and results
-- without each other, do not.
---@param blocks table[] decoded
---@return table<integer, boolean> kept by position
local function kept_before(blocks)
  local calls, results = pairs_in(blocks)
  local kept = {}
  for i, block in ipairs(blocks) do
    local kind = tostring(block.type)
    local alone = kind:find("tool_use$") and not results[block.id or ""]
      or kind:find("tool_result$") and not calls[block.tool_use_id or ""]
    kept[i] = not GONE[kind] and not alone
  end
  return kept
end

-- Without the blocks that only the API's own fallbacks may hold.
---@param content table[]
---@return table[]
local function without_fallback(content)
  local seam = 0
  for i, block in ipairs(content) do
    if type(block) == "table" and block.type == "fallback" then seam = i end
  end
  if seam == 0 then return content end
  local before = {}
  for i = 1, seam do
    before[i] = type(content[i]) == "table" and content[i] or {}
  end
  local kept, list = kept_before(before), {}
  for i, block in ipairs(content) do
    if i > seam or kept[i] then list[#list + 1] = block end
  end
  return list
end

--- Messages that a caller puts back, without what only the API's own fallbacks may hold.
---@param messages any
---@param betas table<string, boolean>
---@return any
function M.messages(messages, betas)
  if type(messages) ~= "table" or core.is_raw(messages) or is_server_side(betas) then
    return messages
  end
  local list = {}
  for _, message in ipairs(messages) do
    local content = type(message) == "table" and message.content
    local rest = type(content) == "table" and not core.is_raw(content) and without_fallback(content)
    if rest and rest ~= content then message = { role = message.role, content = rest } end
    if not (rest and rest ~= content and #rest == 0) then list[#list + 1] = message end
  end
  return list
end

return M
