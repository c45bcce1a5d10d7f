--- The results of a batch: JSON Lines, read one by one as they arrive, in constant memory.
--- Messages keep their exact bytes.

local api_error = require("claude.api_error")
local check_receiver = require("claude.receiver").check
local core = require("claude.core")
local errors = require("claude.errors")
local message_views = require("claude.message")
local reading = require("claude.reading")
local responses = require("claude.response")

---@class claude.BatchEntry
---@field custom_id string
---@field result claude.BatchResult
---@field err? claude.Error of a request that ended in an error: hint, retryable and so on

---@class claude.BatchResult
---@field type "succeeded"|"errored"|"canceled"|"expired"
---@field message? claude.Message of one that succeeded
---@field error? table of one that did not: the API's error object as it came

---@class claude.BatchResults
---@field count integer results that were read
---@field private client claude.Client
---@field private spec { id: string, path: string, options: table, retrieve: function }
---@field private control claude.RetryControl
---@field private download? claude.Download
---@field private answer? claude.Response
---@field private expected? integer
---@field private done? boolean
---@field private err? claude.Error
---@field private step fun(): claude.BatchEntry? raises failures
local BatchResults = {}
BatchResults.__index = BatchResults
BatchResults.__name = "claude.BatchResults"

---@param id string
---@param batch table
---@return claude.Error?
local function not_ready(id, batch)
  if batch.results_url then return nil end
  local status = tostring(batch.processing_status)
  local text = ("the batch %s has no results: it is %s"):format(id, status)
  local hint = "client.messages.batches:wait(id) waits for its end"
  if status == "ended" then
    text = ("the batch %s has no results any more"):format(id)
    hint = "results are kept for 29 days"
  end
  return errors.new({ kind = "invalid", message = text, hint = hint })
end

-- So many results there must be; nil where the batch does not tell.
---@param batch table
---@return integer?
local function expected_count(batch)
  local counts = batch.request_counts
  if type(counts) ~= "table" then return nil end
  local sum = 0
  for _, name in ipairs({ "succeeded", "errored", "canceled", "expired" }) do
    if type(counts[name]) ~= "number" then return nil end
    sum = sum + counts[name]
  end
  return sum
end

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function BatchResults:_fail(err)
  self.err = err
  if self.download then self.download:close() end
  return errors.fail(err)
end

-- The batch says an address of its own for its results. Credentials go to no other host than
-- the client's: it is only looked at whether there is one.
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function BatchResults:_open()
  local batch, text, err = self.spec.retrieve()
  if not batch then return nil, text, err end
  if self.err then return errors.fail(self.err) end
  err = not_ready(self.spec.id, batch)
  if err then return errors.fail(err) end
  local download
  download, err = require("claude.download").open(self.client, {
    method = "GET",
    path = self.spec.path,
    accept = "application/binary",
    options = self.spec.options,
    -- Whoever asks something for each result would otherwise wait for the end of the results.
    placeless = true,
  }, self.control)
  if not download then
    return errors.fail(err --[[@as claude.Error]])
  end
  self.download, self.expected = download, expected_count(batch)
  self.answer = responses.of_download(download)
  if self.err then return self:_fail(self.err) end
  return true
end

---@param raw string
---@return claude.Message?
---@return string? problem
local function message_of(raw)
  local response = core.response()
  response:feed_header("HTTP/1.1 200")
  response:feed_header("content-type: application/json")
  local fed, problem = response:feed(raw)
  if not fed then return nil, problem end
  response:finish()
  -- The whole response is kept beside the message: chat:keep seals it by the same rules as
  -- any other reply.
  return message_views.partial(response)
end

---@param raw string JSON of result
---@return claude.BatchResult?
---@return string? problem
local function result_of(raw)
  local members, problem = core.split(raw)
  if not members then return nil, problem end
  local kind = members.type and core.decode(members.type)
  if kind ~= "succeeded" then return (core.decode(raw)) end
  if not members.message then return nil, "a result that succeeded has no message" end
  local message
  message, problem = message_of(members.message)
  if not message then return nil, problem or "its message is no object" end
  members.message = nil
  local result = { message = message }
  for name, json in pairs(members) do
    result[name] = core.decode(json)
  end
  return result
end

---@param line string
---@param scrub fun(text: string): string
---@return claude.BatchEntry?
---@return string? problem
local function entry_of(line, scrub)
  local members, problem = core.split(line)
  if not members then return nil, problem end
  if not members.custom_id or not members.result then return nil, "no custom_id, or no result" end
  local result
  result, problem = result_of(members.result)
  if not result then return nil, problem end
  members.result = nil
  local entry = { result = result }
  for name, json in pairs(members) do
    entry[name] = core.decode(json)
  end
  if type(result.error) == "table" then
    entry.err = api_error.from_told((core.encode(result.error)), scrub)
  end
  return entry
end

---@param line string
---@param problem string?
---@return nil
---@return string
---@return claude.Error
function BatchResults:_fail_line(line, problem)
  local scrub = self.download.scrub
  return errors.fail(errors.new({
    kind = "protocol",
    status = self.answer.status,
    request_id = self.answer.request_id,
    message = ("line %d is not the result of a request: %s"):format(
      self.download.lines,
      scrub(tostring(problem))
    ),
    body = api_error.beginning(line, scrub),
  }))
end

-- A body that ends where the connection does may have lost its end without a sign.
---@return nil
---@return string? text
---@return claude.Error? err
function BatchResults:_finish()
  if self.expected and self.count < self.expected then
    return self:_fail(errors.new({
      kind = "incomplete",
      status = self.answer.status,
      request_id = self.answer.request_id,
      message = ("%d of %d results came"):format(self.count, self.expected),
    }))
  end
  self.done = true
  return nil
end

--- The next result; nil after the last, `nil, text, err` on failure. After a line that is not
--- a result (kind "protocol", the line in `err.body`) the next call goes on behind it.
---@return claude.BatchEntry? entry
---@return string? text
---@return claude.Error? err
function BatchResults:next()
  check_receiver(self, BatchResults, "results:next()")
  if self.err then return errors.fail(self.err) end
  if self.done then return nil end
  if not self.download then
    local ok, text, err = self:_open()
    if not ok then return nil, text, err end
  end
  local line, text, err
  repeat
    line, text, err = self.download:read_line()
    if err then return nil, text, err end
    if not line then return self:_finish() end
  until line:find("%S")
  self.count = self.count + 1
  local entry, problem = entry_of(line, self.download.scrub)
  if not entry then return self:_fail_line(line, problem) end
  if entry.result.message then responses.remember(entry.result.message, self.answer) end
  return responses.remember(entry, self.answer)
end

function BatchResults:__call() return self.step() end

--- Ends it wherever it is; results that come to their end need no closing.
function BatchResults:close()
  check_receiver(self, BatchResults, "results:close()")
  if self.done or self.err then return end
  require("claude.retry").cancel(self.control)
  self:_fail(errors.new({ kind = "cancelled", message = "the results were closed" }))
end
BatchResults.__close = BatchResults.close

function BatchResults:__tostring()
  return ("claude.BatchResults (%s, %d read)"):format(self.spec.id, self.count)
end

local M = {}

---@param client claude.Client
---@param spec { id: string, path: string, options: claude.CallOptions, retrieve: function }
---@return claude.BatchResults
function M.new(client, spec)
  local control = require("claude.retry").control(client, spec.options)
  local self = { client = client, spec = spec, control = control, count = 0 }
  setmetatable(self, BatchResults)
  self.step = reading.loop(self, "next", "results:next()")
  return self
end

return M
