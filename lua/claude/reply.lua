--- One reply over the wire: the request is started, tried again as long as nothing of
--- an answer came, and read frame by frame. What failed is one claude.Error, with what
--- had arrived.

local core = require("claude.core")
local errors = require("claude.errors")
local guard = require("claude.guard")
local message_views = require("claude.message")
local retry = require("claude.retry")
local tasks = require("claude.tasks")
local wire = require("claude.wire")

local FRAMES_PER_LOOK = 64

-- Most replies need none: that part loads with the first error.
---@param how string function of claude.api_error
---@param reply claude.Reply
---@return claude.Error
local function error_of(how, reply)
  return require("claude.api_error")[how](reply.response, reply.scrub)
end

---@class claude.Reply
---@field response? table the claude.core response of the last attempt
---@field private client claude.Client
---@field private spec claude.StreamSpec
---@field private control claude.RetryControl
---@field private exchange? table
---@field private scrub fun(text: string): string
---@field private frames integer how many were read
---@field private broken? claude.Error how the exchange failed
local Reply = {}
Reply.__index = Reply
Reply.__name = "claude.Reply"

--- Starts the exchange unless it would have to wait, for a place or for middleware.
function Reply:start()
  local client = self.client
  if client.hooks then return end
  if not client.places or client.places:try() then self:_start(0) end
end

---@param attempt integer 0 for the first
---@return table? exchange
---@return claude.Error? err
function Reply:_start(attempt)
  local params = self.spec.frame.params
  local limits = self.client.message_limits
  local exchange, err = wire.start(self.client, {
    method = "POST",
    path = "/v1/messages",
    body = self.spec.body,
    response = core.response(limits),
    response_limits = limits,
    attempt = attempt,
    stream = params.max_tokens ~= 0 and params.stream ~= false,
    control = self.control,
    betas = self.spec.frame.betas,
    max_tokens = tonumber(params.max_tokens),
    options = self.spec.options,
  })
  if not exchange then return nil, err end
  self.exchange, self.response, self.broken = exchange, exchange.response, nil
  self.scrub = exchange.scrub
  -- Somebody may have cancelled it while middleware waited.
  if self.control.cancelled then exchange:cancel() end
  -- What it is kept in may be dropped.
  self.guard = guard.new(exchange.discard, exchange)
  return exchange
end

---@return claude.Error
function Reply:_error_of_status()
  local exchange = self.exchange
  while not self.response:finished() do
    local going, _, err = exchange:wait()
    if not going and tasks.is_cancelled() then return err end
    -- A connection that breaks inside an error body has told enough by its status.
    if not going then break end
  end
  return error_of("from_status", self)
end

-- What the response judges, and what the transport says, as one error.
---@param failed boolean whether the response has judged
---@return claude.Error
function Reply:_error_of_failure(failed)
  local err = failed and error_of("from_failure", self)
  -- It may have broken before anybody waited.
  local broken = self.broken or (self.exchange and self.exchange.failure)
  if broken and (not err or err.kind == "network" or err.kind == "incomplete") then
    for _, name in ipairs({ "request_id", "headers", "rate_limit" }) do
      broken[name] = broken[name] or (err and err[name])
    end
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

--- Frames were read past this reply, and not counted: others may be due a turn.
function Reply:look_up() self.frames = FRAMES_PER_LOOK - 1 end

