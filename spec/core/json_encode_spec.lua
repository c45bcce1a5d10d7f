local core = require("claude.core")

local function encodes(expected, value, options)
  local text, message = core.encode(value, options)
  assert.equal(expected, text, message)
end

local function refuses(path, message, value, options)
  local text, told, where = core.encode(value, options)
  assert.is_nil(text)
  assert.equal(path, where)
  assert.equal(path == "" and message or path .. ": " .. message, told)
end

describe("core.encode", function()
  it(
    "writes keys in byte order, at every depth",
    function()
      encodes('{"A":1,"B":2,"a":{"x":1,"y":2},"b":3,"é":4}', {
        ["é"] = 4,
        b = 3,
        a = { y = 2, x = 1 },
        B = 2,
        A = 1,
      })
    end
  )

  it("writes the same bytes however the table was filled", function()
    local forwards, backwards = {}, {}
    for i = 1, 200 do
      forwards["key" .. i] = i
    end
    for i = 200, 1, -1 do
      backwards["key" .. i] = i
    end
    assert.equal(core.encode(forwards), core.encode(backwards))
  end)

  it("keeps to a limit that is below what it wrote before", function()
    local long = ("x"):rep(1000)
    encodes('"' .. long .. '"', long)
    refuses("", "more than 100 bytes of JSON", long, { max_bytes = 100 })
    encodes('"short"', "short", { max_bytes = 100 })
    encodes('"' .. long .. '"', long)
  end)

  it("writes scalars", function()
    encodes("true", true)
    encodes("false", false)
    encodes('"text"', "text")
    encodes("null", core.null)
    encodes("1", 1)
  end)

  it("escapes what must be escaped and nothing else", function()
    encodes('"\\"\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t')
    encodes('"\\u0000\\u001f \127é"', "\0\31 \127é")
  end)

  it("writes tables with elements as arrays, others as objects", function()
    encodes("[1,[2,3],{}]", { 1, { 2, 3 }, {} })
    encodes('{"a":[]}', { a = core.array({}) })
  end)

  describe("numbers", function()
    it("are whole below 2^53 without a point", function()
      encodes("0", 0)
      encodes("-7", -7.0)
      encodes("1000000000000000", 1e15)
      encodes("9007199254740991", 9007199254740991)
      encodes("-9007199254740991", -9007199254740991)
    end)

    it("are otherwise the shortest that read back", function()
      encodes("0.1", 0.1)
      encodes("0.30000000000000004", 0.1 + 0.2)
      encodes("1.5", 1.5)
      encodes("1e-7", 1e-7)
      encodes("0.000001", 1e-6)
      encodes("1e21", 1e21)
      encodes("9.007199254740992e15", 2 ^ 53)
      encodes("5e-324", 4.9406564584124654e-324)
      encodes("1.7976931348623157e308", 1.7976931348623157e308)
      encodes("5.684341886080802e-14", 2 ^ -44)
    end)

    it("keep the sign of zero", function() encodes("-0.0", -1 / math.huge) end)

    local max_integer, min_integer = rawget(math, "maxinteger"), rawget(math, "mininteger")
    if max_integer then
      it("are exact over the whole range of integers", function()
        encodes("9223372036854775807", max_integer)
        encodes("-9223372036854775808", min_integer)
        encodes("9007199254740993", 9007199254740993)
      end)
    end

    it("refuses NaN and infinities by path", function()
      refuses("", "NaN is no number in JSON", 0 / 0)
      refuses("a[2]", "infinity is no number in JSON", { a = { 1, math.huge } })
      refuses("a", "infinity is no number in JSON", { a = -math.huge })
    end)

    it("do not depend on the locale", function()
      local before = os.setlocale(nil)
      for _, name in ipairs({ "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C" }) do
        if os.setlocale(name) then
          encodes("[0.5,1.25e-7]", { 0.5, 1.25e-7 })
          assert.same({ 0.5, 1.25e-7 }, core.decode("[0.5,1.25e-7]"))
        end
      end
      os.setlocale(before)
    end)
  end)

  describe("refuses", function()
    it("invalid UTF-8, naming the byte", function()
      refuses(
        "messages[2].content[1].text",
        "invalid UTF-8 at byte 3",
        { messages = { {}, { content = { { text = "ab\255" } } } } }
      )
      refuses('["a\\255"]', "invalid UTF-8 in the key at byte 2", { ["a\255"] = 1 })
    end)

    it("functions, threads and other userdata", function()
      refuses("f", "a function cannot be written as JSON", { f = print })
      refuses("[1]", "a thread cannot be written as JSON", { coroutine.create(function() end) })
      refuses("", "a userdata cannot be written as JSON", io.stdout)
      refuses("", "nil cannot be written as JSON", nil)
    end)

    it("tables that are neither array nor object", function()
      refuses("x", "a key beside elements", { 1, 2, x = 3 })
      refuses("t.x", "a key beside elements", { t = { 1, 2, x = 3 } })
      refuses("", "an array with gaps: 2 elements, the last at 3", { 1, nil, 3 })
      refuses("", "an array with gaps: 1 elements, the last at 2", { [2] = 1 })
      refuses("", "a key is neither a string nor a position", { [0] = 1 })
      refuses("", "a key is neither a string nor a position", { [1.5] = 1 })
      refuses("a", "a key is a boolean, not a string", { a = { [true] = 1 } })
    end)

    it("a table inside itself, at the place nearest to the root", function()
      local list = { {} }
      list[1].again = list
      refuses("[1].again", "contains itself", list)
      refuses("deep[1].again", "contains itself", { deep = list })
    end)

    it("what is nested too deep, with a path one can print", function()
      local value = {}
      for _ = 1, 1100 do
        value = { value }
      end
      local text, message, path = core.encode(value)
      assert.is_nil(text)
      assert.matches("nested deeper than 1024 levels$", message)
      assert.is_true(#path < 200)
    end)

    it("tables that cannot be read raw without loss", function()
      local copied = "an empty table with __index; pass a plain copy"
      refuses("p", copied, { p = setmetatable({}, { __index = { a = 1 } }) })
      copied = "a table with __pairs or __mode; pass a plain copy"
      refuses("", copied, setmetatable({ 1 }, { __pairs = pairs }))
      refuses("", copied, setmetatable({ 1 }, { __mode = "v" }))
    end)

    it("options that are not a table", function()
      assert.has_error(function() core.encode(1, true) end)
      assert.has_error(function() core.encode(1, { slot = 1 }) end)
    end)
  end)

  it("names keys that are no names in brackets, cut when long", function()
    refuses(
      '["two words"].f',
      "a function cannot be written as JSON",
      { ["two words"] = { f = print } }
    )
    local _, _, path = core.encode({ [("x y"):rep(1000)] = print })
    assert.is_true(#path < 100)
  end)

  it(
    "reads objects of a class raw",
    function() encodes('{"a":1}', setmetatable({ a = 1 }, { __index = { b = 2 } })) end
  )

  it("takes 1024 levels", function()
    local value = {}
    for _ = 1, 1023 do
      value = { value }
    end
    encodes(("["):rep(1023) .. "{}" .. ("]"):rep(1023), value)
  end)

  it("gives everything back when it fails half-way", function()
    collectgarbage()
    collectgarbage()
    local before = collectgarbage("count")
    for _ = 1, 2000 do
      core.encode({ a = 1, b = { 1, 2, print } })
    end
    collectgarbage()
    collectgarbage()
    assert.is_true(collectgarbage("count") - before < 100)
  end)

  describe("with request = true", function()
    local request = { request = true }

    it("cuts the text in two at the end of a list of the root's", function()
      local value = { a = { list = { 2 } }, list = { 1 }, z = { list = { 3 } } }
      local before, after = core.encode(value, { around = "list" })
      assert.equal('{"a":{"list":[2]},"list":[1', before)
      assert.equal('],"z":{"list":[3]}}', after)
      local text = table.concat({ core.encode({ list = core.array() }, { around = "list" }) }, "|")
      assert.equal('{"list":[|]}', text)
    end)

    it("does not cut where there is no such list", function()
      local none = { {}, { list = 1 }, { list = { a = 1 } }, { x = { list = { 1 } } } }
      for _, value in ipairs(none) do
        assert.has_error(function() core.encode(value, { around = "list" }) end)
      end
      assert.has_error(function() core.encode({}, { around = 1 }) end)
      local text, problem, path = core.encode({ list = { 1 }, z = print }, { around = "list" })
      assert.is_nil(text)
      assert.equal("z: a function cannot be written as JSON", problem)
      assert.equal("z", path)
    end)

    it("writes empty tables as their slot in the API wants them", function()
      encodes(
        '{"messages":[{"content":[]}],"metadata":{},"stop_sequences":[],"system":[],"tools":[]}',
        {
          messages = { { content = {} } },
          metadata = {},
          stop_sequences = {},
          system = {},
          tools = {},
        },
        request
      )
      encodes('{"id":{},"input":{}}', { input = {}, id = {} }, request)
      encodes("[]", {}, { request = true, slot = "messages" })
      encodes("{}", {}, { request = true, slot = "metadata" })
    end)

    it(
      "does not know slots inside data of the user",
      function()
        encodes(
          '{"input":{"content":{},"tools":{}}}',
          { input = { content = {}, tools = {} } },
          request
        )
      end
    )

    it(
      "knows the words of JSON Schema, and names of properties from them",
      function()
        encodes(
          '{"input_schema":{"$defs":{"enum":{}},"anyOf":[],"default":{},"enum":[],'
            .. '"properties":{"content":{},"required":{}},"required":[]}}',
          {
            input_schema = {
              properties = { content = {}, required = {} },
              ["$defs"] = { enum = {} },
              required = {},
              enum = {},
              anyOf = {},
              default = {},
            },
          },
          request
        )
      end
    )

    it("puts required properties first, in their order", function()
      local schema = {
        type = "object",
        properties = {
          a = {},
          b = {},
          c = {},
          d = { properties = { x = {}, y = {} }, required = { "y" } },
        },
        required = { "d", "b", "missing", "d" },
      }
      encodes(
        '{"schema":{"properties":{"d":{"properties":{"y":{},"x":{}},"required":["y"]},'
          .. '"b":{},"a":{},"c":{}},"required":["d","b","missing","d"],"type":"object"}}',
        { schema = schema },
        request
      )
      encodes(
        '{"properties":{"a":1,"b":2},"required":["b"]}',
        { properties = { b = 2, a = 1 }, required = { "b" } },
        request
      )
    end)

    it(
      "keeps the order of properties that were given in order",
      function()
        encodes('{"schema":{"properties":{"z":{},"a":{}},"required":["a"]}}', {
          schema = { properties = core.object({ { "z", {} }, { "a", {} } }), required = { "a" } },
        }, request)
      end
    )

    it(
      "begins paths with the slot of the root",
      function()
        refuses("messages[1].x", "a function cannot be written as JSON", { { x = print } }, {
          request = true,
          slot = "messages",
        })
      end
    )
  end)
end)
