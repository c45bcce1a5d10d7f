--- How the body is sent: its length, its chunks, its encoding.
local wire = require("spec.faults.wire")

local CUT = "the connection ended in the middle of the answer"
local OPEN = { wire.STREAM_HEAD, wire.chunk(wire.OPEN) }
local GZIP = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"

-- Steps behind the beginning of a stream.
local function after_open(...)
  local steps = { OPEN[1], OPEN[2] }
  for i = 1, select("#", ...) do
    steps[#steps + 1] = (select(i, ...))
  end
  return steps
end

local function incomplete(situation)
  situation.kind, situation.retryable, situation.partial = "incomplete", true, "Hello"
  return situation
end

local function broken_chunk(situation)
  situation.kind, situation.retryable, situation.partial = "protocol", false, "Hello"
  situation.says = "chunk"
  return situation
end

local function encoded(situation)
  situation.json = true
  situation.kind, situation.retryable = "protocol", false
  return situation
end

return {
  title = "Length, chunks, encoding",
  {
    name = "cut_before_first_chunk",
    does = "closes the connection behind the headers",
    play = { wire.STREAM_HEAD, wire.PAUSE, wire.CLOSE },
    json = true,
    kind = "network",
    retryable = true,
    says = CUT,
  },
  incomplete({
    name = "cut_in_chunk_header",
    does = "cuts a chunk's size",
    play = after_open("1f", wire.PAUSE, wire.CLOSE),
    says = CUT,
  }),
  incomplete({
    name = "reset_in_chunk_header",
    does = "resets the connection in a chunk's size",
    play = after_open("1f", wire.PAUSE, wire.RESET),
    says = "receiving failed",
  }),
  incomplete({
    name = "cut_in_chunk",
    does = "closes the connection when half a chunk has come",
    play = after_open("400\r\nevent: ", wire.PAUSE, wire.CLOSE),
    says = CUT,
  }),
  broken_chunk({
    name = "chunk_size_no_number",
    does = "sends a chunk's size that is no number",
    play = after_open("zz\r\n", wire.PAUSE, wire.CLOSE),
  }),
  broken_chunk({
    name = "chunk_size_negative",
    does = "sends a chunk's size below zero",
    play = after_open("-5\r\nhello\r\n", wire.PAUSE, wire.CLOSE),
  }),
  broken_chunk({
    name = "chunk_size_too_large",
    does = "sends a chunk's size that no machine can count",
    play = after_open("fffffffffffffffffff\r\n", wire.PAUSE, wire.CLOSE),
  }),
  broken_chunk({
    name = "chunk_longer_than_its_size",
    does = "sends more of a chunk than its size says",
    play = after_open("3\r\nhello\r\n", wire.PAUSE, wire.CLOSE),
  }),
  {
    name = "short_body",
    does = "sends less than the length says",
    stream = false,
    json = true,
    play = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        .. '{"input_tokens":7}',
      wire.PAUSE,
      wire.CLOSE,
    },
    kind = "network",
    retryable = true,
    says = CUT,
  },
  {
    name = "reset_in_body",
    does = "resets the connection in a JSON body",
    stream = false,
    json = true,
    play = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        .. '{"input_tokens":7}',
      wire.PAUSE,
      wire.RESET,
    },
    kind = "network",
    retryable = true,
    says = "receiving failed",
  },
  encoded({
    name = "gzip_broken",
    does = "sends a body that it calls gzip, and is none",
    play = { wire.stream_head(GZIP), wire.chunk("\31\139\8\0not gzip at all"), wire.LAST_CHUNK },
    says = "encod",
  }),
  encoded({
    name = "gzip_cut",
    does = "sends the first half of a gzip body as if it were all",
    play = {
      wire.stream_head(GZIP),
      wire.chunk("\31\139\8\0\0\0\0\0\0\3\171\86\202\204\43\40\45\137\47"),
      wire.LAST_CHUNK,
    },
    json = true,
    says = "",
  }),
  encoded({
    name = "unknown_encoding",
    does = "sends a body in an encoding that nobody knows",
    play = {
      wire.stream_head("Content-Encoding: zebra\r\nTransfer-Encoding: chunked\r\n"),
      wire.chunk("zzz"),
      wire.LAST_CHUNK,
    },
    says = "encod",
  }),
}
