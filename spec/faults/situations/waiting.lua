--- Silence, and what is no better: each ends at one of the limits.
local wire = require("spec.faults.wire")

local function timeout(limit, situation)
  situation.limit, situation.kind, situation.retryable = limit, "timeout", true
  situation.options = { limits = { idle = 30, stalled = 30 } }
  situation.options.limits[limit] = 0.3
  situation.says = situation.says or ("(limit %s)"):format(limit)
  return situation
end

local JSON_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
  .. "Content-Length: 100000\r\n\r\n"
local HALF_EVENT = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"x":"'

return {
  title = "Silence",
  timeout("first_byte", {
    name = "stall_before_headers",
    does = "does not answer",
    play = { wire.HANG },
    json = true,
  }),
  timeout("idle", {
    name = "stall_in_headers",
    does = "falls silent in a header",
    play = { wire.HALF_HEAD, wire.HANG },
    json = true,
  }),
  timeout("idle", {
    name = "stall_after_headers",
    does = "falls silent behind the headers",
    play = { wire.STREAM_HEAD, wire.HANG },
    json = true,
  }),
  timeout("idle", {
    name = "stall_in_event",
    does = "falls silent in an event, without pings",
    play = { wire.STREAM_HEAD, wire.chunk(wire.OPEN), wire.HANG },
    partial = "Hello",
  }),
  timeout("stalled", {
    name = "pings_in_text",
    does = "sends only pings in the middle of a text",
    play = { wire.STREAM_HEAD, wire.chunk(wire.OPEN), { "ping" } },
    partial = "Hello",
  }),
  timeout("stalled", {
    name = "pings_before_content",
    does = "sends only pings before any content",
    play = { wire.STREAM_HEAD, wire.chunk(wire.START), { "ping" } },
    partial = "",
  }),
  timeout("stalled", {
    name = "comments_only",
    does = "sends only comments",
    play = { wire.STREAM_HEAD, wire.chunk(wire.OPEN), wire.drip("3\r\n:\n\n\r\n", 0.005) },
    partial = "Hello",
  }),
  timeout("stalled", {
    name = "event_dripped",
    does = "sends an event byte by byte, for ever",
    play = {
      wire.STREAM_HEAD,
      wire.chunk(wire.OPEN .. HALF_EVENT),
      wire.drip("1\r\nx\r\n", 0.003),
    },
    partial = "Hello",
  }),
  timeout("stalled", {
    name = "json_dripped",
    does = "sends a JSON body byte by byte",
    stream = false,
    json = true,
    play = { JSON_HEAD .. '{"input_tokens":', wire.drip(" ", 0.01) },
  }),
  timeout("stalled", {
    name = "blanks_dripped",
    does = "sends only blanks where a message is expected",
    play = { JSON_HEAD, wire.drip(" ", 0.01) },
    json = true,
  }),
  {
    name = "stall_in_error_body",
    does = "answers 500 and falls silent in the body",
    play = {
      "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
        .. 'Content-Length: 99\r\n\r\n{"type":',
      wire.HANG,
    },
    json = true,
    options = { limits = { idle = 0.3 } },
    kind = "api",
    type = "api_error",
    status = 500,
    retryable = true,
    says = '{"type":',
  },
}
