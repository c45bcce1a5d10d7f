--- Message Batches: kept, and answered when their time has come. A request that the API would
--- refuse is one result that errored; what was not reached before a batch was canceled or
--- expired is one that was canceled or expired.
local content = require("claude.simulator.content")
local core = require("claude.core")
local faults = require("claude.simulator.faults")
local lists = require("claude.simulator.lists")

local M = {}

---@class claude.simulator.BatchOptions
---@field seconds? number how long a batch takes; its requests are answered evenly over that
--- time; default 0.1
---@field expires? number seconds after which a batch ends, whatever was reached; default a day
---@field outcome? fun(custom_id: string): string|nil "errored", "canceled" or "expired" for
--- requests that shall end so

local DEFAULT_SECONDS, DAY = 0.1, 24 * 60 * 60
local CANCELING = 0.02 -- seconds that a batch is "canceling"
local MOST = 100000
local OUTCOMES = { canceled = true, errored = true, expired = true }

-- What a request of a batch cannot have.
local NOT_HERE = {
  { "stream", function(value) return value == true end },
  { "max_tokens", function(value) return value == 0 end },
  { "fallbacks", function(value) return value ~= nil and value ~= core.null end },
  { "speed", function(value) return value == "fast" end },
}

---@class claude.simulator.Batch
---@field id string
---@field requests table[] as they came
---@field exact table<table, table> the params with their null members, by request
---@field http table of the request that created it
---@field beta table<string, boolean>
---@field created number on the clock
---@field created_at integer seconds since 1970
---@field canceled? number when that was asked for, on the clock
---@field ended_at? integer seconds since 1970
---@field counts table<string, integer>
---@field lines? string[] once it has ended

---@class claude.simulator.Batches
---@field package all claude.simulator.Batch[] newest first
local Batches = {}
Batches.__index = Batches
Batches.__name = "claude.simulator.Batches"

--- What is wrong with the option `batches`.
---@param options any
---@return string? problem
function M.problem(options)
  if options == nil then return nil end
  if type(options) ~= "table" then return "batches is a table, not a " .. type(options) end
  for name, value in pairs(options) do
    if name == "seconds" or name == "expires" then
      if type(value) ~= "number" or value < 0 then
        return ("batches.%s must be a number of at least 0"):format(name)
      end
    elseif name ~= "outcome" then
      return ("batches has no field %s; it has expires, outcome, seconds"):format(tostring(name))
    end
  end
end

---@param options? claude.simulator.BatchOptions
---@param clock fun(): number
---@param ids fun(prefix: string): string
---@return claude.simulator.Batches
function M.new(options, clock, ids)
  options = options or {}
  return setmetatable({
    seconds = options.seconds or DEFAULT_SECONDS,
    expires = options.expires or DAY,
    outcome = options.outcome,
    clock = clock,
    ids = ids,
    all = {},
  }, Batches)
end

local function invalid(text, ...) return faults.invalid(text:format(...)) end

local function request_problem(request, i, seen)
  local at = ("requests.%d"):format(i - 1)
  if not content.is_object(request) then
    return invalid("%s: Input should be a valid dictionary", at)
  end
  for name in pairs(request) do
    if name ~= "custom_id" and name ~= "params" then
      return invalid("%s.%s: Extra inputs are not permitted", at, tostring(name))
    end
  end
  local id = request.custom_id
  if type(id) ~= "string" or #id > 64 or not id:find("^[A-Za-z0-9_-]+$") then
    return invalid("%s.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'", at)
  end
  if seen[id] then return invalid("requests: Duplicate custom_id: %s", id) end
  seen[id] = true
  if not content.is_object(request.params) then
    return invalid("%s.params: Input should be a valid dictionary", at)
  end
  for _, rule in ipairs(NOT_HERE) do
    if rule[2](request.params[rule[1]]) then
      return invalid("%s.params.%s: not supported in a batch", at, rule[1])
    end
  end
end

