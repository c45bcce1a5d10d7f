local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking
local s = require("spec.support.stream")

local function lines(list) return table.concat(list, "\r\n") .. "\r\n" end

--- The bytes of an answer: its status line and headers, and its body.
local function answer(head, body) return lines(head) .. "\r\n" .. (body or "") end

local OK = "HTTP/1.1 200 OK"
local TEXT = "Content-Type: text/plain"
local CHUNKED = "Transfer-Encoding: chunked"

local function chunked(body) return answer({ OK, TEXT, CHUNKED }, body) end

--- Feeds the chunks to a new decoder up to the first failure.
local function feed(chunks, limits)
  local response = core.response(limits)
  local decoder = core.http1(response)
  for _, chunk in ipairs(chunks) do
    local ok, told = decoder:feed(chunk)
    if not ok then return decoder, response, told end
    if told ~= decoder:done() then assert.equal(decoder:done(), told, "told of the end") end
  end
  return decoder, response
end

--- What an answer comes to, if the connection stays open.
local function decode(chunks, limits)
  local decoder, response, problem = feed(chunks, limits)
  return {
    status = response:status(),
    body = response:body(),
    done = decoder:done(),
    finished = response:finished(),
    keeps_alive = decoder:keeps_alive(),
    problem = problem or false,
  }
end

-- An assertion only where there is something to say: cuts are many, assertions slow.
local function compare(expected, seen, how)
  for name, value in pairs(expected) do
    if seen[name] ~= value then assert.equal(value, seen[name], name .. ", " .. how) end
  end
end

local function each_way(bytes, expected, limits)
  each_chunking(bytes, function(chunks, how) compare(expected, decode(chunks, limits), how) end)
end

local function it_reads(what, bytes, expected)
  it(
    "reads " .. what .. ", however the bytes are cut",
    function()
      each_way(bytes, {
        status = expected.status or 200,
        body = expected.body or "",
        done = true,
        finished = true,
        keeps_alive = expected.keeps_alive ~= false,
        problem = false,
      })
    end
  )
end

local function it_refuses(what, bytes, problem)
  it(
    "refuses " .. what .. ", however the bytes are cut",
    function()
      each_way(bytes, { problem = problem, done = false, finished = true, keeps_alive = false })
    end
  )
end

describe("core.http1, the status line", function()
  it_reads("a status line without a reason", answer({ "HTTP/1.1 204 " }), { status = 204 })
  it_reads(
    "a status line without the blank in front of no reason",
    answer({ "HTTP/1.1 204" }),
    { status = 204 }
  )
  it_reads(
    "a reason of any bytes but control characters",
    answer({ "HTTP/1.1 204 Nic tu nen\195\173:\t\255 (really)" }),
    { status = 204 }
  )
  it_reads("a later HTTP/1 as HTTP/1.1", answer({ "HTTP/1.7 204 OK" }), { status = 204 })
  it_reads("a status nobody knows", answer({ "HTTP/1.1 999 ?", "Content-Length: 0" }), {
    status = 999,
  })

  it_reads(
    "the answer behind interim answers",
    answer({ "HTTP/1.1 100 Continue" })
      .. answer({ "HTTP/1.1 103 Early Hints", "Link: </a>", "Content-Length: 7" })
      .. answer({ OK, TEXT, "Content-Length: 2" }, "ok"),
    { body = "ok" }
  )

  it("keeps nothing of an interim answer", function()
    local _, response = feed({
      answer({ "HTTP/1.1 103 Early Hints", "X-Early: 1", "Connection: close" }),
      answer({ OK, "X-Late: 2" }),
    })
    assert.same({ ["x-late"] = "2" }, response:headers())
    _, response = feed({ answer({ "HTTP/1.1 100 Continue" }) })
    assert.is_nil(response:status())
  end)

  local NOT_HTTP = "what the server sends is not HTTP/1.1"
  it_refuses("an alert of TLS, without waiting for a line end", "\21\3\3\0\2\2\70", NOT_HTTP)
  it_refuses("a line end in front of the status line", "\r\n" .. answer({ OK }), NOT_HTTP)
  it_refuses("HTTP in lower case", "http/1.1 200 OK\r\n", NOT_HTTP)
  it_refuses("the answer of another protocol", "ICY 200 OK\r\n", NOT_HTTP)

  local NOT_1 = "the status line is not that of HTTP/1.0 or HTTP/1.1"
  for _, line in ipairs({
    "HTTP/2 200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/1.x 200 OK",
    "HTTP/1 200 OK",
    "HTTP/1.1",
    "HTTP/1.1\t200 OK",
    "HTTP/1.10 200 OK",
    "HTTP/ 1.1 200 OK",
    "HTTP/",
  }) do
    it_refuses(("the version of %q"):format(line), line .. "\r\n", NOT_1)
  end

  for _, line in ipairs({
    "HTTP/1.1 ",
    "HTTP/1.1 20",
    "HTTP/1.1 2000",
    "HTTP/1.1 20 OK",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 2x0 OK",
    "HTTP/1.1 2a0 OK",
    "HTTP/1.1 -20 OK",
    "HTTP/1.1 +20 OK",
    "HTTP/1.1 099 OK",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 200OK",
  }) do
    it_refuses(
      ("the status of %q"):format(line),
      line .. "\r\n",
      "the status line has no status of three digits"
    )
  end

  for name, byte in pairs({ ["NUL"] = "\0", ["a bare CR"] = "\r", ["a delete"] = "\127" }) do
    it_refuses(
      name .. " in the reason",
      "HTTP/1.1 200 O" .. byte .. "K\r\n",
      "the status line holds a control character"
    )
  end

  it_refuses(
    "to switch protocols",
    answer({ "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket" }),
    "the server switches protocols (status 101), unasked"
  )
end)

