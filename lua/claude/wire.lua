--- One HTTP exchange with the API: puts headers together and starts the transport.

local errors = require("claude.errors")
local headers = require("claude.headers")
local retry = require("claude.retry")
local tables = require("claude.tables")

---@class claude.WireSpec
---@field method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@field path string below the base URL, such as "/v1/messages"
---@field body? any string or claude.core body
---@field response table claude.core response that takes the answer
---@field judge? fun(err: claude.Error) looks at each failure before it may be tried again
---@field response_limits? table what further responses are made with; the client's without it
---@field accept? string media type, "application/json" without it
---@field betas? string[]
---@field max_tokens? integer how long the model may think in silence
---@field attempt? integer 0 for the first
---@field stream? boolean whether the answer is asked for as a stream
---@field streamed? boolean its answer is a body of any size, which is read as it comes
---@field read_at_once? boolean it keeps its place to its end: nobody else's code reads it
---@field placeless? boolean it takes no place among those of max_concurrency
---@field control? claude.RetryControl what cancels the middleware
---@field options? claude.CallOptions
---@field content_type? string of the body, "application/json" without it
---@field on_sent? fun(bytes: integer): claude.Error? see claude.TransportOptions

--- What one call may have different from its client.
---@class claude.CallOptions: claude.RetryOptions
---@field betas? string[]
---@field fallback_state? claude.FallbackState remembers which of fallback_models took over
---@field headers? table<string, string|false>
---@field version? string
---@field limits? claude.Limits
---@field pings? boolean streams and runs hand out pings, too: signs of life in silent thinking

local M = {}

---@param betas any
---@return string? problem nil for a list of names, and for nothing
function M.betas_problem(betas)
  if betas == nil then return nil end
  if type(betas) ~= "table" then return "betas must be a list of names" end
  for i, name in ipairs(betas) do
    if type(name) ~= "string" then return ("betas[%d] must be a name"):format(i) end
  end
  return nil
end

--- Raises when a list of beta names is none.
---@param betas any
---@param level integer stack level to blame
function M.check_betas(betas, level)
  local problem = M.betas_problem(betas)
  if problem then error(problem, level + 1) end
end

--- What is wrong with a value of on_binding_error.
---@param policy any
---@return string? problem
function M.policy_problem(policy)
  if policy == nil or policy == "error" or policy == "repair" then return nil end
  return 'on_binding_error must be "error" or "repair"'
end

--- Raises when a value of on_binding_error is none.
---@param policy any
---@param level integer stack level to blame
---@param prefix? string
function M.check_policy(policy, level, prefix)
  local problem = M.policy_problem(policy)
  if problem then error((prefix or "") .. problem, level + 1) end
end

local OPTION_TYPES = {
  betas = "table",
  fallback_state = "table",
  headers = "table",
  limits = "table",
  max_retries = "number",
  time_budget = "number",
  max_retry_wait = "number",
  on_retry = "function",
  pings = "boolean",
  version = "string",
}

local NONE = {} -- not to be changed

--- Raises when a call's options are wrong.
---@param options any
---@param level integer stack level to blame
---@return claude.CallOptions not to be changed
function M.check_options(options, level)
  if options == nil then return NONE end
  if type(options) ~= "table" then error("options must be a table", level + 1) end
  for name, value in pairs(options) do
    local expected = OPTION_TYPES[name]
    if not expected then error(("there is no option %s"):format(tostring(name)), level + 1) end
    if type(value) ~= expected then
      error(("option %s must be a %s"):format(name, expected), level + 1)
    end
  end
  M.check_betas(options.betas, level + 1)
  retry.check(options, level + 1, "option ")
  for name, value in pairs(options.headers or {}) do
    if type(name) ~= "string" or (type(value) ~= "string" and value ~= false) then
      error("option headers must have names and values that are strings", level + 1)
    end
  end
  if options.limits then require("claude.transport.limits").complete(options.limits, level + 1) end
  return options
end

