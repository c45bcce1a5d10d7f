--- Bodies that are not what was asked for.
local wire = require("spec.faults.wire")

local function json(body, content_type)
  return { wire.answer("200 OK", content_type or "application/json", body) }
end

local function no_answer(situation)
  situation.json = situation.json == nil and true or situation.json
  situation.kind, situation.status, situation.retryable = "protocol", 200, false
  return situation
end

local function only_json(situation)
  situation.stream = false
  return no_answer(situation)
end

local DEEP = ("["):rep(100000)

return {
  title = "Bodies",
  no_answer({
    name = "html_200",
    does = "answers 200 with a page of HTML",
    play = json("<html>Welcome</html>", "text/html"),
    says = "<html>Welcome</html>",
  }),
  no_answer({
    name = "empty_200",
    does = "answers 200 without a body",
    play = json(""),
    says = "it is empty",
  }),
  no_answer({
    name = "binary_200",
    does = "answers 200 with a picture",
    play = json("\137PNG\r\n\26\n\0\0\0\13IHDR", "image/png"),
    says = "the answer is no",
  }),
  {
    name = "stream_called_plain",
    does = "calls a stream text/plain",
    play = {
      (wire.STREAM_HEAD:gsub("text/event%-stream", "text/plain")),
      wire.chunk(wire.WHOLE),
      wire.LAST_CHUNK,
    },
    whole = true,
  },
  {
    name = "json_called_stream",
    does = "calls a JSON answer text/event-stream",
    stream = false,
    json = true,
    play = json(wire.JSON, "text/event-stream"),
    whole = true,
  },
  only_json({
    name = "json_cut",
    does = "sends JSON that ends too early",
    play = json('{"input_tokens":'),
    says = "the answer is no JSON object",
  }),
  only_json({
    name = "json_nested_100k",
    does = "sends JSON that is nested 100,000 deep",
    play = json('{"input_tokens":' .. DEEP .. ("]"):rep(#DEEP) .. "}"),
    says = "the answer is no JSON object",
  }),
  {
    name = "json_huge",
    does = "sends more than max_body_bytes",
    stream = false,
    json = true,
    play = {
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n",
      wire.times((" "):rep(65536), 40),
      wire.HANG,
    },
    options = { max_body_bytes = 1024 * 1024 },
    kind = "protocol",
    retryable = false,
    says = "max_body_bytes",
  },
}
