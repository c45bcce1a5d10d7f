--- The requests of batches on their way out: each checked and written as soon as it is given,
--- and as many of them as one batch may hold put into one body.

local check = require("claude.check")
local core = require("claude.core")
local errors = require("claude.errors")
local headers = require("claude.headers")
local request = require("claude.request")
local rules = require("claude.check.rules")
local tables = require("claude.tables")
local values = require("claude.check.values")

local M = {}

--- What one batch may hold. The API says 256 MB and not which: the smaller.
M.LIMITS = { requests = 100000, bytes = 256 * 1000 * 1000 }

local HEAD, TAIL = '{"requests":[', "]}"
local PIECE = 1024 * 1024 -- bytes that are put together before they are kept

---@class claude.BatchRequest
---@field custom_id string 1 to 64 letters, digits, _ and -; once in all requests
---@field params table|claude.Conversation as messages:create takes them, or a conversation that
--- has something to send: once the batch was created, that is sealed, and chat:keep takes the
--- reply

---@class claude.BatchBody one batch that is being put together
---@field betas string[] the batch's, those of its requests among them
---@field count integer
---@field bytes integer
---@field package pieces string[] finished
---@field package parts string[] of the piece that is being put together
---@field package part_bytes integer
---@field package takers fun()[] of its requests
local Body = {}
Body.__index = Body

