--- Request bodies: users' tables become canonical bytes, in two pieces around the
--- elements of `messages`, so that a conversation can put its own bytes between.

local core = require("claude.core")
local headers = require("claude.headers")
local message_views = require("claude.message")
local models = require("claude.models")
local rules = require("claude.check.rules")
local tables = require("claude.tables")

local M = {}

-- Said to this library, not to the API.
local LOCAL = {
  betas = true,
  cache = true,
  fallback_credit = true,
  fallback_models = true,
  messages = true,
  stream = true,
}
-- What counting takes no notice of, or refuses.
local NOT_COUNTED = { max_tokens = true, stream = true }

-- In two texts, between which the elements of messages belong.
local AROUND_MESSAGES = { request = true, around = "messages" }
local AS_MESSAGES = { request = true, slot = "messages" }
local NO_MESSAGES = assert(core.raw("[]"))
local NO_BETAS = {} -- not to be changed

---@param problem string
---@param path string?
---@return claude.Error
local function encoding_error(problem, path)
  -- The text begins with the path, which the error has of its own.
  if path and problem:sub(1, #path + 2) == path .. ": " then problem = problem:sub(#path + 3) end
  return rules.broken("encoding", path ~= "" and path or "params", problem)
end

-- What a tool has for this library: see claude/tools.lua.
local OF_TOOL_LOOP =
  { idempotent = true, max_result_bytes = true, parse = true, run = true, timeout = true }

---@param tool any
---@return any
local function without_function(tool)
  if type(tool) ~= "table" or type(rawget(tool, "run")) ~= "function" then return tool end
  local copy = {}
  for name, value in pairs(tool) do
    if not OF_TOOL_LOOP[name] then copy[name] = value end
  end
  return setmetatable(copy, getmetatable(tool))
end

--- A tool written as a plain table may carry its function; the API gets the rest.
---@param tools any
---@return any
function M.without_functions(tools)
  if type(tools) ~= "table" or core.is_raw(tools) then return tools end
  local list = {}
  for key, tool in pairs(tools) do
    list[key] = without_function(tool)
  end
  return setmetatable(list, getmetatable(tools))
end

---@class claude.Frame
---@field before string JSON text up to the elements of messages
---@field after string JSON text from there on
---@field betas string[] every beta the request goes with
---@field params table as given

-- What goes out of the parameters, without the elements of messages.
---@param params table
---@param options { stream: boolean?, counting: boolean? }
---@return table
local function outgoing_fields(params, options)
  -- With room for what nearly every request has.
  local fields = { messages = NO_MESSAGES, max_tokens = nil, model = nil, stream = nil }
  for name, value in pairs(params) do
    if not (LOCAL[name] or (options.counting and NOT_COUNTED[name])) then
      fields[name] = name == "tools" and M.without_functions(value) or value
    end
  end
  if options.stream then fields.stream = true end
  return fields
end

---@class claude.KeptTexts
---@field before string
---@field after string
---@field fields? table a copy of what they were made of, once they were made twice

-- Clients -> the texts of their last request: those of the next are often the same.
---@type table<claude.Client, claude.KeptTexts>
local last_texts = setmetatable({}, { __mode = "k" })
local MOST_KEPT = 256 * 1024 -- bytes

-- What a table with a metatable becomes nobody knows: to core.same it is the same as nothing.
local UNLIKE_ANY = setmetatable({}, {})

local function copied(value)
  if type(value) ~= "table" then return value end
  if getmetatable(value) ~= nil then return UNLIKE_ANY end
  local copy = {}
  for name, member in pairs(value) do
    copy[name] = copied(member)
  end
  return copy
end

-- What comes twice may come more often: only then a copy pays.
---@param client claude.Client
---@param fields table
---@param before string
---@param after string
local function keep_texts(client, fields, before, after)
  local kept = last_texts[client]
  if kept and kept.before == before and kept.after == after then
    if kept.fields == nil then kept.fields = copied(fields) end
  elseif #before + #after <= MOST_KEPT then
    last_texts[client] = { before = before, after = after }
  end
end

---@param client claude.Client
---@param fields table
---@return string? before
---@return string after or a problem
---@return string? path
local function texts_around_messages(client, fields)
  local kept = last_texts[client]
  if kept and kept.fields and core.same(kept.fields, fields) then return kept.before, kept.after end
  local before, after, path = core.encode(fields, AROUND_MESSAGES)
  if before then keep_texts(client, fields, before, after) end
  return before, after, path
end

-- What a request needs without its user naming it.
---@param client claude.Client
---@param params table
---@return string[]?
local function needed_betas(client, params)
  if params.thinking == nil then return nil end
  local known = models.capabilities(params.model, client.retrieved)
  local needed_by_thinking = require("claude.check.thinking").needed_betas
  return needed_by_thinking(params, known, client.interleaved_thinking)
end

--- Beta names that a request goes with: the client's, the user's and what it needs.
---@param client claude.Client
---@param params table
---@param named? string[]
---@return string[]
function M.betas(client, params, named)
  local needs_none = params.betas == nil and params.thinking == nil and not named
  if needs_none and client.betas[1] == nil then return NO_BETAS end
  return headers.union(client.betas, params.betas, named, needed_betas(client, params))
end

--- The bytes around the elements of `messages`, in canonical order.
---@param client claude.Client
---@param params table
---@param options? { stream: boolean?, counting: boolean?, betas: string[]? }
---@return claude.Frame?
---@return claude.Error? err
function M.frame(client, params, options)
  options = options or {}
  local before, after, path = texts_around_messages(client, outgoing_fields(params, options))
  if not before then return nil, encoding_error(after, path) end
  return {
    before = before,
    after = after,
    betas = M.betas(client, params, options.betas),
    params = params,
  }
end

local CHANGED_TEXT = "%s: the %s block was changed since it came from the API;"
  .. " it goes out as it is now"
local THINKING = { thinking = true, redacted_thinking = true }

-- A view becomes its bytes; a changed one is told, or refused when it is signed.
---@param block any
---@param path string
---@param warn? fun(code: string, text: string)
---@return any value
---@return claude.Error? err
local function outgoing_block(block, path, warn)
  local raw = message_views.raw_of(block)
  if not raw then return block end
  if message_views.unchanged(block) then return core.raw(raw) or block end
  local original = core.decode(raw)
  local kind = original and original.type or block.type
  if THINKING[kind] then return nil, rules.broken("thinking_changed", path, kind) end
  if warn then warn("changed_block", CHANGED_TEXT:format(path, tostring(kind))) end
  return block
end

---@param content any
---@param path string
---@param warn? fun(code: string, text: string)
---@param outgoing fun(block: any, path: string, warn?: function): any, claude.Error?
---@return any content
---@return claude.Error? err
local function outgoing_list(content, path, warn, outgoing)
  if type(content) ~= "table" or core.is_raw(content) or #content == 0 then return content end
  local list = {}
  for i, block in ipairs(content) do
    local value, err = outgoing(block, ("%s[%d]"):format(path, i), warn)
    if err then return nil, err end
    list[i] = value
  end
  for key, value in pairs(content) do
    -- Whatever does not belong into a list is the encoder's to refuse.
    if list[key] == nil then list[key] = value end
  end
  return list
end

-- A tool_result may hold views of its own.
---@param block any
---@param path string
---@param warn? fun(code: string, text: string)
---@return any value
---@return claude.Error? err
local function outgoing_outer_block(block, path, warn)
  local value, err = outgoing_block(block, path, warn)
  if err or value ~= block or type(block) ~= "table" or getmetatable(block) then
    return value, err
  end
  if block.type ~= "tool_result" then return block end
  local content
  content, err = outgoing_list(block.content, path .. ".content", warn, outgoing_block)
  if err then return nil, err end
  if content == block.content then return block end
  local copy = {}
  for name, member in pairs(block) do
    copy[name] = member
  end
  copy.content = content
  return copy
end

---@param message any
---@param path string
---@param warn? fun(code: string, text: string)
---@return any message
---@return claude.Error? err
local function outgoing_message(message, path, warn)
  if type(message) ~= "table" or core.is_raw(message) or message.content == nil then
    return message
  end
  local content, err = message.content, nil
  if type(content) == "table" then
    content, err = outgoing_list(content, path .. ".content", warn, outgoing_outer_block)
  end
  if err then return nil, err end
  -- A whole reply put back: only what a request knows of it.
  if message_views.is(message) then return { role = message.role, content = content } end
  if content == message.content then return message end
  return tables.merged(message, { content = content })
end

---@param message any
---@return boolean
local function is_plain_text(message)
  if type(message) ~= "table" or getmetatable(message) then return false end
  return type(message.content) == "string"
end

--- The elements of `messages` as JSON text, without the brackets. Views that were
--- not changed go out as their bytes.
---@param list any
---@param warn? fun(code: string, text: string)
---@return string? elements
---@return claude.Error? err
function M.encode_messages(list, warn)
  local messages = list
  if type(list) == "table" and not (core.is_raw(list) or core.are_texts(list)) then
    messages = {}
    for i, message in ipairs(list) do
      local value, err = message, nil
      if not is_plain_text(message) then
        value, err = outgoing_message(message, ("messages[%d]"):format(i), warn)
      end
      if err then return nil, err end
      messages[i] = value
    end
  end
  local text, problem, path = core.encode(messages, AS_MESSAGES)
  if not text then return nil, encoding_error(problem, path) end
  return text:sub(2, -2)
end

---@class claude.Outgoing
---@field params table what is framed
---@field messages string|userdata the elements of `messages`
---@field marks? table[] cache breakpoints in them, for core.body
---@field plan? claude.CachePlan

--- What goes out of a request: with cache breakpoints, where some are to be planned.
---@param client claude.Client
---@param params table
---@param warn claude.Warn
---@param counting? boolean nothing is cached
---@return claude.Outgoing?
---@return claude.Error? err
function M.outgoing(client, params, warn, counting)
  local elements, err = M.encode_messages(params.messages, warn)
  if not elements then return nil, err end
  local cached
  if params.cache and not counting then
    cached, err = require("claude.cache").of_params(client, params, elements)
    if err then return nil, err end
  end
  return cached or { params = params, messages = elements }
end

return M
