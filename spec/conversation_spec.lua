local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

local TEXT = '{"type":"text","text":"%s"}'

describe("a conversation", function()
  local bench, client, sim

  local function begin(script, fields, options)
    options = options or {}
    options.script = script
    bench = support.bench(options)
    client, sim = bench.client, bench.sim
    return client:conversation(support.params(fields))
  end

  after_each(function()
    if sim then sim:close() end
  end)

  it("sends what the user said and returns the reply", function()
    local chat = begin({ "Hello!" })
    local message = assert(chat:user("Hi"):send())
    assert.equal("Hello!", message:text())
    assert.equal('{"content":"Hi","role":"user"}', support.sent_messages(sim, 1))
  end)

  it("takes a block in the user's own order of members", function()
    local chat = begin({ "Hello!" })
    assert(chat:user(claude.object({ { "type", "text" }, { "text", "Hi" } })):send())
    assert.equal(
      '{"content":[{"type":"text","text":"Hi"}],"role":"user"}',
      support.sent_messages(sim, 1)
    )
  end)

  it("names the place of a param that contains itself, or lies too deep", function()
    local cyclic, deep = {}, {}
    cyclic.again = cyclic
    for _ = 1, 100000 do
      deep = { x = deep }
    end
    for _, value in ipairs({ cyclic, deep }) do
      local chat = begin({ "Hello!" }, { metadata = value })
      local message, _, err = chat:user("Hi"):send()
      assert.is_nil(message)
      assert.equal("invalid", err.kind)
      assert.truthy(err.path:find("^metadata"))
      sim:close()
    end
  end)

  -- Plain Lua 5.1 has no pcall that waits in a task.
  if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
    it("goes on behind a send in which something was raised", function()
      local chat = begin({ "Hello!" })
      chat:user("Hi")
      claude.loop(function()
        local raised = coroutine.wrap(function() return select(2, pcall(chat.send, chat)) end)()
        assert.matches("coroutine of your own", raised)
        assert.is_false(chat:is_busy())
        assert.equal("Hello!", assert(chat:send()):text())
      end)
    end)
  end

  it("sends the bytes of the reply back", function()
    local chat = begin({ { content = { support.thought("hm"), "One" } }, "Two" })
    local first = assert(chat:user("a"):send())
    assert(chat:user("b"):send())
    local thinking = first.content[1]
    local block = ('{"type":"thinking","thinking":"hm","signature":"%s"}'):format(
      thinking.signature
    )
    assert.equal(
      '{"content":"a","role":"user"},{"content":['
        .. block
        .. ","
        .. TEXT:format("One")
        .. '],"role":"assistant"},{"content":"b","role":"user"}',
      support.sent_messages(sim, 2)
    )
  end)

  it("begins every request with the bytes of the one before", function()
    local chat = begin(function(_, info) return ("reply %d"):format(info.count) end, {
      system = "Be brief.",
      tools = { support.tool("b"), support.tool("a") },
    })
    local hashes = {}
    for i = 1, 5 do
      assert(chat:user("turn " .. i):send())
      hashes[i] = chat:prefix_hash()
    end
    for i = 2, 5 do
      local before, now = support.sent_messages(sim, i - 1), support.sent_messages(sim, i)
      assert.equal(before, now:sub(1, #before))
      assert.equal(hashes[i - 1], chat:prefix_hash(2 * (i - 1)))
      local function rest(number)
        local body = sim.requests[number].body
        return body:sub((assert(body:find('],"model":', 1, true))))
      end
      assert.equal(rest(1), rest(i))
    end
    assert.not_equal(hashes[1], hashes[2])
  end)

  it("makes one message of what is said before it is sent", function()
    local chat = begin({ "ok" })
    local image = { type = "image", source = { type = "url", url = "https://example.com/a.png" } }
    chat:user("one"):user({ { type = "text", text = "two" } }):user(image)
    assert(chat:send())
    local sent = sim.requests[1].request.messages
    assert.equal(1, #sent)
    assert.same({ "text", "text", "image" }, {
      sent[1].content[1].type,
      sent[1].content[2].type,
      sent[1].content[3].type,
    })
  end)

  it("takes JSON text and content for what it says, and for system and tools", function()
    local chat = begin({ "ok" }, {
      system = claude.json('[ {"type":"text","text":"S"} ]'),
      tools = claude.json('[ {"name":"t","input_schema":{"type":"object"}} ]'),
    })
    chat:user(claude.content({ "one" }))
    chat:user(claude.json('{"text" : "two","type":"text"}'))
    chat:user(claude.json('[ {"text":"three" ,"type":"text"} ]'))
    assert(chat:send())
    local body = sim.requests[1].body
    assert.truthy(body:find('"system":[ {"type":"text","text":"S"} ]', 1, true))
    assert.truthy(body:find('"tools":[ {"name":"t","input_schema":{"type":"object"}} ]', 1, true))
    assert.truthy(body:find('{"text" : "two","type":"text"}', 1, true))
    assert.equal("three", sim.requests[1].request.messages[1].content[3].text)
  end)

  it("does not see tables that are changed after they were given", function()
    local block = { type = "text", text = "before" }
    local params = { system = { { type = "text", text = "system before" } } }
    local chat = begin({ "ok" }, params)
    chat:user(block)
    block.text, params.system[1].text = "after", "after"
    assert(chat:send())
    assert.is_nil(sim.requests[1].body:find("after", 1, true))
  end)

  it("changes params for one turn only", function()
    local chat = begin({ "a", "b" })
    assert(chat:user("1"):send({ max_tokens = 4000, metadata = { user_id = "u" } }))
    assert(chat:user("2"):send())
    assert.equal(4000, sim.requests[1].request.max_tokens)
    assert.equal("u", sim.requests[1].request.metadata.user_id)
    assert.equal(8000, sim.requests[2].request.max_tokens)
    assert.is_nil(sim.requests[2].request.metadata)
  end)

  it("refuses to change system and tools for a turn, at the caller's line", function()
    local chat = begin({ "a" })
    for _, name in ipairs({ "system", "tools", "messages" }) do
      for _, verb in ipairs({ "send", "stream", "run" }) do
        local ok, problem = pcall(function()
          local result = chat[verb](chat, { [name] = {} })
          return result
        end)
        assert.is_false(ok)
        assert.truthy(problem:find(name .. " is fixed", 1, true), problem)
        assert.truthy(problem:find("conversation_spec.lua", 1, true), problem)
      end
    end
  end)

  it("begins with messages that were said elsewhere", function()
    local chat = begin({ "c" }, {
      messages = {
        { role = "user", content = "a" },
        { role = "assistant", content = "b" },
      },
    })
    assert(chat:user("c"):send())
    assert.equal(3, #sim.requests[1].request.messages)
  end)

  describe("that fails", function()
    it("is as it was, and sending again is the retry", function()
      local chat = begin({ { error = { status = 529 } }, "ok" })
      chat:user("Hi")
      local message, text, err = chat:send()
      assert.is_nil(message)
      assert.equal("overloaded_error", err.type)
      assert.equal(tostring(err), text)
      assert.equal(1, #chat:messages())
      assert.equal("ok", assert(chat:send()):text())
      assert.equal(sim.requests[1].body, sim.requests[2].body)
    end)

    it("in the middle of the stream adds nothing", function()
      local chat = begin({ { content = { "A long answer" }, cut = { after_event = 4 } }, "ok" })
      chat:user("Hi")
      local message, _, err = chat:send()
      assert.is_nil(message)
      assert.equal("incomplete", err.kind)
      assert.truthy(err.partial)
      assert.equal(1, #chat:messages())
      assert.equal("ok", assert(chat:send()):text())
      assert.equal(1, #sim.requests[2].request.messages)
    end)

    it("surfaces at the first step of a stream", function()
      local chat = begin({})
      local stream = chat:stream()
      local kind, _, err = stream:next()
      assert.is_nil(kind)
      assert.equal("invalid", err.kind)
      assert.equal(0, #sim.requests)
    end)

    it("says so when there is nothing to send", function()
      local chat = begin({ "done" })
      local _, _, err = chat:send()
      assert.equal("there is nothing to send yet", err.message)
      assert(chat:user("Hi"):send())
      _, _, err = chat:send()
      assert.truthy(err.message:find("the last reply is complete", 1, true))
      assert.truthy(err.hint)
      assert.equal(1, #sim.requests)
    end)

    it("refuses what is not UTF-8 until it is taken back", function()
      local chat = begin({ "ok" })
      local done, _, err = chat:user("a\255")
      assert.is_nil(done)
      assert.equal("content", err.path)
      done, _, err = chat:send()
      assert.is_nil(done)
      assert.equal("content", err.path)
      assert.is_nil((chat:dump()))
      assert.is_true(chat:undo())
      assert(chat:user("a"):send())
      assert.equal('{"content":"a","role":"user"}', support.sent_messages(sim, 1))
    end)

    it("checks the open turn by the number of its message", function()
      local chat = begin({ "one", "two" })
      assert(chat:user("a"):send())
      chat:user({ { type = "text", text = "" } })
      local done, _, err = chat:send()
      assert.is_nil(done)
      assert.equal("messages[3].content[1]", err.path)
      assert.equal(1, #sim.requests)
      assert.equal(3, #chat:messages())
      chat:undo()
      assert(chat:user("b"):send())
    end)
  end)

  it("counts cache breakpoints of earlier turns, and takes the fifth back", function()
    local chat = begin("ok")
    local marked = { type = "text", text = "Hi", cache_control = { type = "ephemeral" } }
    for _ = 1, 4 do
      assert(chat:user(marked):send())
    end
    local _, _, err = chat:user(marked):send()
    assert.same({ "invalid", "cache_count" }, { err.kind, err.rule })
    assert.equal("messages[9].content[1].cache_control", err.path)
    assert.equal(4, #sim.requests)
    assert.is_true(chat:undo())
    assert(chat:user("Hi"):send())
    for _ = 1, 2 do
      assert.is_true(chat:undo())
    end
    assert(chat:user(marked):send())
  end)

  describe("while a reply is arriving", function()
    it("refuses what has no place yet, at the caller's line", function()
      local chat = begin({ "one two three" })
      local stream = chat:user("a"):stream()
      assert(stream:next())
      assert.is_true(chat:is_busy())
      for _, verb in ipairs({ "user", "send", "stream", "run", "system" }) do
        local ok, problem = pcall(function()
          local result = chat[verb](chat, "x")
          return result
        end)
        assert.is_false(ok)
        assert.truthy(problem:find("while a reply is arriving", 1, true), problem)
        assert.truthy(problem:find("conversation_spec.lua", 1, true), problem)
      end
      assert(stream:final_message())
      assert.is_false(chat:is_busy())
      assert.equal(2, #chat:messages())
    end)

    it("goes on reading after a break", function()
      local chat = begin({ "one two three four five six seven" }, nil, { piece = 4 })
      local stream = chat:user("a"):stream()
      local first = ""
      for text in stream:text_stream() do
        first = first .. text
        if #first >= 4 then break end
      end
      for text in stream:text_stream() do
        first = first .. text
      end
      assert.equal("one two three four five six seven", first)
      assert.equal(2, #chat:messages())
    end)

    it("can be cancelled, and nothing was added", function()
      local chat = begin({ "one two three", "ok" })
      local stream = chat:user("a"):stream()
      assert(stream:next())
      chat:cancel()
      local _, _, err = stream:next()
      assert.equal("cancelled", err.kind)
      assert.is_false(chat:is_busy())
      assert.equal(1, #chat:messages())
      assert.equal("ok", assert(chat:send()):text())
    end)

    it("undo cancels the reply and takes the turn back", function()
      local chat = begin({ "one", "two three", "ok" })
      assert(chat:user("a"):send())
      local stream = chat:user("b"):stream()
      assert(stream:next())
      assert.is_true(chat:undo())
      assert.equal(2, #chat:messages())
      local _, _, err = stream:next()
      assert.equal("cancelled", err.kind)
      assert(chat:user("c"):send())
      assert.equal(3, #sim.requests[3].request.messages)
    end)
  end)

  describe("undo", function()
    it("takes back what was said and not sent, then turn after turn", function()
      local chat = begin({ "one", "two" })
      assert(chat:user("a"):send())
      assert(chat:user("b"):send())
      chat:user("c")
      assert.equal(5, #chat:messages())
      assert.is_true(chat:undo())
      assert.equal(4, #chat:messages())
      assert.is_true(chat:undo())
      assert.equal(2, #chat:messages())
      assert.is_true(chat:undo())
      assert.equal(0, #chat:messages())
      assert.is_false(chat:undo())
    end)

    it("leaves signatures valid", function()
      local function reply() return { content = { support.thought("hm"), "text" } } end
      local chat = begin(reply)
      for _ = 1, 3 do
        assert(chat:user("a"):send())
      end
      local hash = chat:prefix_hash(4)
      chat:undo()
      assert(chat:user("again"):send())
      assert.equal(hash, chat:prefix_hash(4))
    end)
  end)

  describe("fork", function()
    it("goes its own way from the same bytes", function()
      local chat = begin(
        function(asked) return { content = { support.thought("hm"), "n" .. #asked.messages } } end
      )
      assert(chat:user("a"):send())
      local fork = chat:fork()
      assert.equal(chat:prefix_hash(), fork:prefix_hash())
      assert(fork:user("in the fork"):send())
      assert(chat:user("in the trunk"):send())
      assert(fork:user("on"):send())
      assert.equal(6, #fork:messages())
      assert.equal(4, #chat:messages())
      assert.equal(chat:prefix_hash(2), fork:prefix_hash(2))
      assert.not_equal(chat:prefix_hash(3), fork:prefix_hash(3))
    end)

    it("takes along what was said and not sent", function()
      local chat = begin({ "a", "b" })
      chat:user("draft")
      local fork = chat:fork()
      fork:user("more")
      assert(chat:send())
      assert.equal('{"content":"draft","role":"user"}', support.sent_messages(sim, 1))
      assert(fork:send())
      assert.equal(2, #sim.requests[2].request.messages[1].content)
    end)
  end)

  describe("a system message", function()
    it("stands after what the user says", function()
      local chat = begin({ "one", "two" })
      assert(chat:user("a"):send())
      assert(chat:system("Be terse"):user("b"):send())
      local sent = sim.requests[2].request.messages
      assert.same({ "user", "assistant", "user", "system" }, {
        sent[1].role,
        sent[2].role,
        sent[3].role,
        sent[4].role,
      })
      assert.equal(5, #chat:messages())
    end)

    it("needs a user turn before it", function()
      local chat = begin({ "one" })
      assert(chat:user("a"):send())
      local done, _, err = chat:system("Be terse"):send()
      assert.is_nil(done)
      assert.truthy(err.message:find("follows a user turn", 1, true))
    end)

    it("of an earlier turn keeps other models away", function()
      local chat = begin("ok", { model = "claude-opus-5-5" })
      assert(chat:user("a"):system("Be brief."))
      assert(chat:send())
      local _, _, err = chat:user("b"):send({ model = "claude-opus-4-6" })
      assert.same({ "invalid", "system_model" }, { err.kind, err.rule })
      assert.equal("messages[2]", err.path)
      assert(chat:send())
    end)

    it("is refused for a model that takes none", function()
      local chat = begin({ "one" }, { model = "claude-sonnet-5" })
      local done, _, err = chat:user("a"):system("Be terse"):send()
      assert.is_nil(done)
      assert.truthy(err.message:find("role system", 1, true), err.message)
    end)
  end)

  describe("keep", function()
    local function interrupted(turn)
      local chat = begin({ turn, "ok" })
      local message, _, err = chat:user("a"):send()
      assert.is_nil(message)
      return chat, err.partial
    end

    it("keeps finished blocks and the text up to the cut", function()
      local chat, partial = interrupted({
        content = { support.thought("hm"), ("word "):rep(40) },
        piece = 10,
        cut = { after_event = 10 },
      })
      assert(chat:keep(partial))
      local kept = chat:messages()[2].content
      assert.equal("thinking", kept[1].type)
      assert.equal(partial:text(), kept[2].text)
      assert.equal("ok", assert(chat:user("go on"):send()):text())
      assert.equal(3, #sim.requests[2].request.messages)
    end)

    it("never keeps thinking without its signature", function()
      local chat, partial = interrupted({
        content = { support.thought(("hm "):rep(30)), "text" },
        piece = 10,
        cut = { after_event = 5 },
      })
      local kept, _, err = chat:keep(partial)
      assert.is_nil(kept)
      assert.truthy(err.message:find("nothing of the reply can be kept", 1, true))
      assert.equal(1, #chat:messages())
    end)

    it("never keeps a tool call", function()
      local bare = { content = { "I look", support.call("t", "x"), "more text" } }
      bare.cut = { after_event = 9 }
      local chat = begin({ bare, "ok" }, { tools = { support.tool("t") } })
      local _, _, err = chat:user("a"):send()
      assert.equal(2, #err.partial.content)
      assert(chat:keep(err.partial))
      assert.equal(1, #chat:messages()[2].content)
      assert.same({}, chat:pending())
    end)

    it("raises for what is no interrupted reply", function()
      local chat = begin({ "ok" })
      local message = assert(chat:user("a"):send())
      assert.has_error(function() chat:keep(message) end)
      assert.has_error(function() chat:keep({}) end)
    end)

    it("raises when no reply is waited for", function()
      local chat, partial = interrupted({ content = { "text" }, cut = { after_event = 4 } })
      assert(chat:send())
      assert.has_error(function() chat:keep(partial) end)
    end)
  end)

  describe("open calls", function()
    local calls =
      { content = { support.call("t", "x", "toolu_a"), support.call("t", "y", "toolu_b") } }

    it("are pending until they are answered", function()
      local chat = begin({ calls, "ok" }, { tools = { support.tool("t") } })
      assert(chat:user("a"):send())
      local pending = chat:pending()
      assert.same({ "toolu_a", "toolu_b" }, { pending[1].id, pending[2].id })
      assert.same({ text = "x" }, pending[1].input)
      chat:answer("toolu_b", "second")
      assert.equal(1, #chat:pending())
      chat:answer("toolu_a", nil, "no idea")
      assert.equal("ok", assert(chat:send()):text())
      local content = sim.requests[2].request.messages[3].content
      assert.same({ "toolu_a", "Error: no idea", true }, {
        content[1].tool_use_id,
        content[1].content,
        content[1].is_error,
      })
      assert.same({ "toolu_b", "second" }, { content[2].tool_use_id, content[2].content })
    end)

    it("are answered for the user by the next send, before what is said", function()
      local chat = begin({ calls, "ok" }, { tools = { support.tool("t") } })
      assert(chat:user("a"):send())
      assert(chat:user("never mind"):send())
      local content = sim.requests[2].request.messages[3].content
      assert.equal(3, #content)
      for i = 1, 2 do
        assert.is_true(content[i].is_error)
        assert.equal("stopped by the user", content[i].content)
      end
      assert.equal("never mind", content[3].text)
      assert.same({ "calls_stopped" }, support.codes(bench))
    end)

    it("keep their answers when what was said with them is undone", function()
      local chat = begin({ calls, "no", "ok" }, { tools = { support.tool("t") } })
      assert(chat:user("a"):send())
      chat:answer("toolu_a", "A"):answer("toolu_b", "B")
      assert(chat:user("and?"):send())
      assert.is_true(chat:undo())
      assert.same({}, chat:pending())
      assert(chat:user("well?"):send())
      local content = sim.requests[3].request.messages[3].content
      assert.same(
        { "A", "B", "well?" },
        { content[1].content, content[2].content, content[3].text }
      )
    end)

    it("are answered by tool_result blocks that the user says", function()
      local chat = begin({ calls, "ok" }, { tools = { support.tool("t") } })
      assert(chat:user("a"):send())
      chat:user({
        { type = "text", text = "so" },
        { type = "tool_result", tool_use_id = "toolu_b", content = "B" },
      })
      chat:user({ { type = "tool_result", tool_use_id = "toolu_a", content = "A" } })
      assert.same({}, chat:pending())
      assert(chat:send())
      local content = sim.requests[2].request.messages[3].content
      assert.same({ "A", "B", "so" }, { content[1].content, content[2].content, content[3].text })
      assert.equal(3, #content)
      assert.same({}, support.codes(bench))
    end)

    it("raise for an id that is not open", function()
      local chat = begin({ calls }, { tools = { support.tool("t") } })
      assert.has_error(function() chat:answer("toolu_a", "x") end)
      assert(chat:user("a"):send())
      assert.has_error(function() chat:answer("toolu_c", "x") end)
    end)
  end)

  describe("rule 11: thinking that changes", function()
    it("at the end of a turn is told with what it costs", function()
      local chat = begin({ "a", "b", "c" })
      assert(chat:user("1"):send())
      assert(chat:user("2"):send({ thinking = { type = "disabled" } }))
      assert.same({ "thinking_changed" }, support.codes(bench))
      assert.truthy(bench.warnings[1].text:find("cache", 1, true))
      assert(chat:user("3"):send({ thinking = { type = "disabled" } }))
      assert.equal(1, #bench.warnings)
    end)

    it("while calls are open is refused, and changes nothing", function()
      local chat = begin({ { content = { support.call("t", "x") } }, "ok" }, {
        tools = { support.tool("t") },
      })
      assert(chat:user("1"):send())
      chat:answer(chat:pending()[1].id, "y")
      local done, _, err = chat:send({ thinking = { type = "disabled" } })
      assert.is_nil(done)
      assert.equal("invalid", err.kind)
      assert.equal(1, #sim.requests)
      assert(chat:send())
    end)
  end)

  it("fills the cache with max_tokens = 0, and the user turn stays open", function()
    local chat = begin(function() return "ok" end, { thinking = claude.null })
    chat.params.thinking = nil
    local message = assert(chat:user("a"):send({ max_tokens = 0 }))
    assert.same({}, message.content)
    assert.equal(1, #chat:messages())
    assert.is_nil(sim.requests[1].request.stream)
    assert(chat:send())
  end)

  describe("replies that are not plain", function()
    it("leave the user turn open after a refusal", function()
      local refusal = { content = {}, stop_reason = "refusal", stop_details = { type = "refusal" } }
      local chat = begin({ refusal, "ok" })
      local message = assert(chat:user("a"):send())
      assert.equal("refusal", message.stop_reason)
      assert.equal(1, #chat:messages())
      assert.truthy(support.codes(bench)[1])
      assert(chat:send())
      assert.equal(sim.requests[1].body, sim.requests[2].body)
    end)

    it("may be continued without a word after pause_turn", function()
      local chat = begin({ { content = { "so far" }, stop_reason = "pause_turn" }, "done" })
      assert(chat:user("a"):send())
      assert.equal("done", assert(chat:send()):text())
    end)
  end)

  it("gives views that go out as their bytes", function()
    local chat = begin({ { content = { support.thought("hm"), "text" } }, "ok", "ok" })
    assert(chat:user("a"):send())
    local messages = chat:messages()
    messages[#messages + 1] = { role = "user", content = "b" }
    local params = support.params({ messages = messages })
    assert(client.messages:create(params))
    assert(chat:user("b"):send())
    assert.equal(support.sent_messages(sim, 3), support.sent_messages(sim, 2))
  end)

  it("raises for params of the wrong kind, at the caller's line", function()
    begin({})
    for _, params in ipairs({
      { tools = 1 },
      { tools = { { name = "t", run = 1 } } },
      { system = "\255" },
      { messages = { { role = "robot", content = "" } } },
      "text",
    }) do
      local ok, problem = pcall(function()
        local chat = client:conversation(params)
        return chat
      end)
      assert.is_false(ok)
      assert.truthy(problem:find("conversation_spec.lua", 1, true), problem)
    end
  end)

  it("takes up nothing it cannot send", function()
    local chat = begin({ "reply" })
    local reply = assert(chat:fork():user("a"):send())
    for _, value in ipairs({ 1, true, print, reply }) do
      assert.has_error(function() chat:user(value) end)
    end
    assert.equal("", (core.body({ chat.transcript }):tostring()))
  end)
end)