---@param message string
---@return claude.Error
local function header_error(message)
  return errors.new({
    kind = "invalid",
    message = message,
    hint = "headers are single lines of text",
  })
end

---@param client claude.Client
---@param spec claude.WireSpec
---@param options claude.CallOptions
---@return table[]? list
---@return claude.Error? err
local function put_together(client, spec, options)
  local own, problem = headers.from_table(options.headers or {})
  if not own then return nil, header_error("a header " .. problem) end
  local list = {
    { "accept", spec.accept or "application/json" },
    { "user-agent", headers.user_agent() },
    { "anthropic-version", options.version or client.version },
  }
  if spec.body then
    list[#list + 1] = { "content-type", spec.content_type or "application/json" }
  end
  local users = client.user_headers()
  list = headers.merged({ list, client.credentials.headers(), users, own })
  -- Betas add up, wherever they were named.
  local named = headers.union(spec.betas, client.betas, options.betas)
  local betas = headers.union(named, headers.betas_in(users), headers.betas_in(own))
  if betas[1] then
    list = headers.merged({ list, { { "anthropic-beta", table.concat(betas, ",") } } })
  end
  for _, header in ipairs(list) do
    problem = headers.problem(header[1], header[2])
    if problem then return nil, header_error(problem) end
  end
  return list
end

-- Clients -> what they send, by what may differ from call to call; secrets among it, so no field
-- of theirs shows it. Nobody changes a list: calls that differ in nothing share it.
local lists = setmetatable({}, { __mode = "k" })
local MOST_LISTS = 20

---@param names string[]?
---@return string
local function listed(names) return names and names[1] and table.concat(names, ",") or "" end

-- What most requests are: they differ in the API's version at most.
---@param client claude.Client
---@param spec claude.WireSpec
---@param options claude.CallOptions
---@return boolean
local function is_plain(client, spec, options)
  if spec.accept or spec.content_type or not spec.body or options.betas then return false end
  return client.betas[1] == nil and not (spec.betas and spec.betas[1])
end

---@param client claude.Client
---@param spec claude.WireSpec
---@param options claude.CallOptions
---@return string
local function list_name(client, spec, options)
  if is_plain(client, spec, options) then return options.version or client.version end
  local version, accept = options.version or client.version, spec.accept or ""
  local content_type = spec.body and (spec.content_type or "application/json") or ""
  local needed, general, own = listed(spec.betas), listed(client.betas), listed(options.betas)
  local betas = needed .. "\n" .. general .. "\n" .. own
  return version .. "\n" .. accept .. "\n" .. content_type .. "\n" .. betas
end

---@param client claude.Client
---@param name string
---@param list table[]
local function keep_list(client, name, list)
  local kept = lists[client]
  if not kept or kept.count == MOST_LISTS then
    kept = { count = 0, by_name = {} }
    lists[client] = kept
  end
  kept.count, kept.by_name[name] = kept.count + 1, list
end

---@param client claude.Client
---@param spec claude.WireSpec
---@return table[]? list not to be changed
---@return claude.Error? err
function M.headers(client, spec)
  local options = spec.options or {}
  if options.headers and next(options.headers) then return put_together(client, spec, options) end
  local name, kept = list_name(client, spec, options), lists[client]
  local list = kept and kept.by_name[name]
  if list then return list end
  local made, err = put_together(client, spec, options)
  if made then keep_list(client, name, made) end
  return made, err
end

local transport -- loaded with the first request

---@param client claude.Client
---@param spec claude.WireSpec
---@param request { url: string, headers: table[], body: any, response: userdata }
---@return table? exchange
---@return claude.Error? err
local function transmit(client, spec, request)
  local own, budget = spec.options and spec.options.limits, retry.budget(spec.control)
  local asked = {
    url = request.url,
    method = spec.method,
    headers = request.headers,
    body = request.body,
    response = request.response,
    on_sent = spec.on_sent,
    max_tokens = spec.max_tokens,
    budget = budget,
    limits = retry.limits(budget, own and tables.merged(client.limits, own) or client.limits),
    http2 = false, -- the transport's
    tells_sent = false,
    slow_connect = false,
  }
  for name, value in pairs(client.transport_options()) do
    asked[name] = value
  end
  transport = transport or require("claude.transport")
  local exchange, text, failure = transport.begin(asked)
  if not exchange then return nil, failure or errors.new({ kind = "network", message = text }) end
  local list = request.headers
  list.scrub = list.scrub or headers.scrubber(list)
  exchange.scrub = list.scrub
  if client.log then client.log:sent(exchange, spec, asked) end
  return exchange
end

-- As a table for middleware, and back in the order that they had.
---@param list table[]
---@return table<string, string>
local function by_name(list)
  local found = {}
  for _, header in ipairs(list) do
    found[header[1]:lower()] = header[2]
  end
  return found
end

---@param found table<string, string>
---@param order table[]
---@return table[] list
local function in_order(found, order)
  local left, list = tables.merged(found), {}
  for _, header in ipairs(order) do
    local name = header[1]:lower()
    if left[name] then list[#list + 1] = { header[1], left[name] } end
    left[name] = nil
  end
  for _, header in ipairs(headers.from_table(left) or {}) do
    list[#list + 1] = header
  end
  return list
end

---@param client claude.Client
---@param spec claude.WireSpec
---@param list table[] headers
---@return table? exchange
---@return claude.Error? err
local function through_middleware(client, spec, list)
  local request = {
    method = spec.method,
    url = client.base_url .. spec.path,
    path = spec.path,
    headers = by_name(list),
    body = spec.body,
    attempt = (spec.attempt or 0) + 1,
    stream = spec.stream or false,
  }
  local function send(changed, response)
    return transmit(client, spec, {
      url = changed.url,
      headers = in_order(changed.headers, list),
      body = changed.body,
      response = response,
    })
  end
  local run, limits = require("claude.middleware").run, spec.response_limits
  return run(client, request, spec.response, send, spec.control, limits)
end

---@param client claude.Client
---@param spec claude.WireSpec
---@return table? exchange
---@return claude.Error? err
local function start(client, spec)
  if client.problem then return nil, client.problem end
  local list, err = M.headers(client, spec)
  if not list then return nil, err end
  if client.hooks then return through_middleware(client, spec, list) end
  local url = client.base_url .. spec.path
  local request = { url = url, headers = list, body = spec.body, response = spec.response }
  return transmit(client, spec, request)
end

-- A host may end a coroutine without a word while middleware waits in it.
---@param client claude.Client
---@param spec claude.WireSpec
---@return boolean called
---@return table? exchange
---@return claude.Error? err
local function start_guarded(client, spec)
  local settled = false
  local keeper = require("claude.guard").new(function()
    if not settled then client.places:leave() end
  end)
  local exchange, err = start(client, spec)
  settled = keeper ~= nil
  return true, exchange, err
end

-- Nothing can wait inside pcall on PUC 5.1; without middleware nothing does.
---@param client claude.Client
---@param spec claude.WireSpec
---@return table? exchange
---@return claude.Error? err
local function start_in_place(client, spec)
  local places = client.places
  local called, exchange, err
  if client.hooks then
    called, exchange, err = start_guarded(client, spec)
  else
    called, exchange, err = pcall(start, client, spec)
  end
  if not called or not exchange or exchange.ended then
    places:leave()
  else
    places:keep_for(exchange, spec.streamed)
  end
  if not called then error(exchange, 0) end
  return exchange, err
end

--- Starts an exchange. Waits for nothing, unless the client has middleware: then until the
--- head of an answer is there, and `exchange.response` may be another than was given. Where
--- the client has places (max_concurrency) one must have been taken, and it is given back
--- when the exchange ends, or never began.
---@param client claude.Client
---@param spec claude.WireSpec
---@return table? exchange its `scrub` takes what was sent in secret out of a text
---@return claude.Error? err
function M.start(client, spec)
  if client.places and not spec.placeless then return start_in_place(client, spec) end
  return start(client, spec)
end

return M
