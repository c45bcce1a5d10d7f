--- A reply as it arrives.
---
--- A `for` loop over a stream raises the claude.Error when the stream fails: a loop
--- that ends is a stream that ended well. The step functions behind the loops
--- (`next`, `next_text`, `next_event`) return `nil, text, err` instead. `break`
--- leaves a stream open: a second loop goes on, and `final_message` drains.

local check_receiver = require("claude.receiver").check
local core = require("claude.core")
local errors = require("claude.errors")
local headers = require("claude.headers")
local message_views = require("claude.message")
local new_reply = require("claude.reply").new
local reading = require("claude.reading")
local tasks = require("claude.tasks")

---@class claude.Stream
---@field response? table the claude.core response, once the request has been started
---@field timings claude.Timings
---@field rate_limit? claude.RateLimits what the answer's headers tell, once it has begun
---@field private client claude.Client
---@field private spec claude.StreamSpec
---@field private reply claude.Reply
---@field private pings boolean whether they are handed out
---@field private state "new"|"open"|"done"|"failed"
---@field private err? claude.Error
---@field private opening claude.Signal|boolean a task opens it; a signal that is then set, once
--- others wait for that
---@field private ending boolean a task is in `on_end`
---@field package used claude.TurnUsage|false what it used, once that is written down
---@field private given? string the answer's headers, where its message is awaited
---@field private told table|false what the message says of itself, with or without its blocks
---@field private awaited boolean somebody waits for the whole message
---@field private viewed claude.Message|false the whole message, as soon as it was
---@field private counted? integer requests in the reply that were written down before
---@field package unseen? boolean only its end is waited for: nothing was handed out; false:
--- somebody reads its pieces, for good
---@field private head table|false the first frame, until it is read
---@field private surprised boolean thinking came without text, which is to be told
---@field private short_cut boolean nobody but the reader looks at most pieces
-- What seldom changes is looked for here: thousands of streams may wait, and each field of
-- theirs takes room.
local Stream = {
  __name = "claude.Stream",
  awaited = false,
  ending = false,
  opening = false,
  pings = false,
  told = false,
  used = false,
  viewed = false,
}
Stream.__index = Stream

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
---@field before? fun(): claude.Error? called before the request is made, each time; may wait
---@field settle? fun(): claude.Error? waits for what `on_end` waits for, in another task
---@field fallback? claude.Fallback other models, for when one refuses
---@field on_end? fun(stream: claude.Stream): claude.Error? called once the message is whole
---@field ledger? claude.Ledger of a conversation, beside the client's
---@field recover? fun(err: claude.Error): claude.StreamSpec?, fun()? what to send instead of what
--- was refused, and what then tells of it

local CONTENT = { text = true, thinking = true, input_json = true, signature = true }

local now = tasks.now
local iterators_can_wait = tasks.iterators_can_wait

-- What a message used is written down once, when it has ended in whatever way.
---@param whole boolean
function Stream:_record(whole)
  if self.used or not self.response then return end
  self.told = self.viewed or self.response:account() or false
  if type(self.told) ~= "table" then return end
  self.used = require("claude.ledger").record(
    self.client,
    self.spec,
    self.response,
    whole,
    self.counted,
    self.told
  ) or false
end

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function Stream:_fail(err)
  self.state, self.err = "failed", err
  self:_open_short_cut(false)
  if self.client.log then self.client.log:failed(err) end
  self:_record(false)
  self.reply:cancel()
  return errors.fail(err)
end

-- Most requests have no other models: that part loads when one has.
---@param client claude.Client
---@param spec claude.StreamSpec
---@return claude.Reply|claude.FallbackReply
local function reply_for(client, spec)
  if spec.fallback then return require("claude.fallback.reply").new(client, spec) end
  return new_reply(client, spec)
end

