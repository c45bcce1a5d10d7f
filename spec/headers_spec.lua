local headers = require("claude.headers")

local function as_table(list)
  local found = {}
  for _, header in ipairs(list) do
    found[header[1]] = header[2]
  end
  return found
end

describe("headers", function()
  it("refuses names that are no header names", function()
    for _, name in ipairs({ "", "a b", "a:b", "a\r\nb", "ü" }) do
      assert.is_string(headers.problem(name, "x"), name)
    end
    assert.is_nil(headers.problem("x-My_Header.1", "x"))
  end)

  it("refuses line breaks and control characters in values, without showing them", function()
    for _, value in ipairs({ "secret\r\nx: y", "secret\n", "secret\0", "secret\127" }) do
      local problem = headers.problem("x-api-key", value)
      assert.is_string(problem)
      assert.is_nil(problem:find("secret", 1, true))
    end
    assert.is_nil(headers.problem("x", "tabs\tand ünïcode pass"))
  end)

  it("reads lines of Name: value", function()
    local list = assert(headers.parse_lines("X-A: 1\r\n\n  x-b :  two words  \n"))
    assert.same({ { "X-A", "1" }, { "x-b", "two words" } }, list)
    assert.same({}, headers.parse_lines(""))
  end)

  it("refuses a line without a colon, and a bad name", function()
    assert.is_nil((headers.parse_lines("x-a 1")))
    assert.is_nil((headers.parse_lines("x a: 1")))
  end)

  it("merges lists: the later wins, false takes away", function()
    local merged = headers.merged({
      { { "Accept", "a" }, { "x", "1" }, { "y", "2" } },
      { { "accept", "b" }, { "X", false }, { "z", "3" } },
    })
    assert.same({ { "accept", "b" }, { "y", "2" }, { "z", "3" } }, merged)
  end)

  it("hides secrets among response headers", function()
    local redacted = headers.redacted({ ["set-cookie"] = "s=1", ["request-id"] = "req_1" })
    assert.same({ ["set-cookie"] = "[redacted]", ["request-id"] = "req_1" }, redacted)
  end)

  it("says what it is, in one line", function()
    local pattern = "^lua%-claude/%d+%.%d+%.%d+ %([%w ._-]+%)$"
    assert.truthy(headers.user_agent():find(pattern))
  end)

  it("unites names in order, each once", function()
    local names = headers.union({ "a", "b" }, nil, { "b", "c", "a" })
    assert.same({ "a", "b", "c" }, names)
  end)

  describe("credentials", function()
    local function credentials(fields)
      fields.headers = fields.headers or {}
      return headers.credentials(fields)
    end

    it("send a key as x-api-key and a token as a bearer; the key comes first", function()
      assert.same({ ["x-api-key"] = "k" }, as_table(credentials({ api_key = " k\n" }).headers()))
      local bearer = as_table(credentials({ auth_token = "t" }).headers())
      assert.same({ authorization = "Bearer t" }, bearer)
      local both = as_table(credentials({ api_key = "k", auth_token = "t" }).headers())
      assert.same({ ["x-api-key"] = "k" }, both)
    end)

    it("are absent when nothing but space was given", function()
      assert.is_false(credentials({ api_key = "  " }).present)
      assert.is_false(credentials({}).present)
    end)

    it("may come as a header of the user's, or not be wanted at all", function()
      assert.is_true(credentials({ headers = { { "Authorization", "Bearer x" } } }).present)
      assert.is_false(credentials({ headers = { { "cookie", "x" } } }).present)
      assert.is_true(credentials({ api_key = false }).present)
    end)

    it("are taken out of any text, wherever they stand", function()
      local given = { { "Authorization", "Bearer token-12345" }, { "Cookie", "session-12345" } }
      local scrub = credentials({ api_key = "key-12345678", headers = given }).scrub
      local text = scrub("key-12345678 and key-12345678, token-12345; session-12345")
      assert.equal("[redacted] and [redacted], [redacted]; [redacted]", text)
    end)

    it(
      "leave words alone that a short key consists of",
      function()
        assert.equal(
          "a simulated text",
          credentials({ api_key = "simulated" }).scrub("a simulated text")
        )
      end
    )

    it("show themselves in no field", function()
      local made = credentials({ api_key = "key-1" })
      for _, value in pairs(made) do
        assert.is_nil(tostring(value):find("key-1", 1, true))
      end
    end)
  end)
end)
