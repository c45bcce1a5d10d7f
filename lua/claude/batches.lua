--- Message Batches: many requests at once, answered within a day.
---
---     local batch = assert(client.messages.batches:create { requests = {
---       { custom_id = "first", params = { model = …, max_tokens = …, messages = … } },
---     } })
---     batch = assert(client.messages.batches:wait(batch.id)) -- also tomorrow, elsewhere
---     for entry in client.messages.batches:results(batch.id) do
---       if entry.result.type == "succeeded" then print(entry.result.message:text()) end
---     end

local batch_requests = require("claude.batch_requests")
local check_receiver = require("claude.receiver").check
local endpoint = require("claude.endpoint")
local errors = require("claude.errors")
local headers = require("claude.headers")
local wire = require("claude.wire")

---@class claude.Batches
---@field private client claude.Client
local Batches = {}
Batches.__index = Batches
Batches.__name = "claude.Batches"

local PATH = "/v1/messages/batches"

local UNKNOWN_HINT = "the batch may have been created: look at client.messages.batches:list()"
  .. " before you create it again"

-- Failures of the transport before the API can have had the whole request.
local NOT_SENT = {
  [1] = true,
  [3] = true,
  [5] = true,
  [6] = true,
  [7] = true,
  [35] = true,
  [60] = true,
  [97] = true,
  certificate = true,
  connect = true,
  proxy = true,
  proxy_name = true,
  resolve = true,
  tls = true,
}
-- Statuses with which the API says that it has not done it.
local NOT_DONE = { [409] = true, [429] = true, [503] = true, [529] = true }

---@param err claude.Error
---@return boolean
local function may_have_happened(err)
  local details = err.details or {}
  if err.kind == "network" then return not NOT_SENT[details.curl_code or details.failed] end
  if err.kind == "timeout" then return details.limit ~= "connect" and details.limit ~= "place" end
  if err.kind ~= "api" or not err.retryable then return false end
  local told = err.headers and err.headers["x-should-retry"]
  return told ~= "true" and not NOT_DONE[err.status]
end

-- A batch that was created twice is paid twice: only what surely was not is tried again.
---@param err claude.Error
local function judge(err)
  if not may_have_happened(err) then return end
  err.retryable = false
  err.hint = UNKNOWN_HINT
end

---@param self any
---@param id any
---@param name string
---@return string part
local function check_id(self, id, name)
  check_receiver(self, Batches, ("client.messages.batches:%s(…)"):format(name), 4)
  local part = endpoint.path_part(id)
  if not part then error(("client.messages.batches:%s takes the id of a batch"):format(name), 3) end
  return part
end

---@class claude.BatchParams
---@field requests claude.BatchRequest[]|fun(): claude.BatchRequest?, string?, claude.Error? a list,
--- or an iterator: nil at the end, `nil, text, err` where it failed
---@field betas? string[] for the whole batch, such as "output-300k-2026-03-24"
---@field on_batch? fun(batch: table) called with each batch as soon as it was created

local PARAMS = { betas = true, on_batch = true, requests = true }

---@param params any
---@param level integer
local function check_params(params, level)
  local problem
  if type(params) ~= "table" or params[1] ~= nil then
    problem = "takes a table such as { requests = list or iterator }"
  else
    for name in pairs(params) do
      if not PARAMS[name] then problem = ("there is no parameter %s"):format(tostring(name)) end
    end
    problem = problem or batch_requests.source_problem(params.requests)
    if params.on_batch ~= nil and type(params.on_batch) ~= "function" then
      problem = "on_batch must be a function"
    end
  end
  if problem then error("client.messages.batches:create: " .. problem, level + 1) end
  wire.check_betas(params.betas, level + 1)
end

---@param self claude.Batches
---@param body claude.BatchBody
---@param options claude.CallOptions
---@return table? batch
---@return claude.Error? err
local function send(self, body, options)
  local batch, _, err = endpoint.call(self.client, {
    method = "POST",
    path = PATH,
    body = body:finish(),
    betas = body.betas,
    options = options,
    judge = judge,
  })
  return batch, err
end

---@class claude.BatchCreation what one call of create has done so far
---@field batches table[] that were created
---@field taken integer requests in them
---@field on_batch? fun(batch: table)