-- A conversation may know what to send instead of what was refused.
---@param err claude.Error
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_recover(err)
  local spec, tell
  if self.spec.recover then
    spec, tell = self.spec.recover(err)
  end
  if not spec then return self:_fail(err) end
  self.spec, self.reply, self.counted = spec, reply_for(self.client, spec), nil
  -- If on_warning raises, the next step goes on from here.
  if tell then tell() end
  return self:_open_now()
end

-- Starts what `open` could not, tries again where that is allowed.
---@param failure? claude.Error how what had begun ended
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_open_now(failure)
  do
    local problem = self.spec.before and self.spec.before()
    if self.state == "failed" then return errors.fail(self.err) end
    if problem then return self:_fail(problem) end
  end
  local head, err = self.reply:open(failure)
  self.response = self.reply.response
  if self.state == "failed" then return errors.fail(self.err) end
  if not head then return self:_recover(err) end
  self.state, self.head = "open", head
  local given = self.response:header_lines()
  self.rate_limit = headers.rate_limit(given)
  if self.awaited then self.given = given end -- who reads piece by piece may never ask for it
  return true
end

-- Another task opens it: how that ended is for all who read.
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_wait_for_opening()
  if self.opening == true then self.opening = tasks.signal() end
  local _, why = self.opening:wait()
  if why == "cancelled" then return errors.fail(tasks.cancelled_error()) end
  if self.state == "failed" then return errors.fail(self.err) end
  return true
end

---@param opening claude.Signal|boolean
function Stream:_opened(opening)
  self.opening = false
  if opening and opening ~= true then opening:set() end
end

-- On PUC 5.1 nothing that waits can be called under pcall in a task: it gets a task of its own,
-- which says that it has ended, whatever becomes of the one that asks.
---@param failure? claude.Error
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_open_in_task(failure)
  local task = tasks.spawn_under(tasks.running(), self._open_now, self, failure)
  local opening = false
  task.on_end = function()
    opening = opening or self.opening -- called again where there was no memory to tell all
    self:_opened(opening)
  end
  self.opening = true
  task:wait()
  local outcome = task:result()
  if not outcome then return errors.fail(tasks.cancelled_error()) end
  if not outcome.ok then error(outcome.raised, 0) end
  return outcome[1], outcome[2], outcome[3]
end

-- The same, by one task at a time: others who read wait for that.
---@param failure? claude.Error
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_open(failure)
  if self.opening then return self:_wait_for_opening() end
  if not tasks.can_protect() then return self:_open_in_task(failure) end
  self.opening = true
  local called, ok, text, err = pcall(self._open_now, self, failure)
  self:_opened(self.opening)
  if not called then error(ok, 0) end
  return ok, text, err
end

-- What the API itself gives up may be tried again while nobody has seen a piece of it, as
-- when it refuses at once. What only broke on its way has its price, and stays.
---@param err claude.Error
---@return boolean? ok
---@return string? text
---@return claude.Error? err
function Stream:_start_over(err)
  if not self.unseen or err.kind ~= "api" then return self:_fail(err) end
  self:_record(false)
  -- What refused before is no part of what is begun anew.
  self.counted = self.spec.fallback and self.reply:refusals()
  self.used, self.timings, self.surprised = false, {}, false
  self:_open_short_cut(false)
  return self:_open(err)
end

-- Told before the next piece is read: if on_warning raises, no piece is lost.
function Stream:_tell_surprise()
  self.surprised = false
  require("claude.check.display").arrived_empty(self.client, self.spec.frame.params)
end

---@param kind string
---@param text string?
function Stream:_measure(kind, text)
  if not CONTENT[kind] or text == "" then return end
  self.timings.first_token = now() - self.started
end

-- Where other models step in, the answer that the message ends with may be another one's.
---@return claude.Message? message
---@return string? problem
function Stream:_view()
  if self.spec.fallback then return message_views.view(self.response) end
  return message_views.view(self.response, self.given, self.rate_limit)
end

-- What the API left out of the request. Few answers tell of any: that part loads then.
function Stream:_tell_transformations()
  local list = self.told and self.told.input_transformations
  if type(list) ~= "table" or type(list[1]) ~= "table" then return end
  require("claude.transformations").tell(self.client, self.response)
