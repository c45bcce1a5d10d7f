--- Exchanges over the sockets of a host that owns its coroutines (claude/tasks/hosted.lua),
--- with the core's HTTP/1.1 decoder instead of libcurl.
---
--- Nothing of an exchange runs while nobody waits for it, except that the request is sent:
--- reading stops when the reader is slow, and what was dropped holds nobody up. A cancel ends
--- a read at once, wherever it comes from: the read is interrupted where a socket can be; else
--- `wait` reads in a coroutine of its own, and ends that.
---
--- ## What a host supplies, beside claude/tasks/hosted.lua
---
--- `connect(options)`: a connection, made in the coroutine that calls it, or `nil, text,
--- word, hint`: the text says what failed and with which address; the word is "resolve",
--- "connect" (also without one), "tls", "certificate", "proxy_name" or "proxy"; the hint
--- (optional) says what to do about it in this host. Options:
---
---     host, port    an IPv6 address stands in brackets
---     tls           whether to agree on TLS; certificate and name must be verified
---     server_name   for that
---     seconds       that connecting may take; nil: no limit
---     key           a kept connection may only be used for the same key
---     tunnel(socket)  called on a new connection before TLS: true, or `nil, text, word, hint`
---
--- The socket has a field `reused` (it was kept from another request) and
---
---     send(self, bytes)  true, or nil and why not
---     receive(self)      what has come, at least one byte; nil and why, "closed" at the end
---     receive(self, wanted)  the same, where `says_how_much` is true: wanted is "line" (with its
---                        end) or a number of bytes that are sure to come
---     keep(self)         puts it by for another request
---     close(self)        never raises, in whatever coroutine
---
--- and may have
---
---     interrupt(self)    another coroutine that waits for this socket's bytes goes on at once,
---                        with nil and a text; the connection is then good for nothing
---     receive_within(self, seconds)  goes with it: `receive`, or nil and "timeout"
---
--- `fork(fn, argument)`: runs `fn(argument)` at once, up to where it waits, in a coroutine
--- of its own that the host goes on with; returns a handle. `kill(handle)`: ends it where it
--- waits, and the connection it waits for, or gives back what the host keeps of one that has
--- ended. Only whoever forked it can; for others it does nothing.
---
--- Optional: `duplex`: a socket can receive in one coroutine while it sends in another, so that
--- an answer is read that comes before the whole request is sent.
---
--- Optional: `says_how_much`: this host can only receive what it is told to wait for, a line
--- or a number of bytes (HAProxy's sockets are like that).
---
--- Optional: `give_way()` lets others have their turn if the host has been kept busy for
--- long; called before a connection is made, and between the arrival of bytes and the work on
--- them.
---
--- Optional: `refuse(options)` returns a text and a hint for what of claude.TransportOptions
--- this host cannot do, nil otherwise.
local core = require("claude.core")
local errors = require("claude.errors")
local failures = require("claude.transport.failures")
local hosted = require("claude.tasks.hosted")
local limits = require("claude.transport.limits")
local make_plan = require("claude.transport.plan").make
local tasks = require("claude.tasks")

local M = {}

local CLOSING_TIME = 1 -- seconds that a closed exchange may take to end by itself
local PIECE = 64 * 1024 -- of a body, sent at once
local TURN = 16 * PIECE -- of a body, after which others have their turn
local MOMENT = 0.001 -- seconds that they get at least
local LATENESS = 0.01 -- part of a limit by which it may be noticed too late

---@class claude.SocketExchange: claude.Exchange
---@field package host claude.TaskHost
---@field package route table how to connect
---@field package head fun(): string the request up to its body
---@field package body userdata?
---@field package limits claude.Limits
---@field package max_tokens integer?
---@field package decoder userdata the core.http1
---@field package socket table?
---@field package opener any? handle of the coroutine that sends the request
---@field package sent_at number? when the connection stood, or something was sent since
---@field package send_problem string?
---@field package listens boolean? the answer may come before the whole request is sent
---@field package reading boolean? a coroutine reads
---@field package ticket table? ends the read of whoever waits, as a ticket of its task
---@field package interruption table? the same while somebody reads
---@field package heard_at number? last byte, or when a read began
---@field package news claude.Signal
---@field package fresh boolean something came since the last wait
---@field package content integer frames other than pings, when last looked at
---@field package content_at number? when that number last grew
---@field package busy boolean a text or tool block was open at the last wait
---@field package has_head boolean status and headers had ended at the last wait
---@field package on_sent fun(bytes: integer): claude.Error?
---@field package sent integer bytes of the body
---@field package told integer of those, to on_sent
---@field package look_at number when the soonest limit could be reached, as far as is known
---@field package looked_at number when that was found
---@field package now fun(): number
local Exchange = {}
Exchange.__index = Exchange
Exchange.__name = "claude.SocketExchange"

local function tell(self)
  self.fresh = true
  self.news:set()
end

local function finish(self, failure)
  self.ended = true
  self.failure = failure
  self.http_version = "1.1"
  self.reused = self.socket and self.socket.reused
  if failure then self.decoder:finish(failure.message) end
  if self.on_end then self.on_end() end
  tell(self)
end

-- Whoever reads it closes it.
local function close_socket(self)
  local socket, interruption = self.socket, self.interruption
  self.socket = nil
  if not socket then return end
  if interruption then return interruption:wake() end
  socket:close()
end

---@param failure claude.Error
local function fail(self, failure)
  if self.ended then return end
  finish(self, failure)
  close_socket(self)
end

-- What of the body comes next; "" at its end. A file that is no longer what it was fails
-- the exchange: more than nothing is on its way, and the server must not take it for all.
local function next_piece(self, offset)
  if not self.body then return "" end
  local piece, text = self.body:read(offset, PIECE)
  if not piece then fail(self, failures.of_body(text)) end
  return piece, text
end

-- Where the network is fast no send waits: a large body would hold up all others.
local function note_sent(self, offset)
  self.sent_at, self.sent = self.now(), offset
  if self.on_sent then self.news:set() end
  if offset > 0 and offset % TURN == 0 then self.host.semaphore():wait(MOMENT) end
end

-- A small body goes out with the head, in one packet.
local function send_request(self, socket)
  local bytes, text = next_piece(self, 0)
  local offset = bytes and #bytes
  bytes = bytes and self.head() .. bytes
  while bytes ~= "" do
    if not bytes then return nil, text end
    local sent, problem = socket:send(bytes)
    if not sent then return nil, problem end
    note_sent(self, offset)
    bytes, text = next_piece(self, offset)
    offset = offset + #(bytes or "")
  end
  return true
end

-- From here on it is sent. A large body may take long, and be answered before its end.
local function use_socket(self, socket)
  self.ticket = socket.interrupt and { wake = function() socket:interrupt() end }
  self.socket, self.sent_at = socket, self.now()
  self.listens = self.host.duplex and self.body and self.body:length() > PIECE
  if self.listens then self.news:set() end
end

-- Connects and sends the request. A kept connection that the server has closed meanwhile is
-- no failure: the next one is taken. A server may answer and close before it has read all.
local function open(self)
  local socket, sent, text
  repeat
    local why, hint
    socket, text, why, hint = self.host.connect(self.route)
    if self.ended then
      if socket then socket:close() end
      return
    end
    if not socket then return fail(self, failures.of_word(why, text, hint)) end
    use_socket(self, socket)
    sent, text = send_request(self, socket)
    if self.ended then return socket:close() end
  until sent or not socket.reused or self.timings.first_byte
  self.send_problem = text
end

local function open_and_tell(self)
  if self.host.give_way then self.host.give_way() end
  if not self.ended then open(self) end
  self.opened = true
  self.news:set()
end

local function note_bytes(self)
  self.heard_at = self.now()
  if self.timings.first_byte then return end
  self.timings.first_byte, self.content_at = self.heard_at, self.heard_at
  self.look_at = 0
end

local function take_bytes(self, bytes)
  local decoder = self.decoder
  local fed, done = decoder:feed(bytes)
  if not fed then return fail(self, failures.of_answer(done)) end
  if not done then return tell(self) end
  local socket = self.socket
  finish(self, nil)
  self.socket = nil
  if self.opened and decoder:keeps_alive() and not self.send_problem then
    socket:keep()
  else
    socket:close()
  end
end

local function take_end(self, text)
  local clean = text == "closed"
  local ended, where = self.decoder:finish(not clean and text or nil)
  if ended then
    finish(self, nil)
    return close_socket(self)
  end
  local word = not clean and "receive" or self.timings.first_byte and "cut" or "closed"
  if self.send_problem and not self.timings.first_byte then
    word, where = "send", self.send_problem
  end
  fail(self, failures.of_word(word, where))
end

local function receive(self)
  local socket = self.socket
  if self.host.says_how_much then return socket:receive(self.decoder:wants()) end
  return socket:receive()
end

-- Reads once. What a kept connection says before the first byte is about the past. While the
-- request is being sent, that no answer comes is for the sender to find out.
local function read(self)
  local bytes, text = receive(self)
  if not bytes and not self.opened then
    self.listens = false
    return
  end
  while not bytes and not self.ended and self.socket.reused and not self.timings.first_byte do
    self.socket:close()
    open(self)
    if self.ended then return end
    bytes, text = receive(self)
  end
  if self.ended then return close_socket(self) end
  if not bytes then return take_end(self, text) end
  note_bytes(self)
  take_bytes(self, bytes)
end

-- What the limits look at.
local function activity(self)
  return {
    connected = self.sent_at ~= nil,
    sent_at = self.sent_at,
    first_byte_at = self.timings.first_byte or 0,
    has_head = self.has_head,
    heard_at = self.heard_at,
    paused = false,
    busy = self.busy,
    content_at = self.content_at,
  }
end

local function judge(self, now)
  local start = self.timings.start
  local at, name, seconds = limits.soonest(self.limits, activity(self), start, now, self.max_tokens)
  if at and name and at <= now then return self:cancel(failures.of_limit(name, seconds)) end
  self.look_at, self.looked_at = at or math.huge, now
end

-- Whatever arrives only moves the limits away, so that one look will do until the soonest
-- could be reached; but the end of the headers, and a text block that opens, shorten the patience.
local function note_progress(self, now)
  local content, busy, has_head = self.response:progress()
  -- What lies unread may be content: then the silence is on our side.
  if content ~= self.content or self.response:unread() > 0 then
    self.content, self.content_at = content, now
  end
  if busy ~= self.busy or has_head ~= self.has_head then
    self.busy, self.has_head, self.look_at = busy, has_head, 0
  end
  if now >= self.look_at then judge(self, now) end
end

-- For a body that takes long: called where user code may run.
local function tell_sent(self)
  if not self.on_sent or self.sent <= self.told then return end
  self.told = self.sent
  local failure = self.on_sent(self.sent)
  if failure then self:cancel(failure) end
end

local function wait_once(self)
  local now = self.now()
  note_progress(self, now)
  if self.ended then return end
  local left = self.look_at - now
  local _, why = self.news:wait(left < math.huge and left or nil)
  if why == "cancelled" then self:cancel(tasks.cancelled_error()) end
  tell_sent(self)
end

local function end_opener(self)
  if self.opener then self.host.kill(self.opener) end
  self.opener = nil
end

local function wait_for_request(self)
  while not (self.opened or self.ended or self.listens) do
    self.news:clear()
    wait_once(self)
  end
  self.look_at = 0
end

local function read_and_tell(self)
  read(self)
  self.reading = false
  self.news:set()
end

-- A limit that was looked for a while ago lies farther off by now.
local function time_left(self)
  local now = self.now()
  self.heard_at = now
  note_progress(self, now)
  local patience = self.look_at - self.looked_at
  if not self.ended and now - self.looked_at > LATENESS * patience then judge(self, now) end
  return self.look_at - self.looked_at
end

local function receive_in_task(self, task, socket, seconds)
  self.reading, self.interruption = true, self.ticket
  if task then task.ticket = self.ticket end
  local bytes, text = socket:receive_within(seconds)
  if bytes and self.host.give_way then self.host.give_way() end
  if task then task.ticket = nil end
  self.reading, self.interruption = false, nil
  return bytes, text
end

-- When the bytes came need not be noted: the next read begins with the time, and so do its limits.
local function read_here(self, task)
  local seconds = time_left(self)
  if self.ended then return end
  local socket = self.socket
  local bytes, text = receive_in_task(self, task, socket, seconds)
  if self.ended then return socket:close() end
  if bytes then return take_bytes(self, bytes) end
  if tasks.is_cancelled() then return self:cancel(tasks.cancelled_error()) end
  if text ~= "timeout" then return take_end(self, text) end
  judge(self, self.now())
  self.news:set()
end

-- Until the answer has begun, it may be that the request has to be sent once more.
local function can_read_here(self)
  if self.reading or not (self.opened and self.timings.first_byte) then return false end
  return self.ticket ~= nil
end

-- In a task that is cancelled nothing is read any more.
local function reads_here(self)
  if not can_read_here(self) then return false end
  local task = tasks.task_that_may_wait()
  if task and task.cancelled then return false end
  read_here(self, task)
  return true
end

-- Another task may have begun to read, and its news are for all.
local function wait_for_answer(self)
  if reads_here(self) then return end
  -- Its read may have been interrupted when bytes were there: the next would find an end.
  if tasks.is_cancelled() then return self:cancel(tasks.cancelled_error()) end
  self.news:clear()
  self.heard_at = self.now()
  local reader
  if not self.reading then
    self.reading = true
    reader = self.host.fork(read_and_tell, self)
  end
  while self.reading and not (self.fresh or self.ended) do
    self.news:clear()
    wait_once(self)
  end
  if self.ended then end_opener(self) end
  if not reader then
    -- Who was told before may have left much of what came.
    self.fresh = true
    return
  end
  self.host.kill(reader)
  self.reading = false
end

--- Waits until the response has something new to read or has ended. `nil, text, err` once
--- the exchange has failed and everything that arrived before was offered.
---@return true?
---@return string?
---@return claude.Error?
function Exchange:wait()
  while true do
    tell_sent(self)
    if self.fresh then
      self.fresh = false
      local response = self.response
      -- A whole message is a success, whatever the connection did then.
      if not self.failure or response:unread() > 0 or response:complete() then return true end
    end
    if self.opened or self.ended then end_opener(self) end
    if self.failure then return errors.fail(self.failure) end
    if self.ended then return true end
    if self.opened or self.listens then
      wait_for_answer(self)
    else
      wait_for_request(self)
    end
  end
end

--- Ends it at any moment. What arrived stays in the response. An exchange that has ended is
--- left alone.
---@param failure? claude.Error what waiting for it will return, instead of "cancelled"
function Exchange:cancel(failure)
  if self.ended then return end
  fail(self, failure or failures.cancelled())
  end_opener(self)
end

local function read_to_the_end(self)
  while not self.ended do
    read(self)
  end
end

local function linger(self)
  local reader = self.host.fork(read_to_the_end, self)
  local limit = self.now() + CLOSING_TIME
  while not self.ended and self.now() < limit do
    self.news:clear()
    self.news:wait(limit - self.now())
  end
  self:cancel()
  self.host.kill(reader)
end

--- Says that the reader has all it wants. What is left of the answer (as a rule its last
--- few bytes) is read in passing, so that the connection can serve the next request.
function Exchange:close()
  if self.ended then return end
  if not self.opened then return self:cancel() end
  self.host.fork(linger, self)
end

--- `cancel` for finalizers, which may run in the middle of any other request: the host
--- closes what nobody holds any more.
function Exchange:discard()
  if self.on_end and not self.ended then self.on_end() end
  self.ended = true
  self.failure = self.failure or failures.cancelled()
  self.socket = nil
end

--- Begins an exchange; claude.transport has checked and completed the options.
---@param options claude.TransportOptions
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.start(options)
  local host = hosted.host()
  local request, err = make_plan(host, options)
  if not request then
    return errors.fail(err --[[@as claude.Error]])
  end
  local self = setmetatable({
    host = host,
    route = request.route,
    head = function() return request.head end, -- it holds the key: no field shows it
    body = options.body,
    response = options.response,
    decoder = core.http1(options.response),
    limits = options.limits,
    max_tokens = options.max_tokens,
    on_sent = options.on_sent,
    sent = 0,
    told = 0,
    timings = { start = host.now() },
    ended = false,
    news = tasks.signal(),
    fresh = false,
    content = 0,
    busy = false,
    has_head = false,
    look_at = 0,
    looked_at = 0,
    now = host.now,
  }, Exchange)
  self.opener = host.fork(open_and_tell, self)
  return self
end

return M
