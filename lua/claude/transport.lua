--- HTTP exchanges over the engine of claude.net: start, wait, cancel.
---
--- The bytes that arrive go into a `core.response` in C, which the caller reads:
---
---     local exchange, text, err = transport.start{ url = …, body = …, response = response }
---     repeat
---       kind, text = response:next()
---       if kind == nil and text == "more" then ok, text, err = exchange:wait() end
---     until …
---
--- `wait` blocks outside tasks and lets other tasks run inside one. An answer with an error
--- status is an answer: what it means is the response's business. What is an error here is
--- that no answer came, or not all of it, or too slowly (claude/transport/limits.lua).
local core = require("claude.core")
local errors = require("claude.errors")
local failures = require("claude.transport.failures")
local hub = require("claude.loop")
local limits = require("claude.transport.limits")
local tasks = require("claude.tasks")

local M = {}

local CLOSING_TIME = 1 -- seconds that a closed exchange may take to end by itself

---@class claude.Exchange
---@field response userdata the core.response that the answer goes into
---@field timings { start: number, first_byte: number? } on the clock of claude.loop.now
---@field failure claude.Error? how it failed; nil: it has not, or not yet
---@field ended boolean
---@field http_version string? "1.1" or "2", once it has ended
---@field on_end fun()? called once it has ended
---@field reused boolean? whether a kept connection carried it, once it has ended
---@field package id number? of the engine; nil once it has ended
---@field package news claude.Signal
---@field package fresh boolean something came since the last wait
---@field package content integer frames other than pings, when last looked at
---@field package content_at number? when that number last grew
---@field package busy boolean? a text or tool block was open at the last wait
---@field package timer claude.Timer?
local Exchange = {}
Exchange.__index = Exchange
Exchange.__name = "claude.Exchange"

local function tell(self)
  self.fresh = true
  self.news:set()
end

local function finish(self, failure)
  self.id = nil
  self.ended = true
  self.failure = failure
  hub.forget(self.timer)
  self.timer = nil
  hub.linger(self, false)
  if self.on_end then self.on_end() end
  tell(self)
end

-- Words of libcurl's numbers for HTTP versions.
local VERSIONS = { "1.0", "1.1", "2", [30] = "3" }

-- What the limits look at, and whether there is anything to look at.
local function look(self)
  local connected, sent_at, first_byte_at, heard_at, paused, unread, content, busy =
    hub.engine():activity(self.id)
  if connected == nil then return nil end
  if first_byte_at > 0 and not self.timings.first_byte then
    self.timings.first_byte = first_byte_at
    self.content_at = first_byte_at
  end
  -- What lies unread may be content: then the silence is on our side.
  if content ~= self.content or unread > 0 then
    self.content = content
    self.content_at = hub.now()
  end
  return {
    connected = connected,
    sent_at = sent_at,
    first_byte_at = first_byte_at,
    heard_at = heard_at,
    paused = paused,
    busy = busy,
    content_at = self.response:is_event_stream() and self.content_at or nil,
  }
end

local function soonest(self)
  local activity = look(self)
  if not activity then return nil end
  local now = hub.now()
  local at, name, seconds =
    limits.soonest(self.limits, activity, self.timings.start, now, self.max_tokens)
  -- While reading is paused no limit runs, but somebody has to look again.
  if not at and activity.paused and self.limits.idle then at = now + self.limits.idle end
  return at, name, seconds
end

local judge

-- One timer for all limits, set to the soonest; activity does not move it, it looks again.
local function arm(self, at)
  hub.forget(self.timer)
  self.timer = at and hub.at(at, function() judge(self) end)
end

function judge(self)
  self.timer = nil
  local at, name = soonest(self)
  if at and name and at <= hub.now() then
    -- Perhaps it was we who did not look: read once more before saying that nothing came.
    hub.engine():read_now(self.id)
    at, name = soonest(self)
  end
  if not at then return end
  if not name or at > hub.now() then return arm(self, at) end
  local _, _, seconds = soonest(self)
  local failure = failures.of_limit(name, seconds)
  hub.engine():cancel(self.id, failure.message)
  hub.listen(self.id, nil)
  finish(self, failure)
end

local function note_end(self, code, text, connected, first_byte_at, version, reused)
  if first_byte_at > 0 then self.timings.first_byte = first_byte_at end
  self.http_version, self.reused = VERSIONS[version], connected and reused
  finish(self, code ~= 0 and failures.of_code(code, text) or nil)
end

local function on_news(self, done, code, text, connected, first_byte_at, version, reused)
  if not done then
    if not self.timings.first_byte then arm(self, (soonest(self))) end
    return tell(self)
  end
  note_end(self, code, text, connected, first_byte_at, version, reused)
end