end

-- The message is whole: the connection may serve the next request.
---@return nil
---@return string? text
---@return claude.Error? err
function Stream:_finish()
  local timings, first_byte_at = self.timings, self.reply:first_byte_at()
  timings.total = now() - self.started
  timings.first_byte = first_byte_at and first_byte_at - self.started
  self.reply:close()
  if self.awaited then self.viewed = self:_view() or false end
  -- Done before the reply is sealed: on_warning may raise, and sealing happens once.
  self.state = "done"
  self:_open_short_cut(false)
  self:_record(true)
  local on_end = self.spec.on_end
  if on_end then
    self.ending = true
    local err = on_end(self)
    self.ending = false
    if err then return self:_fail(err) end
  end
  self:_tell_transformations()
  return nil
end

-- Another task has read the end: what that waits for before it says so, this one does, too.
---@return nil
---@return string? text
---@return claude.Error? err
function Stream:_ended()
  local settle = self.ending and self.spec.settle
  local err = settle and settle()
  if self.state == "failed" then return errors.fail(self.err) end
  if err then return errors.fail(err) end
  return nil
end

-- The next frame of the attempt that goes on; nil at the end.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer? index
---@return claude.Error? err
function Stream:_frame(options)
  local head = self.head
  if head then
    self.head = false
    return head[1], head[2], head[3]
  end
  local kind, text, index, err = self.reply:read(options)
  if not err or self.state == "failed" then return kind, text, index, self.err end
  local ok, _, failure = self:_start_over(err)
  if not ok then return nil, nil, nil, failure end
  return self:_frame(options)
end

---@param open boolean
function Stream:_open_short_cut(open)
  if open == self.short_cut then return end
  self.short_cut = open
  self.response:open_short_cut(open)
end

-- What a piece is looked at for: when the first comes that says something, and whether thinking
-- ends without text, a surprise to whoever did not ask for that. Once the former is known,
-- the response itself finds the latter.
---@param kind string
---@param text string?
---@param index integer?
function Stream:_look_at(kind, text, index)
  if not self.timings.first_token then self:_measure(kind, text) end
  if kind == "block_stop" and text == "thinking" then
    self.surprised = self.response:block_is_silent(index)
  end
  local looks = self.surprised or self.spec.fallback or not self.timings.first_token
  self:_open_short_cut(not looks)
end

--- The next piece: its kind, its text and its block's index (from 0, as the API
--- counts). Nil at the end; `nil, text, err` when the stream failed.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
function Stream:next(options)
  check_receiver(self, Stream, "stream:next()")
  reading.check(options, "stream:next")
  self.unseen = false
  if options or not self.short_cut then return self:_step(options) end
  local kind, text, index = self:_await_piece(self._step)
  return kind, text, index
end

-- The next piece, waited for, and while the short cut is open where more are; what `otherwise`
-- has when the response does not say by itself what is next.
---@param otherwise fun(stream: claude.Stream): string?, string?, any
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return userdata? response
---@return claude.Exchange? exchange that it comes over
function Stream:_await_piece(otherwise)
  while self.short_cut do -- somebody may cancel the stream meanwhile
    local kind, text, index = self.response:next_plain()
    if kind then return kind, text, index, self.response, self.reply.exchange end
    if text == "look" then
      tasks.give_way()
    elseif text ~= "more" then
      break
    else
      local going, why, err = self.reply:more()
      if not going then
        self.reply:note_broken(why, err)
        break
      end
    end
  end
  local kind, text, index = otherwise(self)
  if not self.short_cut then return kind, text, index end
  return kind, text, index, self.response, self.reply.exchange
end

