--- HTTP/2, frame by frame (spec/faults/http2.lua).
local wire = require("spec.faults.wire")

local function http2(situation)
  situation.door, situation.over = "h2", { "libcurl" }
  situation.options = situation.options or {}
  situation.options.http_version = "2"
  if situation.json == nil then situation.json = situation.partial == nil end
  situation.retryable = situation.retryable ~= false
  return situation
end

local function network(situation)
  situation.kind = "network"
  return http2(situation)
end

local function incomplete(situation)
  situation.kind, situation.partial = "incomplete", "Hello"
  return http2(situation)
end

return {
  title = "HTTP/2",
  network({
    name = "h2_rst_stream",
    does = "RST_STREAM with INTERNAL_ERROR instead of an answer",
    frames = { "rst_internal_error" },
    says = "an HTTP/2 stream failed",
  }),
  network({
    name = "h2_refused_stream",
    does = "RST_STREAM with REFUSED_STREAM, however often",
    frames = { "rst_refused_stream" },
    says = "",
  }),
  incomplete({
    name = "h2_rst_stream_in_event",
    does = "RST_STREAM with INTERNAL_ERROR in an event",
    frames = { "head", "open", wire.PAUSE, "rst_internal_error" },
    says = "an HTTP/2 stream failed",
  }),
  incomplete({
    name = "h2_end_stream_in_event",
    does = "END_STREAM in an event",
    frames = { "head", "open", wire.PAUSE, "end_stream" },
    says = "",
  }),
  network({
    name = "h2_goaway",
    alone = true,
    does = "GOAWAY for every stream, and closes the connection",
    frames = { "goaway_refused", wire.PAUSE, wire.CLOSE },
    says = "",
  }),
  incomplete({
    name = "h2_goaway_in_event",
    alone = true,
    does = "GOAWAY with INTERNAL_ERROR in an event, and closes the connection",
    frames = { "head", "open", wire.PAUSE, "goaway_error", wire.PAUSE, wire.CLOSE },
    says = "",
  }),
  http2({
    name = "h2_goaway_gentle",
    alone = true,
    does = "GOAWAY that lets the stream end, then the answer",
    frames = { "goaway_gentle", "head", "whole" },
    frames_json = { "goaway_gentle", "json_head", "json" },
    json = true,
    whole = true,
  }),
  network({
    name = "h2_closed",
    alone = true,
    does = "closes the connection instead of an answer",
    frames = { wire.CLOSE },
    says = "",
  }),
  incomplete({
    name = "h2_cut_in_frame",
    alone = true,
    does = "closes the connection in a DATA frame",
    frames = { "head", "open", "half_frame", wire.PAUSE, wire.CLOSE },
    says = "",
  }),
  network({
    name = "h2_data_on_stream_0",
    alone = true,
    does = "DATA on stream 0, where none may be",
    frames = { "data_of_nobody" },
    says = "",
  }),
  network({
    name = "h2_header_flood",
    alone = true,
    does = "CONTINUATION without end",
    frames = (function()
      local frames = { "header_without_end" }
      for i = 1, 200 do
        frames[i + 1] = "more_header"
      end
      return frames
    end)(),
    says = "",
  }),
  http2({
    name = "h2_stall_in_event",
    does = "falls silent in an event",
    frames = { "head", "open", wire.HANG },
    options = { limits = { idle = 0.3 } },
    kind = "timeout",
    limit = "idle",
    partial = "Hello",
    says = "(limit idle)",
  }),
  http2({
    name = "h2_no_window",
    alone = true,
    does = "never lets more of a request be sent than its first 64 KiB",
    long = true,
    frames = { "rst_internal_error" },
    options = { limits = { first_byte = 0.4 } },
    json = true,
    kind = "timeout",
    limit = "first_byte",
    says = "(limit first_byte)",
  }),
}
