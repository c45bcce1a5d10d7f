local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking

local function decode(chunks, max)
  local stream, events = core.sse(max), {}
  for _, chunk in ipairs(chunks) do
    assert(stream:feed(chunk))
    local name, data = stream:next()
    while name do
      events[#events + 1] = { name, data }
      name, data = stream:next()
    end
  end
  return events
end

describe("core.sse", function()
  local cases = {
    { "ends lines at LF", "event: ping\ndata: {}\n\n", { { "ping", "{}" } } },
    { "ends lines at CRLF", "event: ping\r\ndata: {}\r\n\r\n", { { "ping", "{}" } } },
    { "ends lines at CR", "data: a\r\rdata: b\r\r", { { "", "a" }, { "", "b" } } },
    {
      "takes line ends as they come",
      "data: a\r\n\ndata: b\n\rdata: c\r\r\n",
      { { "", "a" }, { "", "b" }, { "", "c" } },
    },
    { "skips a byte order mark at the start", "\239\187\191data: a\n\n", { { "", "a" } } },
    {
      "takes a later byte order mark as bytes",
      "data: a\n\n\239\187\191data: b\n\ndata: \239\187\191c\n\n",
      { { "", "a" }, { "", "\239\187\191c" } },
    },
    { "takes half a byte order mark as bytes", "\239\187data: a\n\ndata: b\n\n", { { "", "b" } } },
    { "joins data lines with LF", "data: a\ndata: b\ndata:\ndata: c\n\n", { { "", "a\nb\n\nc" } } },
    { "keeps an empty data line", "data\n\ndata\ndata\n\n", { { "", "" }, { "", "\n" } } },
    { "joins after empty first lines", "data:\ndata:x\n\n", { { "", "\nx" } } },
    { "drops only one leading space", "data:  a\ndata:b\ndata:\tc\n\n", { { "", " a\nb\n\tc" } } },
    { "keeps colons in values", "data:a:b: c\n\n", { { "", "a:b: c" } } },
    {
      "ignores comments and unknown fields",
      ": hi\nid: 1\nretry: 5\nfoo: 2\nData: x\ndata : y\n data: z\ndata: a\n\n",
      { { "", "a" } },
    },
    {
      "lets the last name win, also after the data",
      "event: a\ndata: x\nevent: b\n\n",
      { { "b", "x" } },
    },
    {
      "does not report an event without data, and forgets its name",
      "event: ping\n\ndata: a\n\n",
      { { "", "a" } },
    },
    {
      "forgets the name with the event",
      "event: a\ndata: 1\n\ndata: 2\n\n",
      { { "a", "1" }, { "", "2" } },
    },
    { "drops an event the stream cut off", "data: a\n\nevent: b\ndata: c\n", { { "", "a" } } },
    {
      "keeps NULs and other control characters",
      "data: \0\11\12\28\n\n",
      { { "", "\0\11\12\28" } },
    },
    {
      "puts U+FFFD for what is not UTF-8",
      "data: a\255b\226\130\n\n",
      { { "", "a\239\191\189b\239\191\189" } },
    },
    {
      "keeps UTF-8 whole",
      "data: \240\159\152\128\226\128\168\n\n",
      { { "", "\240\159\152\128\226\128\168" } },
    },
  }

  for _, case in ipairs(cases) do
    local what, bytes, expected = case[1], case[2], case[3]
    it(what .. ", however the bytes are cut", function()
      each_chunking(bytes, function(chunks, how) assert.same(expected, decode(chunks), how) end)
    end)
  end

  it("tells where in the stream the data began", function()
    local stream = core.sse()
    stream:feed("\239\187\191event: a\r\ndata: x\r\n\r\ndata:y\n\n")
    assert.same({ "a", "x", 19 }, { stream:next() })
    assert.same({ "", "y", 29 }, { stream:next() })
  end)

  it("refuses an event over the limit, now and from then on", function()
    local stream = core.sse(9)
    stream:feed("data: 123\n\ndata: 1234\n\n")
    assert.equal("", (stream:next()))
    for _ = 1, 2 do
      local name, text = stream:next()
      assert.is_nil(name)
      assert.matches("larger than the limit", text)
    end
  end)

  it("can be asked for nothing once its finalizer ran", function()
    local stream = core.sse()
    stream:feed("data: 1\n\ndata: 2\n\n")
    stream:next()
    getmetatable(stream).__gc(stream)
    assert.has_error(function() stream:next() end)
    assert.has_error(function() stream:feed("data: 3\n\n") end)
    getmetatable(stream).__gc(stream)
  end)

  it("wants every event read before it is fed again", function()
    local stream = core.sse()
    stream:feed("data: 1\n\ndata: 2\n\n")
    stream:next()
    assert.has_error(function() stream:feed("data: 3\n\n") end)
  end)
end)
