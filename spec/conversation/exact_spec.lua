local api_server = require("spec.support.api_server")
local claude = require("claude")
local core = require("claude.core")
local s = require("spec.support.stream")

-- Blocks as the wire has them: start, then deltas. Beside each, the bytes that go back.
local SIGNED = {
  {
    '{"type":"thinking","thinking":"","signature":""}',
    '{"type":"thinking_delta","thinking":"Let\\u2019s "}',
    '{"type":"thinking_delta","thinking":"se\\/e \\ud83d"}',
    '{"type":"thinking_delta","thinking":"\\ude00"}',
    '{"type":"signature_delta","signature":"c2ln\\/Kw=="}',
  },
  '{"type":"thinking","thinking":"Let\\u2019s se\\/e \\ud83d\\ude00","signature":"c2ln\\/Kw=="}',
}
local OMITTED = {
  {
    '{"type":"thinking","thinking":"","signature":""}',
    '{"type":"signature_delta","signature":"b21pdHRlZA=="}',
  },
  '{"type":"thinking","thinking":"","signature":"b21pdHRlZA=="}',
}
local REDACTED = {
  { '{"type":"redacted_thinking","data":"cmVk\\u0041","later":[ 1.0, {} ]}' },
  '{"type":"redacted_thinking","data":"cmVk\\u0041","later":[ 1.0, {} ]}',
}
local UNKNOWN = {
  { '{"zeta": 1e2,"type":"hologram","alpha":{"b":[],"a":{}},"big":123456789012345678901}' },
  '{"zeta": 1e2,"type":"hologram","alpha":{"b":[],"a":{}},"big":123456789012345678901}',
}
local TEXT = {
  {
    '{"type":"text","text":"","mark":"kept"}',
    '{"type":"text_delta","text":"caf\\u00e9 "}',
    '{"type":"text_delta","text":"\xc3\xa9\\n"}',
  },
  '{"type":"text","text":"caf\\u00e9 \xc3\xa9\\n","mark":"kept"}',
}
local INPUT = '{"z":9007199254740993,"a": -0.0,"m":[1.50,{}],"u":"\\u0041","dup":1,"dup":2}'
local TOOL = {
  {
    '{"type":"tool_use","id":"toolu_1","name":"t","input":{},"caller":{"type":"direct"}}',
    '{"type":"input_json_delta","partial_json":""}',
    '{"type":"input_json_delta","partial_json":' .. core.encode(INPUT:sub(1, 30)) .. "}",
    '{"type":"input_json_delta","partial_json":' .. core.encode(INPUT:sub(31)) .. "}",
  },
  '{"type":"tool_use","id":"toolu_1","name":"t","input":'
    .. INPUT
    .. ',"caller":{"type":"direct"}}',
}

