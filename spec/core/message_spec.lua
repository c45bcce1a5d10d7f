local core = require("claude.core")
local each_chunking = require("spec.helpers").each_chunking
local s = require("spec.support.stream")

local function message_of(events)
  local response = s.read(s.stream(events))
  assert.is_nil(response:failure())
  return response:message_json(), response
end

local function content_of(blocks) return message_of(s.reply(blocks)):match('"content":(%b[])') end

describe("a message put together from a stream", function()
  local rich = s.reply({
    {
      '{"type":"thinking","thinking":"","signature":""}',
      '{"type":"thinking_delta","thinking":"a\\n"}',
      '{"type":"thinking_delta","thinking":"\\u00e9"}',
      '{"type":"signature_delta","signature":"U0lH"}',
    },
    {
      '{"type":"text","text":"","citations":null}',
      '{"type":"text_delta","text":"Hi \\ud83d"}',
      '{"type":"text_delta","text":"\\ude00"}',
      '{"type":"citations_delta","citation":{"cited_text":"q"}}',
      '{"type":"citations_delta","citation":{"n":2}}',
    },
    {
      '{"type":"tool_use","id":"t","name":"f","input":{},"caller":{"type":"direct"}}',
      '{"type":"input_json_delta","partial_json":""}',
      '{"type":"input_json_delta","partial_json":"{\\"a\\""}',
      '{"type":"input_json_delta","partial_json":": 1.0}"}',
    },
    { '{"type":"redacted_thinking","data":"x"}' },
    {
      '{"type":"compaction","content":null}',
      '{"type":"compaction_delta","content":"sum","encrypted_content":"enc"}',
    },
  }, "tool_use")

  -- As one text, and as tables with the bytes of each block.
  local function check_tables(response)
    local json = response:message_json()
    local message, raws = response:message()
    local wanted = json and core.decode(json)
    assert.same(wanted, message)
    for i = 1, wanted and response:block_count() or 0 do
      assert.equal(response:block_raw(i), raws[i])
    end
    assert.equal(wanted and response:block_count(), wanted and #raws)
  end

  local ACCOUNT = { "id", "model", "usage", "input_transformations" }

  local function check_account(response)
    local head, account = response:head(), response:account()
    assert.equal(head == nil, account == nil)
    local wanted = head and {}
    for _, name in ipairs(head and ACCOUNT or {}) do
      wanted[name] = head[name]
    end
    assert.same(wanted, account)
  end

  it("gives the same as tables, however much of it has come", function()
    local bytes = s.stream(rich)
    for cut = 1, #bytes, 7 do
      check_tables(s.read(bytes:sub(1, cut)))
    end
    check_tables(s.read(bytes))
  end)

  it("gives the same as tables where it came in one piece, or has no block", function()
    local whole = core.response()
    whole:feed_header("HTTP/1.1 200 OK")
    whole:feed_header("content-type: application/json")
    whole:feed_header("")
    whole:feed(message_of(rich))
    whole:finish()
    assert.is_true(whole:complete())
    check_tables(whole)
    check_tables(s.read(s.stream(s.reply({}))))
    assert.is_nil(core.response():message())
    assert.is_nil(core.response():head())
  end)

  it("gives its head as a table", function()
    local response = s.read(s.stream(rich))
    assert.same(core.decode(response:head_json()), (response:head()))
  end)

  it("gives what it used as the head does, whenever it is asked", function()
    local bytes = s.stream(rich)
    for cut = 1, #bytes, 7 do
      check_account(s.read(bytes:sub(1, cut)))
    end
    check_account(s.read(bytes))
    check_account(s.read(s.stream(s.reply({}))))
  end)

  it("takes what it used from the last event that says it", function()
    local response = s.read(s.stream({
      '{"type":"message_start","message":{"id":"m","model":"a","content":[],'
        .. '"usage":{"input_tokens":1,"output_tokens":2}}}',
      '{"type":"message_delta","delta":{"model":"b"},"usage":{"output_tokens":9},'
        .. '"input_transformations":[{"type":"x"}]}',
    }))
    assert.same({
      id = "m",
      model = "b",
      usage = { input_tokens = 1, output_tokens = 9 },
      input_transformations = { { type = "x" } },
    }, (response:account()))
  end)

  it("says nothing of what it used that nobody has told", function()
    assert.is_nil(core.response():account())
    local start = '{"type":"message_start","message":{"id":"m","usage":null,"content":[]}}'
    assert.same({ id = "m" }, (s.read(s.stream({ start })):account()))
  end)

  it("is built from the bytes that came, however they are cut", function()
    local expected = '{"id":"msg_1","type":"message","role":"assistant","model":"m","content":['
      .. '{"type":"thinking","thinking":"a\\n\\u00e9","signature":"U0lH"},'
      .. '{"type":"text","text":"Hi \\ud83d\\ude00","citations":[{"cited_text":"q"},{"n":2}]},'
      .. '{"type":"tool_use","id":"t","name":"f","input":{"a": 1.0},"caller":{"type":"direct"}},'
      .. '{"type":"redacted_thinking","data":"x"},'
      .. '{"type":"compaction","content":"sum","encrypted_content":"enc"}],'
      .. '"stop_reason":"tool_use","stop_sequence":null,'
      .. '"usage":{"input_tokens":7,"output_tokens":5}}'
    local told = {
      "message_start - -",
      "block_start 0 thinking",
      "thinking 0 a\n",
      "thinking 0 \195\169",
      "signature 0 U0lH",
      "block_stop 0 thinking",
      "block_start 1 text",
      "text 1 Hi ",
      "text 1 \240\159\152\128",
      'citation 1 {"cited_text":"q"}',
      'citation 1 {"n":2}',
      "block_stop 1 text",
      "block_start 2 tool_use",
      "input_json 2 ",
      'input_json 2 {"a"',
      "input_json 2 : 1.0}",
      "block_stop 2 tool_use",
      "block_start 3 redacted_thinking",
      "block_stop 3 redacted_thinking",
      "block_start 4 compaction",
      'compaction 4 {"type":"compaction_delta","content":"sum","encrypted_content":"enc"}',
      "block_stop 4 compaction",
      "message_delta - -",
      "message_stop - -",
    }
    each_chunking(s.stream(rich), function(chunks, how)
      local response, lines = s.read(chunks)
      assert.equal(expected, response:message_json(), how)
      assert.same(told, lines, how)
    end)
  end)

  it("can be had while it is still coming", function()
    local response = core.response()
    assert.is_nil(response:message_json())
    response:feed(s.stream({
      s.START,
      s.block_start(0, '{"type":"text","text":""}'),
      s.delta(0, '{"type":"text_delta","text":"so f"}'),
    }))
    s.drain(response)
    assert.equal(
      '[{"type":"text","text":"so f"}]',
      response:message_json():match('"content":(%b[])')
    )
    assert.same(
      { type = "text", raw = '{"type":"text","text":"so f"}', index = 0, stopped = false },
      response:block(1)
    )
  end)

  it(
    "keeps every member and blank of a block's start where it was",
    function()
      assert.equal(
        '[{ "new" : [1 ], "text" : "ab" ,"type":"text" , "old":null }]',
        content_of({
          {
            '{ "new" : [1 ], "text" : "" ,"type":"text" , "old":null }',
            '{"type":"text_delta","text":"ab"}',
          },
        })
      )
    end
  )

  it(
    "adds members that the block's start lacks at its end",
    function()
      assert.equal(
        '[{"type":"thinking","thinking":"a","signature":"s"}]',
        content_of({
          {
            '{"type":"thinking"}',
            '{"type":"thinking_delta","thinking":"a"}',
            '{"type":"signature_delta","signature":"s"}',
          },
        })
      )
    end
  )

  it(
    "continues text that the block's start has",
    function()
      assert.equal(
        '[{"type":"text","text":"init \\"more"}]',
        content_of({
          { '{"type":"text","text":"init \\""}', '{"type":"text_delta","text":"more"}' },
        })
      )
    end
  )

  it(
    "adds citations to a list that has nothing but blanks in it",
    function()
      assert.equal(
        '[{"type":"text","text":"","citations":[3,4]}]',
        content_of({
          {
            '{"type":"text","text":"","citations":[ ]}',
            '{"type":"citations_delta","citation":3}',
            '{"type":"citations_delta","citation":4}',
          },
        })
      )
    end
  )

  it(
    "continues citations that the block's start has",
    function()
      assert.equal(
        '[{"type":"text","text":"","citations":[1,2,3]}]',
        content_of({
          {
            '{"type":"text","text":"","citations":[1,2]}',
            '{"type":"citations_delta","citation":3}',
          },
        })
      )
    end
  )

  it(
    "replaces the value that counts when a name occurs twice",
    function()
      assert.equal(
        '[{"type":"text","text":1,"te\\u0078t":"xy"}]',
        content_of({
          { '{"type":"text","text":1,"te\\u0078t":"x"}', '{"type":"text_delta","text":"y"}' },
        })
      )
    end
  )

  it(
    "takes the last of several signatures",
    function()
      assert.equal(
        '[{"type":"thinking","thinking":"","signature":"b"}]',
        content_of({
          {
            '{"type":"thinking","thinking":"","signature":""}',
            '{"type":"signature_delta","signature":"a"}',
            '{"type":"signature_delta","signature":"b"}',
          },
        })
      )
    end
  )

  it("keeps a signature that is no string as it came", function()
    local json, response = message_of(s.reply({
      { '{"type":"thinking","thinking":""}', '{"type":"signature_delta","signature":123}' },
    }))
    assert.matches('"signature":123}', json, 1, true)
    assert.equal('{"type":"thinking","thinking":"","signature":123}', response:block_raw(1))
  end)

  it("gathers input for every kind of tool call", function()
    for _, kind in ipairs({ "tool_use", "server_tool_use", "mcp_tool_use", "new_tool_use" }) do
      assert.equal(
        ('[{"type":"%s","input":{"a":1}}]'):format(kind),
        content_of({
          {
            ('{"type":"%s","input":{}}'):format(kind),
            '{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}',
          },
        })
      )
    end
  end)

  it(
    "gathers text for block types that are not known but have text",
    function()
      assert.equal(
        '[{"type":"connector_text","text":"ab"}]',
        content_of({
          { '{"type":"connector_text","text":"a"}', '{"type":"text_delta","text":"b"}' },
        })
      )
    end
  )

  it("does not add what fits no member, and says so", function()
    local _, response = message_of(s.reply({
      { '{"type":"redacted_thinking","data":"x"}', '{"type":"text_delta","text":"b"}' },
    }))
    assert.equal('{"type":"redacted_thinking","data":"x"}', response:block_raw(1))
    assert.equal("unknown_delta", response:block(1).flaw)
  end)

  it("has no block where there is none", function()
    local _, response = message_of(s.reply({}))
    assert.equal(0, response:block_count())
    assert.is_nil(response:block(0))
    assert.is_nil(response:block(1))
    assert.is_nil(response:block_raw(1))
    assert.is_nil(response:tool_input_raw(-1))
  end)
end)

describe("halves of surrogate pairs in what is told", function()
  local function texts(...)
    local parts = { '{"type":"text","text":""}' }
    for i, text in ipairs({ ... }) do
      parts[i + 1] = '{"type":"text_delta","text":"' .. text .. '"}'
    end
    local _, lines = s.read_reply({ parts })
    local told = {}
    for _, line in ipairs(lines) do
      told[#told + 1] = line:match("^text 0 (.*)$")
    end
    return told
  end

  it(
    "are joined across deltas",
    function() assert.same({ "a", "\240\159\152\128b" }, texts("a\\ud83d", "\\ude00b")) end
  )

  it(
    "wait over empty deltas",
    function() assert.same({ "", "", "\240\159\152\128" }, texts("\\ud83d", "", "\\ude00")) end
  )

  it("become U+FFFD when something else follows", function()
    assert.same({ "", "\239\191\189x" }, texts("\\ud83d", "x"))
    assert.same({ "\239\191\189" }, texts("\\ude00"))
  end)

  it(
    "become U+FFFD, told before the stop, when nothing follows",
    function() assert.same({ "x", "\239\191\189" }, texts("x\\ud83d")) end
  )

  it("are told so too when the stream breaks off, or message_stop comes first", function()
    local begun = {
      s.START,
      s.block_start(3, '{"type":"tool_use","input":{}}'),
      s.delta(3, '{"type":"input_json_delta","partial_json":"[\\ud83d"}'),
    }
    local response, lines, why = s.read(s.stream(begun))
    assert.equal("input_json 3 \239\191\189", lines[#lines])
    assert.equal("error", why)
    assert.equal("[\239\191\189", response:tool_input_raw(1))
    begun[#begun + 1] = s.STOP
    local _, told, ending = s.read(s.stream(begun))
    assert.same(
      { "input_json 3 [", "input_json 3 \239\191\189", "message_stop - -" },
      { told[#told - 2], told[#told - 1], told[#told] }
    )
    assert.equal("end", ending)
  end)

  it("belongs to its member: text and thinking of one block do not complete each other", function()
    local _, lines = s.read_reply({
      {
        '{"type":"future","text":"","thinking":""}',
        '{"type":"text_delta","text":"\\ud83d"}',
        '{"type":"thinking_delta","thinking":"\\ude00"}',
      },
    })
    assert.same({ "text 0 ", "thinking 0 \239\191\189", "text 0 \239\191\189" }, {
      lines[3],
      lines[4],
      lines[5],
    })
  end)

  it("do not hide the event behind them from a connection that ends", function()
    local response = core.response()
    response:feed(s.stream({
      s.START,
      s.block_start(0, '{"type":"text","text":""}'),
      s.delta(0, '{"type":"text_delta","text":"\\ud83d"}'),
      s.STOP,
    }))
    for _ = 1, 4 do
      assert.is_string((response:next()))
    end
    response:finish("reset")
    assert.equal("message_stop", (response:next()))
    assert.same({ nil, "end" }, { response:next() })
    assert.is_nil(response:failure())
  end)

  it("count from the end of the block start's own text", function()
    local _, lines = s.read_reply({
      { '{"type":"text","text":"a\\ud83d"}', '{"type":"text_delta","text":"\\ude00"}' },
    })
    assert.equal("text 0 \240\159\152\128", lines[3])
  end)
end)

describe("the order of events", function()
  local A, B = '{"type":"text","text":"A"}', '{"type":"text","text":"B"}'
  local function text(index, what)
    return s.delta(index, '{"type":"text_delta","text":"' .. what .. '"}')
  end
  local function ended(events)
    events[#events + 1] = s.message_delta("end_turn")
    events[#events + 1] = s.STOP
    return events
  end

  it("may leave gaps in the indexes", function()
    local json, response = message_of(ended({
      s.START,
      s.block_start(0, A),
      s.block_stop(0),
      s.block_start(5, B),
      text(5, "b"),
      s.block_stop(5),
    }))
    assert.matches('"text":"A"},{"type":"text","text":"Bb"', json, 1, true)
    assert.equal(5, response:block(2).index)
  end)

  it(
    "puts blocks in the order of their index, not of their coming",
    function()
      assert.matches('"text":"A"},{"type":"text","text":"Bb"', (message_of(ended({
        s.START,
        s.block_start(1, B),
        s.block_start(0, A),
        text(1, "b"),
        s.block_stop(0),
        s.block_stop(1),
      }))), 1, true)
    end
  )

  it(
    "keeps blocks that are open at once apart",
    function()
      assert.matches('"text":"Aaa"},{"type":"text","text":"Bbb"', (message_of(ended({
        s.START,
        s.block_start(0, A),
        s.block_start(1, B),
        text(0, "a"),
        text(1, "b"),
        text(0, "a"),
        text(1, "b"),
        s.block_stop(1),
        s.block_stop(0),
      }))), 1, true)
    end
  )

  it("does not count what comes before message_start", function()
    local events =
      ended({ text(0, "early"), s.block_stop(4), s.START, s.block_start(0, A), s.block_stop(0) })
    local response, lines = s.read(s.stream(events))
    assert.equal("unknown 0 " .. events[1], lines[1])
    assert.equal('[{"type":"text","text":"A"}]', response:message_json():match('"content":(%b[])'))
  end)

  it("does not mind a block that stops twice", function()
    local stop = s.block_stop(0)
    message_of(ended({ s.START, s.block_start(0, A), stop, stop }))
  end)

  for what, case in pairs({
    ["a second message_start"] = { { s.START }, "message_start came twice" },
    ["a block started twice"] = { { s.block_start(0, A) }, "block 0 was started twice" },
    ["a delta for a block that has not started"] = {
      { text(7, "x") },
      "block 7, which has not started",
    },
    ["a delta for a block that has stopped"] = {
      { s.block_stop(0), text(0, "x") },
      "0, which has stopped",
    },
    ["a stop of a block that has not started"] = { { s.block_stop(2) }, "block 2 stopped" },
  }) do
    it("ends at " .. what, function()
      local events = { s.START, s.block_start(0, A) }
      for _, event in ipairs(case[1]) do
        events[#events + 1] = event
      end
      local response = s.read(s.stream(ended(events)))
      assert.equal("protocol", response:failure().kind)
      assert.matches(case[2], response:failure().message, 1, true)
      assert.matches('"text":"A"', response:message_json(), 1, true)
    end)
  end

  it("takes blocks that message_start already has", function()
    local start = s.START:gsub('"content":%[%]', '"content":[{"type":"text","text":"A"}]')
    local json = message_of(ended({ start, s.block_start(1, B), s.block_stop(1) }))
    assert.matches('"content":[' .. A .. "," .. B .. "]", json, 1, true)
    assert.equal(
      "protocol",
      s.read(s.stream({ (start:gsub('%[{"type":"text","text":"A"}', "[5")) })):failure().kind
    )
  end)
end)

describe("message_delta", function()
  local function usage_of(...)
    local events = { s.START }
    for _, delta in ipairs({ ... }) do
      events[#events + 1] = delta
    end
    events[#events + 1] = s.STOP
    return (message_of(events):match('"usage":(%b{})'))
  end

  it(
    "overwrites usage and never adds",
    function()
      assert.equal(
        '{"input_tokens":8,"output_tokens":20}',
        usage_of(
          s.message_delta("end_turn", '{"output_tokens":10,"input_tokens":8}'),
          s.message_delta("end_turn", '{"output_tokens":20}')
        )
      )
    end
  )

  it(
    "does not overwrite with null",
    function()
      assert.equal(
        '{"input_tokens":7,"output_tokens":5}',
        usage_of(s.message_delta("x", '{"input_tokens":null,"output_tokens":5}'))
      )
    end
  )

  it(
    "adds usage that was not there, whatever it is",
    function()
      assert.equal(
        '{"input_tokens":7,"output_tokens":5,"iterations":[{"n":1}],"a b":"\\u00e9"}',
        usage_of(s.message_delta("x", '{"output_tokens":5,"iterations":[{"n":1}],"a b":"\\u00e9"}'))
      )
    end
  )

  it(
    "knows a name however it is spelled",
    function()
      assert.equal(
        '{"input_tokens":7,"output_tokens":9,"ne\\u0077":2}',
        usage_of(
          s.message_delta("x", '{"outpu\\u0074_tokens":4,"ne\\u0077":1}'),
          s.message_delta("x", '{"\\u006futput_tokens":9,"\\u006eew":2}')
        )
      )
    end
  )

  it("may come without usage or delta", function()
    assert.equal(
      '{"input_tokens":7,"output_tokens":1}',
      usage_of('{"type":"message_delta","delta":{"stop_reason":"end_turn"}}')
    )
    assert.equal(
      '{"input_tokens":7,"output_tokens":3}',
      usage_of('{"type":"message_delta","usage":{"output_tokens":3}}')
    )
  end)

  it("gives a message without usage its usage", function()
    local start = '{"type":"message_start","message":{"type":"message"}}'
    assert.equal(
      '{"type":"message","stop_reason":"x","content":[],"usage":{"output_tokens":5}}',
      (message_of({ start, s.message_delta("x"), s.STOP }))
    )
  end)

  it("sets what it knows of the message, and what it does not", function()
    local json, response = message_of({
      s.START,
      '{"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,'
        .. '"stop_details":{"type":"refusal"},"container":{"id":"c"},"new":[1]},'
        .. '"context_management":{"applied_edits":[]},"input_transformations":[{"type":"t"}],'
        .. '"usage":{"output_tokens":5}}',
      s.STOP,
    })
    assert.equal("refusal", response:stop_reason())
    assert.matches('"stop_reason":"refusal","stop_sequence":null,', json, 1, true)
    assert.matches(
      '"stop_details":{"type":"refusal"},"container":{"id":"c"},"new":[1],'
        .. '"context_management":{"applied_edits":[]},"input_transformations":[{"type":"t"}]',
      json,
      1,
      true
    )
  end)

  it("does not take back a stop_reason with null", function()
    local _, response = message_of({
      s.START,
      s.message_delta("end_turn"),
      '{"type":"message_delta","delta":{"stop_reason":null},"usage":null}',
      s.STOP,
    })
    assert.equal("end_turn", response:stop_reason())
  end)

  it("cannot replace the content", function()
    local json = message_of({
      s.START,
      '{"type":"message_delta","delta":{"content":[1],"usage":5,"stop_reason":"x"}}',
      s.STOP,
    })
    assert.matches('"content":[],', json, 1, true)
    assert.matches('"usage":{"input_tokens":7', json, 1, true)
  end)

  it("with the start of a fallback names the model that goes on", function()
    local json = message_of(s.reply({
      { '{"type":"fallback","from":{"model":"m"},"to":{"model":"n"}}' },
    }))
    assert.matches('"model":"n"', json, 1, true)
  end)
end)

describe("a message that came in one body", function()
  local BODY = '{"id":"m","type":"message","content":['
    .. '{"type":"thinking","thinking":"h\\u00e9","signature":"s"},'
    .. '{"type":"text","text":"Hi","citations":[1]},'
    .. '{"type":"tool_use","id":"t","name":"f","input":{"a":"b"}},'
    .. '{"type":"tool_use","id":"u","name":"g","input":{}}],'
    .. '"stop_reason":"tool_use","usage":{"output_tokens":3}}'

  local function load(body)
    local response = core.response()
    response:feed_header("HTTP/1.1 200 OK")
    response:feed_header("content-type: application/json; charset=utf-8")
    response:feed(body)
    response:finish()
    return response
  end

  it("is taken apart the same way", function()
    local response = load(" " .. BODY .. "\n")
    assert.is_true(response:complete())
    assert.equal("tool_use", response:stop_reason())
    assert.equal(BODY, response:message_json())
    assert.equal(4, response:block_count())
    assert.equal('{"type":"text","text":"Hi","citations":[1]}', response:block_raw(2))
    assert.is_true(response:block(3).stopped)
    assert.is_string((response:seal()))
  end)

  it("is told as the events it could have come in", function()
    local response = load(BODY)
    local lines, why = s.drain(response)
    assert.equal("end", why)
    assert.same({
      "message_start - -",
      "block_start 0 thinking",
      "thinking 0 h\195\169",
      "signature 0 s",
      "block_stop 0 thinking",
      "block_start 1 text",
      "text 1 Hi",
      "block_stop 1 text",
      "block_start 2 tool_use",
      'input_json 2 {"a":"b"}',
      "block_stop 2 tool_use",
      "block_start 3 tool_use",
      "block_stop 3 tool_use",
      "message_delta - -",
      "message_stop - -",
    }, lines)
  end)

  it("and these events make the same message", function()
    local response, frames = load(BODY), {}
    while response:next() do
      frames[#frames + 1] = s.frame(response:event())
    end
    local again = s.read(table.concat(frames))
    assert.is_true(again:complete())
    for i = 1, 4 do
      assert.equal(response:block_raw(i), again:block_raw(i))
    end
    assert.equal(response:stop_reason(), again:stop_reason())
  end)

  for what, body in pairs({
    ["another type"] = '{"type":"model","content":[]}',
    ["no content"] = '{"type":"message"}',
    ["content that holds no objects"] = '{"type":"message","content":[1]}',
    ["something behind it"] = '{"type":"message","content":[]}x',
    ["no object"] = "[]",
    ["no JSON"] = "{",
  }) do
    it("is no message with " .. what, function()
      local response = load(body)
      assert.is_false(response:complete())
      assert.is_nil(response:message_json())
      assert.equal(body, response:body())
      assert.same({ nil, "end" }, { response:next() })
    end)
  end
end)
