--- Up to the end of the answer's headers.
local wire = require("spec.faults.wire")

local LOST = "the server closed the connection without an answer"
local CUT = "the connection ended in the middle of the answer"

local function both(situation)
  situation.json = situation.json == nil and true or situation.json
  return situation
end

local function network(situation)
  situation.kind, situation.retryable = "network", true
  return both(situation)
end

local function protocol(situation)
  situation.kind, situation.retryable = "protocol", false
  return both(situation)
end

return {
  title = "Status and headers",
  network({
    name = "reset_at_once",
    does = "resets the connection when the request has come",
    play = { wire.RESET },
    says = "receiving failed",
  }),
  network({
    name = "close_at_once",
    does = "closes the connection when the request has come",
    play = { wire.CLOSE },
    says = LOST,
  }),
  network({
    name = "cut_in_status_line",
    does = "cuts the status line",
    play = { "HTTP/1.1 20", wire.PAUSE, wire.CLOSE },
    says = { LOST, CUT },
  }),
  network({
    name = "cut_in_headers",
    does = "cuts a header line",
    play = { wire.HALF_HEAD, wire.PAUSE, wire.CLOSE },
    says = { LOST, CUT },
  }),
  network({
    name = "reset_in_headers",
    does = "resets the connection in a header line",
    play = { wire.HALF_HEAD, wire.PAUSE, wire.RESET },
    says = "receiving failed",
  }),
  protocol({
    name = "no_http",
    does = "answers in another protocol",
    play = { "SSH-2.0-OpenSSH_9.2\r\n", wire.PAUSE, wire.CLOSE },
    says = "not HTTP",
  }),
  protocol({
    name = "status_without_digits",
    does = "sends a status that is no number",
    play = { "HTTP/1.1 OK fine\r\nContent-Length: 0\r\n\r\n" },
    says = { "status", "not HTTP" },
  }),
  protocol({
    name = "header_flood",
    does = "sends headers without end",
    play = {
      "HTTP/1.1 200 OK\r\n",
      wire.times("X-Flood: " .. ("x"):rep(1000) .. "\r\n", 3000),
      wire.HANG,
    },
    says = "headers",
  }),
  protocol({
    name = "header_line_without_end",
    does = "sends one header line of 2 MB",
    play = { "HTTP/1.1 200 OK\r\nX-Long: ", wire.times(("x"):rep(10000), 200), wire.HANG },
    says = "header",
    -- Newer ones say what it is.
    libcurl = { kind = { "network", "protocol" } },
  }),
  protocol({
    name = "nul_in_header",
    does = "sends a header with a NUL byte in it",
    play = {
      "HTTP/1.1 200 OK\r\nX-Nul: a\0b\r\nContent-Type: application/json\r\n"
        .. "Content-Length: 2\r\n\r\n{}",
    },
    says = "header",
  }),
  protocol({
    name = "two_lengths",
    does = "sends two lengths that differ",
    play = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        .. "Content-Length: 20\r\n\r\n{}",
      wire.PAUSE,
      wire.CLOSE,
    },
    says = "Content-Length",
    libcurl = { kind = "network", retryable = true, says = CUT },
  }),
  protocol({
    name = "switched_protocol",
    does = "switches protocols (101) unasked",
    play = { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n" },
    says = "101",
  }),
  both({
    name = "headers_dripped",
    does = "sends a header line now and then, and never the last",
    play = { "HTTP/1.1 200 OK\r\n", wire.drip("X-Drip: 1\r\n", 0.005) },
    options = { limits = { headers = 0.4, idle = 30 } },
    kind = "timeout",
    limit = "headers",
    retryable = true,
    says = "the answer's headers had no end within 0.4 s",
  }),
  both({
    name = "header_dripped",
    does = "sends one header, byte by byte, for ever",
    play = { "HTTP/1.1 200 OK\r\nX-Drip: ", wire.drip("x", 0.01) },
    options = { limits = { headers = 0.4, idle = 30 } },
    kind = "timeout",
    limit = "headers",
    retryable = true,
    says = "the answer's headers had no end within 0.4 s",
  }),
  both({
    name = "interim_answers_dripped",
    does = "sends interim answers (103), and never the answer",
    play = { wire.drip("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 0.002) },
    options = { limits = { headers = 0.4, idle = 30 } },
    kind = "timeout",
    limit = "headers",
    retryable = true,
    says = "the answer's headers had no end within 0.4 s",
  }),
}
