--- A reply as it arrives.
---
--- A `for` loop over a stream raises the claude.Error when the stream fails: a loop
--- that ends is a stream that ended well. The step functions behind the loops
--- (`next`, `next_text`, `next_event`) return `nil, text, err` instead. `break`
--- leaves a stream open: a second loop goes on, and `final_message` drains.

local api_error = require("claude.api_error")
local core = require("claude.core")
local errors = require("claude.errors")
local message_views = require("claude.message")
local retry = require("claude.retry")
local wire = require("claude.wire")

---@class claude.Stream
---@field response? table the claude.core response, once the request has been started
---@field timings claude.Timings
---@field private client claude.Client
---@field private spec claude.StreamSpec
---@field private state "new"|"open"|"done"|"failed"
---@field private err? claude.Error
local Stream = {}
Stream.__index = Stream
Stream.__name = "claude.Stream"

--- Seconds since the request was started.
---@class claude.Timings
---@field first_byte? number
---@field first_token? number
---@field total? number

---@class claude.StreamSpec
---@field frame? claude.Frame absent when the request was refused before
---@field body? table the whole body, a claude.core body
---@field options? claude.CallOptions
---@field err? claude.Error why the request cannot be made
---@field on_end? fun(stream: claude.Stream): claude.Error? called once the message is whole

local CONTENT = { text = true, thinking = true, input_json = true, signature = true }

local function now() return require("claude.loop").now() end

-- Something whose collection ends the exchange: what it is kept in was dropped.
---@param exchange table
---@return userdata|table
local function guard_for(exchange)
  local function discard() exchange:discard() end
  local newproxy = rawget(_G, "newproxy")
  if not newproxy then return setmetatable({}, { __gc = discard }) end
  -- Tables of Lua 5.1 are collected without a word.
  local guard = newproxy(true)
  getmetatable(guard).__gc = discard
  return guard
end

---@return table? exchange
---@return claude.Error? err
function Stream:_start()
  local response = core.response()
  local exchange, err = wire.start(self.client, {
    method = "POST",
    path = "/v1/messages",
    body = self.spec.body,
    response = response,
    betas = self.spec.frame.betas,
    max_tokens = tonumber(self.spec.frame.params.max_tokens),
    options = self.spec.options,
  })
  if not exchange then return nil, err end
  self.exchange, self.response, self.broken = exchange, response, nil
  self.guard = guard_for(exchange)
  return exchange
end

---@return claude.Error
function Stream:_error_of_status()
  while not self.response:finished() do
    -- A connection that breaks inside an error body has told enough by its status.
    if not self.exchange:wait() then break end
  end
  return api_error.from_status(self.response, self.client.credentials.scrub)
end

-- What the response judges, and what the transport says, as one error.
---@param failed boolean whether the response has judged
---@return claude.Error
function Stream:_error_of_failure(failed)
  local err = failed and api_error.from_failure(self.response, self.client.credentials.scrub)
  local broken = self.broken
  if broken and (not err or err.kind == "network" or err.kind == "incomplete") then
    broken.request_id = broken.request_id or (err and err.request_id)
    err = broken
  end
  local partial = message_views.view(self.response)
  if partial then
    err.partial = partial
    -- An answer had begun: that it has no end matters more than why.
    if err.kind == "network" then err.kind = "incomplete" end
  end
  return err
end

-- The next frame of the exchange that runs; waits for it.
---@return string? kind nil at the end
---@return string? text
---@return integer? index
---@return claude.Error? err
function Stream:_read()
  local response = self.response
  while true do
    local kind, text, index = response:next()
    if kind then return kind, text, index end
    if text == "end" then return nil end
    local status = response:status()
    if status and status >= 300 then return nil, nil, nil, self:_error_of_status() end
    if text == "error" or self.broken then
      return nil, nil, nil, self:_error_of_failure(text == "error")
    end
    local going, why, err = self.exchange:wait()
    -- What had arrived before it broke is handed out first.
    if not going then self.broken = err or errors.new({ kind = "network", message = why }) end
  end
end

-- One attempt is good once its first frame is there; that frame is kept.
---@param number integer
---@return table? head
---@return claude.Error? err
function Stream:_attempt(number)
  if number > 0 or not self.exchange then
    local exchange, err = self:_start()
    if not exchange then return nil, err end
  end
  local kind, text, index, err = self:_read()
  if err then return nil, err end
  return { kind, text, index }
end

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function Stream:_fail(err)
  local exchange = self.exchange
  self.state, self.err, self.exchange, self.guard = "failed", err, nil, nil
  if exchange then exchange:cancel() end
  return errors.fail(err)
end

-- Starts what `open` could not, tries again where that is allowed.
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_open()
  local head, err = retry.run(
    self.client,
    function(number) return self:_attempt(number) end,
    self.control
  )
  if self.state == "failed" then return errors.fail(self.err) end
  if not head then return self:_fail(err) end
  self.state, self.head = "open", head
  return true
end

-- The first thinking block that comes without text is a surprise to whoever did not
-- ask for that.
---@param kind string
---@param text string?
---@param index integer?
function Stream:_watch_thinking(kind, text, index)
  if kind == "block_start" then
    self.silent = text == "thinking" and index or nil
  elseif kind == "thinking" and text ~= "" then
    self.silent = nil
  elseif kind == "block_stop" and self.silent == index and index then
    self.silent = nil
    local block = self:block(index)
    if not block or block.thinking ~= "" then return end
    require("claude.check.display").arrived_empty(self.client, self.spec.frame.params)
  end
end

