--- However large or odd a reply is: what it costs grows with its size, not with its square.
local core = require("claude.core")
local helpers = require("spec.helpers")
local s = require("spec.support.stream")

local grows_linearly = helpers.grows_linearly

local function read(events)
  local response = core.response()
  response:feed(s.stream(events))
  response:finish()
  while response:next() do
  end
  return response
end

local function finished(events, reason)
  events[#events + 1] = s.message_delta(reason or "end_turn")
  events[#events + 1] = s.STOP
  return events
end

-- A message_start, and what make(i) gives for each block.
local function blocks(count, make)
  local events = { s.START }
  for i = 0, count - 1 do
    for _, event in ipairs({ make(i) }) do
      events[#events + 1] = event
    end
  end
  return events
end

local TEXT = '{"type":"text","text":"x"}'

local function call(i, id)
  local block = '{"type":"server_tool_use","id":"srvtoolu_%d","name":"web_search","input":{}}'
  return s.block_start(i, block:format(id)), s.block_stop(i)
end

local function result(i, id)
  local block = '{"type":"web_search_tool_result","tool_use_id":"srvtoolu_%d","content":[]}'
  return s.block_start(i, block:format(id)), s.block_stop(i)
end

describe("the time for", function()
  it("many blocks, from start to stop", function()
    grows_linearly(4000, function(count)
      local response = read(
        finished(blocks(count, function(i) return s.block_start(i, TEXT), s.block_stop(i) end))
      )
      assert.equal(count, response:block_count())
      assert(response:seal())
    end)
  end)

  it("many blocks that end in half a character", function()
    local half = '{"type":"text_delta","text":"\\ud83d"}'
    grows_linearly(4000, function(count)
      local response = read(
        finished(blocks(count, function(i) return s.block_start(i, TEXT), s.delta(i, half) end))
      )
      assert.is_true(response:complete())
    end)
  end)

  it("many calls without a result before a fallback", function()
    grows_linearly(4000, function(count)
      local events = blocks(count, function(i) return call(i, i) end)
      events[#events + 1] = s.block_start(count, '{"type":"fallback","to":{"model":"m2"}}')
      events[#events + 1] = s.block_stop(count)
      events[#events + 1] = s.block_start(count + 1, TEXT)
      local _, changes = read(finished(events)):seal()
      assert.equal(count, #changes)
    end)
  end)

  it("many calls with their results in a reply that was cut", function()
    grows_linearly(4000, function(count)
      local events = blocks(2 * count, function(i)
        if i < count then return call(i, i) end
        return result(i, 2 * count - i - 1)
      end)
      local bytes, changes = read(events):seal("keep")
      assert.equal(0, #changes)
      assert.matches("srvtoolu_0", bytes)
    end)
  end)

  it("a huge event that comes in small pieces", function()
    grows_linearly(60000, function(size)
      local response = core.response()
      response:feed("event: ping\ndata: ")
      for _ = 1, size do
        response:feed("x")
        assert(select(2, response:next()) == "more")
      end
      response:feed("\n\n")
      assert.equal("ping", (response:next()))
      assert.equal(size, #response:event())
    end)
  end)

  it("an HTTP/1.1 answer that comes byte by byte", function()
    local function feed_singly(decoder, bytes, count)
      for _ = 1, count do
        for i = 1, #bytes do
          assert(decoder:feed(bytes:sub(i, i)))
        end
      end
    end
    grows_linearly(20000, function(size)
      local decoder = core.http1(core.response())
      decoder:feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nlong: ")
      feed_singly(decoder, "x", size)
      feed_singly(decoder, "\r\n fold", size)
      decoder:feed("\r\n\r\n")
      feed_singly(decoder, "1\r\nx\r\n", size)
      decoder:feed("0\r\n\r\n")
      assert.is_true(decoder:done())
    end)
  end)

  it("a body of many parts that is read in pieces", function()
    grows_linearly(10000, function(count)
      local parts = {}
      for i = 1, count do
        parts[i] = "0123456789"
      end
      local body, offset = core.body(parts), 0
      while offset < 10 * count do
        offset = offset + #body:read(offset, 16)
      end
      assert.equal(10 * count, offset)
    end)
  end)

  it("many headers of one name", function()
    grows_linearly(20000, function(count)
      local response = core.response()
      response:feed_header("HTTP/1.1 200 OK")
      for _ = 1, count do
        response:feed_header("a: b")
      end
      assert.equal(3 * count - 2, #response:headers().a)
    end)
  end)
end)

describe("a reply of more than 100000 blocks", function()
  if helpers.is_emulated() then return end

  local content = "[" .. ("{},"):rep(100000) .. "{}]"

  it("is refused in a stream, and keeps what had come", function()
    local response = read({ (s.START:gsub("%[%]", content)) })
    assert.equal(100000, response:block_count())
    assert.matches("larger than the limits allow", response:failure().message)
  end)

  it("is refused as a whole", function()
    local response = core.response()
    response:feed('{"type":"message","content":' .. content .. "}")
    response:finish()
    assert.same({ nil, "error" }, { response:next() })
    assert.equal("protocol", response:failure().kind)
  end)
end)
