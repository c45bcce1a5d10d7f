--- TLS.
local wire = require("spec.faults.wire")

local CERTIFICATE = "the server's certificate was not accepted"

local function tls(situation)
  situation.door, situation.anew = "tls", situation.anew ~= false
  situation.json = situation.partial == nil
  situation.kind = situation.kind or "network"
  return situation
end

-- A record of TLS 1.2 that holds an alert: fatal, and its number.
local function alert(number) return "\21\3\3\0\2\2" .. string.char(number) end

return {
  title = "TLS",
  tls({
    name = "certificate_expired",
    does = "has a certificate that has expired",
    tls = { certificate = "expired" },
    retryable = false,
    says = CERTIFICATE,
  }),
  tls({
    name = "certificate_of_another_name",
    does = "has a certificate for another name",
    tls = { certificate = "elsewhere" },
    retryable = false,
    says = CERTIFICATE,
  }),
  tls({
    name = "certificate_of_unknown_ca",
    does = "has a certificate of a CA that nobody knows",
    tls = { certificate = "stranger" },
    retryable = false,
    says = CERTIFICATE,
  }),
  tls({
    name = "certificate_self_signed",
    does = "has a certificate that it signed itself",
    tls = { certificate = "itself" },
    retryable = false,
    says = CERTIFICATE,
  }),
  tls({
    name = "tls_alert_handshake_failure",
    does = "answers the greeting with the alert handshake_failure",
    accept = { alert(40), wire.PAUSE, wire.CLOSE },
    retryable = true,
    says = "TLS could not be agreed on",
  }),
  tls({
    name = "tls_alert_internal_error",
    does = "answers the greeting with the alert internal_error",
    accept = { alert(80), wire.PAUSE, wire.CLOSE },
    retryable = true,
    says = "TLS could not be agreed on",
  }),
  tls({
    name = "tls_old_version",
    does = "speaks TLS 1.1 at most",
    tls = { arguments = { "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0" } },
    retryable = true,
    says = "TLS could not be agreed on",
  }),
  tls({
    name = "tls_no_tls",
    does = "answers the greeting in plain HTTP",
    accept = { "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", wire.PAUSE, wire.CLOSE },
    retryable = true,
    says = "TLS could not be agreed on",
  }),
  tls({
    name = "tls_closed_in_handshake",
    does = "closes the connection in the middle of the handshake",
    accept = { wire.PAUSE, wire.CLOSE },
    retryable = true,
    says = "TLS could not be agreed on",
  }),
  tls({
    name = "tls_hangs",
    does = "says nothing to the greeting",
    accept = { wire.HANG },
    options = { limits = { connect = 0.3 } },
    kind = "timeout",
    limit = "connect",
    retryable = true,
    says = "no connection within 0.3 s",
  }),
  tls({
    name = "tls_client_certificate_wanted",
    does = "wants a certificate of the client, and says so by an alert after the request",
    tls = { arguments = { "-Verify", "1", "-verify_return_error" } },
    retryable = true,
    says = "receiving failed",
  }),
  tls({
    name = "tls_garbage_in_event",
    does = "sends garbage instead of a record, in an event",
    anew = false,
    play = {
      wire.STREAM_HEAD,
      wire.chunk(wire.OPEN .. "event: content_bl"),
      0.1,
      { "under", "\23\3\3\0\32" .. ("garbage!"):rep(4) },
    },
    kind = "incomplete",
    retryable = true,
    partial = "Hello",
    says = "receiving failed",
  }),
  tls({
    name = "tls_cut_in_event",
    does = "the connection ends in an event, without the word that TLS has for that",
    anew = false,
    play = { wire.STREAM_HEAD, wire.chunk(wire.OPEN .. "event: content_bl"), 0.1, wire.CLOSE },
    kind = "incomplete",
    retryable = true,
    partial = "Hello",
    says = "",
  }),
}
