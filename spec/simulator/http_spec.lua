local helpers = require("spec.helpers")
local http = require("claude.simulator.http")

--- Parses bytes given in pieces; returns the requests and the failure.
local function parse(chunks, options)
  local parser, found = http.parser(options), {}
  for _, chunk in ipairs(chunks) do
    parser:feed(chunk)
    while true do
      local request, failure = parser:next()
      if failure then return found, failure end
      if not request then break end
      found[#found + 1] = request
    end
  end
  return found, nil, parser
end

local function refusal(bytes, options)
  local _, failure = parse({ bytes }, options)
  return failure and failure.status, failure and failure.text
end

local HOST = "Host: x\r\n"

describe("claude.simulator.http", function()
  it("reads a body by its length, at every chunking", function()
    local bytes = "POST /v1/messages?a=b HTTP/1.1\r\n" .. HOST .. "Content-Length: 5\r\n\r\nhello"
    helpers.each_chunking(bytes, function(chunks, how)
      local found = parse(chunks)
      assert.equal(1, #found, how)
      assert.same(
        { "POST", "/v1/messages?a=b", "hello" },
        { found[1].method, found[1].target, found[1].body },
        how
      )
    end)
  end)

  it("reads a chunked body with extensions and trailers, at every chunking", function()
    local bytes = "POST / HTTP/1.1\r\n"
      .. HOST
      .. "Transfer-Encoding: chunked\r\n\r\n"
      .. "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
    helpers.each_chunking(bytes, function(chunks, how)
      local found = parse(chunks)
      assert.equal("abc0123456789", found[1] and found[1].body, how)
    end)
  end)

  it("reads requests that follow each other on one connection", function()
    local one = "GET /a HTTP/1.1\r\n" .. HOST .. "\r\n"
    local found = parse({ one .. one:gsub("/a", "/b") })
    assert.same({ "/a", "/b" }, { found[1].target, found[2].target })
  end)

  it("keeps a connection alive as the version and the header say", function()
    local function alive(version, connection)
      local found = parse({ ("GET / HTTP/%s\r\n%s%s\r\n"):format(version, HOST, connection) })
      return found[1].keep_alive
    end
    assert.is_true(alive("1.1", ""))
    assert.is_false(alive("1.1", "Connection: close\r\n"))
    assert.is_false(alive("1.0", ""))
    assert.is_true(alive("1.0", "Connection: keep-alive\r\n"))
  end)

  it("joins repeated headers and keeps their names in order", function()
    local found = parse({ "GET / HTTP/1.1\r\nHost: x\r\nA: 1\r\na: 2\r\n\r\n" })
    assert.equal("1, 2", found[1].headers.a)
    assert.same({ "Host", "A", "a" }, found[1].names)
  end)

  it("takes an absolute target", function()
    local found = parse({ "GET http://x:1/v1/models?limit=2 HTTP/1.1\r\n" .. HOST .. "\r\n" })
    assert.equal("/v1/models?limit=2", found[1].target)
  end)

  it("tells when the client waits for 100 Continue, once", function()
    local parser = http.parser()
    parser:feed("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert.is_nil(parser:next())
    assert.is_true(parser:wants_continue())
    assert.is_false(parser:wants_continue())
    parser:feed("x")
    assert.equal("x", parser:next().body)
  end)

  local MALFORMED = {
    { "a request line without version", "GET /\r\n\r\n" },
    { "a request line with two blanks", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n" },
    { "a target that is no path", "GET x HTTP/1.1\r\nHost: x\r\n\r\n" },
    { "a header without colon", "GET / HTTP/1.1\r\nHost x\r\n\r\n" },
    { "a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n" },
    { "a folded header", "GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n" },
    { "a bare line feed", "GET / HTTP/1.1\nHost: x\n\n" },
    { "a control character in a value", "GET / HTTP/1.1\r\nHost: a\1b\r\n\r\n" },
    { "no Host", "GET / HTTP/1.1\r\n\r\n" },
    { "two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" },
    { "a length that is no number", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5x\r\n\r\n" },
    {
      "lengths that disagree",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    },
    {
      "a length and chunks",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    },
    {
      "a chunk size that is no number",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    },
    {
      "a chunk longer than it says",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    },
  }
  for _, row in ipairs(MALFORMED) do
    it("refuses with 400 " .. row[1], function() assert.equal(400, (refusal(row[2]))) end)
  end

  it("refuses other versions with 505 and other encodings with 501", function()
    assert.equal(505, (refusal("GET / HTTP/2.0\r\nHost: x\r\n\r\n")))
    assert.equal(501, (refusal("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n")))
  end)

  it("refuses a head or a body beyond its limit", function()
    local long = "GET / HTTP/1.1\r\nHost: x\r\nA: " .. ("a"):rep(300) .. "\r\n\r\n"
    assert.equal(431, (refusal(long, { max_head = 200 })))
    assert.equal(431, (refusal(("x"):rep(201), { max_head = 200 })))
    local head = "POST / HTTP/1.1\r\nHost: x\r\n"
    assert.equal(413, (refusal(head .. "Content-Length: 11\r\n\r\n", { max_body = 10 })))
    assert.equal(413, (refusal(head .. "Content-Length: 99999999999999999999\r\n\r\n")))
    assert.equal(
      413,
      (refusal(head .. "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", { max_body = 10 }))
    )
  end)

  it("stays failed", function()
    local parser = http.parser()
    parser:feed("nonsense\r\n\r\n")
    local _, first = parser:next()
    parser:feed("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    local _, second = parser:next()
    assert.equal(first, second)
  end)
end)