---@param kind string
---@param text string?
function Stream:_measure(kind, text)
  local timings = self.timings
  if timings.first_token or not CONTENT[kind] or text == "" then return end
  timings.first_token = now() - self.started
end

-- The message is whole: the connection may serve the next request.
---@return nil
---@return string? text
---@return claude.Error? err
function Stream:_finish()
  local exchange, timings = self.exchange, self.timings
  timings.total = now() - self.started
  local first_byte = exchange.timings.first_byte
  timings.first_byte = first_byte and first_byte - self.started
  exchange:close()
  self.exchange, self.guard = nil, nil
  local err = self.spec.on_end and self.spec.on_end(self)
  if err then return self:_fail(err) end
  self.state = "done"
  return nil
end

--- The next piece: its kind, its text and its block's index (from 0, as the API
--- counts). Nil at the end; `nil, text, err` when the stream failed.
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
function Stream:next()
  if self.state == "new" then
    local ok, text, err = self:_open()
    if not ok then return nil, text, err end
  end
  if self.state == "failed" then return errors.fail(self.err) end
  while self.state == "open" do
    local kind, text, index, err
    if self.head then
      kind, text, index = self.head[1], self.head[2], self.head[3]
      self.head = nil
    else
      kind, text, index, err = self:_read()
    end
    -- Another task may have cancelled it meanwhile.
    if self.state == "failed" then return errors.fail(self.err) end
    if err then return self:_fail(err) end
    if not kind then return self:_finish() end
    self:_watch_thinking(kind, text, index)
    self:_measure(kind, text)
    if kind ~= "ping" then return kind, text, index end
  end
  return nil
end

--- The next piece of text; nil at the end, `nil, text, err` on failure.
---@return string? text
---@return string?
---@return claude.Error? err
function Stream:next_text()
  while true do
    local kind, text, err = self:next()
    if not kind then
      return nil, text, err --[[@as claude.Error?]]
    end
    if kind == "text" then return text end
  end
end

--- The API's next event as a table; nil at the end, `nil, text, err` on failure.
---@return table? event
---@return string?
---@return claude.Error? err
function Stream:next_event()
  local kind, text, err = self:next()
  if not kind then
    return nil, text, err --[[@as claude.Error?]]
  end
  local event, problem = core.decode(self.response:event())
  if event then return event end
  return self:_fail(errors.new({ kind = "protocol", message = problem }))
end

-- Step functions return failures; loops raise them.
---@param stream claude.Stream
---@param name string
---@return fun(): any, any, any
local function loop_over(stream, name)
  local step = stream[name]
  local function raising()
    local a, b, c = step(stream)
    if a == nil and c then error(c, 0) end
    return a, b, c
  end
  return require("claude.tasks").iterator(raising, ("stream:%s()"):format(name))
end

--- `for kind, text, index in stream:deltas()`: everything that arrives, in order.
---@return fun(): string?, string?, integer?
function Stream:deltas() return loop_over(self, "next") end

--- `for text in stream:text_stream()`: the answer's text only.
---@return fun(): string?
function Stream:text_stream() return loop_over(self, "next_text") end

--- `for event in stream:events()`: the API's own events as tables.
---@return fun(): table?
function Stream:events() return loop_over(self, "next_event") end

--- Reads to the end: the whole message, or `nil, text, err` with what arrived of it in
--- `err.partial`.
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Stream:final_message()
  while self.state ~= "done" do
    local kind, text, err = self:next()
    if not kind and err then
      return nil, text, err --[[@as claude.Error]]
    end
  end
  if self.message then return self.message end
  local message, problem = message_views.view(self.response)
  if not message then return self:_fail(errors.new({ kind = "protocol", message = problem })) end
  message.timings = self.timings
  self.message = message
  return message
end

--- What has arrived so far, as a message; nil before the first byte of one.
---@return claude.Message?
function Stream:current_message()
  return self.response and (message_views.view(self.response)) or nil
end

--- One block as far as it has arrived, by the index that `deltas` gives; tool input as
--- far as it can be read. Nil when no such block has begun.
---@param index integer from 0, as the API counts
---@return table?
function Stream:block(index)
  local response = self.response
  local count = response and response:block_count() or 0
  for i = 1, count do
    -- As a rule the first try is right.
    local place = (index + i - 1) % count + 1
    local block = response:block(place)
    if block.index == index then return (core.decode(block.raw)) end
  end
  return nil
end

--- Whether it has ended, well or not.
---@return boolean
function Stream:is_done() return self.state == "done" or self.state == "failed" end

--- Cancels the request at once, wherever it is. What comes later is an error of kind
--- "cancelled"; a stream that has ended stays as it is.
function Stream:cancel()
  if self:is_done() then return end
  retry.cancel(self.control)
  local err = errors.new({ kind = "cancelled", message = "the stream was cancelled" })
  err.partial = self:current_message()
  self:_fail(err)
end

--- The same as cancel: for a stream that is no longer wanted.
function Stream:close() self:cancel() end
Stream.__close = Stream.cancel

function Stream:__tostring() return ("claude.Stream (%s)"):format(self.state) end

local M = {}

--- Opens a stream; never fails: what is wrong comes with the first step.
---@param client claude.Client
---@param spec claude.StreamSpec
---@return claude.Stream
function M.open(client, spec)
  local options = spec.options or {}
  local self = setmetatable({
    client = client,
    spec = spec,
    state = "new",
    timings = {},
    control = { max_retries = options.max_retries },
  }, Stream)
  local err = spec.err or client.problem
  if err then
    self:_fail(err)
    return self
  end
  self.started = now()
  self:_start()
  return self
end

return M
