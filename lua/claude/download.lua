--- A body that is read while it comes, in constant memory: files and JSON Lines.
---
---     local download, err = require("claude.download").open(client, {
---       method = "GET", path = "/v1/files/file_1/content", accept = "application/binary",
---       options = options, -- claude.CallOptions
---     })
---     if not download then return errors.fail(err) end
---     repeat
---       local bytes, text, err = download:read() -- or :read_line()
---     until not bytes -- nil alone: the end
---
--- `open` waits until the first bytes are there, so that whatever fails before is tried again
--- as for any other call, and an error status is a claude.Error. From then on nothing is
--- tried again. Reading stops at the socket when the reader is slow: about 1 MiB waits in C,
--- whatever the length of the body. What is dropped or closed before its end is cancelled.
---
--- The core's part is `core.response{ stream_body = true, max_line_bytes = … }` with `read`
--- and `read_line` (csrc/core/response.h); both transports feed it as they feed streams.

local api_error = require("claude.api_error")
local check_receiver = require("claude.receiver").check
local core = require("claude.core")
local errors = require("claude.errors")
local guard = require("claude.guard")
local headers = require("claude.headers")
local retry = require("claude.retry")
local tables = require("claude.tables")
local tasks = require("claude.tasks")
local wire = require("claude.wire")

---@class claude.Download
---@field status integer
---@field headers table<string, string> by lower-case name, secrets redacted
---@field request_id? string
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field length? integer of the body in bytes, where the server tells it
---@field bytes integer how many have been handed out, line ends not counted
---@field lines integer how many lines have been handed out
---@field private response userdata
---@field private exchange claude.Exchange
---@field private guard any notices that it was dropped
---@field package scrub fun(text: string): string takes secrets of the request out of a text
---@field private pieces integer
---@field private done? boolean
---@field private err? claude.Error
local Download = {}
Download.__index = Download
Download.__name = "claude.Download"

local M = {}

--- Bytes that `read` gives at most when it is not told.
M.PIECE = 64 * 1024

-- More than will ever have come: math.huge means whatever is there.
local MOST_AT_ONCE = 1e15

-- What arrived in one go is read without waiting: others may be due a turn in between.
local PIECES_PER_LOOK = 64

---@param text string?
---@return claude.Error
local function network_error(text) return errors.new({ kind = "network", message = text }) end

-- Waits for the first bytes, or for the end of what has none.
---@param exchange claude.Exchange
---@return true? ok
---@return claude.Error? err
local function wait_for_bytes(exchange)
  local response = exchange.response
  while response:unread() == 0 and not (response:finished() and exchange.ended) do
    local going, text, err = exchange:wait()
    if not going then return nil, err or network_error(text) end
  end
  return true
end

---@param exchange claude.Exchange
---@param err claude.Error? how it failed
---@return claude.Error?
local function problem_of(exchange, err)
  local response = exchange.response
  local status = response:status()
  if err and err.kind == "cancelled" then return err end
  -- A connection that breaks inside an error body has told enough by its status.
  if status and status >= 300 and response:finished() then
    return api_error.from_status(response, exchange.scrub)
  end
  return err
end

---@param client claude.Client
---@param spec claude.WireSpec
---@param control claude.RetryControl
---@param number integer 0 for the first
---@return claude.Exchange? exchange
---@return claude.Error? err
local function attempt(client, spec, control, number)
  if client.problem then return nil, client.problem end
  if client.places and not spec.placeless then
    local taken, stopped = client.places:take(control, retry.time_left(control))
    if not taken then return nil, stopped end
  end
  spec.response_limits = tables.merged(client.response_limits, { stream_body = true })
  spec.response = core.response(spec.response_limits)
  spec.attempt, spec.control = number, control
  spec.stream, spec.streamed = true, true
  local exchange, err = wire.start(client, spec)
  if not exchange then return nil, err end
  local _, failure = wait_for_bytes(exchange)
  if client.log then client.log:answered(exchange) end
  err = problem_of(exchange, failure)
  if not err then
    -- Its reader may wait for another request's place.
    if client.places and not spec.read_at_once then client.places:give_back(exchange) end
    return exchange
  end
  exchange:cancel()
  return nil, err
