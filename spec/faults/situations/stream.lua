--- Inside a stream of events.
local wire = require("spec.faults.wire")

local CUT = "the connection ended in the middle of the answer"

local function stream(...)
  local steps = { wire.STREAM_HEAD }
  for i = 1, select("#", ...) do
    steps[#steps + 1] = (select(i, ...))
  end
  return steps
end

-- Behind the text "Hello".
local function after_open(bytes, ...) return stream(wire.chunk(wire.OPEN .. bytes), ...) end

local function incomplete(situation)
  situation.kind, situation.retryable, situation.partial = "incomplete", true, "Hello"
  return situation
end

local function protocol(situation)
  situation.kind, situation.retryable = "protocol", false
  situation.partial = situation.partial or "Hello"
  return situation
end

local function delta(data)
  return wire.event(
    "content_block_delta",
    '{"type":"content_block_delta","index":0,' .. data .. "}"
  )
end

-- One event too many, then the rest as it should be.
local function with_event(event)
  return stream(wire.chunk(wire.OPEN .. event .. wire.REST), wire.LAST_CHUNK)
end

local EURO = "\226\130\172"
local HALF_EVENT = "event: content_bl"
local BEFORE_EURO = wire.text_delta(EURO):match("^(.-)" .. EURO)
local HUGE_HEAD = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
  .. '"delta":{"type":"text_delta","text":"'

return {
  title = "Streams",
  incomplete({
    name = "cut_in_event",
    does = "cuts an event",
    play = after_open(HALF_EVENT, wire.PAUSE, wire.CLOSE),
    says = CUT,
  }),
  incomplete({
    name = "reset_in_event",
    does = "resets the connection in an event",
    play = after_open(HALF_EVENT, wire.PAUSE, wire.RESET),
    says = "receiving failed",
  }),
  incomplete({
    name = "ended_in_event",
    does = "ends the body in an event",
    play = after_open(HALF_EVENT, wire.LAST_CHUNK),
    says = "",
  }),
  incomplete({
    name = "cut_in_utf8",
    does = "cuts a character of three bytes",
    play = after_open(BEFORE_EURO .. EURO:sub(1, 2), wire.PAUSE, wire.CLOSE),
    says = CUT,
  }),
  incomplete({
    name = "reset_in_utf8",
    does = "resets the connection in a character of three bytes",
    play = after_open(BEFORE_EURO .. EURO:sub(1, 1), wire.PAUSE, wire.RESET),
    says = "receiving failed",
  }),
  incomplete({
    name = "cut_before_stop_reason",
    does = "closes the connection behind the last block, before the stop reason",
    play = after_open(wire.BLOCK_STOP, wire.PAUSE, wire.CLOSE),
    says = CUT,
  }),
  {
    name = "cut_after_stop_reason",
    does = "closes the connection behind the stop reason",
    play = after_open(wire.BLOCK_STOP .. wire.DELTA, wire.PAUSE, wire.CLOSE),
    whole = true,
  },
  {
    name = "reset_before_message_stop",
    does = "resets the connection before message_stop",
    play = after_open(wire.BLOCK_STOP .. wire.DELTA, wire.PAUSE, wire.RESET),
    whole = true,
  },
  {
    name = "cut_in_message_stop",
    does = "resets the connection in message_stop",
    play = after_open(wire.BLOCK_STOP .. wire.DELTA .. wire.STOP:sub(1, 9), wire.PAUSE, wire.RESET),
    whole = true,
  },
  {
    name = "garbage_after_message_stop",
    does = "sends what is no event behind message_stop",
    play = stream(wire.chunk(wire.WHOLE .. "data: {{{\n\n"), wire.LAST_CHUNK),
    whole = true,
  },
  {
    name = "error_event",
    does = "sends an error event behind some text",
    play = after_open(
      wire.event("error", '{"type":"error","error":{"type":"overloaded_error","message":"Over"}}'),
      wire.LAST_CHUNK
    ),
    kind = "api",
    type = "overloaded_error",
    retryable = true,
    partial = "Hello",
    says = "Over",
  },
  {
    name = "error_event_and_silence",
    does = "begins with an error event, and leaves the connection open",
    play = stream(
      wire.chunk(
        wire.event("error", '{"type":"error","error":{"type":"api_error","message":"Over"}}')
      ),
      wire.HANG
    ),
    kind = "api",
    type = "api_error",
    retryable = true,
    says = "Over",
  },
  protocol({
    name = "event_of_64_mb",
    does = "sends an event of more than 64 MiB",
    play = stream(
      wire.chunk(wire.OPEN),
      wire.chunk(HUGE_HEAD),
      wire.times(wire.chunk(("x"):rep(1024 * 1024)), 66),
      wire.HANG
    ),
    says = "max_event_bytes",
  }),
  protocol({
    name = "event_no_json",
    does = "sends an event that is no JSON",
    play = with_event("event: content_block_delta\ndata: {type:'x'}\n\n"),
    says = "",
  }),
  protocol({
    name = "nul_in_event",
    does = "sends a NUL byte in the text of an event",
    play = with_event(delta('"delta":{"type":"text_delta","text":"a\0b"}')),
    says = "",
  }),
  protocol({
    name = "invalid_utf8_in_event",
    does = "sends bytes that are no UTF-8 in the text of an event",
    play = with_event(delta('"delta":{"type":"text_delta","text":"\255\254"}')),
    says = "",
  }),
  protocol({
    name = "overlong_utf8_in_event",
    does = "sends a character in more bytes than it needs",
    play = with_event(delta('"delta":{"type":"text_delta","text":"\192\175"}')),
    says = "",
  }),
  protocol({
    name = "nested_100k_in_event",
    does = "sends an event that is nested 100,000 deep",
    play = with_event(delta('"more":' .. ("["):rep(100000) .. ("]"):rep(100000))),
    says = "",
  }),
  {
    name = "duplicate_keys_in_event",
    does = "sends an event in which a name stands twice: the last counts",
    play = with_event(delta('"delta":{"type":"text_delta","text":"a","text":"b"}')),
    whole = true,
    text = "Hellob",
  },
  protocol({
    name = "second_message_start",
    does = "starts a second message in the first",
    play = with_event(wire.START),
    says = "message_start",
  }),
  protocol({
    name = "delta_of_no_block",
    does = "sends a delta for a block that has not started",
    play = with_event(
      wire.event(
        "content_block_delta",
        '{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"x"}}'
      )
    ),
    says = "",
  }),
}