-- The same for who hands nothing out before the end.
---@package
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
function Stream:_step(options)
  while self.state == "new" do
    -- Part of the opening, and the longest: before there are more calls on the stack.
    if not self.opening and tasks.can_protect() then
      self.opening = true
      local called, raised = pcall(self.reply.await_answer, self.reply)
      self:_opened(self.opening)
      if not called then error(raised, 0) end
      if self.state ~= "new" then break end -- somebody cancelled it meanwhile
    end
    local ok, text, err = self:_open()
    if not ok then return nil, text, err end
  end
  if self.state == "failed" then return errors.fail(self.err) end
  if self.surprised then self:_tell_surprise() end
  while self.state == "open" do
    local kind, text, index, err = self:_frame(options)
    -- Another task may have cancelled it meanwhile.
    if self.state == "failed" then return errors.fail(err or self.err) end
    if not kind and self.state == "done" then break end
    if not kind then return self:_finish() end
    self:_look_at(kind, text, index)
    if kind ~= "ping" or self.pings then return kind, text, index end
  end
  return self:_ended()
end

--- The next piece of text; nil at the end, `nil, text, err` on failure.
---@param options? claude.ReadingOptions
---@return string? text
---@return string?
---@return claude.Error? err
function Stream:next_text(options)
  check_receiver(self, Stream, "stream:next_text()")
  reading.check(options, "stream:next_text")
  return reading.next_text(self, options)
end

--- The API's next event as a table; nil at the end, `nil, text, err` on failure.
---@return table? event
---@return string?
---@return claude.Error? err
function Stream:next_event()
  check_receiver(self, Stream, "stream:next_event()")
  while true do
    local kind, text, err = self:next()
    if not kind then
      return nil, text, err --[[@as claude.Error?]]
    end
    local event, problem = reading.event(self.response)
    if event then return event end
    if problem then return self:_fail(problem) end
  end
end

-- No closure of each stream's own: thousands may wait in it.
local function next_or_raise(stream)
  local kind, text, index = stream:_step()
  if kind == nil and index then reading.raise(index) end
  return kind, text, index
end

-- Where iterators cannot wait inside a task.
local function deltas_of_steps(stream)
  local next_piece = reading.loop(stream, "next", "stream:next()")
  return reading.deltas(function()
    local kind, text, index = next_piece()
    return kind, text, index, stream.short_cut and stream.response or nil
  end)
end

--- `for kind, text, index in stream:deltas()`: everything that arrives, in order.
---@param options? claude.ReadingOptions
---@return fun(): string?, string?, integer?
function Stream:deltas(options)
  check_receiver(self, Stream, "stream:deltas()")
  reading.check(options, "stream:deltas")
  if options then return reading.loop(self, "next", "stream:next()", options) end
  if not iterators_can_wait then return deltas_of_steps(self) end
  return reading.deltas(function()
    self.unseen = false
    return self:_await_piece(next_or_raise)
  end)
end

--- `for text in stream:text_stream()`: the answer's text only.
---@param options? claude.ReadingOptions
---@return fun(): string?
function Stream:text_stream(options)
  check_receiver(self, Stream, "stream:text_stream()")
  reading.check(options, "stream:text_stream")
  return reading.loop(self, "next_text", "stream:next_text()", options)
end

--- `for event in stream:events()`: the API's own events as tables.
---@return fun(): table?
function Stream:events()
  check_receiver(self, Stream, "stream:events()")
  return reading.loop(self, "next_event", "stream:next_event()")
end

-- Who wants the message only needs to look at no piece but the first that says something, of
-- which the time is told.
function Stream:_pass()
  local passes = self.state == "open" and not (self.head or self.surprised or self.spec.fallback)
  if not passes then return end
  local response, timings = self.response, self.timings
  if response:pass(not timings.first_token) then
    timings.first_token = now() - self.started
    response:pass()
  end
  self.reply:look_up()
end

