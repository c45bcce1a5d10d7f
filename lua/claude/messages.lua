--- The Messages API: create, stream, count_tokens.

local check = require("claude.check")
local core = require("claude.core")
local errors = require("claude.errors")
local headers = require("claude.headers")
local request = require("claude.request")
local stream = require("claude.stream")
local tables = require("claude.tables")
local wire = require("claude.wire")

---@class claude.Messages
---@field batches claude.Batches
---@field private client claude.Client
local Messages = { __name = "claude.Messages" }

-- Few programs use batches: that part loads when it is asked for.
function Messages:__index(name)
  if name ~= "batches" then return Messages[name] end
  local batches = require("claude.batches").new(rawget(self, "client"))
  rawset(self, "batches", batches)
  return batches
end

local NONE = {} -- not to be changed

-- Whether a request names betas anywhere. Most name none.
---@param client claude.Client
---@param params table
---@param options claude.CallOptions
---@return boolean
local function names_betas(client, params, options)
  if params.betas or options.betas or options.headers or client.betas[1] ~= nil then return true end
  return client.user_headers()[1] ~= nil
end

local function set_of(...)
  local set = {}
  for i = 1, select("#", ...) do
    for _, name in ipairs((select(i, ...)) or {}) do
      set[name] = true
    end
  end
  return set
end

---@param client claude.Client
---@param params table
---@param options claude.CallOptions
---@return table<string, boolean>
local function named_betas(client, params, options)
  if not names_betas(client, params, options) then return NONE end
  return set_of(
    client.betas,
    params.betas,
    options.betas,
    headers.betas_in(client.user_headers()),
    headers.betas_in(headers.from_table(options.headers or {}) or {})
  )
end

--- The context in which a client's requests are checked.
---@param client claude.Client
---@param params table
---@param fields table what differs: endpoint, stream, messages_elsewhere …
---@return claude.CheckContext
local function check_context(client, params, fields)
  local options = fields.options or NONE
  return check.context({
    model = params.model,
    version = options.version or client.version,
    betas = named_betas(client, params, options),
    retrieved = client.retrieved,
    warn = function(code, text, about) client:warn(code, text, about) end,
    endpoint = fields.endpoint,
    stream = fields.stream,
    paused = fields.paused,
    marks_before = fields.marks_before,
    came_whole = fields.came_whole,
    messages_elsewhere = fields.messages_elsewhere,
    tools_elsewhere = fields.tools_elsewhere,
  })
end

-- A call with a dot passes its params as self.
local function check_call(self, name, params, options)
  if getmetatable(self) ~= Messages then
    error(("write client.messages:%s{…} with a colon, not a dot"):format(name), 3)
  end
  if type(params) ~= "table" then
    error(("client.messages:%s takes a table of parameters"):format(name), 3)
  end
  wire.check_betas(params.betas, 3)
  if params.on_binding_error ~= nil then
    error("on_binding_error is for conversations: give it to client:conversation{…}", 3)
  end
  if params.fallback_models ~= nil then require("claude.fallback").check(params, 3) end
  -- No tail call: errors count the levels up to the caller.
  options = wire.check_options(options, 3)
  return options
end

---@class claude.Plan
---@field frame claude.Frame
---@field body table
---@field options claude.CallOptions
---@field on_end? fun(stream: claude.Stream)

-- Told last, when the message is there already.
---@param client claude.Client
---@param cached claude.Cached
---@return fun(stream: claude.Stream)?
local function cache_report(client, cached)
  if not cached.plan then return nil end
  return function(reply)
    require("claude.cache.watch").request(client, cached, reply.used or nil, reply.response:head())
  end
end

