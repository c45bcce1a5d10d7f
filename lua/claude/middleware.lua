--- What users put around each request: the client's `middleware`, and `sign`.
---
---     middleware (the first is the outermost) → sign → transport
---
--- Each attempt goes this way anew, inside the retries. What middleware does takes part in
--- no limit: those begin when the transport does. User code runs in a task of its own, so
--- that it may wait and raise on every Lua; what it raises is the attempt's failure.

local core = require("claude.core")
local errors = require("claude.errors")
local headers = require("claude.headers")
local tasks = require("claude.tasks")

--- What goes out. url, headers and body may be changed; the rest is for reading.
---@class claude.Request
---@field method string
---@field url string
---@field path string below the base URL, such as "/v1/messages"
---@field headers table<string, string> by lowercase name; nil takes one away
---@field body? claude.Body|string its bytes without a copy: `#body`, body:read(…), body:sha256()
---@field attempt integer 1 for the first
---@field stream boolean whether the answer was asked for as a stream

--- What a server answered, as far as middleware is told.
---@class claude.Answer
---@field status integer
---@field headers table<string, string> by lowercase name
---@field request_id? string
local Answer = {}
Answer.__index = Answer
Answer.__name = "claude.Answer"

-- Answers -> the exchanges they belong to; those -> what stands for their runs. (Not the runs:
-- they hold their exchanges, which Lua 5.1 would then never let go.)
local exchanges = setmetatable({}, { __mode = "k" })
local runs = setmetatable({}, { __mode = "k" })

--- The whole body, once it is there. Of a stream `nil, text, err`: its reader is
--- the one who made the request.
---@return string? body
---@return string? text
---@return claude.Error? err
function Answer:body()
  require("claude.receiver").check(self, Answer, "answer:body()")
  local exchange = exchanges[self]
  local response = exchange.response
  if response:is_event_stream() or response:streams_body() then
    local message = "the answer is a stream: whoever made the request reads it"
    return errors.fail(errors.new({ kind = "invalid", message = message }))
  end
  while not response:finished() do
    local going, text, err = exchange:wait()
    if not going then return nil, text, err end
  end
  return response:body()
end

---@param exchange claude.Exchange
---@return claude.Answer
local function answer_of(exchange)
  local response = exchange.response
  local answer = setmetatable({
    status = response:status(),
    headers = response:headers(),
    request_id = response:header("request-id"),
  }, Answer)
  exchanges[answer] = exchange
  return answer
end

---@class claude.MiddlewareRun
---@field client claude.Client
---@field hooks fun(): function[], function?
---@field request claude.Request as the outermost got it
---@field method string
---@field response userdata? the core.response for the first exchange
---@field limits table what further ones are made with
---@field start fun(request: claude.Request, response: userdata): claude.Exchange?, claude.Error?
---@field started claude.Exchange[]
---@field is_over? boolean
---@field token table stands for it
---@field failures table<string, claude.Error> by their texts: `assert` raises those

