local core = require("claude.core")

describe("core.decode_partial", function()
  local cases = {
    { "an empty object", "{", {} },
    { "an empty array", "[", {} },
    { "no key without a value", '{"city"', {} },
    { "no key with a colon only", '{"city":', {} },
    { "no half string", '{"city":"Par', {} },
    { "no half string that ends in a backslash", '{"city":"Par\\', {} },
    { "no half string, whatever is in it", '{"city":"]}, \t', {} },
    { "a whole string", '{"city":"Paris"', { city = "Paris" } },
    { "no half key after a comma", '{"city":"Paris","co', { city = "Paris" } },
    { "no number that may go on", '{"n":12', {} },
    { "no number that may go on, valid or not", '{"n":01', {} },
    { "a number that anything follows", '{"n":12 ', { n = 12 } },
    { "no lone minus, point or exponent", "[1,-", { 1 } },
    { "no exponent without digits", "[1,2e", { 1 } },
    { "no half word", '{"a":tru', {} },
    { "a whole word", '{"a":true', { a = true } },
    { "elements before a trailing comma", '{"list":[1,2,', { list = { 1, 2 } } },
    { "nested containers", '{"a":[{"b":{"c":"d"', { a = { { b = { c = "d" } } } } },
    { "an object whose first key is cut", '[{"a":1},{"b', { { a = 1 }, {} } },
    { "escapes in what is whole", '["\\ud83d\\ude00\\n",', { "😀\n" } },
    { "a complete text", ' {"a":1} ', { a = 1 } },
    { "a complete scalar", '"text"', "text" },
    { "a number that a blank ends", "12 ", 12 },
  }
  for _, case in ipairs(cases) do
    it("shows " .. case[1], function() assert.same(case[3], (core.decode_partial(case[2]))) end)
  end

  it("marks empty containers for what they are", function()
    local value = core.decode_partial('{"b":{},"a":[')
    assert.equal('{"a":[],"b":{}}', core.encode(value))
  end)

  it("says so while nothing is complete", function()
    for _, text in ipairs({ "", "  ", '"half', "12", "-", "tru" }) do
      assert.same({ nil, "nothing is complete yet" }, { core.decode_partial(text) })
    end
  end)

  local wrong = {
    { "an unquoted key", "{a", 2 },
    { "single quotes", "{'a':1", 2 },
    { "a missing colon", '{"a" 1', 6 },
    { "two commas", "[1,,", 4 },
    { "a comma before the end", '{"a":1,}', 8 },
    { "a wrong bracket", '{"a":[}', 7 },
    { "one bracket too many", '{"a":1}}', 8 },
    { "something after the value", '{"a":1} x', 9 },
    { "a word that is none", '{"a":truth', 6 },
    { "NaN", '{"a":NaN', 6 },
    { "a plus sign", '{"a":+1', 6 },
    { "a number that is over and wrong", '{"a":01,', 7 },
    { "a control character in a whole string", '["a\nb"', 4 },
    { "an unknown escape in a whole string", '["\\q"', 3 },
  }
  for _, case in ipairs(wrong) do
    it("refuses " .. case[1], function()
      local value, message, position = core.decode_partial(case[2])
      assert.is_nil(value)
      assert.matches("^invalid JSON", message)
      assert.equal(case[3], position)
    end)
  end

  it("refuses invalid UTF-8 in a whole string", function()
    local _, message, position = core.decode_partial('["a\255",')
    assert.equal("invalid UTF-8 at byte 4", message)
    assert.equal(4, position)
  end)

  it("has a value for every cut of an object, and ends with all of it", function()
    local text = '{"path":"/tmp/é","lines":[1,2.5,{"x":null}],"ok":true}'
    for i = 1, #text do
      assert.is_table(core.decode_partial(text:sub(1, i)))
    end
    assert.same(core.decode(text), core.decode_partial(text))
  end)
end)
