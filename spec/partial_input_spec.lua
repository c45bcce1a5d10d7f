--- What of a tool's input can be shown while it streams: one table, read from a text that
--- is cut (core.decode_partial) and from a stream in the middle of it (stream:block).
local api = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")

-- The pieces in which an input arrives, and what is shown after each: as JSON, or
-- "nothing" while no value has begun, or "wrong" where no JSON can begin like that.
local STREAMS = {
  {
    "strings come whole",
    { "", '{"city"', ':"Par', 'is"', ', "zip', '": "750', '01"}' },
    {
      "nothing",
      "{}",
      "{}",
      '{"city":"Paris"}',
      '{"city":"Paris"}',
      '{"city":"Paris"}',
      '{"city":"Paris","zip":"75001"}',
    },
  },
  {
    "a number counts once anything follows it",
    { '{"n":1', "2", " ", ',"m":-1.5e', "3", "}" },
    { "{}", "{}", '{"n":12}', '{"n":12}', '{"n":12}', '{"m":-1500,"n":12}' },
  },
  {
    "words come whole",
    { '{"a":t', "rue", ',"b":fal', "se", ',"c":[nul', "l", "]}" },
    {
      "{}",
      '{"a":true}',
      '{"a":true}',
      '{"a":true,"b":false}',
      '{"a":true,"b":false,"c":[]}',
      '{"a":true,"b":false,"c":[null]}',
      '{"a":true,"b":false,"c":[null]}',
    },
  },
  {
    "what is open is closed",
    { '{"a":[', "[1,", '2],{"b"', ':{"c":[]', "}}]", ' , "d":1 }' },
    {
      '{"a":[]}',
      '{"a":[[1]]}',
      '{"a":[[1,2],{}]}',
      '{"a":[[1,2],{"b":{"c":[]}}]}',
      '{"a":[[1,2],{"b":{"c":[]}}]}',
      '{"a":[[1,2],{"b":{"c":[]}}],"d":1}',
    },
  },
  {
    "escapes may be cut anywhere",
    { '{"a":"\\', "n", '","b":"\\u00', 'e9"', ',"c":"\\ud83d', '\\ude00"}' },
    {
      "{}",
      "{}",
      '{"a":"\\n"}',
      '{"a":"\\n","b":"é"}',
      '{"a":"\\n","b":"é"}',
      '{"a":"\\n","b":"é","c":"😀"}',
    },
  },
  {
    "blanks before and between are nothing",
    { "  ", '\n{ "a" :', ' "x" ', " }", " \n" },
    { "nothing", "{}", '{"a":"x"}', '{"a":"x"}', '{"a":"x"}' },
  },
  {
    "of a member that comes twice the last counts",
    { '{"a":1,', '"a":2', "}" },
    { '{"a":1}', '{"a":1}', '{"a":2}' },
  },
  {
    "numbers stay exact",
    { '{"n":12345678901234567890,', '"m":9007199254740993 ' },
    { '{"n":12345678901234567890}', '{"m":9007199254740993,"n":12345678901234567890}' },
  },
  { "a key without quotes is wrong at once", { "{", "a" }, { "{}", "wrong" } },
  { "so is a comma too many", { '{"a":1,', "," }, { '{"a":1}', "wrong" } },
  { "a comma before the end is wrong with the end", { '{"a":1,', "}" }, { '{"a":1}', "wrong" } },
  { "so is a wrong bracket", { '{"a":[1,2', "}" }, { '{"a":[1]}', "wrong" } },
  { "so is what follows the value", { '{"a":1}', " x" }, { '{"a":1}', "wrong" } },
  { "a comment is wrong", { '{"a":', "// one" }, { "{}", "wrong" } },
  { "NaN is wrong", { '{"a":', "NaN" }, { "{}", "wrong" } },
  { "a raw line break in a string is wrong with its end", { '{"a":"x\n', '"' }, { "{}", "wrong" } },
  { "a zero before digits is wrong with their end", { '{"a":01', "}" }, { "{}", "wrong" } },
  { "a plus sign is wrong", { '{"a":', "+1" }, { "{}", "wrong" } },
  {
    "a point without digits before it is wrong with its end",
    { '{"a":.5', "}" },
    { "{}", "wrong" },
  },
}

local function shown_of_text(text)
  local value, problem = core.decode_partial(text)
  if problem == nil then return core.encode(value) end
  return problem == "nothing is complete yet" and "nothing" or "wrong"
end

local function shown_of_block(block, text)
  local json = core.encode(block.input)
  if json == core.encode({ INVALID_JSON = text }) then return "wrong" end
  return json
end

describe("an input that is still arriving:", function()
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)

  for _, case in ipairs(STREAMS) do
    local what, pieces, shown = case[1], case[2], case[3]

    it(what .. ", in a text", function()
      local text = ""
      for i, piece in ipairs(pieces) do
        text = text .. piece
        assert.equal(shown[i], shown_of_text(text), text)
      end
    end)

    it(what .. ", in a stream", function()
      local block = { { type = "tool_use", id = "t", name = "n", input = core.object({}) } }
      for _, piece in ipairs(pieces) do
        block[#block + 1] = { type = "input_json_delta", partial_json = piece }
      end
      local server = api.start({ api.stream(api.reply({ api.text("Well."), block }, "tool_use")) })
      local client = claude.new({
        api_key = "k",
        base_url = server.url,
        on_warning = function() end,
      })
      local stream = client.messages:stream({
        model = "claude-sonnet-5-5",
        max_tokens = 1000,
        messages = { { role = "user", content = "?" } },
      })
      local text, seen = "", 0
      for kind, delta, index in stream:deltas() do
        if kind == "input_json" then
          text = text .. delta
          seen = seen + 1
          local expected = shown[seen] == "nothing" and "{}" or shown[seen]
          assert.equal(expected, shown_of_block(stream:block(index), text), text)
        end
      end
      assert.equal(table.concat(pieces), text)
      server:close()
    end)
  end
end)
