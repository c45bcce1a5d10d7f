--- Calls that answer with one body: asked, waited for, as a rule decoded.

local api_error = require("claude.api_error")
local core = require("claude.core")
local errors = require("claude.errors")
local headers = require("claude.headers")
local json = require("claude.json")
local responses = require("claude.response")
local retry = require("claude.retry")
local tables = require("claude.tables")
local wire = require("claude.wire")

local M = {}

---@param value string|number|boolean
---@return string
local function escaped(value)
  -- Lua 5.3 and newer write 20.0 for a double.
  if type(value) == "number" and value % 1 == 0 then value = ("%.0f"):format(value) end
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

-- What the response itself could not take says more than that the transport then stopped.
---@param exchange claude.Exchange
---@return claude.Error
local function failure_of(exchange)
  local told = exchange.response:failure()
  if told and told.kind == "protocol" then
    return api_error.from_failure(exchange.response, exchange.scrub)
  end
  return exchange.failure --[[@as claude.Error]]
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
    local taken, stopped = client.places:take(control, retry.time_left(control))
    if not taken then return nil, stopped end
  end
  -- No stream was asked for, whatever the server calls its answer.
  local limits = tables.merged(client.response_limits, { keep_body = true })
  spec.response = core.response(limits)
  spec.response_limits = limits
  spec.attempt, spec.control = number, control
  local exchange, err = wire.start(client, spec)
  if not exchange then return nil, err end
  local response = exchange.response
  while not (response:finished() and exchange.ended) do
    if not exchange:wait() then break end
  end
  if client.log then client.log:answered(exchange) end
  local status, failure = response:status(), exchange.failure
  -- Half a body that nobody has read yet is no answer, but an error has told enough by then.
  local refused = status and status >= 300 and failure and failure.kind ~= "cancelled"
  if failure and not refused then return nil, failure_of(exchange) end
  if not status then return nil, api_error.from_failure(response, exchange.scrub) end
  if status >= 300 then return nil, api_error.from_status(response, exchange.scrub) end
  return response
end

--- Raises for a query that is none.
---@param query any
---@param what string the call, for the error's text
---@param level integer stack level to blame
---@return table<string, string|number|boolean>?
function M.check_query(query, what, level)
  if query == nil then return nil end
  if type(query) ~= "table" then
    error(what .. " takes a table such as { limit = 20 }", level + 1)
  end
  for name, value in pairs(query) do
    local kind = type(value)
    -- Neither infinite nor no number.
    if kind == "number" and value - value ~= 0 then kind = "" end
    if type(name) ~= "string" or (kind ~= "string" and kind ~= "number" and kind ~= "boolean") then
      local text = "%s: the query's %s must be a string, a number or a boolean"
      error(text:format(what, tostring(name)), level + 1)
    end
  end
  return query
end

--- Makes a request, tries again where that is allowed, and returns the answer.
---@param client claude.Client
---@param spec claude.WireSpec
---@return userdata? response a claude.core response
---@return claude.Error? err
function M.fetch(client, spec)
  local control = retry.control(client, spec.options)
  local function try(number)
    local response, err = attempt(client, spec, control, number)
    if err and spec.judge then spec.judge(err) end
    return response, err
  end
  local response, err = retry.run(client, try, control)
  if err and client.log then client.log:failed(err) end
  return response, err
end

--- Makes a request and returns the decoded answer.
---@param client claude.Client
---@param spec claude.WireSpec
---@return table? answer
---@return string? text
---@return claude.Error? err
function M.call(client, spec)
  local response, err = M.fetch(client, spec)
  if not response then
    return errors.fail(err --[[@as claude.Error]])
  end
  local answer, problem = json.decode(response:body())
  if type(answer) == "table" and answer.type ~= "error" then
    return responses.remember(answer, responses.of(response))
  end
  if not json.library() then
    return errors.fail(errors.new({ kind = "invalid", message = problem }))
  end
  local scrub = headers.scrub_for(client, spec.options)
  err = api_error.from_no_message(response, scrub, "JSON object")
  if client.log then client.log:failed(err) end
  return errors.fail(err)
end

return M
