--- Exchanges over libcurl: the engine of claude.net, driven by the loop of claude.loop.
local errors = require("claude.errors")
local failures = require("claude.transport.failures")
local hub = require("claude.loop")
local limits = require("claude.transport.limits")
local tasks = require("claude.tasks")

local tell, tell_of_more = tasks.set, tasks.tell_of_more
local wait_for, wait_for_more = tasks.wait_for, tasks.wait_for_more

local M = {}

local CLOSING_TIME = 1 -- seconds that a closed exchange may take to end by itself
local LIBCURL_PATIENCE = 300 -- seconds that libcurl would give a connection by itself

--- A signal, too: set when something came since the last wait.
---@class claude.CurlExchange: claude.Exchange, claude.Signal
---@field package id number? of the engine; nil once it has ended
---@field package has_head boolean status and headers had ended when last looked at
---@field package on_sent false|fun(bytes: integer): claude.Error?
---@field package sent integer bytes of the body, as last told
---@field package begun boolean? somebody has waited for it
---@field package told boolean everybody has heard that it ended
---@field package timer claude.Timer?
local Exchange = {}
Exchange.__index = Exchange
Exchange.__name = "claude.CurlExchange"

-- Any step may find no memory: then it is called again, and what was done is not done again.
local function finish(self, failure)
  self.failure = failure
  self.ended = true
  hub.forget(self.timer)
  self.id, self.timer = nil, nil
  hub.linger(self, false)
  if self.on_end then
    self.on_end()
    self.on_end = nil
  end
  tell(self)
  self.told = true
end

-- The transfer is gone, and nobody hears of it any more.
local function finish_early(self)
  if self.id then hub.listen(self.id, nil) end
  finish(self, self.failure)
end

local function break_off(self, failure)
  self.failure = failure -- not behind the cancel: there may be no memory for it
  hub.engine():cancel(self.id, failure.message)
  self.ended = true
  finish_early(self)
end

-- Words of libcurl's numbers for HTTP versions.
local VERSIONS = { "1.0", "1.1", "2", [30] = "3" }

-- What the limits look at, and whether there is anything to look at.
local function look(self)
  local connected, sent_at, first_byte_at, heard_at, paused, content_at, busy, _, has_unread =
    hub.engine():activity(self.id)
  if connected == nil then return nil end
  if first_byte_at > 0 and not self.timings.first_byte then
    self.timings.first_byte = first_byte_at
  end
  self.has_head = select(3, self.response:progress())
  return {
    connected = connected,
    sent_at = sent_at,
    first_byte_at = first_byte_at,
    has_head = self.has_head,
    heard_at = heard_at,
    paused = paused,
    busy = busy,
    content_at = content_at > 0 and content_at or nil,
    has_unread = has_unread,
  }
end

-- For a body that takes long: called where user code may run.
local function tell_sent(self)
  local sent = select(8, hub.engine():activity(self.id)) or self.sent
  if sent == self.sent then return end
  self.sent = sent
  local failure = self.on_sent(sent)
  if failure then self:cancel(failure) end
end

local function soonest(self, now)
  local activity = look(self)
  if not activity then return nil end
  now = now or hub.now()
  local at, name, seconds =
    limits.soonest(self.limits, activity, self.timings.start, now, self.max_tokens)
  -- While reading is paused no limit runs, but somebody has to look again.
  local patience = self.limits.idle or self.limits.stalled
  if not at and activity.paused and patience then at = now + patience end
  return at, name, seconds
end

local judge

-- One timer for all limits, set to the soonest; activity does not move it, it looks again.
local function arm(self, at)
  hub.forget(self.timer)
  self.timer = at and hub.at(at, judge, self)
end

function judge(self)
  if self.ended then return finish_early(self) end
  self.timer = nil
  local now = hub.now()
  local at, name, seconds = soonest(self, now)
  if at and name and at <= now then
    -- Perhaps it was we who did not look: read once more before saying that nothing came.
    hub.engine():read_now(self.id)
    now = hub.now()
    at, name, seconds = soonest(self, now)
  end
  if not at then return end
  if not name or at > now then return arm(self, at) end
  break_off(self, failures.of_limit(name, seconds))
end

---@package
function Exchange:on_done(code, text, connected, first_byte_at, version, reused)
  if first_byte_at > 0 then self.timings.first_byte = first_byte_at end
  self.http_version, self.reused = VERSIONS[version], connected and reused
  finish(self, code ~= 0 and failures.of_code(code, text) or nil)
end

---@package
function Exchange:on_more(paused)
  -- What is paused goes on when its reader waits anew, and not when it only waits on.
  if not paused and tell_of_more(self) then return end
  -- The limits on what comes after the headers may be shorter than those before.
  if not self.has_head then arm(self, (soonest(self))) end
  tell(self)
