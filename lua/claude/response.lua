--- What an answer was, besides what it said: its status, its headers, its request id.
---
--- Every value that a call returns remembers it, `claude.response(value)` tells it; for
--- `client:request` it is what is returned, with the body.

local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local headers = require("claude.headers")
local message_views = require("claude.message")

---@class claude.Response
---@field status integer
---@field headers table<string, string> by lower-case name; several of one name are joined by
--- ", ", secrets are redacted
---@field request_id? string what to quote to the API's support
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field body? string of an answer to client:request, as it came
local HttpResponse = {}
HttpResponse.__index = HttpResponse
HttpResponse.__name = "claude.Response"

-- Values -> their answers. Weak: who drops a value needs no headers of it.
local answers = setmetatable({}, { __mode = "k" })

local M = {}

---@param status integer?
---@param given table<string, string>
---@param body? string
---@return claude.Response
local function new(status, given, body)
  return setmetatable({
    status = status,
    headers = headers.redacted(given),
    request_id = given["request-id"],
    rate_limit = headers.rate_limit(given),
    body = body,
  }, HttpResponse)
end

--- The body read as JSON. Null members are absent.
---@return any? value
---@return string? text
---@return claude.Error? err
function HttpResponse:json()
  check_receiver(self, HttpResponse, "response:json()")
  local value, problem = require("claude.json").decode(self.body or "")
  if value ~= nil then return value end
  return errors.fail(errors.new({
    kind = "protocol",
    status = self.status,
    request_id = self.request_id,
    message = "the answer is not JSON: " .. tostring(problem or "null"),
  }))
end

function HttpResponse:__tostring()
  local id = self.request_id and " " .. self.request_id or ""
  return ("claude.Response (%s%s)"):format(tostring(self.status), id)
end

--- The answer that a response of the core is.
---@param response userdata a claude.core response
---@param body? string
---@return claude.Response
function M.of(response, body) return new(response:status(), response:headers(), body) end

--- The answer whose body a download is.
---@param download claude.Download
---@return claude.Response
function M.of_download(download) return new(download.status, download.headers) end

--- Makes a value remember its answer.
---@generic T: table
---@param value T
---@param answer claude.Response
---@return T value
function M.remember(value, answer)
  answers[value] = answer
  return value
end

local function of_message(message)
  local status, given = message_views.answer_of(message)
  return given and new(status, given)
end

local function of_stream(stream)
  local response = stream.response
  return response and response:status() and M.of(response)
end

-- What failed before there was an answer has none.
local function of_error(err)
  if not err.headers then return nil end
  -- The status of an error inside a stream is that of the stream, which began well.
  local answer = new(err.status or 200, err.headers, err.body)
  answer.request_id = err.request_id
  return answer
end

--- The answer that a value came with: a message, a stream, a model, a page, a batch, an
--- error and so on. Nil for what came with none, or with none yet.
---@param value any
---@return claude.Response?
function M.find(value)
  if type(value) ~= "table" then return nil end
  if answers[value] then return answers[value] end
  if message_views.is(value) then return of_message(value) end
  if errors.is(value) then return of_error(value) end
  local metatable = getmetatable(value)
  local name = type(metatable) == "table" and metatable.__name
  if name == "claude.Stream" then return of_stream(value) end
  return nil
end

return M
