--- What the failures of a transport mean to the user of this library: libcurl's result codes,
--- and the words that a host's sockets have for the same.
local errors = require("claude.errors")

local M = {}

local PROXY_HINT =
  "check the proxy: options proxy and no_proxy, or HTTPS_PROXY, ALL_PROXY, NO_PROXY"
local TLS_HINT = "the certificate was not accepted: behind a company proxy or with a CA of "
  .. "your own, name its certificate with ca_file (or SSL_CERT_FILE)"
local REACH_HINT = "check the address (base_url or ANTHROPIC_BASE_URL) and the network"

-- code = { what, hint, retryable, kind }; other codes may be retried, have no hint and are of
-- kind "network".
local CODES = {
  [1] = { "unsupported protocol", "the URL must begin with https://", false },
  [8] = { "the answer is not HTTP", nil, false, "protocol" },
  [3] = { "malformed URL", "check base_url or ANTHROPIC_BASE_URL", false },
  [5] = { "the proxy's name cannot be resolved", PROXY_HINT, true },
  [6] = { "the host's name cannot be resolved", REACH_HINT, true },
  [7] = { "no connection", REACH_HINT, true },
  [16] = { "HTTP/2 failed" },
  [18] = { "the connection ended in the middle of the answer" },
  [23] = { "the answer could not be taken in", nil, false },
  [27] = { "not enough memory, or a header too long for libcurl", nil, false },
  [28] = { "libcurl's own time limit was reached" },
  [35] = { "TLS could not be agreed on", nil, true },
  [52] = { "the server closed the connection without an answer" },
  [55] = { "sending failed" },
  [56] = { "receiving failed" },
  [58] = { "the client certificate is of no use", nil, false },
  [60] = { "the server's certificate was not accepted", TLS_HINT, false },
  [61] = { "the answer's encoding is unknown, or broken", nil, false, "protocol" },
  [65] = { "the request could not be sent again" },
  [77] = { "the CA file cannot be read", "check ca_file and ca_path", false },
  [92] = { "an HTTP/2 stream failed" },
  [97] = { "the proxy refused", PROXY_HINT, true },
  [100] = { "a header is too long for libcurl", nil, false, "protocol" },
}

-- Some codes stand for several things, of which only libcurl's words say which: parts of
-- those, and the code of the same meaning or what to say instead.
local BY_TEXT = {
  [1] = { { "HTTP/0.9", CODES[8] }, { "HTTP version", CODES[8] } },
  [56] = {
    { "CONNECT", CODES[97] },
    { "chunked-encoding", { "a chunk of the answer is broken", nil, false, "protocol" } },
    { "response headers", { "the headers are too large for libcurl", nil, false, "protocol" } },
  },
}

local function meaning_of(code, text)
  for _, pair in ipairs(BY_TEXT[code] or {}) do
    if text:find(pair[1], 1, true) then return pair[2] end
  end
  return CODES[code]
end

--- The error for a body that cannot be read to its end: a file that is sent.
---@param text string
---@return claude.Error
function M.of_body(text)
  return errors.new({
    kind = "invalid",
    message = "the file could not be sent: " .. text,
    hint = "nothing of it was kept by the API; send it when nobody writes to it",
    retryable = false,
  })
end

local UNREADABLE = 42 -- libcurl: a callback of ours has ended it

--- The error for a transfer that libcurl ended.
---@param code integer libcurl's
---@param text string libcurl's words
---@return claude.Error
function M.of_code(code, text)
  if code == UNREADABLE then return M.of_body(text) end
  local known = meaning_of(code, text)
  local retryable = not known or known[3] ~= false
  return errors.new({
    kind = known and known[4] or "network",
    message = known and ("%s: %s (curl %d)"):format(known[1], text, code)
      or ("%s (curl %d)"):format(text, code),
    hint = known and known[2],
    retryable = retryable,
    details = { curl_code = code, curl_text = text },
  })
end

-- What a host's sockets say, by the codes of the same meaning.
local WORDS = {
  certificate = 60,
  closed = 52,
  connect = 7,
  cut = 18,
  proxy = 97,
  proxy_name = 5,
  receive = 56,
  resolve = 6,
  send = 55,
  tls = 35,
}

--- The error for an exchange that failed on a host's socket.
---@param word string? one of those above; what is none of them counts as "connect"
---@param text string the host's words
---@param hint? string instead of the usual one: where the host can say better what to do
---@return claude.Error
function M.of_word(word, text, hint)
  if not WORDS[word] then word = "connect" end
  local known = CODES[WORDS[word]]
  return errors.new({
    kind = "network",
    message = ("%s: %s"):format(known[1], text),
    hint = hint or known[2],
    retryable = known[3] ~= false,
    details = { failed = word },
  })
end

--- The error for an answer that is no answer.
---@param text string
---@return claude.Error
function M.of_answer(text) return errors.new({ kind = "protocol", message = text }) end

--- The error for what cannot be done in this host, or not as asked.
---@param text string
---@param hint? string
---@return claude.Error
function M.of_host(text, hint)
  return errors.new({ kind = "invalid", message = text, hint = hint, retryable = false })
end

-- Why engine:start refused.
local START = {
  syntax = { kind = "invalid", retryable = false },
  forked = { kind = "network", retryable = false },
  memory = { kind = "network", retryable = false },
  transport = { kind = "network", retryable = false },
}

--- The error for a request that could not begin.
---@param text string
---@param why string the engine's word
---@return claude.Error
function M.of_start(text, why)
  local fields = START[why] or START.transport
  return errors.new({ kind = fields.kind, retryable = fields.retryable, message = text })
end

local LIMITS = {
  connect = "no connection within %s s",
  first_byte = "no answer within %s s after the request was sent",
  headers = "the answer's headers had no end within %s s after the request was sent",
  idle = "not one byte for %s s in the middle of the answer",
  stalled = "no content for %s s, but pings or single bytes",
}

--- The error for a call whose time_budget ended before an answer began.
---@param seconds number the budget
---@return claude.Error
function M.of_budget(seconds)
  return errors.new({
    kind = "timeout",
    message = ("no answer began, and the call's time_budget of %g s is used up"):format(seconds),
    hint = "more time, or none set: time_budget = seconds",
    retryable = true,
    details = { limit = "time_budget", seconds = seconds },
  })
end

--- The error for a call whose time_budget ended in the line of max_concurrency.
---@param seconds number the budget
---@return claude.Error
function M.of_place(seconds)
  local text = "max_concurrency left no place for the request, and the call's time_budget of"
    .. " %g s is used up"
  return errors.new({
    kind = "timeout",
    message = text:format(seconds),
    hint = "nothing was sent; more time, or more places",
    retryable = true,
    details = { limit = "place", seconds = seconds },
  })
end

--- The error for one of the limits on waiting.
---@param name "connect"|"first_byte"|"headers"|"idle"|"stalled"|"time_budget"
---@param seconds number
---@return claude.Error
function M.of_limit(name, seconds)
  if name == "time_budget" then return M.of_budget(seconds) end
  return errors.new({
    kind = "timeout",
    message = ("%s (limit %s)"):format(LIMITS[name]:format(("%.4g"):format(seconds)), name),
    hint = ("a longer limit: limits = { %s = seconds }"):format(name),
    retryable = true,
    details = { limit = name, seconds = seconds },
  })
end

---@return claude.Error
function M.cancelled()
  local message = "the request was cancelled"
  return errors.new({ kind = "cancelled", message = message, retryable = false })
end

return M