describe("core.http1, the headers", function()
  local function headers_of(chunks)
    local decoder, response, problem = feed(chunks)
    assert.is_nil(problem)
    assert.is_true(decoder:done())
    return response:headers()
  end

  local function it_hands_on(what, bytes, expected)
    it("hands on " .. what .. ", however the bytes are cut", function()
      each_chunking(bytes, function(chunks, how) assert.same(expected, headers_of(chunks), how) end)
    end)
  end

  local NOTHING = "HTTP/1.1 204 No Content"

  it_hands_on(
    "names in any case, and values without the blanks around them",
    answer({ NOTHING, "Request-ID:req_1", "X-Odd!#$%&'*+-.^_`|~9: \t a  b\t", "x-empty:" }),
    { ["request-id"] = "req_1", ["x-odd!#$%&'*+-.^_`|~9"] = "a  b", ["x-empty"] = "" }
  )
  it_hands_on("bytes that are not ASCII", answer({ NOTHING, "a: \128\255" }), { a = "\128\255" })
  it_hands_on("several of one name", answer({ NOTHING, "a: 1", "b: 2", "A: 3" }), {
    a = "1, 3",
    b = "2",
  })
  it_hands_on("lines that end in LF alone", "HTTP/1.1 204 No\na: 1\nb: 2\r\n\n", {
    a = "1",
    b = "2",
  })
  it_hands_on(
    "a folded header as one line",
    answer({ NOTHING, "a: 1", "  2", "\t \t3\t", " ", "b:", " 4" }),
    { a = "1 2 3", b = "4" }
  )

  it("does not take trailers for headers", function()
    local decoder, response = feed({ chunked("0\r\nX-Late: 1\r\nContent-Length: 7\r\n\r\n") })
    assert.is_true(decoder:done())
    assert.same(
      { ["content-type"] = "text/plain", ["transfer-encoding"] = "chunked" },
      response:headers()
    )
  end)

  for where, start in pairs({
    ["the headers"] = lines({ OK }),
    ["the headers of an interim answer"] = lines({ "HTTP/1.1 100 Continue" }),
    ["the trailers"] = chunked("0\r\n"),
  }) do
    it_refuses(
      "a line without a colon in " .. where,
      start .. "abc\r\n\r\n",
      "a header line has no colon"
    )
    for _, name in ipairs({ "", "a b", "a ", "a\t", "\195\169", "a\0", "(a)" }) do
      it_refuses(
        ("the name %q in %s"):format(name, where),
        start .. name .. ": x\r\n\r\n",
        "a header's name is empty, or holds more than a token may"
      )
    end
    for name, byte in pairs({ ["NUL"] = "\0", ["a bare CR"] = "\r", ["an escape"] = "\27" }) do
      it_refuses(
        name .. " in " .. where,
        start .. "X-Odd: a" .. byte .. "b\r\n\r\n",
        "the header X-Odd holds a control character"
      )
    end
    it_refuses(
      "two CRs in front of the LF in " .. where,
      start .. "a: b\r\r\n\r\n",
      "the header a holds a control character"
    )
    it_refuses(
      "a blank in front of the first of " .. where,
      start .. " a: b\r\n\r\n",
      "a blank stands in front of the first header"
    )
  end

  it("shows at most 40 bytes of a name that it complains about", function()
    local _, _, problem = feed({ lines({ OK, ("n"):rep(500) .. ": \0" }) .. "\r\n" })
    assert.equal("the header " .. ("n"):rep(40) .. " holds a control character", problem)
  end)
end)