-- What middleware and sign have put into headers so far is as secret as a key.
---@param run claude.MiddlewareRun
---@param text string
---@return string
local function scrubbed(run, text)
  local list, found = {}, run.request.headers
  for name, value in pairs(type(found) == "table" and found or {}) do
    if type(value) == "string" then list[#list + 1] = { tostring(name), value } end
  end
  return headers.scrubber(list)(run.client.credentials.scrub(text))
end

---@param run claude.MiddlewareRun
---@param message string
---@return claude.Error
local function wrong(run, message)
  return errors.new({
    kind = "invalid",
    message = scrubbed(run, "middleware: " .. message),
    retryable = false,
  })
end

-- Lowercase names; what the user wrote with capitals replaces what stood there before.
---@param given table<string, string|false|nil>
---@return table<string, string>
local function lowercase(given)
  local found = {}
  for name, value in pairs(given) do
    if name == name:lower() then found[name] = value or nil end
  end
  for name, value in pairs(given) do
    if name ~= name:lower() then found[name:lower()] = value or nil end
  end
  return found
end

---@param run claude.MiddlewareRun
---@param request any
---@return string? problem
local function request_problem(run, request)
  if type(request) ~= "table" then return "a request is a table, not a " .. type(request) end
  if type(request.url) ~= "string" then return "request.url must be a string" end
  if request.url:find("[%z\1-\32\127]") then
    return "request.url has a space or control character in it"
  end
  if request.method ~= run.method then return "request.method cannot be changed" end
  if type(request.headers) ~= "table" then return "request.headers must be a table" end
  for name, value in pairs(request.headers) do
    local problem = headers.problem(name, value or "")
    if problem then return "a header " .. problem end
  end
  return nil
end

---@param exchange claude.Exchange
---@return claude.Error?
local function wait_for_head(exchange)
  local response = exchange.response
  while not response:begun() do
    local going, text, err = exchange:wait()
    if not going then
      err = err or errors.new({ kind = "network", message = text })
      err.request_id = err.request_id or response:header("request-id")
      return err
    end
  end
  if response:status() then return nil end
  return exchange.failure or errors.new({ kind = "network", message = "there was no answer" })
end

---@param run claude.MiddlewareRun
---@param request claude.Request
---@return claude.Error?
local function sign(run, request)
  local _, signer = run.hooks()
  if not signer then return nil end
  local signed, problem, err = signer(request)
  if signed or problem == nil then return nil end
  if errors.is(err) then return err end
  return errors.is(problem) and problem or wrong(run, "sign: " .. errors.text_of(problem))
end

---@param run claude.MiddlewareRun
---@param request claude.Request
---@return claude.Exchange?
---@return claude.Error? err
local function send_out(run, request)
  local problem = request_problem(run, request)
  if problem then return nil, wrong(run, problem) end
  local err = sign(run, request)
  if err then return nil, err end
  problem = request_problem(run, request)
  if problem then return nil, wrong(run, problem) end
  request.headers = lowercase(request.headers)
  local response = run.response or core.response(run.limits)
  run.response = nil
  local exchange
  exchange, err = run.start(request, response)
  if not exchange then return nil, err end
  run.started[#run.started + 1] = exchange
  runs[exchange] = run.token
  err = wait_for_head(exchange)
  if err then return nil, err end
  if run.client.log then run.client.log:answered(exchange) end
  return exchange
end

-- Behind the last middleware.
---@param run claude.MiddlewareRun
---@param request claude.Request
---@return claude.Answer?
---@return string? text
---@return claude.Error? err
local function transmit(run, request)
  local exchange, err = send_out(run, request)
  if exchange then return answer_of(exchange) end
  run.failures[tostring(err)] = err
  return errors.fail(err --[[@as claude.Error]])
end

---@param run claude.MiddlewareRun
---@param number integer of the middleware whose turn it is
---@param request claude.Request
---@return any answer
---@return string? text
---@return claude.Error? err
local function through(run, number, request)
  local middleware = run.hooks()[number]
  if not middleware then return transmit(run, request) end
  local function send(changed)
    if run.is_over then error("send: the request that this belongs to is over", 2) end
    return through(run, number + 1, changed or request)
  end
  return middleware(request, send)
end

-- An answer of middleware's own, which no server gave.
---@param answer table
---@return string? problem
local function own_problem(answer)
  local status = answer.status
  if type(status) ~= "number" or status % 1 ~= 0 or status < 200 or status > 599 then
    return "an answer's status must be an integer from 200 to 599"
  end
  if answer.body ~= nil and type(answer.body) ~= "string" then
    return "an answer's body must be a string"
  end
  if answer.headers ~= nil and type(answer.headers) ~= "table" then
    return "an answer's headers must be a table"
  end
  for name, value in pairs(answer.headers or {}) do
    local problem = headers.problem(name, value)
    if problem then return "an answer's header " .. problem end
  end
  return nil
end

-- What is there from the beginning is an exchange that has ended.
local Given = {}
Given.__index = Given

function Given.wait() return true end
function Given.cancel() end
function Given.close() end
function Given.discard() end

---@param run claude.MiddlewareRun
---@param answer table
---@return claude.Exchange
local function given_exchange(run, answer)
  local response = core.response(run.limits)
  response:feed_header(("HTTP/1.1 %d Status"):format(answer.status))
  for _, header in ipairs(headers.from_table(answer.headers or {}) or {}) do
    response:feed_header(header[1] .. ": " .. header[2])
  end
  response:feed(answer.body or "")
  response:finish()
  local now = tasks.now()
  return setmetatable({
    response = response,
    timings = { start = now, first_byte = now },
    ended = true,
    scrub = run.client.credentials.scrub,
  }, Given)
end

local KEPT_ANSWER = "an answer can be returned once, by the request that it was given to;"
  .. " keep its status, headers and body instead"

-- What the outermost middleware returned.
---@param run claude.MiddlewareRun
---@param answer any
---@param text any
---@param err any
---@return claude.Exchange?
---@return claude.Error?
local function exchange_of(run, answer, text, err)
  if type(answer) == "table" then
    local exchange = exchanges[answer]
    if exchange and runs[exchange] == run.token then return exchange end
    if exchange then return nil, wrong(run, KEPT_ANSWER) end
    local problem = own_problem(answer)
    if problem then return nil, wrong(run, problem) end
    if run.client.log then
      run.client.log:answered_by_middleware(
        run.request,
        answer.status,
        run.client.credentials.scrub
      )
    end
    return given_exchange(run, answer)
  end
  if errors.is(err) then return nil, err end
  if errors.is(text) then return nil, text end
  if answer == nil and text ~= nil then return nil, wrong(run, errors.text_of(text)) end
  return nil, wrong(run, "an answer was expected from it, not a " .. type(answer))
end

---@param run claude.MiddlewareRun
---@param outcome claude.Outcome
---@return claude.Exchange?
---@return claude.Error?
local function result_of(run, outcome)
  if outcome.ok then return exchange_of(run, outcome[1], outcome[2], outcome[3]) end
  local raised = outcome.raised
  if errors.is(raised) then return nil, raised end
  local text = errors.text_of(raised)
  return nil, run.failures[text] or wrong(run, text)
end

local M = {}

--- Runs an attempt through the client's middleware; waits for the head of the answer.
---@param client claude.Client
---@param request claude.Request
---@param response userdata the core.response that the first exchange goes into
---@param start fun(request: claude.Request, response: userdata): claude.Exchange?, claude.Error?
---@param control? claude.RetryControl what cancels it
---@param limits? table what further responses are made with; the client's without it
---@return claude.Exchange? exchange its response may be another than the one given
---@return claude.Error? err
function M.run(client, request, response, start, control, limits)
  local run = {
    client = client,
    hooks = client.hooks,
    request = request,
    method = request.method,
    response = response,
    limits = limits or client.response_limits,
    start = start,
    started = {},
    failures = {},
    token = {},
  }
  local group = tasks.group()
  if control then control.waiting = { set = function() group:cancel() end } end
  group:add(1, function() return through(run, 1, request) end)
  local _, outcome = group:next()
  if control then control.waiting = nil end
  run.is_over = true
  local exchange, err = result_of(run, outcome)
  for _, other in ipairs(run.started) do
    if other ~= exchange then other:cancel() end
  end
  return exchange, err
end

return M
