--- Calls that answer with one JSON object: asked, waited for, decoded.

local api_error = require("claude.api_error")
local core = require("claude.core")
local errors = require("claude.errors")
local json = require("claude.json")
local retry = require("claude.retry")
local wire = require("claude.wire")

local M = {}

---@param value string|number|boolean
---@return string
local function escaped(value)
  return (
    tostring(value):gsub("[^%w._~-]", function(char) return ("%%%02X"):format(char:byte()) end)
  )
end

--- One part of a path; nil for what would change the path's meaning.
---@param id any
---@return string? part
function M.path_part(id)
  if type(id) ~= "string" or id == "" or id == "." or id == ".." then return nil end
  if id:find("[;%c]") then return nil end
  return escaped(id)
end

--- A query string, keys sorted; empty without any.
---@param query table<string, string|number|boolean>?
---@return string
function M.query(query)
  local parts = {}
  for name, value in pairs(query or {}) do
    parts[#parts + 1] = escaped(name) .. "=" .. escaped(value)
  end
  table.sort(parts)
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

---@param client claude.Client
---@param spec claude.WireSpec
---@param control claude.RetryControl
---@param number integer 0 for the first
---@return table? response
---@return claude.Error? err
local function attempt(client, spec, control, number)
  if client.problem then return nil, client.problem end
  if client.places then
    local taken, stopped = client.places:take(control)
    if not taken then return nil, stopped end
  end
  spec.response = core.response(client.response_limits)
  spec.attempt, spec.control = number, control
  local exchange, err = wire.start(client, spec)
  if not exchange then return nil, err end
  local response = exchange.response
  while not response:finished() do
    local going, text, failure = exchange:wait()
    if not going then return nil, failure or errors.new({ kind = "network", message = text }) end
  end
  if client.log then client.log:answered(exchange) end
  local status = response:status()
  if not status then return nil, api_error.from_failure(response, exchange.scrub) end
  if status >= 300 then return nil, api_error.from_status(response, exchange.scrub) end
  return response
end

--- Makes a request and returns the decoded answer.
---@param client claude.Client
---@param spec claude.WireSpec
---@return table? answer
---@return string? text
---@return claude.Error? err
function M.call(client, spec)
  local control = { max_retries = spec.options and spec.options.max_retries }
  local function try(number) return attempt(client, spec, control, number) end
  local response, err = retry.run(client, try, control)
  if not response then
    if client.log then client.log:failed(err) end
    return errors.fail(err --[[@as claude.Error]])
  end
  local answer, problem = json.decode(response:body())
  if type(answer) == "table" then return answer end
  return errors.fail(errors.new({
    kind = "protocol",
    status = response:status(),
    request_id = response:header("request-id"),
    message = "the answer is not a JSON object: " .. tostring(problem or type(answer)),
  }))
end

return M