describe("core.http1, a body", function()
  it_reads("of a known length", answer({ OK, TEXT, "Content-Length: 5" }, "a\0\r\n\255"), {
    body = "a\0\r\n\255",
  })
  it_reads("of length 0", answer({ OK, TEXT, "content-length: 0" }), {})
  it_reads("whose length has leading zeros", answer({ OK, TEXT, "CONTENT-LENGTH: 0002" }, "ab"), {
    body = "ab",
  })
  it_reads(
    "whose one length is given several times",
    answer({ OK, TEXT, "Content-Length: 2", "Content-Length: 2 ,\t02" }, "ab"),
    { body = "ab" }
  )
  it_reads(
    "that says it is not encoded",
    answer({
      OK,
      TEXT,
      "Content-Length: 1",
      "Content-Encoding: Identity",
    }, "a"),
    { body = "a" }
  )

  for _, status in ipairs({ 204, 304 }) do
    it_reads(
      "that is none because of status " .. status,
      answer({ ("HTTP/1.1 %d x"):format(status), "Content-Length: 10" }),
      { status = status }
    )
  end

  local NO_NUMBER = "the header Content-Length is not a number of bytes"
  for _, value in ipairs({
    "",
    "-1",
    "+1",
    "1.0",
    "0x1",
    "1 1",
    "a",
    "1a",
    "1,",
    ",1",
    "1,,1",
    "9223372036854775807",
    "18446744073709551616",
    "99999999999999999999999999",
  }) do
    it_refuses(
      ("the length %q"):format(value),
      answer({ OK, TEXT, "Content-Length: " .. value }, "a"),
      NO_NUMBER
    )
  end

  it("takes the largest length there is", function()
    local decoder = feed({ answer({ OK, TEXT, "Content-Length: 9223372036854775805" }) })
    assert.equal(9223372036854775805, decoder:wants())
  end)

  it_refuses(
    "two lengths",
    answer({ OK, TEXT, "Content-Length: 1", "Content-Length: 2" }, "ab"),
    "the header Content-Length is given with two different values"
  )
  it_refuses(
    "a length beside chunks, in front of them",
    answer({ OK, TEXT, "Content-Length: 5", CHUNKED }, "0\r\n\r\n"),
    "the answer has both Transfer-Encoding and Content-Length"
  )
  it_refuses(
    "a length beside chunks, behind them",
    answer({ OK, TEXT, CHUNKED, "Content-Length: 0" }, "0\r\n\r\n"),
    "the answer has both Transfer-Encoding and Content-Length"
  )
  for _, value in ipairs({
    "",
    "identity",
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "chunked;a=b",
    "xchunked",
    '"chunked"',
    "chunked,",
  }) do
    it_refuses(
      ("the transfer encoding %q"):format(value),
      answer({ OK, TEXT, "Transfer-Encoding: " .. value }, "0\r\n\r\n"),
      'the header Transfer-Encoding is more or other than "chunked"'
    )
  end
  it_refuses(
    "to be chunked twice",
    answer({ OK, TEXT, CHUNKED, CHUNKED }, "0\r\n\r\n"),
    'the header Transfer-Encoding is more or other than "chunked"'
  )
  it_refuses(
    "chunks in HTTP/1.0",
    answer({ "HTTP/1.0 200 OK", TEXT, CHUNKED }, "0\r\n\r\n"),
    "an answer in HTTP/1.0 cannot have Transfer-Encoding"
  )
  it_refuses(
    "a compressed body",
    answer({ OK, TEXT, "Content-Encoding: gzip", "Content-Length: 1" }, "a"),
    "the body is encoded (Content-Encoding: gzip), unasked"
  )
  it_refuses(
    "a body encoded twice",
    answer({ OK, TEXT, "Content-Encoding: gzip, br", "Content-Length: 1" }, "a"),
    "the body is encoded (Content-Encoding), unasked"
  )
end)

