--- The options of `claude.new`: which there are, and of what kind.

local headers = require("claude.headers")

local M = {}

local TYPES = {
  allow_http = "boolean",
  auth_token = "string",
  base_url = "string",
  betas = "table",
  ca_file = "string",
  ca_path = "string",
  headers = "table",
  http_version = "string",
  interleaved_thinking = "boolean",
  limits = "table",
  log_level = "string",
  logger = "function",
  max_body_bytes = "number",
  max_concurrency = "number",
  max_event_bytes = "number",
  max_line_bytes = "number",
  max_retries = "number",
  time_budget = "number",
  max_retry_wait = "number",
  middleware = "table",
  no_proxy = "string",
  on_binding_error = "string",
  on_retry = "function",
  on_warning = "function",
  prices = "table",
  proxy = "string",
  sign = "function",
  version = "string",
}
local HTTP_VERSIONS = { ["1.1"] = true, ["2"] = true }

--- Those that go to the transport, and those that go to each answer.
M.TRANSPORT = { "http_version", "proxy", "no_proxy", "ca_file", "ca_path", "allow_http" }
M.RESPONSE = { "max_event_bytes", "max_body_bytes", "max_line_bytes" }

---@param name any
---@param value any
---@return string? problem
local function type_problem(name, value)
  if name == "api_key" then
    if type(value) == "string" or value == false then return nil end
    return "api_key must be a string, or false where none is needed"
  end
  local expected = TYPES[name]
  if not expected then return "there is no option " .. tostring(name) end
  if type(value) ~= expected then return ("%s must be a %s"):format(name, expected) end
end

---@param options claude.ClientOptions
---@return string? problem
local function transport_problem(options)
  if options.http_version and not HTTP_VERSIONS[options.http_version] then
    return 'http_version must be "1.1" or "2"'
  end
  for _, name in ipairs(M.TRANSPORT) do
    if type(options[name]) == "string" and options[name]:find("%c") then
      return name .. " has a control character in it"
    end
  end
end

---@param options claude.ClientOptions
---@return string? problem
local function size_problem(options)
  for _, name in ipairs(M.RESPONSE) do
    local bytes = options[name]
    if bytes and (bytes ~= bytes or bytes < 1 or bytes > 1e15) then
      return name .. " must be a number of bytes"
    end
  end
  local most = options.max_concurrency
  if most and (most < 1 or most % 1 ~= 0) then
    return "max_concurrency must be an integer from 1"
  end
end

---@param list? any[]
---@return string? problem
local function middleware_problem(list)
  local count = 0
  for _ in pairs(list or {}) do
    count = count + 1
    if type(list[count]) ~= "function" then return "middleware must be a list of functions" end
  end
end

---@param level? string
---@return string? problem
local function log_problem(level)
  if not level or require("claude.log").is_level(level) then return nil end
  return "log_level must be off, error, warn, info or debug"
end

---@param options claude.ClientOptions
---@return string? problem
local function header_problem(options)
  for _, name in ipairs(options.betas or {}) do
    if type(name) ~= "string" then return "betas must be a list of names" end
    local problem = headers.problem("anthropic-beta", name)
    if problem then return "betas: " .. problem end
  end
  for _, pair in ipairs({
    { "anthropic-version", options.version },
    { "x-api-key", options.api_key or nil },
    { "authorization", options.auth_token },
  }) do
    local problem = pair[2] and headers.problem(pair[1], pair[2])
    if problem then return problem end
  end
end

---@param options claude.ClientOptions
---@return string? problem
local function problem_of(options)
  for name, value in pairs(options) do
    local problem = type_problem(name, value)
    if problem then return problem end
  end
  if options.api_key and options.auth_token then return "give api_key or auth_token, not both" end
  return transport_problem(options)
    or size_problem(options)
    or middleware_problem(options.middleware)
    or log_problem(options.log_level)
    or header_problem(options)
end

--- Raises for what is no option, or not of its kind.
---@param options any
---@param level integer stack level of the caller to blame
function M.check(options, level)
  if type(options) ~= "table" then error("claude.new: options must be a table", level + 1) end
  local problem = problem_of(options)
  if problem then error("claude.new: " .. problem, level + 1) end
  require("claude.retry").check(options, level + 1, "claude.new: ")
  require("claude.wire").check_policy(options.on_binding_error, level + 1, "claude.new: ")
  if options.limits then require("claude.transport.limits").complete(options.limits, level + 1) end
  if options.prices then require("claude.prices").check(options.prices, level + 1) end
end

return M
