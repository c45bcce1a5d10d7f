--- The sockets of nginx's Lua module, as claude/transport/socket.lua wants them.
local ngx = rawget(_G, "ngx")

local M = {}

local FOREVER = 2 ^ 31 - 1 -- milliseconds; who waits judges
local MOST = 64 * 1024 -- bytes of one read; nginx gives less (lua_socket_buffer_size)

local RESOLVER_HINT = "nginx asks only the name servers that its configuration names: write "
  .. "`resolver ADDRESS;` into nginx.conf"
local TRUST_HINT = "nginx trusts only the certificates that its configuration names: write "
  .. "`lua_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;` and "
  .. "`lua_ssl_verify_depth 5;` into nginx.conf"

-- lua-resty-core fails in an assertion where the handshake is over without a wait and the
-- certificate is then found wanting.
local UNTOLD = "the certificate is not trusted, or not for this name (nginx does not say which)"

-- Some of what OpenSSL and nginx find wrong with a certificate is no matter of trust.
local HINTS = {
  ["certificate has expired"] = "renew the server's certificate, or set this machine's clock",
  ["certificate is not yet valid"] = "set this machine's clock",
  ["certificate host mismatch"] = "the certificate is for another name: check the address "
    .. "(base_url or ANTHROPIC_BASE_URL)",
}

---@class claude.Cosocket
---@field reused boolean
---@field package tcp table
---@field package patience integer milliseconds that a read may take
local Cosocket = {}
Cosocket.__index = Cosocket

-- What belongs to one request is of no use in another: nginx raises "bad request".
local function outcome(possible, result, text)
  if possible then return result, text end
  return nil, "the connection belongs to another request of this worker"
end

---@param bytes string
---@return true?
---@return string?
function Cosocket:send(bytes)
  local sent, text = outcome(pcall(self.tcp.send, self.tcp, bytes))
  if sent then return true end
  return nil, text
end

local function receive(self, milliseconds)
  local tcp = self.tcp
  if self.patience ~= milliseconds then
    self.patience = milliseconds
    pcall(tcp.settimeouts, tcp, FOREVER, FOREVER, milliseconds)
  end
  return outcome(pcall(tcp.receiveany, tcp, MOST))
end

---@return string?
---@return string?
function Cosocket:receive() return receive(self, FOREVER) end

---@param seconds number
---@return string?
---@return string?
function Cosocket:receive_within(seconds)
  -- Whole seconds where that makes no odds: they need to be told seldom.
  local unit = seconds > 10 and 1000 or 1
  return receive(self, math.min(math.ceil(seconds * 1000 / unit) * unit, FOREVER))
end

function Cosocket:keep()
  if not self.tcp:setkeepalive() then self:close() end
end

local shut_down = require("claude.transport.shut_down")
if shut_down then
  function Cosocket:interrupt() shut_down(self.tcp) end
end

-- In a thread of another request nginx raises; that request closes its sockets itself.
function Cosocket:close() pcall(self.tcp.close, self.tcp) end

local function word_of_connect(text)
  if text:find("no resolver defined", 1, true) then return "resolve", RESOLVER_HINT end
  if text:find("could not be resolved", 1, true) then return "resolve" end
  return "connect"
end

-- A number in front is OpenSSL's for the certificate; in front of the general words it is one
-- that was left behind by another connection.
local function word_of_handshake(text)
  if text:find("^%d+: handshake failed") then return "tls" end
  if text:find("^%d+: ") or text:find("certificate", 1, true) then
    return "certificate", HINTS[text:match("^%d+: (.*)$") or text] or TRUST_HINT
  end
  return "tls"
end

-- nginx does not know the one name that every machine has for itself.
local function place(host) return host == "localhost" and "127.0.0.1" or host end

-- A connection is only for the name and the verification it was made with: nginx itself would
-- take a kept one for any name.
local function pool_name(options)
  local name = options.server_name or ""
  return ("%s:%s:%s"):format(options.key, name, options.tls and "verify" or "")
end

-- What was agreed on last, by pool: a new connection to the same place agrees sooner. OpenSSL
-- keeps with it that the certificate was verified, and nginx looks at the name again.
local sessions = {}

local function handshake(tcp, name, pool)
  if name:find("^%[") or name:find("^[%d.]+$") then
    return nil, "nginx checks certificates by name, and this is an address: " .. name, "certificate"
  end
  -- A handshake that ended without waiting has not failed for the Lua module when it refused
  -- the certificate: it raises as it asks for the session. Asked for none (false) it would not
  -- even look, and the connection would stand.
  local possible, session, text = pcall(tcp.sslhandshake, tcp, sessions[pool], name, true)
  sessions[pool] = possible and session or nil
  if not possible then return nil, UNTOLD, "certificate", TRUST_HINT end
  if not text then return true end
  local word, hint = word_of_handshake(tostring(text))
  return nil, (tostring(text):gsub("^%d+: (handshake failed)", "%1")), word, hint
end

local function set_up(socket, options, pool)
  if options.tunnel then
    local open, text, word, hint = options.tunnel(socket)
    if not open then return nil, text, word, hint end
  end
  if not options.tls then return true end
  return handshake(socket.tcp, options.server_name, pool)
end

--- See claude/transport/socket.lua.
---@param options table
---@return claude.Cosocket?
---@return string? text
---@return string? word
---@return string? hint
function M.connect(options)
  local tcp = ngx.socket.tcp()
  local limit = options.seconds and math.ceil(options.seconds * 1000) or FOREVER
  tcp:settimeouts(limit, FOREVER, FOREVER)
  local pool = pool_name(options)
  local connected, text = tcp:connect(place(options.host), options.port, { pool = pool })
  if not connected then
    return nil, ("%s:%d: %s"):format(options.host, options.port, text), word_of_connect(text)
  end
  local reused = tcp:getreusedtimes() > 0
  local socket = setmetatable({ tcp = tcp, reused = reused, patience = FOREVER }, Cosocket)
  if socket.reused then return socket end
  local ready, problem, word, hint = set_up(socket, options, pool)
  if ready then return socket end
  socket:close()
  return nil, problem, word, hint
end

return M