describe("core.http1, a body in chunks", function()
  it_reads("chunks", chunked("3\r\na\r\n\r\n1\r\nb\r\n0\r\n\r\n"), { body = "a\r\nb" })
  it_reads("no chunk but the last", chunked("0\r\n\r\n"), {})
  it_reads(
    "sizes in either case, with leading zeros",
    chunked("00A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n"),
    { body = "01234567890123456789a" }
  )
  it_reads(
    "extensions, which it skips",
    chunked('1;a\r\nx\r\n1 ; b="c;d" ;e\t=f\r\ny\r\n0;last\r\n\r\n'),
    { body = "xy" }
  )
  it_reads("trailers, which it drops", chunked("1\r\nx\r\n0\r\na: 1\r\n b\r\nc: 2\r\n\r\n"), {
    body = "x",
  })
  it_reads(
    "the coding in any case",
    answer({ OK, TEXT, "transfer-encoding: Chunked" }, "0\r\n\r\n"),
    {}
  )

  local NO_SIZE = "a chunk's size is not a hexadecimal number of bytes"
  for _, size in ipairs({
    "",
    "x",
    " 1",
    "-1",
    "+1",
    ";a",
    "7fffffffffffffff",
    "10000000000000000",
    "100000000000000001",
  }) do
    it_refuses(("the size %q"):format(size), chunked(size .. "\r\nx\r\n"), NO_SIZE)
  end

  for _, header in ipairs({ "1x", "0x1", "1 ", "1 1", "1,1", "1:a", "1 a;b" }) do
    it_refuses(
      ("the chunk's header %q"):format(header),
      chunked(header .. "\r\nx\r\n"),
      "a chunk's size is followed by something other than an extension"
    )
  end

  for name, byte in pairs({ ["NUL"] = "\0", ["a bare CR"] = "\r" }) do
    it_refuses(
      name .. " in an extension",
      chunked("1;a" .. byte .. "b\r\nx\r\n"),
      "a chunk's header holds a control character"
    )
  end

  it_refuses("LF alone behind a size", chunked("1\nx\r\n"), "a chunk's header does not end in CRLF")
  for _, ending in ipairs({ "\n", "x", "xy", "x\r\n", "\r\r\n", "\r0" }) do
    it_refuses(
      ("%q behind a chunk's data"):format(ending),
      chunked("1\r\nx" .. ending),
      "a chunk's data is not followed by CRLF"
    )
  end
end)

describe("core.http1, a body that ends with the connection", function()
  it("is over when the connection is", function()
    each_chunking(answer({ OK, TEXT }, "a\r\n\r\nb"), function(chunks, how)
      local decoder, response = feed(chunks)
      assert.is_false(decoder:done(), how)
      assert.is_false(response:finished(), how)
      assert.is_true(decoder:finish())
      assert.is_true(decoder:done(), how)
      assert.equal("a\r\n\r\nb", response:body(), how)
      assert.is_false(decoder:keeps_alive(), how)
    end)
  end)

  it("is not whole when the connection failed", function()
    local decoder, response = feed({ answer({ OK, TEXT }, "a") })
    assert.same({ nil, "in the body: timed out" }, { decoder:finish("timed out") })
    assert.is_false(decoder:done())
    assert.equal("network", response:failure().kind)
  end)
end)