end

---@package
function Exchange:on_fork(text) finish(self, failures.of_start(text, "forked")) end

local function begin(self)
  self.begun = true
  tasks.check_may_wait()
  hub.begin()
end

-- A whole message is a success, whatever the connection did then.
local function has_more(self)
  local response = self.response
  return not self.failure or response:unread() > 0 or response:complete()
end

--- Waits until the response has something new to read or has ended. `nil, text, err` once
--- the exchange has failed and everything that arrived before was offered. A ticket is for who
--- reads nothing but deltas until the next wait.
---@param with_ticket boolean? the second value is what tasks.wait_for_more returns as its third
---@return true?
---@return string|claude.Ticket|nil
---@return claude.Error?
function Exchange:wait(with_ticket)
  if self.on_sent and self.id then tell_sent(self) end
  local may_last = with_ticket and self.has_head and not self.on_sent
  local wait, ticket = may_last and wait_for_more or wait_for, nil
  while not (self.is_set or self.ended) do
    if not self.begun then
      begin(self)
    else
      -- A text block that opens shortens the patience: the timer may be set too late.
      if hub.engine():await(self.id) then arm(self, (soonest(self))) end
      local woken, why
      woken, why, ticket = wait(self)
      if ticket and self.id then hub.read_for(self.id, ticket) end
      -- Another task may have been woken before, and have left much of what came.
      if woken then self.is_set = true end
      if why == "cancelled" then self:cancel(tasks.cancelled_error()) end
    end
    if self.on_sent and self.id then tell_sent(self) end
  end
  local fresh = self.is_set
  self.is_set = false
  if fresh and (not self.ended or has_more(self)) then return true, ticket end
  if self.failure then return errors.fail(self.failure) end
  return true
end

--- Ends it at any moment and frees what it holds. What arrived stays in the response. An
--- exchange that has ended is left alone.
---@param failure? claude.Error what waiting for it will return, instead of "cancelled"
function Exchange:cancel(failure)
  if self.told then return end
  if self.ended then return finish_early(self) end
  break_off(self, failure or failures.cancelled())
  hub.flush()
end

--- From now on everything is taken in, however much of it nobody has read.
function Exchange:let_in()
  if self.ended then return end
  hub.engine():let_in(self.id)
  hub.flush()
end

local function ignore() end

--- Says that the reader has all it wants. What is left of the answer (as a rule its last
--- few bytes) is read in passing, so that the connection can serve the next request.
function Exchange:close()
  if self.ended then return end
  hub.linger(self, true)
  hub.engine():read_now(self.id)
  self.on_more = ignore
  hub.forget(self.timer)
  self.timer = hub.at(hub.now() + CLOSING_TIME, function() self:cancel() end)
  hub.flush()
end

--- `cancel` for finalizers: done soon, and safe whatever is going on.
function Exchange:discard()
  if not self.ended then hub.discard(self) end
end

local function environment(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- What the engine asks for beside what was given.
local function complete(options)
  if not options.ca_file and not options.ca_path then
    options.ca_file = environment("CURL_CA_BUNDLE") or environment("SSL_CERT_FILE")
    options.ca_path = environment("SSL_CERT_DIR")
  end
  options.http2 = options.http_version == "2"
  options.tells_sent = options.on_sent ~= nil
  local connect = options.limits.connect
  options.slow_connect = not connect or connect >= LIBCURL_PATIENCE
  return options
end

local NOT_CONNECTED = { connected = false } -- as every exchange begins; not to be changed

-- Called with nothing else on the stack, which stays as large in a coroutine as it once was.
local function follow(self, id)
  local started_at = self.timings.start
  self.id = id
  hub.listen(id, self)
  arm(self, (limits.soonest(self.limits, NOT_CONNECTED, started_at, started_at)))
  hub.flush()
  return self
end

--- Begins an exchange; claude.transport has checked and completed the options, which are ours.
---@param options claude.TransportOptions
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.start(options)
  local engine, text = hub.engine()
  if not engine then return errors.fail(failures.of_start(text, "transport")) end
  local driver, trouble = hub.driver()
  if not driver then return errors.fail(failures.of_start(trouble, "transport")) end
  local self = setmetatable({
    response = options.response,
    limits = options.limits,
    max_tokens = options.max_tokens,
    on_sent = options.on_sent or false, -- a field that is absent is looked for twice
    sent = 0,
    has_head = false,
    timings = { start = hub.now(), first_byte = nil },
    ended = false,
    told = false,
    is_set = false,
    first = false,
    others = false,
  }, Exchange)
  local id, refusal, why = engine:start(complete(options))
  if not id then return errors.fail(failures.of_start(refusal, why)) end
  return follow(self, id)
end

return M
