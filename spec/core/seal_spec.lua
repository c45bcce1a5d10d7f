--- The table of doc/imperfect-replies.md, row by row.
local core = require("claude.core")
local s = require("spec.support.stream")

local THINKING = { '{"type":"thinking","thinking":"hm","signature":"c2ln"}' }
local TEXT = { '{"type":"text","text":"so"}' }
local TOOL = { '{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}' }
local TOOL_START = '{"type":"tool_use","id":"t1","name":"f","input":'

local function fragments(...)
  local parts = { '{"type":"tool_use","id":"t1","name":"f","input":{}}' }
  for _, text in ipairs({ ... }) do
    parts[#parts + 1] = '{"type":"input_json_delta","partial_json":' .. core.encode(text) .. "}"
  end
  return parts
end

-- The turn's blocks as one string, and the flags: "rule index" each.
local function seal(response, mode)
  local bytes, changes = response:seal(mode)
  local flags = {}
  for i, change in ipairs(changes) do
    assert.is_string(change.text)
    flags[i] = change.rule .. (change.index and " " .. change.index or "")
  end
  if not bytes then return nil, flags end
  assert(core.decode(bytes))
  return (assert(bytes:match('^{"content":%[(.*)%],"role":"assistant"}$'))), flags
end

local function seal_reply(blocks, reason)
  local response = s.read_reply(blocks, reason)
  assert.is_nil(response:failure())
  local content, flags = seal(response)
  return content, flags, response
end

local function joined(...)
  local starts = {}
  for i, block in ipairs({ ... }) do
    starts[i] = block[1]
  end
  return table.concat(starts, ",")
end

describe("what a reply adds to the conversation", function()
  local whole = { "end_turn", "stop_sequence", "tool_use", "pause_turn", "compaction" }
  for _, reason in ipairs(whole) do
    it("row 1: a whole reply adds every block's bytes: " .. reason, function()
      local odd = { '{ "text" : "\\u0041", "type":"text","new":{"x": [1.0, null]} }' }
      local content, flags = seal_reply({ THINKING, odd, TOOL }, reason)
      assert.equal(joined(THINKING, odd, TOOL), content)
      assert.same({}, flags)
    end)
  end

  it("row 2: so does one with a stop_reason that is not known", function()
    local content, flags = seal_reply({ TEXT }, "exhausted")
    assert.equal(joined(TEXT), content)
    assert.same({}, flags)
  end)

  it("row 2: and one with none though message_stop came", function()
    local response =
      s.read(s.stream({ s.START, s.block_start(0, TEXT[1]), s.block_stop(0), s.STOP }))
    assert.is_nil(response:stop_reason())
    assert.equal(joined(TEXT), (seal(response)))
  end)

  it("row 3: a refusal adds nothing, and can be read", function()
    local content, flags, response = seal_reply({ TEXT }, "refusal")
    assert.is_nil(content)
    assert.same({ "refusal" }, flags)
    assert.equal(TEXT[1], response:block_raw(1))
  end)

  it("row 4: empty content adds nothing", function()
    local content, flags = seal_reply({})
    assert.is_nil(content)
    assert.same({ "empty_content" }, flags)
  end)

  for _, reason in ipairs({ "max_tokens", "model_context_window_exceeded" }) do
    it("row 5: thinking and tool calls at a cut end are left out: " .. reason, function()
      local content, flags = seal_reply({ THINKING, TOOL, TEXT, THINKING, TOOL }, reason)
      assert.equal(joined(THINKING, TOOL, TEXT), content)
      assert.same({ "cut_tail 3", "cut_tail 4" }, flags)
    end)
  end

  it("row 5: text that was cut stays", function()
    local content, flags = seal_reply({ THINKING, TEXT }, "max_tokens")
    assert.equal(joined(THINKING, TEXT), content)
    assert.same({}, flags)
  end)

  it("row 5: a server's tool call without its result is left out, one with it stays", function()
    local call = { '{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}' }
    local result = { '{"type":"web_search_tool_result","tool_use_id":"s1","content":[]}' }
    assert.equal(joined(call, result), (seal_reply({ call, result, call }, "max_tokens")))
  end)

  it("row 5: empty text is no end", function()
    local content, flags =
      seal_reply({ TEXT, THINKING, { '{"type":"text","text":""}' } }, "max_tokens")
    assert.equal(joined(TEXT), content)
    assert.same({ "empty_text 2", "cut_tail 1" }, flags)
  end)

  it("row 6: with nothing but thinking and tools a cut reply adds nothing", function()
    local content, flags = seal_reply({ THINKING, TOOL }, "max_tokens")
    assert.is_nil(content)
    assert.same({ "cut_tail 0", "cut_tail 1", "empty_content" }, flags)
  end)

  it("row 7: thinking at the end of a whole reply is left out", function()
    local content, flags = seal_reply({ THINKING, TEXT, THINKING })
    assert.equal(joined(THINKING, TEXT), content)
    assert.same({ "last_thinking 2" }, flags)
    content, flags = seal_reply({ { '{"type":"redacted_thinking","data":"x"}' } })
    assert.is_nil(content)
    assert.same({ "last_thinking 0", "empty_content" }, flags)
  end)

  it("row 8: empty text is left out anywhere", function()
    local empty = { '{"type":"text","text":""}', '{"type":"text_delta","text":""}' }
    local content, flags = seal_reply({ empty, THINKING, { '{"type":"text"}' }, TEXT })
    assert.equal(joined(THINKING, TEXT), content)
    assert.same({ "empty_text 0", "empty_text 2" }, flags)
  end)

  it("row 9: tool input that was never sent is the start's, else {}", function()
    local content, flags, response = seal_reply({
      { TOOL[1], '{"type":"input_json_delta","partial_json":""}' },
      { '{"type":"tool_use","id":"t2","name":"f","input":null}' },
      { '{"type":"tool_use","id":"t3","name":"f"}' },
      { '{"type":"tool_use","id":"t4","name":"f","input":{}}' },
    }, "tool_use")
    assert.equal(
      TOOL[1]
        .. ',{"type":"tool_use","id":"t2","name":"f","input":{}}'
        .. ',{"type":"tool_use","id":"t3","name":"f","input":{}}'
        .. ',{"type":"tool_use","id":"t4","name":"f","input":{}}',
      content
    )
    assert.same({}, flags)
    assert.is_nil(response:block(1).flaw)
    assert.is_nil(response:block(1).input_raw)
  end)

  it("row 10: tool input that ends too early is kept raw and flagged", function()
    local content, flags, response = seal_reply({ fragments('{"a":[1,2', ',"x') }, "tool_use")
    local wrapped = '{"INVALID_JSON":"{\\"a\\":[1,2,\\"x"}'
    assert.equal(TOOL_START .. wrapped .. "}", content)
    assert.same({ "cut_input 0" }, flags)
    local block = response:block(1)
    assert.equal("cut_input", block.flaw)
    assert.equal('{"a":[1,2,"x', block.input_raw)
    assert.equal('{"type":"tool_use","id":"t1","name":"f","input":{"a":[1,2]}}', block.raw)
  end)

  local deep = ('{"a":'):rep(1025) .. "1" .. ("}"):rep(1025)
  for _, input in ipairs({
    '{"a":1}}',
    "{a:1}",
    '{"a":+1}',
    "nope",
    '{"a":1,}',
    "  ",
    '"unfin',
    deep,
    '{"a":"\\x"',
  }) do
    it(
      "row 11: tool input that is not JSON is kept raw and flagged: " .. input:sub(1, 12),
      function()
        local content, flags, response = seal_reply({ fragments(input) }, "tool_use")
        local wrapped = '{"INVALID_JSON":' .. core.encode(input) .. "}"
        assert.equal('{"type":"tool_use","id":"t1","name":"f","input":' .. wrapped .. "}", content)
        assert.same({ "invalid_input 0" }, flags)
        assert.equal("invalid_input", response:block(1).flaw)
        assert.equal(content, response:block(1).raw)
        assert.equal(input, response:tool_input_raw(1))
      end
    )
  end

  describe("what is nested as deep as a reply may be", function()
    local function nested(depth) return ('{"a":'):rep(depth) .. "1" .. ("}"):rep(depth) end

    -- The deepest that is taken, and whether one more breaks the reply or flags the block.
    local places = {
      { "a tool's input", 1000, function(json) return fragments(json) end, flagged = true },
      {
        "a block's start",
        998,
        function(json) return { TOOL_START .. json .. "}" } end,
      },
      {
        "a citation",
        998,
        function(json)
          return { TEXT[1], ('{"type":"citations_delta","citation":%s}'):format(json) }
        end,
      },
    }
    for _, place in ipairs(places) do
      local what, depth, make = place[1], place[2], place[3]
      it("goes back, and can be read again: " .. what, function()
        local response = s.read_reply({ make(nested(depth)) }, "tool_use")
        assert.is_nil(response:failure())
        assert(core.decode(response:message_json()))
        local bytes, changes = response:seal()
        assert.same({}, changes)
        assert(core.transcript():append(bytes))
        assert.is_nil(response:block(1).flaw)
      end)

      it("is not taken any deeper: " .. what, function()
        local response = s.read_reply({ make(nested(depth + 1)) }, "tool_use")
        if place.flagged then
          assert.equal("invalid_input", response:block(1).flaw)
          assert(core.transcript():append(response:seal()))
        else
          assert.matches("nested too deep", response:failure().message)
        end
        assert(core.decode(response:message_json()))
      end)
    end
  end)

  for _, input in ipairs({ "[1]", " 12 ", '"s"', "null", "true" }) do
    it("row 12: tool input that is no object is wrapped and flagged: " .. input, function()
      local content, flags, response = seal_reply({ fragments(input) }, "tool_use")
      assert.equal(
        '{"type":"tool_use","id":"t1","name":"f","input":{"INVALID_JSON":'
          .. core.encode(input)
          .. "}}",
        content
      )
      assert.same({ "not_object 0" }, flags)
      assert.equal("not_object", response:block(1).flaw)
      assert.equal(
        '{"type":"tool_use","id":"t1","name":"f","input":' .. input .. "}",
        response:block_raw(1)
      )
    end)
  end

  it("row 12: also when it stood in the block's start", function()
    local content, flags = seal_reply({ { '{"type":"tool_use","id":"t","name":"f","input":[]}' } })
    assert.equal('{"type":"tool_use","id":"t","name":"f","input":{"INVALID_JSON":"[]"}}', content)
    assert.same({ "not_object 0" }, flags)
  end)

  it("row 13: numbers beyond a double and repeated names go back as they came", function()
    local input = ' {"n":1e400,"n":123456789012345678901234567890} '
    local content, flags = seal_reply({ fragments(input:sub(1, 9), input:sub(10)) }, "tool_use")
    assert.equal('{"type":"tool_use","id":"t1","name":"f","input":' .. input .. "}", content)
    assert.same({}, flags)
  end)

  it("row 14: half of a surrogate pair in text becomes U+FFFD", function()
    local content, flags, response = seal_reply({
      {
        '{"type":"text","text":"\\ud83d\\ude00 \\ude00\\\\ud83d"}',
        '{"type":"text_delta","text":"x\\uD83Dy"}',
      },
      { '{"type":"tool_result_of_tomorrow","x":"\\udead"}' },
    })
    assert.equal(
      '{"type":"text","text":"\\ud83d\\ude00 \\ufffd\\\\ud83dx\\ufffdy"},'
        .. '{"type":"tool_result_of_tomorrow","x":"\\ufffd"}',
      content
    )
    assert.same({ "lone_surrogate 0", "lone_surrogate 1" }, flags)
    assert.equal("lone_surrogate", response:block(1).flaw)
    assert.matches("x\\uD83Dy", response:block(1).raw, 1, true)
  end)

  it("row 14: in tool input, too", function()
    local content, flags = seal_reply({ fragments('{"a":"\\ud83d"}') }, "tool_use")
    assert.equal('{"type":"tool_use","id":"t1","name":"f","input":{"a":"\\ufffd"}}', content)
    assert.same({ "lone_surrogate 0" }, flags)
  end)

  it("row 15: a pair split between two deltas is whole again", function()
    local content, flags = seal_reply({
      { '{"type":"text","text":"\\ud83d"}', '{"type":"text_delta","text":"\\ude00"}' },
      {
        '{"type":"tool_use","id":"t","name":"f","input":{}}',
        '{"type":"input_json_delta","partial_json":"{\\"a\\":\\"\\ud83d"}',
        '{"type":"input_json_delta","partial_json":"\\ude00\\"}"}',
      },
    })
    assert.equal(
      '{"type":"text","text":"\\ud83d\\ude00"},'
        .. '{"type":"tool_use","id":"t","name":"f","input":{"a":"\240\159\152\128"}}',
      content
    )
    assert.same({}, flags)
  end)

  it("row 16: half of a surrogate pair in thinking cannot go back: nothing does", function()
    local content, flags, response = seal_reply({
      {
        '{"type":"thinking","thinking":"","signature":""}',
        '{"type":"thinking_delta","thinking":"\\ud83d"}',
        '{"type":"signature_delta","signature":"s"}',
      },
      TEXT,
    })
    assert.is_nil(content)
    assert.same({ "lone_surrogate 0", "unsealable" }, flags)
    assert.is_true(response:complete())
  end)

  it("row 26: two tool calls with one id cannot go back: nothing does", function()
    local call = '{"type":"tool_use","id":"t1","name":"n","input":{}}'
    local other = '{"type":"tool_use","id":"t2","name":"n","input":{}}'
    local content, flags = seal_reply({ TEXT, { call }, { other }, { call } })
    assert.is_nil(content)
    assert.same({ "repeated_call_id 3" }, flags)
    assert.is_string((seal_reply({ TEXT, { call }, { other } })))
    local fallback = { '{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}}' }
    assert.is_string((seal_reply({ { call }, fallback, { call } })), "only one of them stays")
  end)

  for what, block in pairs({
    cut_input = fragments('{"a":'),
    invalid_input = fragments("{a}"),
    not_object = fragments("[]"),
    lone_surrogate = { '{"type":"text","text":"\\ud83d"}' },
  }) do
    it("row 17: nothing is changed before thinking that goes back: " .. what, function()
      local content, flags = seal_reply({ TEXT, block, THINKING, TEXT })
      assert.is_nil(content)
      assert.same({ what .. " 1", "unsealable" }, flags)
    end)

    it("row 17: after it, it is: " .. what, function()
      local content, flags = seal_reply({ THINKING, block, TEXT })
      assert.is_string(content)
      assert.same({ what .. " 1" }, flags)
    end)
  end

  it("row 17: thinking that is left out covers nothing", function()
    local content, flags = seal_reply({ fragments("[]"), TEXT, THINKING })
    assert.is_string(content)
    assert.same({ "last_thinking 2", "not_object 0" }, flags)
  end)

  for what, delta in pairs({
    ["not known"] = '{"type":"smell_delta","smell":"mint"}',
    ["of another block's type"] = '{"type":"thinking_delta","thinking":"x"}',
    ["without a type"] = "{}",
  }) do
    it("row 18: a delta " .. what .. " is told and left out", function()
      local events = s.reply({ { TEXT[1], delta } })
      local response, lines = s.read(s.stream(events))
      assert.equal("unknown 0 " .. s.delta(0, delta), lines[3])
      local content, flags = seal(response)
      assert.equal(joined(TEXT), content)
      assert.same({ "unknown_delta 0" }, flags)
      assert.equal("unknown_delta", response:block(1).flaw)
    end)
  end

  it(
    "row 18: before thinking, too, since nothing is changed",
    function() assert.is_string((seal_reply({ { TEXT[1], '{"type":"x"}' }, THINKING, TEXT }))) end
  )

  it("row 19: a block of a type that is not known goes back as it came", function()
    local hologram = { '{"type":"hologram","beam":{"a":[1]},"text":7}' }
    assert.equal(joined(hologram), (seal_reply({ hologram })))
  end)

  it("row 20: before the last fallback only what stands on its own stays", function()
    local fallback = { '{"type":"fallback","from":{"model":"a"},"to":{"model":"b"}}' }
    local call = { '{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}' }
    local result = { '{"type":"web_search_tool_result","tool_use_id":"s1","content":[]}' }
    local alone = { '{"type":"server_tool_use","id":"s2","name":"web_search","input":{}}' }
    local lost = { '{"type":"web_search_tool_result","tool_use_id":"s3","content":[]}' }
    local content, flags = seal_reply({
      THINKING,
      call,
      result,
      fallback,
      TEXT,
      TOOL,
      alone,
      lost,
      fallback,
      THINKING,
      TOOL,
    }, "tool_use")
    assert.equal(joined(call, result, fallback, TEXT, fallback, THINKING, TOOL), content)
    assert.same(
      { "before_fallback 0", "before_fallback 5", "before_fallback 6", "before_fallback 7" },
      flags
    )
  end)

  it("row 21: thinking without signature in a whole reply stays as it is", function()
    local unsigned = { '{"type":"thinking","thinking":"hm"}' }
    assert.equal(joined(unsigned, TEXT), (seal_reply({ unsigned, TEXT })))
  end)

  it("row 22: message_stop stops what had not stopped", function()
    local response =
      s.read(s.stream({ s.START, s.block_start(0, TEXT[1]), s.message_delta("end_turn"), s.STOP }))
    assert.is_false(response:block(1).stopped)
    assert.equal(joined(TEXT), (seal(response)))
  end)

  local function broken(blocks)
    local events = s.reply(blocks)
    for _ = 1, 3 do
      events[#events] = nil
    end -- the last block's stop, and the end
    return (s.read(s.stream(events), "reset"))
  end

  it("row 23: a reply that is not whole adds nothing", function()
    local content, flags = seal(broken({ TEXT, TEXT }))
    assert.is_nil(content)
    assert.same({ "incomplete" }, flags)
    content, flags = seal(core.response())
    assert.is_nil(content)
    assert.same({ "incomplete" }, flags)
  end)

  it("row 24: kept on demand: finished blocks and text that was cut", function()
    local content, flags = seal(broken({ THINKING, TEXT, TEXT }), "keep")
    assert.equal(joined(THINKING, TEXT, TEXT), content)
    assert.same({}, flags)
  end)

  it("row 24: without a tool call, finished or not, and what stands behind it", function()
    local content, flags = seal(broken({ THINKING, TEXT, TOOL, THINKING, TEXT }), "keep")
    assert.equal(joined(THINKING, TEXT), content)
    assert.same({ "unfinished 2", "unfinished 3", "unfinished 4" }, flags)
  end)

  it("row 24: without a call of the server's that has no finished result", function()
    local call = { '{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}' }
    local result = { '{"type":"web_search_tool_result","tool_use_id":"s1","content":[]}' }
    local content, flags = seal(broken({ TEXT, call, result, TEXT }), "keep")
    assert.equal(joined(TEXT, call, result, TEXT), content)
    assert.same({}, flags)
    content, flags = seal(broken({ TEXT, call, result }), "keep")
    assert.equal(joined(TEXT), content)
    assert.same({ "unfinished 1", "unfinished 2" }, flags)
  end)

  it("row 24: without a tool call that did not finish", function()
    local content, flags = seal(broken({ THINKING, TEXT, fragments('{"a"') }), "keep")
    assert.equal(joined(THINKING, TEXT), content)
    assert.same({ "unfinished 2" }, flags)
  end)

  it("row 24: without thinking that has no signature yet, and none at the end", function()
    local unsigned = { '{"type":"thinking","thinking":"hm","signature":""}' }
    local content, flags = seal(broken({ TEXT, THINKING, unsigned }), "keep")
    assert.equal(joined(TEXT), content)
    assert.same({ "unfinished 2", "last_thinking 1" }, flags)
    content, flags = seal(broken({ unsigned }), "keep")
    assert.is_nil(content)
    assert.same({ "unfinished 0", "empty_content" }, flags)
  end)

  it("row 24: a whole reply is the same kept or not", function()
    local response = s.read_reply({ THINKING, TEXT })
    assert.same({ response:seal() }, { response:seal("keep") })
    assert.has_error(function() response:seal("half") end)
  end)

  it("is added to a transcript as the same bytes", function()
    local transcript, response = core.transcript(), s.read_reply({ THINKING, TEXT })
    local added, changes, unnamed = response:seal("whole", transcript)
    assert.same({ true, {}, false }, { added, changes, unnamed })
    assert.equal((response:seal()), transcript:get(1))
    assert.equal("assistant", transcript:role(1))
  end)

  it("adds nothing to a transcript where nothing is left", function()
    local transcript = core.transcript()
    local added, changes = s.read_reply({}):seal("whole", transcript)
    assert.is_false(added)
    assert.equal("empty_content", changes[1].rule)
    assert.equal(0, transcript:count())
  end)

  it("tells of a call without an id", function()
    for _, id in ipairs({ "", '"id":7,' }) do
      local call = { '{"type":"tool_use",' .. id .. '"name":"f","input":{}}' }
      assert.is_true(select(3, s.read_reply({ call }):seal("whole", core.transcript())))
    end
    assert.is_false(select(3, s.read_reply({ TOOL }):seal("whole", core.transcript())))
  end)
end)
