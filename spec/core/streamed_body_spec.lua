local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking

local function open(limits, status)
  limits = limits or {}
  limits.stream_body = true
  local response = core.response(limits)
  assert(response:feed_header("HTTP/1.1 " .. (status or "200 OK")))
  return response
end

-- Feeds the pieces, reading after each as much as there is, and ends the answer.
local function receive(chunks, read, limits, failure)
  local response, got = open(limits), {}
  local function drain()
    while true do
      local piece, why = read(response)
      if not piece then return why end
      got[#got + 1] = piece
    end
  end
  for _, chunk in ipairs(chunks) do
    response:feed(chunk)
    drain()
  end
  response:finish(failure)
  return got, drain(), response
end

local function line(response) return response:read_line() end

describe("a streamed body", function()
  for name, case in pairs({
    ["ends lines at LF and at CRLF"] = { "a\nbc\r\n", { "a", "bc" } },
    ["may lack the last line's end"] = { "a\nbc", { "a", "bc" } },
    ["has empty lines"] = { "\n\r\na\n", { "", "", "a" } },
    ["keeps a CR that ends no line"] = { "a\rb\n", { "a\rb" } },
    ["may hold any byte"] = { "\0\255\n", { "\0\255" } },
    ["may be empty"] = { "", {} },
  }) do
    it(name .. ", however it is cut", function()
      each_chunking(case[1], function(chunks, how)
        local got, why = receive(chunks, line)
        assert.same(case[2], got, how)
        assert.equal("end", why)
      end)
    end)
  end

  it("gives bytes as they come, and never more than was asked for", function()
    local got = receive({ "abcde", "fg" }, function(response) return response:read(3) end)
    assert.same({ "abc", "de", "fg" }, got)
  end)

  it("gives bytes and lines in turn", function()
    local response = open()
    response:feed("12\nabc")
    assert.equal("1", response:read(1))
    assert.equal("2", response:read_line())
    assert.same({ nil, "more" }, { response:read_line() })
    assert.equal("abc", response:read(100))
  end)

  it("counts as unread what was not handed out", function()
    local response = open()
    response:feed("ab\ncd")
    assert.equal(5, response:unread())
    response:read_line()
    assert.equal(2, response:unread())
  end)

  it("keeps nothing of what was handed out", function()
    local response = open({ max_body_bytes = 1000 })
    for i = 1, 5000 do
      assert(response:feed("line " .. i .. "\n"))
      assert.equal("line " .. i, response:read_line())
    end
    assert.equal("", response:body())
  end)

  it("looks at each byte of a long line once", function()
    require("spec.helpers").grows_linearly(20000, function(n)
      local response = open()
      for _ = 1, n do
        response:feed("0123456789")
        response:read_line()
      end
      response:feed("\n")
      assert.equal(10 * n, #response:read_line())
    end)
  end)

  it("refuses a line over the limit, however it is cut, and from then on", function()
    for _, text in ipairs({ "12345\n", "12345", "1\n12345\r\n" }) do
      each_chunking(text, function(chunks, how)
        local _, why, response = receive(chunks, line, { max_line_bytes = 4 })
        assert.equal("error", why, how)
        assert.equal("a line is longer than max_line_bytes", response:failure().message)
        assert.same({ nil, "error" }, { response:read(1) })
      end)
    end
    each_chunking(
      "1234\r\n1234\n1234",
      function(chunks, how)
        assert.same(
          { "1234", "1234", "1234" },
          (receive(chunks, line, { max_line_bytes = 4 })),
          how
        )
      end
    )
  end)

  it("says where the connection broke, after whole lines were handed out", function()
    local got, why, response = receive({ "a\nb" }, line, nil, "reset")
    assert.same({ "a" }, got)
    assert.equal("error", why)
    local failure = response:failure()
    assert.same({ "network", "reset", 2 }, { failure.kind, failure.message, failure.offset })
  end)

  it("is not that of an answer with an error status, which is kept", function()
    local response = open(nil, "404 Not Found")
    response:feed("nothing\n")
    assert.same({ nil, "more" }, { response:read_line() })
    response:finish()
    assert.same({ nil, "error" }, { response:read_line() })
    assert.equal("nothing\n", response:body())
  end)

  it("is no stream of events, whatever its type", function()
    local response = open()
    response:feed_header("content-type: text/event-stream")
    assert.is_false(response:is_event_stream())
    response:feed("event: ping\n")
    assert.is_false(response:is_event_stream())
    assert.same({ nil, "more" }, { response:next() })
    assert.equal("event: ping", response:read_line())
  end)

  it("takes a number of bytes from 1", function()
    assert.has_error(function() open():read(0) end)
    assert.has_error(function() open():read() end)
  end)
end)