end

---@param exchange claude.Exchange
---@return claude.Download
local function new(exchange)
  local response = exchange.response
  local given = response:headers()
  -- Of a body that was packed, the length is that of the packed bytes.
  local length = not given["content-encoding"] and given["content-length"]
  return setmetatable({
    status = response:status(),
    headers = headers.redacted(given),
    rate_limit = headers.rate_limit(given),
    request_id = given["request-id"],
    length = tonumber(length or nil),
    bytes = 0,
    lines = 0,
    pieces = 0,
    response = response,
    exchange = exchange,
    scrub = exchange.scrub,
    guard = guard.new(exchange.discard, exchange),
  }, Download)
end

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function Download:_fail(err)
  self.err = err
  self.guard = nil
  self.exchange:cancel()
  return errors.fail(err)
end

-- The answer had begun: that it has no end matters more than why.
---@return claude.Error
function Download:_error()
  local err = self.exchange.failure
  if not err then return api_error.from_failure(self.response, self.scrub) end
  err.status = err.status or self.status
  err.request_id = err.request_id or self.request_id
  if err.kind == "network" then
    err.kind = "incomplete"
    err.message = ("%s (after %.0f bytes of the body)"):format(err.message, self.bytes)
  end
  return err
end

---@return nil
function Download:_finish()
  self.done = true
  self.guard = nil
  self.exchange:close()
  return nil
end

---@param method "read"|"read_line"
---@param most? integer
---@return string? piece
---@return string? text
---@return claude.Error? err
function Download:_next(method, most)
  if self.err then return errors.fail(self.err) end
  if self.done then return nil end
  self.pieces = self.pieces + 1
  if self.pieces % PIECES_PER_LOOK == 0 then tasks.give_way() end
  local response = self.response
  while true do
    local piece, why = response[method](response, most)
    if piece then
      self.bytes = self.bytes + #piece
      return piece
    end
    if why == "end" then return self:_finish() end
    if why == "error" then return self:_fail(self:_error()) end
    local going, text, err = self.exchange:wait()
    -- Another task may have closed it meanwhile.
    if self.err then return errors.fail(self.err) end
    if not going and not response:finished() then return self:_fail(err or network_error(text)) end
  end
end

--- The next bytes, at least one; nil at the end, `nil, text, err` on failure.
---@param most? integer 64 KiB when not given
---@return string? bytes
---@return string? text
---@return claude.Error? err
function Download:read(most)
  check_receiver(self, Download, "download:read(…)")
  if most ~= nil and not (type(most) == "number" and most >= 1) then
    error("download:read takes a number of bytes from 1", 2)
  end
  return self:_next("read", math.min(most or M.PIECE, MOST_AT_ONCE))
end

--- The next line without its end; the last line may have none. Nil at the end, `nil, text,
--- err` on failure; a line longer than the client's max_line_bytes is one.
---@return string? line
---@return string? text
---@return claude.Error? err
function Download:read_line()
  check_receiver(self, Download, "download:read_line()")
  local line, text, err = self:_next("read_line")
  if not line then return nil, text, err end
  self.lines = self.lines + 1
  return line
end

--- Ends it wherever it is. What is read later is an error of kind "cancelled"; one that has
--- come to its end stays as it is.
function Download:close()
  check_receiver(self, Download, "download:close()")
  if self.done or self.err then return end
  self:_fail(errors.new({ kind = "cancelled", message = "the download was closed" }))
end
Download.__close = Download.close

function Download:__tostring()
  return ("claude.Download (%s, %.0f bytes)"):format(tostring(self.status), self.bytes)
end

--- Makes the request and waits for the first bytes of its answer.
---@param client claude.Client
---@param spec claude.WireSpec without `response`
---@param control? claude.RetryControl
---@return claude.Download? download
---@return claude.Error? err
function M.open(client, spec, control)
  control = control or retry.control(client, spec.options)
  local function try(number) return attempt(client, spec, control, number) end
  local exchange, err = retry.run(client, try, control)
  if exchange then return new(exchange) end
  if client.log then client.log:failed(err) end
  return nil, err
end

return M