---@param client claude.Client
---@param params table
---@param fields table of the checks' context, with the call's options
---@param more? claude.FallbackMore
---@return claude.Plan? plan
---@return claude.Error? err
local function prepare(client, params, fields, more)
  local context = check_context(client, params, fields)
  local ok, err = check.params(params, context)
  if not ok then return nil, err end
  local counting = fields.endpoint == "count_tokens"
  local out, frame
  out, err = request.outgoing(client, params, context.warn, counting)
  if not out then return nil, err end
  frame, err = request.frame(client, out.params, {
    stream = fields.wire_stream,
    counting = counting,
    betas = fields.options.betas,
  })
  if not frame then return nil, err end
  local parts = { frame.before, out.messages, frame.after }
  local continuation = more and more.continuation
  if continuation then parts = { frame.before, out.messages, ",", continuation, frame.after } end
  return {
    frame = frame,
    body = core.body(parts, out.marks),
    options = fields.options,
    on_end = cache_report(client, out),
  }
end

-- The same, with the models of fallback_models behind it.
---@param client claude.Client
---@param params table
---@param fields table
---@return claude.Plan? plan
---@return claude.Error? err
local function prepare_chain(client, params, fields)
  if params.fallback_models == nil then return prepare(client, params, fields) end
  local fallback = require("claude.fallback")
  local options = fields.options
  local state = options.fallback_state or {}
  local betas = check_context(client, params, { options = options }).betas
  return fallback.plan(client, params, {
    model = state.model,
    accepted = function(model) state.model = model end,
    build = function(hop, more)
      hop.messages = fallback.messages(hop.messages, betas)
      return prepare(client, hop, tables.merged(fields), more)
    end,
  })
end

-- Filling the cache writes nothing, so there is nothing to stream.
local function streams_on_wire(params) return params.stream ~= false and params.max_tokens ~= 0 end

--- Asks, and returns the whole answer. On the wire it is streamed, unless
--- `stream = false` or `max_tokens = 0`: no answer is too long for a connection.
---@param params table as the Messages API has them, and `betas`
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Messages:create(params, options)
  options = check_call(self, "create", params, options)
  if params.stream == true then
    error("client.messages:create returns a message: use client.messages:stream", 2)
  end
  local fields = { wire_stream = streams_on_wire(params), options = options }
  local plan, err = prepare_chain(self.client, params, fields)
  if not plan then
    return errors.fail(err --[[@as claude.Error]])
  end
  return stream.open(self.client, plan):final_message()
end

--- Asks for JSON by `output_config.format`, and returns the whole answer with its value in
--- `message.parsed`. An answer that was refused, cut off or is no JSON is an error, with the
--- message in `err.partial`. A reply that calls tools has no value yet.
---@param params table as for create
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Messages:parse(params, options)
  options = check_call(self, "parse", params, options)
  local structured = require("claude.structured_output")
  structured.check_asked_for(params, "client.messages:parse", 2)
  if params.stream == true then
    error("client.messages:parse returns a message: use client.messages:stream", 2)
  end
  return structured.checked(self:create(params, options))
end

--- Asks, and returns the answer as it comes. Never fails: what is wrong comes with the
--- first step.
---@param params table
---@param options? claude.CallOptions
---@return claude.Stream
function Messages:stream(params, options)
  options = check_call(self, "stream", params, options)
  local fields = { stream = true, wire_stream = true, options = options }
  local plan, err = prepare_chain(self.client, params, fields)
  return stream.open(self.client, plan or { err = err })
end

--- Counts the tokens that a request's input has.
---@param params table as for create; max_tokens is not needed
---@param options? claude.CallOptions
---@return { input_tokens: integer }? count
---@return string? text
---@return claude.Error? err
function Messages:count_tokens(params, options)
  options = check_call(self, "count_tokens", params, options)
  local plan, err = prepare(self.client, params, { endpoint = "count_tokens", options = options })
  if not plan then
    return errors.fail(err --[[@as claude.Error]])
  end
  return require("claude.endpoint").call(self.client, {
    method = "POST",
    path = "/v1/messages/count_tokens",
    body = plan.body,
    betas = plan.frame.betas,
    options = options,
  })
end

function Messages.__tostring() return "claude.Messages" end

local M = { check_context = check_context }

---@param client claude.Client
---@return claude.Messages
function M.new(client) return setmetatable({ client = client }, Messages) end

return M