---@param self claude.Batches
---@param done claude.BatchCreation
---@param body claude.BatchBody
---@param options claude.CallOptions
---@return claude.Error?
local function send_next(self, done, body, options)
  local batch, err = send(self, body, options)
  if not batch then return err end
  body:taken()
  done.batches[#done.batches + 1] = batch
  done.taken = done.taken + body.count
  if done.on_batch then done.on_batch(batch) end
  return nil
end

---@param self claude.Batches
---@param params claude.BatchParams
---@param options claude.CallOptions
---@param done claude.BatchCreation
---@return claude.Error?
local function create_all(self, params, options, done)
  local betas = headers.union(self.client.betas, params.betas, options.betas)
  local writer = batch_requests.writer(self.client, betas, options)
  local body = batch_requests.body(betas)
  local next_item = batch_requests.source(params.requests)
  while true do
    local item, failed = next_item()
    if failed then return failed end
    if item == nil then break end
    local written, err = writer:write(item)
    if written and not body:has_room_for(written) then
      err = send_next(self, done, body, options)
      body = batch_requests.body(betas)
    end
    if err then return err end
    body:add(written --[[@as claude.WrittenRequest]])
  end
  if body.count > 0 then return send_next(self, done, body, options) end
  if #done.batches > 0 then return nil end
  return require("claude.check.rules").broken("batch_empty", "requests")
end

local SPLIT = "the %d requests do not fit into one batch: %d were created (%s)"

---@param client claude.Client
---@param done claude.BatchCreation
local function tell_split(client, done)
  local ids = {}
  for i, batch in ipairs(done.batches) do
    ids[i] = tostring(batch.id)
  end
  local text = SPLIT:format(done.taken, #ids, table.concat(ids, ", "))
  client:warn("batch_split", text, ids[1])
end

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

--- Creates a batch: of a list of requests, or of what an iterator gives, one at each call.
--- More than 100,000 requests or 256 MB become several batches, all of which are returned,
--- one value each, and told through on_warning: `local batches = { assert(…:create{…}) }`.
--- No more than one batch is in memory. What fails after some were created has them in
--- `err.batches`, and in `err.taken` how many requests they hold.
---@param params claude.BatchParams
---@param options? claude.CallOptions
---@return table? batch and further ones
---@return string|table|nil text
---@return claude.Error|table|nil err
function Batches:create(params, options)
  check_receiver(self, Batches, "client.messages.batches:create{…}")
  check_params(params, 2)
  options = wire.check_options(options, 2)
  local done = { batches = {}, taken = 0, on_batch = params.on_batch }
  local err = create_all(self, params, options, done)
  if err then return errors.fail(batch_requests.told(err, done.batches, done.taken)) end
  if #done.batches > 1 then tell_split(self.client, done) end
  return unpack(done.batches)
end

---@param self claude.Batches
---@param method "GET"|"POST"|"DELETE"
---@param path string
---@param options claude.CallOptions
---@return table? answer
---@return string? text
---@return claude.Error? err
local function call(self, method, path, options)
  return endpoint.call(self.client, { method = method, path = PATH .. path, options = options })
end

--- How a batch stands: processing_status, request_counts and so on.
---@param id string
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:retrieve(id, options)
  local part = check_id(self, id, "retrieve")
  options = wire.check_options(options, 2)
  return call(self, "GET", "/" .. part, options)
end

--- Cancels a batch: what has not begun is not done, what has is finished. The batch ends a
--- little later.
---@param id string
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:cancel(id, options)
  local part = check_id(self, id, "cancel")
  options = wire.check_options(options, 2)
  return call(self, "POST", "/" .. part .. "/cancel", options)
end

--- Deletes a batch that has ended, with its results.
---@param id string
---@param options? claude.CallOptions
---@return { id: string, type: string }? deleted
---@return string? text
---@return claude.Error? err
function Batches:delete(id, options)
  local part = check_id(self, id, "delete")
  options = wire.check_options(options, 2)
  return call(self, "DELETE", "/" .. part, options)
end

--- The batches, newest first, page by page as they are read.
---@param query? { limit: integer?, after_id: string?, before_id: string? }
---@param options? claude.CallOptions
---@return claude.Pages
function Batches:list(query, options)
  check_receiver(self, Batches, "client.messages.batches:list()")
  return require("claude.pages").new(self.client, {
    path = PATH,
    query = endpoint.check_query(query, "client.messages.batches:list", 2),
    options = wire.check_options(options, 2),
  })
end

--- Waits until a batch has ended, in this process or in another that created it.
---@param id string
---@param wait? claude.BatchWait
---@param options? claude.CallOptions
---@return table? batch
---@return string? text
---@return claude.Error? err
function Batches:wait(id, wait, options)
  check_id(self, id, "wait")
  local batch_wait = require("claude.batch_wait")
  wait = batch_wait.check(wait, 2)
  options = wire.check_options(options, 2)
  local function retrieve() return self:retrieve(id, options) end
  return batch_wait.run(id, retrieve, wait)
end

--- The results of a batch that has ended, one by one as they arrive, in the order in which
--- they do: `for entry in client.messages.batches:results(id) do`. Never fails: what is wrong
--- comes with the first step.
---@param id string
---@param options? claude.CallOptions
---@return claude.BatchResults
function Batches:results(id, options)
  local part = check_id(self, id, "results")
  options = wire.check_options(options, 2)
  local function retrieve() return self:retrieve(id, options) end
  return require("claude.batch_results").new(self.client, {
    id = id,
    path = PATH .. "/" .. part .. "/results",
    options = options,
    retrieve = retrieve,
  })
end

function Batches.__tostring() return "claude.Batches" end

local M = {}

---@param client claude.Client
---@return claude.Batches
function M.new(client) return setmetatable({ client = client }, Batches) end

return M