local function reply(blocks, reason)
  local events, bytes = {}, {}
  for i, block in ipairs(blocks) do
    events[i], bytes[i] = block[1], block[2]
  end
  local text = s.stream(s.reply(events, reason))
  return {
    headers = { ["content-type"] = "text/event-stream" },
    pieces = { text:sub(1, #text - 40), text:sub(#text - 39) },
  },
    '{"content":[' .. table.concat(bytes, ",") .. '],"role":"assistant"}'
end

describe("what a reply said goes back byte for byte", function()
  local server, chat, client, ran

  local function begin(...)
    server = api_server.start({ ... })
    require("claude.loop").use("luv")
    client = claude.new({
      api_key = "key-of-the-spec",
      base_url = server.url,
      max_retries = 0,
      on_warning = function(text) error("no warning expected: " .. text) end,
    })
    chat = client:conversation({
      model = "claude-opus-4-8",
      max_tokens = 1000,
      thinking = { type = "adaptive", display = "omitted" },
      tools = {
        claude.tool({
          name = "t",
          input_schema = { type = "object" },
          run = function(input)
            ran = input
            return "done"
          end,
        }),
      },
    })
  end

  after_each(function() server:close() end)

  local function sent(number)
    local body = server.requests[number].body
    local from = select(2, body:find('"messages":[', 1, true))
    local to = body:find('],"model":', from, true)
    return body:sub(from + 1, to - 1)
  end

  local USER = '{"content":"a","role":"user"}'
  local MORE = '{"content":"b","role":"user"}'

  -- What follows the sealed reply in the next request, whichever way it got there.
  local function goes_back(message)
    local expected = USER .. "," .. message .. "," .. MORE
    local at = #server.requests
    assert(chat:user("b"):send())
    assert.equal(expected, sent(at + 1))
    chat:undo()
    assert(chat:fork():user("b"):send())
    assert.equal(expected, sent(at + 2))
    local loaded = assert(client:load(assert(chat:dump())))
    assert(loaded:user("b"):send())
    assert.equal(expected, sent(at + 3))
    assert(assert(client:load(assert(loaded:fork():dump()))):user("c"))
    chat:undo()
    assert.same({}, chat:messages())
  end

  local kinds = {
    { "rule 7: thinking with its signature", { SIGNED, TEXT } },
    { "rule 3: omitted thinking, an empty text with a signature", { OMITTED, TEXT } },
    { "rule 7: redacted thinking, first and in between", { REDACTED, TEXT, REDACTED, TEXT } },
    { "rule 7: several thinking blocks in their places", { SIGNED, TEXT, OMITTED, SIGNED, TEXT } },
    { "blocks of a type that nobody knows", { UNKNOWN, SIGNED, UNKNOWN } },
    { "text with its escapes as they came", { TEXT, TEXT } },
  }
  for _, case in ipairs(kinds) do
    it(case[1], function()
      local answer, message = reply(case[2])
      begin(answer)
      assert(chat:user("a"):send())
      goes_back(message)
    end)
  end

  it("rules 3 and 7: through a tool loop, input and all", function()
    local calls, first = reply({ SIGNED, OMITTED, TEXT, TOOL }, "tool_use")
    local answer, last = reply({ OMITTED, TEXT })
    begin(calls, answer)
    local run = chat:user("a"):run()
    assert(run:final_message())
    assert.equal("A", ran.u)
    assert.equal(2, ran.dup)
    local results = '{"content":[{"content":"done","tool_use_id":"toolu_1","type":"tool_result"}],'
      .. '"role":"user"}'
    assert.equal(USER .. "," .. first .. "," .. results, sent(2))
    assert(chat:user("b"):send())
    assert.equal(table.concat({ USER, first, results, last, MORE }, ","), sent(3))
  end)

  it("rule 7: from a body that is no stream, with its blanks", function()
    local content = '[ {"type" : "text", "text":"x\\u0020y", "extra": [ 1.0 ] } ]'
    local body = '{"id":"msg_1","type":"message","role":"assistant","model":"m","content":'
      .. content
      .. ',"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}'
    begin({ headers = { ["content-type"] = "application/json" }, body = body })
    assert(chat:user("a"):send())
    assert(chat:user("b"):send())
    local block = content:sub(3, -3)
    local message = '{"content":[' .. block .. '],"role":"assistant"}'
    assert.equal(USER .. "," .. message .. "," .. MORE, sent(2))
  end)

  it("and so does the container that the reply came from", function()
    local text = s.stream({
      s.START,
      s.block_start(0, '{"type":"text","text":"x"}'),
      s.block_stop(0),
      '{"type":"message_delta","delta":{"stop_reason":"end_turn","container":{"id":"cont_1"}},'
        .. '"usage":{"output_tokens":1}}',
      s.STOP,
    })
    begin({ headers = { ["content-type"] = "text/event-stream" }, body = text })
    assert(chat:user("a"):send())
    assert(assert(client:load(assert(chat:dump()))):user("b"):send())
    assert(chat:user("b"):send({ container = "cont_2" }))
    local bodies = {}
    for i, request in ipairs(server.requests) do
      bodies[i] = request.json.container or "none"
    end
    assert.same({ "none", "cont_1", "cont_2" }, bodies)
  end)

  it("rule 9: thinking that was interrupted before its signature never goes back", function()
    local unsigned = s.stream({
      s.START,
      s.block_start(0, TEXT[1][1]),
      s.delta(0, TEXT[1][2]),
      s.block_stop(0),
      s.block_start(1, SIGNED[1][1]),
      s.delta(1, SIGNED[1][2]),
    })
    local whole, message = reply({ TEXT })
    begin({
      headers = { ["content-type"] = "text/event-stream" },
      body = unsigned,
      promise = #unsigned + 100,
    }, whole)
    local answer, _, err = chat:user("a"):send()
    assert.is_nil(answer)
    assert.equal("Let\226\128\153s ", err.partial:thinking())
    assert.equal(1, #chat:messages())
    local fork = chat:fork()
    client.on_warning = function() end
    assert(fork:keep(err.partial))
    assert.is_nil(assert(fork:dump()):find("thinking\\u", 1, true))
    local kept = fork:messages()[2].content
    assert.equal(1, #kept)
    assert.equal("text", kept[1].type)
    assert(chat:send())
    assert.equal(USER, sent(2))
    assert.equal(message, (assert(chat:dump()):match('\n({"content":%[.-})\nsha256')))
  end)
end)