---@param self claude.BatchBody
local function finish_piece(self)
  if not self.parts[1] then return end
  self.pieces[#self.pieces + 1] = table.concat(self.parts)
  self.parts, self.part_bytes = {}, 0
end

---@param written claude.WrittenRequest
---@return boolean
function Body:has_room_for(written)
  local comma = self.count > 0 and 1 or 0
  return self.count < M.LIMITS.requests and self.bytes + comma + #written.json <= M.LIMITS.bytes
end

---@param written claude.WrittenRequest
function Body:add(written)
  local first = self.count == 0
  self.parts[#self.parts + 1] = first and HEAD or ","
  self.parts[#self.parts + 1] = written.json
  self.count = self.count + 1
  self.bytes = self.bytes + #written.json + (first and 0 or 1)
  self.part_bytes = self.part_bytes + #written.json + 1
  if written.betas[1] then self.betas = headers.union(self.betas, written.betas) end
  self.takers[#self.takers + 1] = written.taken
  if self.part_bytes >= PIECE then finish_piece(self) end
end

--- The whole body; nothing can be added any more.
---@return userdata body a claude.core body
function Body:finish()
  self.parts[#self.parts + 1] = TAIL
  finish_piece(self)
  return core.body(self.pieces)
end

--- The batch was created: conversations among its requests are told.
function Body:taken()
  for _, taken in ipairs(self.takers) do
    taken()
  end
end

--- A batch without requests.
---@param betas string[] named for the whole batch
---@return claude.BatchBody
function M.body(betas)
  local bytes = #HEAD + #TAIL
  return setmetatable({
    betas = betas,
    count = 0,
    bytes = bytes,
    pieces = {},
    parts = {},
    part_bytes = 0,
    takers = {},
  }, Body)
end

-- What goes with single requests only.
---@param params table
---@return claude.Error?
local function check_batchable(params)
  if params.stream == true then return rules.broken("batch_field", "stream", "a stream") end
  if params.max_tokens == 0 then
    return rules.broken("batch_field", "max_tokens", "max_tokens = 0, which only fills the cache")
  end
  if values.given(params.fallbacks) then
    return rules.broken("batch_field", "fallbacks", "fallbacks")
  end
  if params.speed == "fast" then return rules.broken("batch_field", "speed", 'speed = "fast"') end
  return nil
end

---@param custom_id any
---@param seen table<string, integer>
---@return claude.Error?
local function check_id(custom_id, seen)
  if type(custom_id) ~= "string" then
    return rules.broken("field_type", "custom_id", "a string", values.show(custom_id))
  end
  if #custom_id > 64 or not custom_id:find("^[A-Za-z0-9_-]+$") then
    return rules.broken("batch_id", "custom_id", values.show(custom_id))
  end
  local before = seen[custom_id]
  if before then
    return rules.broken("batch_id_twice", "custom_id", values.show(custom_id), before)
  end
  return nil
end

---@class claude.WrittenRequest
---@field json string
---@field betas string[]
---@field taken? fun() to be called once its batch was created

---@param writer claude.BatchWriter
---@param chat claude.Conversation
---@return claude.WrittenRequest?
---@return claude.Error? err
local function write_chat(writer, chat)
  local written, err = require("claude.conversation.turn").in_batch(chat, writer.options)
  err = err or check_batchable(written.params)
  if err then return nil, err end
  return { json = written.json, betas = written.betas, taken = written.taken }
end

---@param writer claude.BatchWriter
---@param params any
---@return claude.WrittenRequest?
---@return claude.Error? err
local function write_params(writer, params)
  -- JSON text goes out as it is: whoever wrote it knows.
  if core.is_raw(params) then return { json = assert(core.encode(params)), betas = {} } end
  if type(params) ~= "table" then
    return nil, rules.broken("field_type", "", "an object", values.show(params))
  end
  local metatable = getmetatable(params)
  if type(metatable) == "table" and metatable.__name == "claude.Conversation" then
    return write_chat(writer, params)
  end
  local _, err = check.params(params, writer.context(params))
  err = err or check_batchable(params)
  if err then return nil, err end
  local out, frame
  out, err = request.outgoing(writer.client, params, writer.warn)
  if not out then return nil, err end
  frame, err = request.frame(writer.client, out.params, { betas = writer.options.betas })
  if not frame then return nil, err end
  local body = core.body({ frame.before, out.messages, frame.after }, out.marks)
  return { json = body:tostring(), betas = frame.betas }
end

---@param writer claude.BatchWriter
---@param item any
---@return claude.WrittenRequest?
---@return claude.Error? err
local function write(writer, item)
  if type(item) ~= "table" then
    return nil, rules.broken("field_type", "", "an object", values.show(item))
  end
  for name in pairs(item) do
    if name ~= "custom_id" and name ~= "params" then
      return nil, rules.broken("batch_member", tostring(name))
    end
  end
  local err = check_id(item.custom_id, writer.seen)
  if err then return nil, err end
  local written
  written, err = write_params(writer, item.params)
  if not written then
    err = err --[[@as claude.Error]]
    err.path = "params" .. ((err.path or "") ~= "" and "." .. err.path or "")
    return nil, err
  end
  written.json = ('{"custom_id":"%s","params":'):format(item.custom_id) .. written.json .. "}"
  return written
end

---@class claude.BatchWriter
---@field client claude.Client
---@field options claude.CallOptions with the betas of the whole batch
---@field context fun(params: table): claude.CheckContext
---@field warn claude.Warn
---@field seen table<string, integer> custom_id -> number of its request
---@field count integer requests that were written
local Writer = {}
Writer.__index = Writer

--- Checks one request and writes it down.
---@param item any
---@return claude.WrittenRequest?
---@return claude.Error? err
function Writer:write(item)
  local number = self.count + 1
  local written, err = write(self, item)
  local empty = #HEAD + #TAIL
  if written and empty + #written.json > M.LIMITS.bytes then
    written, err = nil, rules.broken("batch_request_size", "", #written.json, M.LIMITS.bytes)
  end
  if not written then
    err = err --[[@as claude.Error]]
    err.path = ("requests[%d]%s"):format(number, err.path ~= "" and "." .. err.path or "")
    return nil, err
  end
  self.count = number
  self.seen[item.custom_id] = number
  return written
end

---@param client claude.Client
---@param betas string[] named for the whole batch
---@param options claude.CallOptions
---@return claude.BatchWriter
function M.writer(client, betas, options)
  local check_context = require("claude.messages").check_context
  local named = tables.merged(options, { betas = betas })
  return setmetatable({
    client = client,
    options = named,
    seen = {},
    count = 0,
    warn = function(code, text) client:warn(code, text) end,
    context = function(params)
      local context = check_context(client, params, { options = named, endpoint = "batch" })
      return context
    end,
  }, Writer)
end

-- Nil and a reason are no end: what is missing behind it would be missed by nobody.
---@param item any
---@param text any
---@param err any
---@return any item
---@return claude.Error? err
local function given(item, text, err)
  if item ~= nil or not (type(text) == "string" or errors.is(err)) then return item end
  if errors.is(err) then return nil, err end
  local message = "the iterator of the requests failed: " .. text
  return nil, errors.new({ kind = "invalid", path = "requests", message = message })
end

--- The elements of a list, or what an iterator gives, one at each call. Nil at the end; nil
--- and an error where the iterator says `nil, text, err`.
---@param requests table|function
---@return fun(): any, claude.Error?
function M.source(requests)
  local metatable = getmetatable(requests)
  local callable = type(metatable) == "table" and metatable.__call
  if type(requests) == "function" or callable then
    return function() return given(requests()) end
  end
  local i = 0
  return function()
    i = i + 1
    return requests[i]
  end
end

---@param requests any
---@return string? problem
function M.source_problem(requests)
  if type(requests) == "function" then return nil end
  if type(requests) ~= "table" then return "requests must be a list or an iterator" end
  local metatable = getmetatable(requests)
  if type(metatable) == "table" and metatable.__call then return nil end
  if not values.is_list(requests) then return "requests must be a list without gaps" end
  return nil
end

--- What failed with so many requests in batches that were created before.
---@param err claude.Error
---@param batches table[]
---@param taken integer
---@return claude.Error
function M.told(err, batches, taken)
  if #batches == 0 then return err end
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  copy.batches, copy.taken = batches, taken
  local ids = {}
  for i, batch in ipairs(batches) do
    ids[i] = tostring(batch.id)
  end
  local text = "the first %d requests are in %s, which go on: err.batches has them"
  local hint = text:format(taken, table.concat(ids, ", "))
  copy.hint = err.hint and err.hint .. "; " .. hint or hint
  return errors.new(copy)
end

return M