describe("core.http1, the last byte of an answer", function()
  it("is told of by the call that takes it", function()
    local decoder = core.http1(core.response())
    local bytes = answer({ OK, TEXT, "Content-Length: 2" }, "ab")
    assert.same({ true, false }, { decoder:feed(bytes:sub(1, -2)) })
    assert.same({ true, true }, { decoder:feed("b") })
    assert.same({ true, true }, { decoder:feed("more") })
  end)
end)

describe("core.http1, a connection that ends", function()
  local LONG = answer({ OK, TEXT, "Content-Length: 10" }, "abc")
  local CASES = {
    { "before the first byte", "", "before the status line" },
    { "after an interim answer", answer({ "HTTP/1.1 100 Continue" }), "before the status line" },
    { "in the status line", "HTTP/1.1 200", "in the status line" },
    { "behind the status line", lines({ OK }), "in the headers" },
    { "in a header", lines({ OK }) .. "Content-Ty", "in the headers" },
    { "in the body", LONG, "in the body, of which 7 bytes are missing" },
    { "before the first chunk", chunked(""), "before the last chunk" },
    { "in a chunk's size", chunked("1"), "in a chunk's header" },
    { "in a chunk", chunked("1f\r\nabc"), "in a chunk, of which 28 bytes are missing" },
    { "behind a chunk's data", chunked("1\r\na"), "between two chunks" },
    { "in the CRLF behind a chunk", chunked("1\r\na\r"), "between two chunks" },
    { "behind a chunk", chunked("1\r\na\r\n"), "before the last chunk" },
    { "behind the last chunk", chunked("0\r\n"), "in the trailers" },
    { "in a trailer", chunked("0\r\na: b\r\n"), "in the trailers" },
  }

  for _, case in ipairs(CASES) do
    local what, bytes, where = case[1], case[2], case[3]
    local function end_with(problem, expected)
      each_chunking(bytes, function(chunks, how)
        local decoder, response = feed(chunks)
        local seen = {
          finish = select(2, decoder:finish(problem)),
          feed = select(2, decoder:feed("more")),
          again = select(2, decoder:finish()),
          message = response:failure().message,
          kind = response:failure().kind,
          done = decoder:done(),
          wants = decoder:wants(),
        }
        compare({
          finish = expected,
          feed = expected,
          again = expected,
          message = expected,
          kind = "network",
          done = false,
          wants = 0,
        }, seen, how)
      end)
    end

    it(
      "cleanly " .. what .. " is told from an answer",
      function() end_with(nil, "the connection was closed " .. where) end
    )
    it(
      "with a failure " .. what .. " says both",
      function() end_with("connection reset by peer", where .. ": connection reset by peer") end
    )
  end

  it("behind the message is no failure, but ends the connection's use", function()
    local decoder, response = feed({ answer({ OK, TEXT, "Content-Length: 2" }, "ab") })
    assert.is_true(decoder:keeps_alive())
    assert.is_true(decoder:finish("reset"))
    assert.is_true(decoder:done())
    assert.is_nil(response:failure())
    assert.is_false(decoder:keeps_alive())
  end)

  it("with a long story has its text cut at the end of a character", function()
    local decoder, response = feed({ "HTTP" })
    local _, problem = decoder:finish(("\226\130\172"):rep(100))
    assert.equal("in the status line: " .. ("\226\130\172"):rep(46), problem)
    assert.equal(problem, response:failure().message)
  end)
end)

