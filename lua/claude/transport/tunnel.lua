--- Where a host's socket connects to for a request: to the server, or to a proxy that is
--- asked for a way through (CONNECT).
local core = require("claude.core")

local M = {}

local LONGEST_HEAD = 16 * 1024

local function connect_request(target, user)
  local place = ("%s:%d"):format(target.host, target.port)
  local lines = { ("CONNECT %s HTTP/1.1"):format(place), "host: " .. place }
  if user then lines[#lines + 1] = "proxy-authorization: Basic " .. core.base64(user) end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function read_head(socket)
  local head = ""
  while not head:find("\r\n\r\n", 1, true) do
    local bytes, text = socket:receive("line")
    if not bytes then return nil, text end
    head = head .. bytes
    if #head > LONGEST_HEAD then return nil, "its answer has no end" end
  end
  return head
end

-- Bytes behind the proxy's answer would be the server's, which waits for TLS to begin.
local function ask(socket, request)
  local sent, text = socket:send(request)
  if not sent then return nil, text, "proxy" end
  local head
  head, text = read_head(socket)
  if not head then return nil, text, "proxy" end
  local status = head:match("^HTTP/1%.%d (%d%d%d)")
  if not status or status:sub(1, 1) ~= "2" then
    return nil, ("CONNECT was answered with %s"):format(status or "no HTTP"), "proxy"
  end
  if not head:find("\r\n\r\n$") then return nil, "it sent more than its answer", "proxy" end
  return true
end

--- How to connect: what `host.connect` takes (claude/transport/socket.lua).
---@param target claude.Address
---@param proxy claude.Proxy?
---@return table? route
---@return string? problem
function M.route(target, proxy)
  local tls = target.scheme == "https"
  local route = {
    target = target,
    host = target.host,
    port = target.port,
    tls = tls,
    server_name = tls and target.host or nil,
    key = ("%s:%s:%d"):format(target.scheme, target.host, target.port),
  }
  if not proxy then return route end
  if not tls then return nil, "a request over http:// cannot go through a proxy in this host" end
  route.host, route.port = proxy.host, proxy.port
  local user = core.sha256(proxy.user or "") -- a key may be shown, a password may not
  route.key = ("%s via %s:%d as %s"):format(route.key, proxy.host, proxy.port, user)
  local request = connect_request(target, proxy.user)
  route.tunnel = function(socket) return ask(socket, request) end
  return route
end

return M
