-- What `make cuts` judges with: a second reader that is wrong as well would find nothing.
local core = require("claude.core")
local recording = require("spec.cuts.recording")
local reference = require("spec.cuts.reference")
local reference_http = require("spec.cuts.reference_http")
local strict_json = require("spec.cuts.strict_json")
local verdict = require("spec.cuts.verdict")

local WHOLE = strict_json.read(recording.MESSAGE)

local function changed(pattern, replacement)
  local stream, count = recording.STREAM:gsub(pattern, replacement, 1)
  assert(count == 1, pattern)
  return stream
end

local function response_to(stream)
  local response = core.response({})
  response:feed_header("HTTP/1.1 200 OK")
  response:feed_header("content-type: text/event-stream")
  response:feed(stream)
  response:finish()
  while response:next() do
  end
  return response
end

describe("the second opinion on a stream", function()
  it("makes the recorded message of the recorded stream", function()
    local told = reference.read(recording.STREAM)
    assert.is_true(told.whole)
    assert.same(WHOLE, told.message)
  end)

  it("makes it of the answer in chunks, whatever their sizes", function()
    for _, sizes in ipairs({ { 1 }, { 7, 300 }, { 100000 } }) do
      local answered = reference_http.read((recording.chunked(recording.STREAM, sizes)))
      assert.same({ "done", recording.STREAM }, { answered.how, answered.body })
    end
  end)

  for what, case in pairs({
    ["bad JSON"] = { '"index":0,', '"index":0,,', "protocol" },
    ["bytes that are no UTF-8"] = { "Gr\195\188", "Gr\195\195", "protocol" },
    ["a block that starts twice"] = {
      '"content_block_start","index":1',
      '"content_block_start","index":0',
      "protocol",
    },
    ["a name that its type contradicts"] = {
      "event: message_stop",
      "event: message_delta",
      "protocol",
    },
    ["an error"] = { "event: message_stop", "event: error", "api" },
  }) do
    it("refuses " .. what, function()
      local told = reference.read(changed(case[1], case[2]))
      assert.same({ false, case[3] }, { told.whole, told.failure })
    end)
  end

  it("does not take a cut stream for whole", function()
    local last = recording.STREAM:find("event: message_delta", 1, true)
    assert.is_false(reference.read(recording.STREAM:sub(1, last)).whole)
  end)

  it("refuses two lengths, a chunk without CRLF, and a bare CR", function()
    for _, answer in ipairs({
      "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n",
      "HTTP/1.1 200 OK\r\na: b\rc\r\n\r\n",
    }) do
      assert.equal("refused", reference_http.read(answer).how)
    end
  end)
end)

describe("the verdict", function()
  it("is that a right message is right", function()
    local told = reference.read(recording.STREAM)
    assert.is_nil(verdict.response(response_to(recording.STREAM), told, "incomplete"))
    assert.is_nil(verdict.beginning(WHOLE, WHOLE, true))
  end)

  it("is that another message is wrong", function()
    local cases = { { "Now I", "Now U" }, { '"dig"', '"dog"' }, { "AiJAq83", "AiJBq83" } }
    for _, case in ipairs(cases) do
      local told = reference.read(changed(case[1], case[2]))
      assert.is_truthy(verdict.response(response_to(recording.STREAM), told, "incomplete"))
      assert.is_truthy(verdict.beginning(told.message, WHOLE, true))
    end
  end)

  it("is that a call, or thinking alone, cannot be kept", function()
    local blocks = core.split(recording.MESSAGE:match('"content":(%b[])'))
    local function turn(...)
      return ('{"role":"assistant","content":[%s]}'):format(table.concat({ ... }, ","))
    end
    assert.is_nil(verdict.kept(turn(blocks[1], blocks[2], blocks[3]), WHOLE))
    assert.is_truthy(verdict.kept(turn(blocks[1]), WHOLE))
    assert.is_truthy(verdict.kept(turn(blocks[2]), WHOLE))
    assert.is_truthy(
      verdict.kept(turn(blocks[1], blocks[2], blocks[3], blocks[4], blocks[5]), WHOLE)
    )
  end)
end)