--- Reads to the end: the whole message, or `nil, text, err` with what arrived of it in
--- `err.partial`.
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Stream:final_message()
  check_receiver(self, Stream, "stream:final_message()")
  if self.state == "new" and self.unseen == nil then self.unseen = true end
  self.awaited = true
  while self.state ~= "done" do
    self:_pass()
    local kind, text, err = self:_step()
    if not kind and err then
      return nil, text, err --[[@as claude.Error]]
    end
  end
  if self.ending then
    local _, text, err = self:_ended()
    if err then return nil, text, err end
  end
  if self.message then return self.message end
  local message, problem = self.viewed, nil
  if not message then
    message, problem = self:_view()
  end
  if not message then return self:_fail(errors.new({ kind = "protocol", message = problem })) end
  message.timings = self.timings
  local params = self.spec.frame.params
  if params.output_config ~= nil then
    require("claude.structured_output").attach(message, params)
  end
  self.message = message
  return message
end

--- What has arrived so far, as a message; nil before the first byte of one.
---@return claude.Message?
function Stream:current_message()
  check_receiver(self, Stream, "stream:current_message()")
  return self.response and (message_views.view(self.response)) or nil
end

---@param index integer
---@return table? block as the response has it
function Stream:_find_block(index)
  local response = self.response
  local count = response and response:block_count() or 0
  for i = 1, count do
    -- As a rule the first try is right.
    local place = (index + i - 1) % count + 1
    local block = response:block(place)
    if block.index == index then return block end
  end
  return nil
end

-- A block that has ended, and in which nothing is wrong.
---@package
---@param index integer
---@return table?
function Stream:_sound_block(index)
  local block = self:_find_block(index)
  if not block or not block.stopped or block.flaw then return nil end
  return message_views.remember(core.decode(block.raw), block.raw)
end

--- One block as far as it has arrived, by the index that `deltas` gives; tool input as
--- far as it can be read. Nil when no such block has begun.
---@param index integer from 0, as the API counts
---@return table?
function Stream:block(index)
  check_receiver(self, Stream, "stream:block(…)")
  if type(index) ~= "number" or index % 1 ~= 0 then
    error("stream:block takes a block's index, from 0", 2)
  end
  local block = self:_find_block(index)
  return block and message_views.remember(core.decode(block.raw), block.raw)
end

--- Whether it has ended, well or not.
---@return boolean
function Stream:is_done()
  check_receiver(self, Stream, "stream:is_done()")
  return self.state == "done" or self.state == "failed"
end

--- Cancels the request at once, wherever it is. What comes later is an error of kind
--- "cancelled"; a stream that has ended stays as it is.
function Stream:cancel()
  check_receiver(self, Stream, "stream:cancel()")
  if self:is_done() then return end
  local err = errors.new({ kind = "cancelled", message = "the stream was cancelled" })
  err.partial = self.response and message_views.partial(self.response)
  self:_fail(err)
end

--- The same as cancel: for a stream that is no longer wanted.
function Stream:close()
  check_receiver(self, Stream, "stream:close()")
  self:cancel()
end
Stream.__close = Stream.cancel

function Stream:__tostring() return ("claude.Stream (%s)"):format(self.state) end

local M = {}

--- Opens a stream; never fails: what is wrong comes with the first step.
---@param client claude.Client
---@param spec claude.StreamSpec
---@return claude.Stream
function M.open(client, spec)
  local self = setmetatable({
    client = client,
    spec = spec,
    state = "new",
    timings = { first_token = nil, first_byte = nil, total = nil },
    -- Fields that every piece asks for are there: absent ones are looked for in the class, too.
    head = false,
    surprised = false,
    short_cut = false,
    reply = reply_for(client, spec),
    -- Room for what every stream will have.
    started = nil,
    response = nil,
    rate_limit = nil,
    unseen = nil,
    used = nil,
    told = nil,
  }, Stream)
  if spec.options and spec.options.pings then self.pings = true end
  local err = spec.err or client.problem
  if err then
    self:_fail(err)
    return self
  end
  -- Where claude.net does not load there is no clock: the request tells why.
  local clock, started = pcall(now)
  self.started = clock and started or 0
  -- What is to be done before may have to wait.
  if not spec.before then self.reply:start() end
  self.response = self.reply.response
  return self
end

return M
