--- `client:request`: any endpoint by its method and path, with this client's credentials,
--- retries and limits.

local core = require("claude.core")
local endpoint = require("claude.endpoint")
local errors = require("claude.errors")
local responses = require("claude.response")
local rules = require("claude.check.rules")
local wire = require("claude.wire")

local M = {}

local METHODS = { DELETE = true, GET = true, PATCH = true, POST = true, PUT = true }

-- What a request has of its own; the rest are call options.
local OWN = { body = true, query = true, stream = true }

---@class claude.RequestOptions: claude.CallOptions
---@field body? any a value to be written as JSON, or a string that goes out as it is
---@field query? table<string, string|number|boolean>
---@field stream? boolean hands the body out as it comes: a claude.Download is returned

-- Some servers decode a path before they take it apart.
---@param part string
---@return boolean
local function leads_elsewhere(part)
  local plain = part:gsub("%%2[eE]", "."):gsub("%%2[fF]", "/")
  for piece in (plain .. "/"):gmatch("([^/]*)/") do
    if piece == "." or piece == ".." then return true end
  end
  return false
end

-- An id that is empty, or has a meaning of its own in a path, asks for something else.
---@param path string
---@return string? problem
local function path_problem(path)
  if path:sub(1, 1) ~= "/" then return "must begin with /" end
  if path:find("[?#]") then return "has a ? or # in it: the query has an option of its own" end
  if path:find("[^%w._~!$&'()*+,=:@%%/-]") then
    return "has a character in it that must be written as %XX"
  end
  if path:gsub("%%%x%x", ""):find("%", 1, true) then
    return "has a % in it that must be written as %25"
  end
  for part in path:gmatch("/([^/]*)") do
    if part == "" or leads_elsewhere(part) then return ("has a part %q in it"):format(part) end
  end
  return nil
end

---@param method any
---@param path any
---@param level integer
local function check_target(method, path, level)
  if not METHODS[method] then
    error("client:request: the method must be GET, POST, PUT, PATCH or DELETE", level + 1)
  end
  local problem = type(path) ~= "string" and "must be a string" or path_problem(path)
  if problem then error("client:request: the path " .. problem, level + 1) end
end

---@param options any
---@param level integer
---@return claude.RequestOptions own
---@return claude.CallOptions call
local function split_options(options, level)
  if options ~= nil and type(options) ~= "table" then
    error("client:request takes a table such as { query = { limit = 5 } }", level + 1)
  end
  local own, call = {}, {}
  for name, value in pairs(options or {}) do
    if OWN[name] then
      own[name] = value
    else
      call[name] = value
    end
  end
  endpoint.check_query(own.query, "client:request", level + 1)
  if own.stream ~= nil and type(own.stream) ~= "boolean" then
    error("client:request: stream must be a boolean", level + 1)
  end
  call = wire.check_options(call, level + 1)
  return own, call
end

---@param body any
---@return string? bytes
---@return claude.Error? err
local function body_bytes(body)
  if body == nil or type(body) == "string" then return body end
  local text, problem, path = core.encode(body, { request = true })
  if text then return text end
  return nil, rules.broken("encoding", path ~= "" and path or "body", problem)
end

--- Asks, and returns the answer with its body, or the body as it comes.
---@param client claude.Client
---@param method string
---@param path string
---@param options? claude.RequestOptions
---@param level integer stack level to blame
---@return claude.Response|claude.Download|nil answer
---@return string? text
---@return claude.Error? err
function M.request(client, method, path, options, level)
  check_target(method, path, level + 1)
  local own, call = split_options(options, level + 1)
  local body, err = body_bytes(own.body)
  if err then return errors.fail(err) end
  local spec = {
    method = method,
    path = path .. endpoint.query(own.query),
    body = body,
    options = call,
  }
  local answer
  if own.stream then
    spec.accept = "*/*"
    answer, err = require("claude.download").open(client, spec)
  else
    answer, err = endpoint.fetch(client, spec)
    answer = answer and responses.of(answer, answer:body())
  end
  if answer then return answer end
  return errors.fail(err --[[@as claude.Error]])
end

return M
