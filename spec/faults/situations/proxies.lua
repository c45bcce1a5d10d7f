--- A proxy on the way to a server with TLS.
local wire = require("spec.faults.wire")

local function proxy(situation)
  situation.door, situation.anew, situation.json = "proxy", true, true
  situation.options = situation.options or {}
  situation.options.host = "api.example.test"
  situation.kind = situation.kind or "network"
  situation.retryable = true
  return situation
end

return {
  title = "Proxies",
  proxy({
    name = "proxy_refused",
    does = "nobody listens on the proxy's port",
    refuses = true,
    says = "no connection",
  }),
  proxy({
    name = "proxy_closes",
    does = "the proxy closes the connection when CONNECT has come",
    connect = { wire.CLOSE },
    says = "the proxy refused",
  }),
  proxy({
    name = "proxy_cut_in_connect",
    does = "the proxy's answer to CONNECT is cut",
    connect = { "HTTP/1.1 200 Connection est", wire.PAUSE, wire.CLOSE },
    says = "the proxy refused",
  }),
  proxy({
    name = "proxy_407",
    does = "the proxy wants credentials (407)",
    connect = {
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\n'
        .. "Content-Length: 0\r\n\r\n",
    },
    says = "407",
  }),
  proxy({
    name = "proxy_502",
    does = "the proxy answers CONNECT with 502 and a page",
    connect = { wire.answer("502 Bad Gateway", "text/html", "<html>Bad Gateway</html>") },
    says = "502",
  }),
  proxy({
    name = "proxy_no_http",
    does = "what answers CONNECT is no proxy",
    connect = { "SSH-2.0-OpenSSH_9.2\r\n\r\n", wire.PAUSE, wire.CLOSE },
    says = "the proxy refused",
  }),
  proxy({
    name = "proxy_hangs",
    does = "the proxy says nothing to CONNECT",
    connect = { wire.HANG },
    options = { limits = { connect = 0.3 } },
    kind = "timeout",
    limit = "connect",
    says = "no connection within 0.3 s",
  }),
  proxy({
    name = "proxy_head_without_end",
    does = "the proxy's answer to CONNECT never ends",
    connect = { "HTTP/1.1 200 OK\r\n", wire.times("X-More: " .. ("x"):rep(1000) .. "\r\n", 2000) },
    says = { "the proxy refused", "too large" },
    libcurl = { kind = "protocol", retryable = false },
  }),
}
