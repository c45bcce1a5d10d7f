--- HTTP exchanges: start, wait, cancel.
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
---
--- There are two: claude/transport/curl.lua has libcurl and the loop of claude.loop;
--- claude/transport/socket.lua has the sockets of a host that owns its coroutines.
local core = require("claude.core")
local limits = require("claude.transport.limits")
local scheduler = require("claude.tasks.scheduler")

local M = {}

---@class claude.Exchange
---@field response userdata the core.response that the answer goes into
---@field timings { start: number, first_byte: number? } on the clock of claude.tasks.now
---@field failure claude.Error? how it failed; nil: it has not, or not yet
---@field ended boolean
---@field http_version string? "1.1" or "2", once it has ended
---@field on_end fun()? called once it has ended
---@field scrub fun(text: string): string what claude.wire sent in secret, taken out
---@field reused boolean? whether a kept connection carried it, once it has ended
---@field wait fun(self, with_ticket: boolean?): true?, any, claude.Error? until something is new or
--- it has ended; see Exchange:wait in claude/transport/curl.lua
---@field cancel fun(self, failure: claude.Error?) ends it at any moment; what arrived stays
---@field close fun(self) the reader has all it wants; the connection may serve another request
---@field let_in? fun(self) from now on reads on, however much of the answer is unread
---@field discard fun(self) `cancel` for finalizers

---@class claude.TransportOptions
---@field url string https, or http to this machine
---@field method? string "POST" with a body, else "GET"
---@field headers? string[][] { name, value } in order
---@field body? userdata|string a core.body, or its bytes
---@field response userdata a core.response, which gets the answer
---@field limits? claude.Limits
---@field budget? claude.TimeBudget by when the answer must have begun
---@field max_tokens? integer how long silent thinking may take (see limits)
---@field http_version? "1.1"|"2" "1.1" without it
---@field proxy? string "" for none; without it the environment's (HTTPS_PROXY, ALL_PROXY, …)
---@field no_proxy? string hosts that are asked directly
---@field ca_file? string without it SSL_CERT_FILE, CURL_CA_BUNDLE, or libcurl's own
---@field ca_path? string without it SSL_CERT_DIR, or libcurl's own
---@field allow_http? boolean http to any host
---@field high_water? integer stop reading above so many unread bytes; 1 MiB without it
---@field on_sent? fun(bytes: integer): claude.Error? told, inside `wait`, how much of the body the
--- connection has taken, whenever that grew; the error that it returns ends the exchange

local HTTP_VERSIONS = { ["1.1"] = true, ["2"] = true }

local function transport()
  if scheduler.way().host then return require("claude.transport.socket") end
  return require("claude.transport.curl")
end

-- Most requests have no limits of their own: they share those there are without a word.
---@param given claude.Limits?
---@param budget claude.TimeBudget?
---@param level integer
---@return claude.Limits
local function complete(given, budget, level)
  if not budget and (given == nil or (type(given) == "table" and next(given) == nil)) then
    return limits.STANDARD
  end
  local completed = limits.complete(given, level + 1)
  completed.budget = budget
  return completed
end

---@param asked claude.TransportOptions
---@param level integer stack level to blame
---@return claude.Exchange?
---@return string?
---@return claude.Error?
local function begin(asked, level)
  asked.limits = complete(asked.limits, asked.budget, level)
  if not HTTP_VERSIONS[asked.http_version or "1.1"] then
    error('http_version: "1.1" or "2" expected', level)
  end
  if type(asked.body) == "string" then asked.body = core.body({ asked.body }) end
  asked.method = asked.method or (asked.body and "POST" or "GET")
  return transport().start(asked)
end

--- Begins an exchange. Wrong options raise; whatever keeps it from beginning comes back.
---@param options claude.TransportOptions
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.start(options)
  local asked = {}
  for name, value in pairs(options) do
    asked[name] = value
  end
  -- No tail call: errors count the levels up to the caller.
  local exchange, text, err = begin(asked, 3)
  return exchange, text, err
end

--- The same with a table that is the transport's from now on.
---@param asked claude.TransportOptions
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.begin(asked)
  local exchange, text, err = begin(asked, 3)
  return exchange, text, err
end

return M