describe("core.http1, whether the connection may be used again", function()
  local LENGTH = "Content-Length: 1"

  it_reads(
    "an answer that wants it closed",
    answer({ OK, TEXT, LENGTH, "Connection: close" }, "a"),
    {
      body = "a",
      keeps_alive = false,
    }
  )
  it_reads(
    "one that wants it closed among other options",
    answer({ OK, TEXT, LENGTH, "Connection: keep-alive", "Connection: x, ,CLOSE" }, "a"),
    { body = "a", keeps_alive = false }
  )
  it_reads(
    "options that say nothing of it",
    answer({ OK, TEXT, LENGTH, "Connection: closed, x" }, "a"),
    {
      body = "a",
    }
  )
  it_reads("HTTP/1.0", answer({ "HTTP/1.0 200 OK", TEXT, LENGTH }, "a"), {
    body = "a",
    keeps_alive = false,
  })
  it_reads(
    "HTTP/1.0 with keep-alive",
    answer({ "HTTP/1.0 200 OK", TEXT, LENGTH, "Connection: Keep-Alive" }, "a"),
    { body = "a" }
  )

  for what, bytes in pairs({
    ["a body of a known length"] = answer({ OK, TEXT, LENGTH }, "a"),
    ["chunks"] = chunked("1\r\na\r\n0\r\n\r\n"),
  }) do
    it_reads("bytes behind " .. what .. " as none of its own", bytes .. "\n", {
      body = "a",
      keeps_alive = false,
    })
  end
  it_reads("bytes behind no body", answer({ "HTTP/1.1 204 x" }, "a"), {
    status = 204,
    keeps_alive = false,
  })

  it("says no while the answer is under way", function()
    local bytes = answer({ OK, TEXT, LENGTH }, "a")
    local decoder = core.http1(core.response())
    for i = 1, #bytes do
      assert.is_false(decoder:keeps_alive())
      decoder:feed(bytes:sub(i, i))
    end
    assert.is_true(decoder:keeps_alive())
  end)
end)

