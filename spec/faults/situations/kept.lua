--- Kept connections: what is done to one after a good answer must harm no other request.
local wire = require("spec.faults.wire")

-- The same steps behind a good stream and a good JSON answer.
local function behind(situation, ...)
  situation.play, situation.json = {}, { play = {} }
  for i, good in ipairs({ wire.GOOD_STREAM, wire.GOOD_JSON }) do
    local steps = i == 1 and situation.play or situation.json.play
    for _, step in ipairs(good) do
      steps[#steps + 1] = step
    end
    for k = 1, select("#", ...) do
      steps[#steps + 1] = (select(k, ...))
    end
  end
  situation.whole = true
  return situation
end

local FALSE_JSON = wire.answer("200 OK", "application/json", '{"input_tokens":666}')
local FALSE_EVENTS = wire.stream_head("Transfer-Encoding: chunked\r\n")
  .. wire.chunk((wire.WHOLE:gsub("Hel", "Fal")))
  .. wire.LAST_CHUNK
local MARK = { "mark" }

return {
  title = "Kept connections",
  behind({
    name = "closed_after_answer",
    does = "answers well, and closes the connection without having said so",
  }, wire.CLOSE),
  behind({
    name = "reset_after_answer",
    does = "answers well, and resets the connection",
    marks = true,
  }, wire.PAUSE, MARK, wire.RESET),
  behind({
    name = "closed_as_next_request_comes",
    does = "answers well, and closes the connection when the next request comes on it",
  }, { "drop_next" }),
  behind({
    name = "byte_after_end",
    does = "sends a byte right behind the end of the answer",
    marks = true,
  }, "X", MARK),
  behind({
    name = "byte_after_end_late",
    does = "sends a byte behind the end of the answer, a moment later",
    marks = true,
  }, wire.PAUSE, "X", MARK),
  behind({
    name = "answer_without_request",
    does = "sends a second answer that nobody asked for, JSON",
    marks = true,
  }, wire.PAUSE, FALSE_JSON, MARK),
  behind({
    name = "stream_without_request",
    does = "sends a second stream that nobody asked for",
    marks = true,
  }, wire.PAUSE, FALSE_EVENTS, MARK),
}