--- Waits until the response has something new to read or has ended. `nil, text, err` once
--- the exchange has failed and everything that arrived before was offered.
---@return true?
---@return string?
---@return claude.Error?
function Exchange:wait()
  if self.fresh then
    self.fresh = false
    local response = self.response
    -- A whole message is a success, whatever the connection did then.
    if not self.failure or response:unread() > 0 or response:complete() then return true end
  end
  if self.failure then return errors.fail(self.failure) end
  if self.ended then return true end
  local activity = look(self)
  -- A text block that opens shortens the patience: the timer may be set too late.
  if activity and activity.busy ~= self.busy then
    self.busy = activity.busy
    arm(self, (soonest(self)))
  end
  hub.engine():resume(self.id)
  self.news:clear()
  local _, why = self.news:wait()
  if why == "cancelled" then self:cancel(tasks.cancelled_error()) end
  return self:wait()
end

--- Ends it at any moment and frees what it holds. What arrived stays in the response. An
--- exchange that has ended is left alone.
---@param failure? claude.Error what waiting for it will return, instead of "cancelled"
function Exchange:cancel(failure)
  if self.ended then return end
  local id = self.id
  failure = failure or failures.cancelled()
  hub.listen(id, nil)
  hub.engine():cancel(id, failure.message)
  finish(self, failure)
  hub.flush()
end

--- Says that the reader has all it wants. What is left of the answer (as a rule its last
--- few bytes) is read in passing, so that the connection can serve the next request.
function Exchange:close()
  if self.ended then return end
  hub.linger(self, true)
  hub.engine():read_now(self.id)
  hub.listen(self.id, function(done, ...)
    if done then note_end(self, ...) end
  end)
  hub.forget(self.timer)
  self.timer = hub.at(hub.now() + CLOSING_TIME, function() self:cancel() end)
  hub.flush()
end

--- `cancel` for finalizers: done soon, and safe whatever is going on.
function Exchange:discard()
  if not self.ended then hub.discard(self) end
end

---@class claude.TransportOptions
---@field url string https, or http to this machine
---@field method? string "POST" with a body, else "GET"
---@field headers? string[][] { name, value } in order
---@field body? userdata|string a core.body, or its bytes
---@field response userdata a core.response, which gets the answer
---@field limits? claude.Limits
---@field max_tokens? integer how long silent thinking may take (see limits)
---@field http_version? "1.1"|"2" "1.1" without it
---@field proxy? string "" for none; without it the environment's (HTTPS_PROXY, ALL_PROXY, …)
---@field no_proxy? string hosts that are asked directly
---@field ca_file? string without it SSL_CERT_FILE, CURL_CA_BUNDLE, or libcurl's own
---@field ca_path? string without it SSL_CERT_DIR, or libcurl's own
---@field allow_http? boolean http to any host
---@field high_water? integer stop reading above so many unread bytes; 1 MiB without it

local HTTP2 = { ["1.1"] = false, ["2"] = true }

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function engine_options(options)
  local http2 = HTTP2[options.http_version or "1.1"]
  if http2 == nil then error('http_version: "1.1" or "2" expected', 3) end
  local body = options.body
  if type(body) == "string" then body = core.body({ body }) end
  local ca_file, ca_path = options.ca_file, options.ca_path
  if not ca_file and not ca_path then
    ca_file = environment("CURL_CA_BUNDLE") or environment("SSL_CERT_FILE")
    ca_path = environment("SSL_CERT_DIR")
  end
  return {
    url = options.url,
    method = options.method or (body and "POST" or "GET"),
    headers = options.headers,
    body = body,
    response = options.response,
    http2 = http2,
    proxy = options.proxy,
    no_proxy = options.no_proxy,
    ca_file = ca_file,
    ca_path = ca_path,
    allow_http = options.allow_http,
    high_water = options.high_water,
  }
end

--- Begins an exchange. Wrong options raise; whatever keeps it from beginning comes back.
---@param options claude.TransportOptions
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.start(options)
  local complete = limits.complete(options.limits, 2)
  local asked = engine_options(options)
  local engine, text = hub.engine()
  if not engine then return errors.fail(failures.of_start(text, "transport")) end
  local driver, trouble = hub.driver()
  if not driver then return errors.fail(failures.of_start(trouble, "transport")) end
  local self = setmetatable({
    response = options.response,
    limits = complete,
    max_tokens = options.max_tokens,
    timings = { start = hub.now() },
    ended = false,
    news = tasks.signal(),
    fresh = false,
    content = 0,
  }, Exchange)
  local id, refusal, why = engine:start(asked)
  if not id then return errors.fail(failures.of_start(refusal, why)) end
  self.id = id
  hub.listen(id, function(...) on_news(self, ...) end)
  arm(self, (soonest(self)))
  hub.flush()
  return self
end

return M
