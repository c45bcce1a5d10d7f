--- What a frame must be, seen through core.response.
local s = require("spec.support.stream")

local BEGUN = s.frame(s.START) .. s.frame(s.block_start(0, '{"type":"text","text":""}'))

local function failure_of(data, name)
  local response, _, why = s.read(BEGUN .. s.frame(data, name or "x"))
  assert.equal("error", why)
  local failure = response:failure()
  assert.equal("protocol", failure.kind)
  return failure.message, failure.offset - #BEGUN - #"event: x\ndata: "
end

describe("a frame", function()
  for what, case in pairs({
    ["that is not JSON"] = { '{"type":}', "a value was expected", 8 },
    ["with something behind its JSON"] = { '{"type":"x"}}', "nothing was expected", 12 },
    ["that ends too early"] = { '{"type":"x"', "ends too early", 11 },
    ["with a comma at the end"] = { '{"type":"x",}', "string for a key", 12 },
    ["with a raw control character"] = { '{"type":"a\1"}', "control character", 10 },
    ["with invalid UTF-8"] = { '{"type":"a\255"}', "invalid UTF%-8", 10 },
    ["with invalid UTF-8 where nobody looks"] = { '{"x":[{"y":"\195"}],"type":"x"}', "UTF%-8", 12 },
    ["nested too deep"] = { '{"x":' .. ("["):rep(1024), "nested too deep", 5 + 999 },
    ["without data"] = { "", "ends too early", 0 },
    ["that is null"] = { "null", "must be an object", 0 },
    ["that is an array"] = { "[]", "must be an object", 0 },
  }) do
    it(what .. " ends the stream: where and why", function()
      local message, offset = failure_of(case[1])
      assert.matches(case[2], message)
      assert.equal(case[3], offset)
    end)
  end

  for what, case in pairs({
    ["message_start without message"] = { '{"type":"message_start"}', "message must be an object" },
    ["content_block_start without index"] = {
      '{"type":"content_block_start","content_block":{"type":"text"}}',
      "index must be an integer",
    },
    ["content_block_start with a fractional index"] = {
      s.block_start(1, '{"type":"x"}'):gsub('"index":1', '"index":1.0'),
      "index must be an integer",
    },
    ["content_block_start with a negative index"] = {
      s.block_start(-1, '{"type":"x"}'),
      "index must be an integer",
    },
    ["content_block_start with a string for an index"] = {
      s.block_start(1, '{"type":"x"}'):gsub('"index":1', '"index":"1"'),
      "index must be",
    },
    ["content_block_start without content_block"] = {
      '{"type":"content_block_start","index":1}',
      "content_block must be an object",
    },
    ["a block without a type"] = { s.block_start(1, "{}"), "content_block needs a type" },
    ["content_block_delta without delta"] = {
      '{"type":"content_block_delta","index":0}',
      "delta must be an object",
    },
    ["text_delta without text"] = { s.delta(0, '{"type":"text_delta"}'), "string text" },
    ["thinking_delta with a number"] = {
      s.delta(0, '{"type":"thinking_delta","thinking":1}'),
      "string thinking",
    },
    ["input_json_delta with an object"] = {
      s.delta(0, '{"type":"input_json_delta","partial_json":{}}'),
      "string partial_json",
    },
    ["signature_delta without signature"] = {
      s.delta(0, '{"type":"signature_delta"}'),
      "needs a signature",
    },
    ["citations_delta without citation"] = {
      s.delta(0, '{"type":"citations_delta"}'),
      "needs a citation",
    },
    ["content_block_stop without index"] = { '{"type":"content_block_stop"}', "index must be" },
    ["message_delta with an array for usage"] = {
      '{"type":"message_delta","delta":{},"usage":[]}',
      "usage must be an object",
    },
    ["message_delta with a string for delta"] = {
      '{"type":"message_delta","delta":"x"}',
      "delta must be an object",
    },
  }) do
    it(what .. " ends the stream", function() assert.matches(case[2], (failure_of(case[1]))) end)
  end

  it("may spell its names and types with escapes, in any order, with blanks", function()
    local _, lines = s.read(
      s.frame(s.START)
        .. 'event: x\ndata: { "content_block" : { "te\\u0078t":"" , "t\\u0079pe" :'
        .. ' "t\\u0065xt" } ,\n'
        .. 'data: "\\u0069ndex":0, "type":"content\\u005fblock_start"} \n\n'
        .. 'event: x\ndata: {"delta":{"\\u0074ext":"a\\u0062","type":"text_\\u0064elta"},"index":0,'
        .. '"t\\u0079pe":"content_block_delta"}\n\n'
    )
    assert.same({ "message_start - -", "block_start 0 text", "text 0 ab" }, lines)
  end)

  it("means the last value of a name that occurs twice", function()
    local _, lines = s.read(
      BEGUN
        .. s.frame(
          '{"type":"ping","index":5,"delta":1,"index":0,"type":"content_block_delta",'
            .. '"delta":{"type":"x","text":"no","text":"yes","type":"text_delta"}}',
          "x"
        )
    )
    assert.equal("text 0 yes", lines[3])
  end)

  it("may carry members that nobody knows, and padding", function()
    local _, lines = s.read(
      BEGUN
        .. s.frame(
          '{"type":"content_block_delta","index":0,"p":[{}],'
            .. '"delta":{"type":"text_delta","text":"a","n":1}    }'
        )
    )
    assert.equal("text 0 a", lines[3])
  end)

  it("of an unknown type is told as it came", function()
    local data = '{"type":"weather","degrees":[1e3]}'
    local _, lines = s.read(BEGUN .. s.frame(data) .. s.frame('{"no":"type"}', "x"))
    assert.equal("unknown - " .. data, lines[3])
    assert.equal('unknown - {"no":"type"}', lines[4])
  end)

  local USUAL = '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}'
  for what, case in pairs({
    ["as the API spells it"] = { USUAL, "text 0 a" },
    ["with padding behind"] = { (USUAL:gsub("}}", "}    }")), "text 0 a" },
    ["with other blanks behind"] = { (USUAL:gsub("}}", "}\t}")) .. " ", "text 0 a" },
    ["with blanks between"] = { (USUAL:gsub(":", " : ")), "text 0 a" },
    ["with escapes in its text"] = { (USUAL:gsub('"a"', '"\\u0061\\n"')), "text 0 a\n" },
    ["with UTF-8 in its text"] = { (USUAL:gsub('"a"', '"\195\169"')), "text 0 \195\169" },
    ["with another member behind"] = { (USUAL:gsub("}}", '},"x":[]}')), "text 0 a" },
    ["with another member in its delta"] = { (USUAL:gsub("}}", ',"text":"b"}}')), "text 0 b" },
    ["with its type said twice"] = { (USUAL:gsub("}}", '},"type":"ping"}')), "ping - -" },
    ["with a zero before its index"] = { (USUAL:gsub(":0,", ":00,")), nil },
    ["with an index of many digits"] = { (USUAL:gsub(":0,", ":18446744073709551616,")), nil },
    ["without an index"] = { (USUAL:gsub(":0,", ":,")), nil },
    ["with a control character in its text"] = { (USUAL:gsub('"a"', '"\1"')), nil },
    ["with text that is not UTF-8"] = { (USUAL:gsub('"a"', '"\195"')), nil },
    ["with a wrong escape"] = { (USUAL:gsub('"a"', '"\\q"')), nil },
    ["with one brace too few"] = { USUAL:sub(1, -2), nil },
    ["with one brace too many"] = { USUAL .. "}", nil },
    ["with something between its braces"] = { (USUAL:gsub("}}", "}x}")), nil },
    ["with no end to its text"] = { USUAL:sub(1, -4), nil },
  }) do
    it("with a delta " .. what .. (case[2] and " is read" or " is refused"), function()
      local response, lines = s.read(BEGUN .. s.frame(case[1], "x"))
      assert.equal(case[2], lines[3])
      assert.equal(case[2] and "incomplete" or "protocol", response:failure().kind)
    end)
  end
end)