--- The next frame, or the next of them as one; waits for it.
---@param options? claude.ReadingOptions
---@return string? kind nil at the end
---@return string? text
---@return integer? index
---@return claude.Error? err
function Reply:read(options)
  local joined = options and options.coalesce
  -- What arrived in one go is read without waiting: others may be due a turn in between.
  local frames = self.frames + 1
  self.frames = frames
  if options or frames % FRAMES_PER_LOOK == 0 then tasks.give_way(options and options.budget) end
  while true do
    do -- a coroutine's stack stays as large as it once was: nothing of this is on it while it waits
      local response = self.response
      local next_piece = joined and response.next_joined or response.next
      local kind, text, index = next_piece(response)
      if kind then return kind, text, index end
      if text == "end" and response:complete() then return nil end
      local status = response:status()
      if status and status >= 300 then return nil, nil, nil, self:_error_of_status() end
      if text == "end" then return nil, nil, nil, error_of("from_no_message", self) end
      if text == "error" or self.broken then
        return nil, nil, nil, self:_error_of_failure(text == "error")
      end
    end
    local going, why, err = self:more()
    if not going then self:note_broken(why, err) end
  end
end

--- Waits until some of the answer to what was started is there, or it is over, or an error: `open`
--- tells which, and has to hear how it goes on. A coroutine's stack stays as large as it once was,
--- and few calls are on it where this is called.
function Reply:await_answer()
  local exchange, going = self.exchange, true
  local response = exchange and exchange.response
  while response and going and response:unread() == 0 and (response:status() or 0) < 300 do
    going = not response:finished() and exchange:wait()
  end
end

--- Waits until there is more to read. Else it is over: who gets told how hands it to `note_broken`.
---@return true?
---@return string? why
---@return claude.Error? err
function Reply:more() return self.exchange:wait() end

--- `read` tells of it, once it has handed out what had arrived before.
---@param why string?
---@param err claude.Error?
function Reply:note_broken(why, err)
  self.broken = err or errors.new({ kind = "network", message = why })
end

-- Waits for a place first, where there are so many.
---@param attempt integer
---@return table? exchange
---@return claude.Error? err
function Reply:_start_in_turn(attempt)
  local places = self.client.places
  if places then
    local taken, err = places:take(self.control, retry.time_left(self.control))
    if not taken then return nil, err end
  end
  return self:_start(attempt)
end

-- One attempt is good once its first frame is there; that frame is kept.
---@param number integer 0 for the first
---@return table? head
---@return claude.Error? err
function Reply:_attempt(number)
  if number > 0 or not self.exchange then
    local exchange, err = self:_start_in_turn(number)
    if not exchange then return nil, err end
  end
  local kind, text, index, err = self:read()
  local log = self.client.log
  if log and self.exchange then log:answered(self.exchange) end
  if err then
    self:_let_go()
    return nil, err
  end
  return { kind, text, index }
end

-- What waits to try again holds no connection and no place.
function Reply:_let_go()
  local exchange = self.exchange
  self.exchange, self.guard = nil, nil
  if exchange then exchange:cancel() end
end

--- Waits for the first frame, tries again where that is allowed, also what `start` could
--- not do.
---@param failure? claude.Error how what was opened ended: it is tried again
---@return table? head the first frame: kind, text, index
---@return claude.Error? err
function Reply:open(failure)
  if failure then self:_let_go() end
  local function attempt(number) return self:_attempt(number) end
  return retry.run(self.client, attempt, self.control, failure)
end

--- When the first byte came, on the clock of claude.loop.now.
---@return number?
function Reply:first_byte_at() return self.exchange and self.exchange.timings.first_byte end

--- The message is whole: the connection may serve the next request.
function Reply:close()
  if self.client.log and self.exchange then self.client.log:complete(self.exchange) end
  if self.exchange then self.exchange:close() end
  self.exchange, self.guard = nil, nil
end

--- Ends the exchange, or the wait for another attempt, at once.
function Reply:cancel()
  retry.cancel(self.control)
  self:_let_go()
end

local M = {}

---@param client claude.Client
---@param spec claude.StreamSpec
---@return claude.Reply
function M.new(client, spec)
  return setmetatable({
    client = client,
    spec = spec,
    control = retry.control(client, spec.options),
    frames = 0,
    -- Room for what the exchange brings.
    exchange = nil,
    response = nil,
    scrub = nil,
    guard = nil,
  }, Reply)
end

return M
