local core = require("claude.core")

local exact_range = rawget(math, "maxinteger") and 64 or 53

describe("core.decode_ordered", function()
  it("gives pairs() the members in their order", function()
    local names = {}
    for _, member in pairs(core.decode_ordered('{"z":1,"y":2,"b":3,"a":4}')) do
      names[#names + 1] = member[1]
    end
    assert.same({ "z", "y", "b", "a" }, names)
  end)

  it("keeps the order of members, null and repeated ones too", function()
    local text = '{"z":1,"a":{"y":null,"b":[]},"z":{}}'
    local value = core.decode_ordered(text)
    assert.same({ "z", 1 }, value[1])
    assert.same({ "y", core.null }, value[2][2][1])
    assert.equal(core.object_mt, getmetatable(value[2][2]))
    assert.equal('{"y":null,"b":[]}', core.encode(value[2][2]))
    assert.same({ "z", core.object({}) }, value[3])
  end)

  it("tells empty objects from empty arrays, and keeps what is no container", function()
    local value = core.decode_ordered('[{},[],"a\\u00e9",12345678901234567890]')
    assert.equal('[{},[],"aé",12345678901234567890]', core.encode(value))
    assert.equal(7, core.decode_ordered(" 7 "))
  end)

  it("refuses what core.decode refuses, in its words", function()
    for _, text in ipairs({ '{"a":1 2}', "", '{"a":"\255"}', "{1}", "[1,]" }) do
      assert.same({ core.decode(text) }, { core.decode_ordered(text) })
    end
  end)

  it("goes as deep as core.decode", function()
    local text = ('{"a":'):rep(1000) .. "1" .. ("}"):rep(1000)
    assert.equal(text, core.encode(core.decode_ordered(text)))
    assert.is_nil(core.decode_ordered(('{"a":'):rep(1025) .. "1" .. ("}"):rep(1025)))
  end)
end)

describe("core.split", function()
  it("gives the members of an object as the bytes they came in", function()
    local parts = core.split(' {"a": {"x": 1.0} , "b":[ ], "\\u00e9":"\\u00e9", "n":null} ')
    assert.same({ a = '{"x": 1.0}', b = "[ ]", ["é"] = '"\\u00e9"', n = "null" }, parts)
  end)

  it("gives the elements of an array", function()
    assert.same({ "1.50", '{"b":1,"a":2}' }, core.split('[1.50 ,{"b":1,"a":2}]'))
    assert.same({}, core.split("[]"))
  end)

  it(
    "takes the last of repeated members",
    function() assert.same({ a = "2" }, core.split('{"a":1,"a":2}')) end
  )

  it("checks everything, however deep", function()
    local wrong = { ['{"a":[1,}'] = 9, ['{"a":1'] = 7, ['{"a":1}x'] = 8, ["7"] = 1 }
    for text, position in pairs(wrong) do
      local parts, problem, at = core.split(text)
      assert.is_nil(parts)
      assert.matches("^invalid JSON: .* at byte " .. position .. "$", problem)
      assert.equal(position, at)
    end
    assert.equal("invalid UTF-8 at byte 7", (select(2, core.split('{"a":"\255"}'))))
  end)
end)

describe("core.decode", function()
  describe("accepts", function()
    local good = {
      { "0", 0 },
      { "-1", -1 },
      { "1.5", 1.5 },
      { "-2.5e-3", -0.0025 },
      { "1E+2", 100 },
      { "true", true },
      { "false", false },
      { '""', "" },
      { ' "blanks around" \r\n\t', "blanks around" },
      { '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t' },
      { '"\\u0041\\u00e9\\u20ac"', "Aé€" },
      { '"\\ud83d\\ude00"', "😀" },
      { '"nul \\u0000 inside"', "nul \0 inside" },
      { '"é€😀\127"', "é€😀\127" },
      { "[1,2,3]", { 1, 2, 3 } },
      { '{"a":{"b":[{"c":"d"}]}}', { a = { b = { { c = "d" } } } } },
      { '{"":1," ":2}', { [""] = 1, [" "] = 2 } },
      { '{"\\u0061":1}', { a = 1 } },
      { ' [ 1 , { "a" : 2 } ] ', { 1, { a = 2 } } },
    }
    for _, case in ipairs(good) do
      it(case[1], function()
        local value, message = core.decode(case[1])
        assert.is_nil(message)
        assert.same(case[2], value)
      end)
    end
  end)

  describe("refuses", function()
    local bad = {
      { "", 1 },
      { " ", 2 },
      { "nul", 1 },
      { "True", 1 },
      { "01", 2 },
      { "-", 2 },
      { "+1", 1 },
      { ".5", 1 },
      { "1.", 3 },
      { "1e", 3 },
      { "0x10", 2 },
      { "NaN", 1 },
      { "Infinity", 1 },
      { "-Infinity", 2 },
      { "'a'", 1 },
      { '"a', 3 },
      { '"a\nb"', 3 },
      { '"\\x"', 2 },
      { '"\\u00g0"', 2 },
      { "[1,]", 4 },
      { "[,1]", 2 },
      { "[1 2]", 4 },
      { "[1", 3 },
      { "[1}", 3 },
      { "1 2", 3 },
      { "[]]", 3 },
      { '{"a":1,}', 8 },
      { '{"a" 1}', 6 },
      { '{"a":}', 6 },
      { "{a:1}", 2 },
      { "{1:1}", 2 },
      { "// c\n1", 1 },
      { "\239\187\1911", 1 },
      { "1\0", 2 },
    }
    for _, case in ipairs(bad) do
      it(("%q"):format(case[1]), function()
        local value, message, position = core.decode(case[1])
        assert.is_nil(value)
        assert.matches("^invalid JSON: .+ at byte %d+$", message)
        assert.equal(case[2], position)
      end)
    end

    it("invalid UTF-8, naming the byte", function()
      for _, case in ipairs({
        { '"ab\255"', 4 },
        { '{"\192\128":1}', 3 },
        { '["\237\160\128"]', 3 },
        { '"\244\144\128\128"', 2 },
        { '"\226\130"', 2 },
      }) do
        local value, message, position = core.decode(case[1])
        assert.is_nil(value)
        assert.equal("invalid UTF-8 at byte " .. case[2], message)
        assert.equal(case[2], position)
      end
    end)

    it("invalid UTF-8 behind an escape, wherever that ends", function()
      for before = 0, 200 do
        for _, escape in ipairs({ '\\"', "\\\\", "\\n", "\\u0041" }) do
          local head = '{"a":"' .. ("x"):rep(before) .. escape
          local value, message = core.decode(head .. "\128" .. ("x"):rep(200) .. '"}')
          assert.is_nil(value)
          assert.equal("invalid UTF-8 at byte " .. #head + 1, message)
        end
      end
    end)

    it("every cut of a text", function()
      local text = '{"a":[1,-2.5e3,"x\\u00e9\\n€"],"b":{"c":true,"d":null}}'
      for i = 0, #text - 1 do
        assert.is_nil((core.decode(text:sub(1, i))))
      end
      assert.is_table(core.decode(text))
    end)

    it("what is no string, as wrong use", function()
      assert.has_error(function() core.decode(12) end)
      assert.has_error(function() core.decode() end)
    end)
  end)

  it("replaces lone halves of surrogate pairs", function()
    assert.equal("\239\191\189", (core.decode('"\\ud83d"')))
    assert.equal("\239\191\189!", (core.decode('"\\ude00!"')))
  end)

  it("keeps null members where they are asked for", function()
    local value = core.decode('{"a":null,"b":{"c":null}}', { nulls = true })
    assert.same({ a = core.null, b = { c = core.null } }, value)
    assert.same({}, (core.decode('{"a":null}', { nulls = false })))
    assert.has_error(function() core.decode("{}", true) end)
  end)

  it("leaves null members out and keeps null elements", function()
    assert.same({ b = 1 }, (core.decode('{"a":null,"b":1}')))
    assert.same({ core.null, 1, core.null }, (core.decode("[null,1,null]")))
    assert.equal(core.null, (core.decode("null")))
  end)

  it("lets the last of several members with one key win", function()
    assert.same({ a = 3 }, (core.decode('{"a":1,"a":2,"\\u0061":3}')))
    assert.same({}, (core.decode('{"a":1,"a":null}')))
  end)

  it("keeps empty arrays and objects apart", function()
    local text = '{"a":[],"b":{},"c":[{},[]],"d":{"e":{}}}'
    assert.equal(text, core.encode(core.decode(text)))
    assert.equal(core.array_mt, getmetatable(core.decode("[]")))
    assert.equal(core.object_mt, getmetatable(core.decode("{}")))
    assert.equal("{}", core.encode(core.decode('{"a":null}')))
    assert.is_nil(getmetatable(core.decode("[1]")))
    assert.is_nil(getmetatable(core.decode('{"a":1}')))
  end)

  it("takes 1024 levels and refuses one more", function()
    local function nested(depth, open, close) return open:rep(depth) .. close:rep(depth) end
    local deep = nested(1024, "[", "]")
    assert.equal(deep, core.encode(core.decode(deep)))
    assert.is_table(core.decode(nested(1023, '{"a":', "") .. "[]" .. ("}"):rep(1023)))
    local value, message, position = core.decode(nested(1025, "[", "]"))
    assert.is_nil(value)
    assert.matches("nested too deep", message)
    assert.equal(1025, position)
    assert.is_nil((core.decode(("["):rep(100000))))
  end)

  it("takes long arrays and many strings with escapes", function()
    local parts = {}
    for i = 1, 20000 do
      parts[i] = ('"line %d\\n"'):format(i)
    end
    local value = assert(core.decode("[" .. table.concat(parts, ",") .. "]"))
    assert.equal(20000, #value)
    assert.equal("line 20000\n", value[20000])
  end)

  describe("numbers", function()
    it("are exact up to the range of this Lua, and raw text beyond", function()
      local inside = exact_range == 64 and "9223372036854775807" or "9007199254740991"
      local beyond = exact_range == 64 and "9223372036854775808" or "9007199254740992"
      for _, sign in ipairs({ "", "-" }) do
        local value = core.decode(sign .. inside)
        assert.equal("number", type(value))
        assert.equal(tonumber(sign .. inside), value)
      end
      local value = core.decode(beyond)
      assert.is_true(core.is_raw(value))
      assert.equal(beyond, tostring(value))
      assert.equal(beyond, core.encode(value))
    end)

    it("keep the smallest integer", function()
      assert.equal("-9223372036854775808", core.encode(core.decode("-9223372036854775808")))
      assert.is_true(core.is_raw(core.decode("-9223372036854775809")))
    end)

    it("that no double can hold stay text", function()
      local value = core.decode("[1e400,-1e400]")
      assert.is_true(core.is_raw(value[1]))
      assert.equal("[1e400,-1e400]", core.encode(value))
    end)

    it("keep the sign of zero", function()
      assert.equal(-math.huge, 1 / core.decode("-0"))
      assert.equal(-math.huge, 1 / core.decode("-0.0"))
      assert.equal(math.huge, 1 / core.decode("0"))
    end)

    it("of any length are read to the nearest double", function()
      assert.equal(0.1, (core.decode("0.1" .. ("0"):rep(1000))))
      assert.equal(1e-300, (core.decode("0." .. ("0"):rep(299) .. "1")))
    end)

    it("come back from their shortest form", function()
      for _, text in ipairs({ "0.1", "1e21", "5e-324", "1.7976931348623157e308", "123456.789" }) do
        assert.equal(text, core.encode(core.decode(text)))
      end
    end)
  end)
end)