describe("core.http1, limits", function()
  local LARGE = "the headers are larger than max_header_bytes"

  -- Exactly so many bytes pass, whatever they are, and one more does not.
  local function it_bounds(what, bytes)
    it("counts " .. what .. ", however the bytes are cut", function()
      each_way(bytes, { done = true }, { max_header_bytes = #bytes })
      each_way(bytes, { problem = LARGE }, { max_header_bytes = #bytes - 1 })
    end)
  end
  it_bounds("headers", answer({ "HTTP/1.1 204 x", "abc: def", " ghi" }))
  it_bounds("interim answers", answer({ "HTTP/1.1 100 x" }):rep(3) .. answer({ "HTTP/1.1 204 x" }))

  it("counts trailers", function()
    local head, trailers = chunked(""), "a: b\r\n\r\n"
    local bytes, counted = head .. "0\r\n" .. trailers, #head + #trailers
    each_way(bytes, { done = true }, { max_header_bytes = counted })
    each_way(bytes, { problem = LARGE }, { max_header_bytes = counted - 1 })
  end)

  it("are met by the first bytes, however few they allow", function()
    each_way("HTTPX", { problem = LARGE }, { max_header_bytes = 3 })
    each_way(
      "HTXP",
      { problem = "what the server sends is not HTTP/1.1" },
      { max_header_bytes = 3 }
    )
  end)

  it("bounds a line that does not end", function()
    for _, start in ipairs({ "", "HTTP/1.1 200 ", lines({ OK }), chunked("0\r\n") }) do
      local decoder = feed({ start }, { max_header_bytes = 1000 })
      local fed, problem = 0
      repeat
        local piece = start == "" and ("HTTP/"):rep(20) or ("a"):rep(100)
        fed, problem = fed + 100, select(2, decoder:feed(piece))
      until problem
      assert.equal(LARGE, problem)
      assert.is_true(fed <= 1100)
    end
  end)

  it("bounds a chunk's header at 4096 bytes", function()
    local function header(size) return "1" .. (";"):rep(size - 3) .. "\r\n" end
    each_way(chunked(header(4096):sub(1, 9)), { problem = false })
    assert.is_true(decode({ chunked(header(4096) .. "a\r\n0\r\n\r\n") }).done)
    for _, bytes in ipairs({ header(4097), (header(5000):sub(1, 4097)) }) do
      local single = { chunked("") }
      for i = 1, #bytes do
        single[i + 1] = bytes:sub(i, i)
      end
      for _, chunks in ipairs({ single, { chunked(bytes) } }) do
        assert.equal("a chunk's header is longer than 4096 bytes", decode(chunks).problem)
      end
    end
  end)

  it(
    "stops where the response takes no more",
    function()
      each_way(
        chunked("6\r\nabcdef\r\n0\r\n\r\n"),
        { problem = "the body is larger than max_body_bytes", keeps_alive = false },
        { max_body_bytes = 5 }
      )
    end
  )
end)

describe("core.http1, what it wants", function()
  -- A socket whose receive takes only "line", and strips its end, or a number.
  local function socket(bytes)
    local at = 1
    return {
      receive = function(_, what)
        local from = at
        if what == "line" then
          local ending = assert(bytes:find("\r\n", at, true), "reads a line that never ends")
          at = ending + 2
          return bytes:sub(from, ending - 1) .. "\r\n"
        end
        assert(at + what - 1 <= #bytes, "reads more than comes")
        at = at + what
        return bytes:sub(from, at - 1)
      end,
      rest = function() return bytes:sub(at) end,
    }
  end

  local function read(bytes, most)
    local response = core.response()
    local decoder, from, reads = core.http1(response), socket(bytes), 0
    while decoder:wants() ~= 0 do
      local wanted = decoder:wants()
      if wanted ~= "line" then wanted = math.min(wanted, most or wanted) end
      assert(decoder:feed(from:receive(wanted)))
      reads = reads + 1
    end
    return decoder, response, from.rest(), reads
  end

  local NEXT = answer({ "HTTP/1.1 503 next" })
  for what, bytes in pairs({
    ["a length"] = answer({ OK, TEXT, "Content-Length: 5" }, "a\r\nbc"),
    ["chunks"] = chunked("3;x\r\na\r\n\r\n2\r\nbc\r\n0\r\na: b\r\n\r\n"),
  }) do
    it("reads an answer with " .. what .. " and not a byte of the next", function()
      for most = 1, 6 do
        local decoder, response, rest = read(bytes .. NEXT, most)
        assert.equal("a\r\nbc", response:body())
        assert.equal(NEXT, rest)
        assert.is_true(decoder:keeps_alive())
      end
    end)
  end

  it("takes two reads for a chunk", function()
    local _, _, _, reads = read(chunked("1\r\na\r\n0\r\n\r\n"))
    assert.equal(4 + 2 + 2, reads)
  end)

  it("is one byte where only the end of the connection tells", function()
    local decoder = feed({ answer({ OK, TEXT }, "abc") })
    assert.equal(1, decoder:wants())
    decoder:finish()
    assert.equal(0, decoder:wants())
  end)

  it("is nothing after a failure", function()
    local decoder = feed({ "SSH-2.0-x\r\n" })
    assert.equal(0, decoder:wants())
  end)
end)

describe("core.http1, a stream of events", function()
  local STREAM = s.stream(s.reply({
    { '{"type":"text","text":""}', '{"type":"text_delta","text":"Hel"}' },
    { '{"type":"text","text":""}', '{"type":"text_delta","text":"lo"}' },
  }))
  local HEAD = answer({ OK, "Content-Type: text/event-stream", CHUNKED })

  local function in_chunks(bytes, size)
    local parts = {}
    for at = 1, #bytes, size do
      local piece = bytes:sub(at, at + size - 1)
      parts[#parts + 1] = ("%x\r\n%s\r\n"):format(#piece, piece)
    end
    return table.concat(parts)
  end

  local function read_text(response, parts)
    local kind, text = response:next()
    while kind do
      if kind == "text" then parts[#parts + 1] = text end
      kind, text = response:next()
    end
    return text
  end

  it("is read as it comes, in whatever chunks", function()
    for size = 1, 400, 7 do
      local response, parts = core.response(), {}
      local decoder = core.http1(response)
      local bytes = HEAD .. in_chunks(STREAM, size) .. "0\r\n\r\n"
      for at = 1, #bytes, 100 do
        assert(decoder:feed(bytes:sub(at, at + 99)))
        read_text(response, parts)
      end
      assert.equal("end", read_text(response, parts))
      assert.same({ "Hel", "lo" }, parts)
      assert.is_true(response:complete())
      assert.is_true(decoder:keeps_alive())
    end
  end)

  it("is whole with its last event, whatever the connection does then", function()
    local decoder, response = feed({ HEAD .. in_chunks(STREAM, 1000) })
    assert.is_nil((decoder:finish("reset")))
    assert.equal("end", read_text(response, {}))
    assert.is_true(response:complete())
  end)

  it("that a chunk's header cuts off fails with the words for that", function()
    local decoder, response = feed({ HEAD .. in_chunks(STREAM:sub(1, 200), 1000) })
    decoder:feed("oops\r\n")
    assert.equal("error", read_text(response, {}))
    assert.equal("protocol", response:failure().kind)
    assert.equal("a chunk's size is not a hexadecimal number of bytes", response:failure().message)
  end)

  it("is fed no further once its reader has met an error event", function()
    local error_event =
      'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n'
    local decoder, response = feed({ HEAD .. in_chunks(error_event, 1000) })
    assert.equal("error", read_text(response, {}))
    assert.same(
      { nil, "the API reported an error in the stream" },
      { decoder:feed(in_chunks(STREAM, 1000)) }
    )
    assert.equal("api", response:failure().kind)
  end)
end)

describe("core.http1, an error of the API", function()
  local ERROR = '{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}'

  it("is told with its status and its words", function()
    local decoder, response = feed({
      answer({ "HTTP/1.1 429 Too Many", "retry-after: 7", "Content-Length: " .. #ERROR }, ERROR),
    })
    assert.is_true(decoder:keeps_alive())
    local failure = response:failure()
    assert.same({ "api", 429, "rate_limit_error" }, { failure.kind, failure.status, failure.type })
    assert.equal("7", response:header("retry-after"))
  end)

  it("keeps its status when the body breaks off", function()
    local decoder, response = feed({
      answer({ "HTTP/1.1 429 Too Many", "Content-Length: " .. #ERROR }, ERROR:sub(1, 9)),
    })
    decoder:finish()
    assert.same({ "api", 429 }, { response:failure().kind, response:failure().status })
  end)
end)

describe("core.http1, its use", function()
  it("wants a response", function()
    assert.has_error(function() core.http1() end)
    assert.has_error(function() core.http1("text") end)
    assert.has_error(function() core.http1(core.sse()) end)
  end)

  it("wants a response that nothing was written to", function()
    local used, finished = core.response(), core.response()
    used:feed_header(OK)
    finished:finish("cancelled")
    for _, response in ipairs({ used, finished }) do
      local ok, problem = pcall(core.http1, response)
      assert.is_false(ok)
      assert.matches("the response has been used before", problem)
    end
  end)

  it("wants bytes", function()
    local decoder = core.http1(core.response())
    assert.has_error(function() decoder:feed() end)
    assert.has_error(function() decoder:feed({}) end)
    assert.has_error(function() decoder:finish({}) end)
    assert.has_error(function() decoder.feed("x", "y") end)
  end)

  it("takes no bytes at all for nothing", function()
    local decoder = core.http1(core.response())
    assert.is_true(decoder:feed(""))
    assert.same({ nil, "the connection was closed before the status line" }, { decoder:finish() })
  end)

  it("holds its response, in whatever order both are collected", function()
    local decoder = core.http1(core.response())
    collectgarbage()
    collectgarbage()
    assert.is_true(decoder:feed(answer({ OK, TEXT, "Content-Length: 1" }, "a")))
    local response = core.response()
    do
      core.http1(response):feed(answer({ OK, TEXT }, "abc"))
    end
    collectgarbage()
    collectgarbage()
    assert.equal("abc", response:body())
  end)

  it("ends with the response when that is finished early", function()
    local response = core.response()
    local decoder = core.http1(response)
    decoder:feed(answer({ OK, TEXT, "Content-Length: 3" }, "a"))
    response:finish("cancelled")
    assert.same({ nil, "cancelled" }, { decoder:feed("bc") })
    assert.is_false(decoder:keeps_alive())
  end)

  it("can be asked for nothing once its finalizer ran", function()
    local decoder = core.http1(core.response())
    local gc = getmetatable(decoder).__gc
    gc(decoder)
    gc(decoder)
    for _, method in ipairs({ "feed", "finish", "done", "keeps_alive", "wants" }) do
      assert.has_error(function() decoder[method](decoder, "x") end)
    end
  end)
end)