local function problem_of(body)
  if not content.is_object(body) then return invalid("Input should be a valid dictionary") end
  local requests = body.requests
  if requests == nil then return invalid("requests: Field required") end
  if not content.is_array(requests) then
    return invalid("requests: Input should be a valid list")
  end
  if #requests == 0 or #requests > MOST then
    return invalid("requests: List should have 1 to %d items, not %d", MOST, #requests)
  end
  local seen = {}
  for i, request in ipairs(requests) do
    local problem = request_problem(request, i, seen)
    if problem then return problem end
  end
end

local function line_of(custom_id, kind, more)
  local text = '{"custom_id":"%s","result":{"type":"%s"%s}}\n'
  return text:format(custom_id, kind, more or "")
end

-- A request that is answered: its line, and how it ended.
local function answered(self, batch, request, answer)
  local wanted = self.outcome and self.outcome(request.custom_id)
  if wanted and not OUTCOMES[wanted] then
    error("simulator: batches.outcome: unknown outcome " .. tostring(wanted), 0)
  end
  if wanted == "canceled" or wanted == "expired" then
    return line_of(request.custom_id, wanted), wanted
  end
  local status, body
  if wanted then
    status, body = 500, faults.body(faults.complete({ status = 500 }), self.ids("req_"))
  else
    status, body = answer(batch, request.params, batch.exact[request])
  end
  local kind = status == 200 and "succeeded" or "errored"
  local member = status == 200 and ',"message":' or ',"error":'
  return line_of(request.custom_id, kind, member .. body), kind
end

-- When it ends, how far it comes until then, and what becomes of the rest.
local function course_of(self, batch)
  local ends, worked, rest = batch.created + self.seconds, self.seconds, nil
  if self.expires < worked then
    ends, worked, rest = batch.created + self.expires, self.expires, "expired"
  end
  if batch.canceled and batch.canceled < ends then
    ends, worked, rest = batch.canceled + CANCELING, batch.canceled - batch.created, "canceled"
  end
  local reached = #batch.requests
  if rest then reached = math.floor(reached * worked / self.seconds) end
  return ends, reached, rest
end

-- Results come in no order: the last is the first.
local function finish(self, batch, reached, rest, answer)
  local lines, count = {}, #batch.requests
  for i, request in ipairs(batch.requests) do
    local line, kind
    if i <= reached then
      line, kind = answered(self, batch, request, answer)
    else
      line, kind = line_of(request.custom_id, rest), rest
    end
    lines[count - i + 1] = line
    batch.counts[kind] = batch.counts[kind] + 1
  end
  batch.counts.processing = 0
  batch.lines, batch.ended_at = lines, os.time()
end

--- Answers whatever is due by now.
---@param answer fun(batch: claude.simulator.Batch, params: table, exact: table?): integer, string
function Batches:settle(answer)
  for place = #self.all, 1, -1 do
    local batch = self.all[place]
    local ends, reached, rest = course_of(self, batch)
    if not batch.lines and self.clock() >= ends then finish(self, batch, reached, rest, answer) end
  end
end

local function date(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) end

local function described(batch)
  local host = batch.http.headers.host or "127.0.0.1"
  local status = batch.lines and "ended" or batch.canceled and "canceling" or "in_progress"
  local url = ("http://%s/v1/messages/batches/%s/results"):format(host, batch.id)
  return {
    id = batch.id,
    type = "message_batch",
    processing_status = status,
    request_counts = batch.counts,
    created_at = date(batch.created_at),
    expires_at = date(batch.created_at + DAY),
    ended_at = batch.ended_at and date(batch.ended_at) or core.null,
    archived_at = core.null,
    cancel_initiated_at = batch.canceled_at and date(batch.canceled_at) or core.null,
    results_url = batch.lines and url or core.null,
  }
end

local function json_of(batch) return assert(core.encode(described(batch))) end

local function exact_params(body, exact)
  local found = {}
  for i, request in ipairs(exact and body.requests or {}) do
    found[request] = exact.requests[i].params
  end
  return found
end

--- Each of the endpoints returns the JSON of its answer, or nil and a fault.

---@param exchange claude.simulator.Exchange
---@param body table decoded
---@param exact? table the body with its null members, if it has any
---@return string? json
---@return claude.simulator.Fault? fault
function Batches:create(exchange, body, exact)
  local problem = problem_of(body)
  if problem then return nil, problem end
  local batch = {
    id = self.ids("msgbatch_"),
    requests = body.requests,
    exact = exact_params(body, exact),
    http = exchange.http,
    beta = exchange.beta,
    created = self.clock(),
    created_at = os.time(),
    counts = { processing = #body.requests, succeeded = 0, errored = 0, canceled = 0, expired = 0 },
  }
  table.insert(self.all, 1, batch)
  return json_of(batch)
end

---@param query string
---@return string? json
---@return claude.simulator.Fault? fault
function Batches:list(query)
  local page, fault = lists.page(self.all, query, described)
  return page, fault
end

local function find(self, id)
  for place, batch in ipairs(self.all) do
    if batch.id == id then return batch, place end
  end
  return nil, { status = 404, message = "message_batch: " .. id }
end

---@param id string
---@return string? json
---@return claude.simulator.Fault? fault
function Batches:show(id)
  local batch, fault = find(self, id)
  if not batch then return nil, fault end
  return json_of(batch)
end

---@param id string
---@return string? json
---@return claude.simulator.Fault? fault
function Batches:cancel(id)
  local batch, fault = find(self, id)
  if not batch then return nil, fault end
  if not batch.lines and not batch.canceled then
    batch.canceled, batch.canceled_at = self.clock(), os.time()
  end
  return json_of(batch)
end

---@param id string
---@return string? json
---@return claude.simulator.Fault? fault
function Batches:delete(id)
  local batch, place = find(self, id)
  if not batch then return nil, place end
  if not batch.lines then
    return nil, invalid("The batch %s cannot be deleted: it has not ended", id)
  end
  table.remove(self.all, place)
  return ('{"id":"%s","type":"message_batch_deleted"}'):format(id)
end

---@param id string
---@return string[]? lines
---@return claude.simulator.Fault? fault
function Batches:results(id)
  local batch, fault = find(self, id)
  if not batch then return nil, fault end
  if not batch.lines then return nil, invalid("The batch %s has no results yet", id) end
  return batch.lines
end

return M
