local api = require("spec.support.api_server")
local core = require("claude.core")
local message_views = require("claude.message")

local function response_of(events)
  local response = core.response()
  assert(response:feed_header("HTTP/1.1 200 OK"))
  assert(response:feed_header("content-type: text/event-stream"))
  assert(response:feed_header("request-id: req_1"))
  assert(response:feed_header(""))
  assert(response:feed(table.concat(api.sse(events))))
  response:finish()
  while response:next() do
  end
  return response
end

describe("message.view", function()
  local CALL = {
    { type = "tool_use", id = "t1", name = "f", input = {} },
    { type = "input_json_delta", partial_json = '{"a": 1.0}' },
  }

  it("has text, thinking and tool calls", function()
    local message = message_views.view(response_of(api.reply({
      api.thinking("One.", "s1"),
      api.text("A"),
      CALL,
      api.thinking("", "s2"),
      api.thinking("Two.", "s3"),
      api.text("B"),
    }, "tool_use")))
    assert.equal("AB", message:text())
    assert.equal("One.\n\nTwo.", message:thinking())
    assert.equal("t1", message:tool_uses()[1].id)
    assert.equal(1, #message:tool_uses())
    assert.equal("tool_use", message.stop_reason)
    assert.equal("req_1", message.request_id)
    assert.is_true(message_views.is(message))
  end)

  it("remembers the bytes of every block", function()
    local message = message_views.view(response_of(api.reply({ api.text("A"), CALL })))
    assert.equal('{"text":"A","type":"text"}', message_views.raw_of(message.content[1]))
    assert.truthy(message_views.raw_of(message.content[2]):find('{"a": 1.0}', 1, true))
    assert.is_nil(message_views.raw_of({}))
  end)

  it("forgets with the block", function()
    local weak = setmetatable({}, { __mode = "k" })
    local function make()
      local message = message_views.view(response_of(api.reply({ api.text("A") })))
      weak[message.content[1]] = true
    end
    make()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)

  it("holds what arrived of an incomplete reply, and its response", function()
    local events = api.reply({ api.text("A"), api.text("B") })
    local response = response_of({ events[1], events[2], events[3] })
    local message = message_views.view(response)
    assert.equal("A", message:text())
    assert.is_nil(message.stop_reason)
    assert.equal(response, message_views.response_of(message))
  end)

  it("does not hold the response of a complete one", function()
    local message = message_views.view(response_of(api.reply({ api.text("A") })))
    assert.is_nil(message_views.response_of(message))
  end)

  it("is nil when no message began", function()
    local response = response_of({})
    assert.is_nil((message_views.view(response)))
  end)
end)
