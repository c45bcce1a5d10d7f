local claude = require("claude")
local core = require("claude.core")
local errors = require("claude.errors")
local support = require("spec.support.chat")
local usage = require("claude.usage")

local SAY = { content = "All done." }

describe("a conversation with a journal", function()
  local bench, path, opened

  local function echo(fields)
    fields = fields or {}
    return claude.tool({
      name = "echo",
      description = "Says it again",
      input_schema = { type = "object" },
      run = fields.run or function(input) return "echo of " .. input.text end,
      idempotent = fields.idempotent,
      timeout = fields.timeout,
    })
  end

  local function try_open(journal, fields)
    local params = support.params({ journal = journal, tools = { echo() } })
    for name, value in pairs(fields or {}) do
      params[name] = value
    end
    return bench.client:conversation(params)
  end

  local function open(journal, fields)
    local chat = assert(try_open(journal, fields))
    opened[#opened + 1] = chat
    return chat
  end

  before_each(function()
    opened, path = {}, os.tmpname()
    os.remove(path)
    bench = support.bench({
      script = { { content = { "Let me see.", support.call("echo", "hi", "toolu_1") } }, SAY, SAY },
    })
  end)

  after_each(function()
    for _, chat in ipairs(opened) do
      chat:close()
    end
    bench.sim:close()
    os.remove(path)
  end)

  it("is what it was when it is opened again", function()
    local chat = open(path, { system = "Be brief." })
    chat:user("go")
    assert(chat:run():final_message())
    chat:user("and more")
    local dump = assert(chat:dump())
    chat:close()
    local again = open(path, { system = "Be brief." })
    assert.equal(dump, assert(again:dump()))
    assert.same({}, bench.warnings)
  end)

  it("goes on from there without asking for what it has", function()
    local chat = open(path)
    chat:user("go")
    assert(chat:send())
    chat:close()
    assert.equal(1, #bench.sim.requests)
    chat = open(path)
    local message = assert(chat:run():final_message())
    assert.equal("All done.", message:text())
    assert.equal(2, #bench.sim.requests)
  end)

  it("asks for nothing once its file was deleted", function()
    local chat = open(path)
    chat:user("go")
    assert(chat:sync())
    os.remove(path)
    local message, text, err = chat:send()
    assert.is_nil(message)
    assert.equal("storage", err.kind)
    assert.truthy(text:find("it was deleted, moved or replaced", 1, true), text)
    assert.is_nil((chat:user("and more")))
    assert.equal(0, #bench.sim.requests)
    -- What it has said goes on in another.
    local again = assert(bench.client:load(assert(chat:dump()), { journal = path }))
    opened[#opened + 1] = again
    assert(again:send())
    assert.equal(1, #bench.sim.requests)
  end)

  -- The bytes of a journal at the moment in which a tool runs.
  local function bytes_in_a_tool(fields)
    local storage, bytes = claude.journal.memory(), nil
    fields.run = function()
      bytes = storage:read()
      return "echo"
    end
    local chat = open(storage, { tools = { echo(fields) } })
    chat:user("go")
    assert(chat:run():final_message())
    return bytes, storage:read()
  end

  it("knows of a tool that had begun, and does not run it again", function()
    local ran = 0
    local bytes = bytes_in_a_tool({})
    local run = function() ran = ran + 1 end
    local chat = open(claude.journal.memory(bytes), { tools = { echo({ run = run }) } })
    local call = chat:pending()[1]
    assert.is_true(call.uncertain)
    local message, text, err = chat:run():final_message()
    assert.is_nil(message)
    assert.is_true(errors.is(err))
    assert.same({ "invalid", "uncertain_call", 0 }, { err.kind, err.rule, ran })
    assert.truthy(text:find('chat:answer("toolu_1"', 1, true), text)
    assert(chat:answer(call.id, "it was paid"))
    assert.equal("All done.", assert(chat:run():final_message()):text())
    assert.equal(0, ran)
  end)

  it("runs it again if it says that it is idempotent", function()
    local ran = 0
    local bytes = bytes_in_a_tool({ idempotent = true })
    local run = function(_, call)
      ran = ran + 1
      assert(call.uncertain)
      return "again"
    end
    local tool = echo({ run = run, idempotent = true })
    local chat = open(claude.journal.memory(bytes), { tools = { tool } })
    assert.equal("All done.", assert(chat:run():final_message()):text())
    assert.equal(1, ran)
  end)

  it("warns of a tool that ran early, to its end, and whose reply was lost", function()
    local storage = claude.journal.memory()
    local chat = open(storage)
    chat:user("go")
    local result = '{"content":"x","tool_use_id":"toolu_9","type":"tool_result"}'
    assert(chat.journal:begin_call(chat, "toolu_9", "echo"))
    assert(chat.journal:end_call(chat, "toolu_9", result))
    open(claude.journal.memory(storage:read()))
    assert.same({ "early_call_dropped" }, support.codes(bench))
  end)

  it("is never cut below what was there when a sync fails that is the first", function()
    local chat = open(claude.journal.memory())
    chat:user("go")
    assert(chat:run():final_message())
    local bytes = chat.journal.log.storage:read()
    local storage, lowest, syncs = claude.journal.memory(bytes), math.huge, 0
    local truncate, sync = storage.truncate, storage.sync
    function storage:truncate(size)
      lowest = math.min(lowest, size)
      return truncate(self, size)
    end
    function storage:sync()
      syncs = syncs + 1
      if syncs == 1 then return nil, "the disk is gone" end
      return sync(self)
    end
    chat = open(storage)
    chat:user("more")
    local _, _, err = chat:send()
    assert.equal("storage", err.kind)
    assert(chat:send())
    assert.equal(#bytes, lowest)
    assert.equal(chat:dump(), open(claude.journal.memory(storage:read())):dump())
  end)

  it("is written once more, as far as nobody knows that it is on the disk", function()
    local chat = open(claude.journal.memory())
    chat:user("go")
    local bytes = chat.journal.log.storage:read()
    local storage, again = claude.journal.memory(bytes), nil
    function storage.rewrite(_, offset, part)
      again = { offset, part }
      return true
    end
    assert(open(storage):sync())
    assert.same({ 0, bytes }, again)
  end)

  it("cut at any byte is what it was at its last whole record", function()
    local storage, dumps = claude.journal.memory(), {}
    local append = storage.append
    local chat
    storage.append = function(self, bytes)
      append(self, bytes)
      dumps[#dumps + 1] = { #self:read(), chat and chat:dump() }
      return true
    end
    chat = open(storage)
    chat:user("go")
    assert(chat:run():final_message())
    local bytes = storage:read()
    dumps[1][2] = false
    local at = 0
    for length = 0, #bytes do
      if dumps[at + 1] and dumps[at + 1][1] <= length then at = at + 1 end
      local cut = bytes:sub(1, length)
      assert.equal(at, #assert(core.journal_read(cut)), length)
      -- All that is opened of a file is its records: around each of them, and here and there.
      local last, next_one = at > 0 and dumps[at][1] or 0, (dumps[at + 1] or { #bytes })[1]
      if length - last < 3 or next_one - length < 3 or length % 64 == 0 then
        local chat_then = assert(try_open(claude.journal.memory(cut)))
        local expected = at > 0 and dumps[at][2]
        if expected then assert.equal(expected, chat_then:dump(), length) end
        chat_then:close()
      end
    end
    assert.equal(#dumps, at)
  end)

  it("is open once at a time", function()
    local chat = open(path)
    local second, text, err = try_open(path)
    assert.is_nil(second)
    assert.equal("storage", err.kind)
    assert.truthy(text:find("it is in use", 1, true), text)
    chat:close()
    open(path)
  end)

  it("holds no key", function()
    local chat = open(path)
    chat:user("go")
    assert(chat:run():final_message())
    local file = assert(io.open(path, "rb"))
    local bytes = file:read("*a")
    file:close()
    assert.is_true(#bytes > 1000)
    assert.is_nil(bytes:find("key-of-the-spec", 1, true))
  end)

  it("has no tokens of other services in it, and says so once", function()
    local servers =
      { { type = "url", url = "https://x.test", name = "x", authorization_token = "tok-1" } }
    local storage = claude.journal.memory()
    local chat = open(storage, { mcp_servers = servers })
    assert(chat:user("go"))
    assert(chat:undo())
    assert.is_nil(storage:read():find("tok-1", 1, true))
    assert.same({ "not_saved" }, support.codes(bench))
    chat:close()
    assert.equal(
      "tok-1",
      open(storage, { mcp_servers = servers }).params.mcp_servers[1].authorization_token
    )
  end)

  it("takes params that are given now, and keeps the others and what it began with", function()
    local storage = claude.journal.memory()
    open(storage, { system = "Be brief.", stop_sequences = { "STOP" } }):close()
    local chat = open(storage, { system = "Be long.", max_tokens = 77 })
    assert.same({ 77, "STOP" }, { chat.params.max_tokens, chat.params.stop_sequences[1] })
    assert.equal('"Be brief."', chat.sealed.system)
    assert.same({ "system_changed" }, support.codes(bench))
    chat:close()
    local bare = assert(bench.client:conversation({ journal = storage }))
    opened[#opened + 1] = bare
    assert.equal(77, bare.params.max_tokens)
  end)

  it("raises for what is no journal", function()
    local function with(journal)
      return function() bench.client:conversation({ journal = journal }) end
    end
    local text = "client:conversation: journal must be a path or a storage with a method %s"
    assert.has_error(with(7), text:format("read"))
    assert.has_error(with({ read = print, append = print }), text:format("truncate"))
    local chat = bench.client:conversation(support.params())
    assert.has_error(function() chat:sync() end, "chat:sync: the conversation has no journal")
    assert.has_error(
      function() chat:send({ journal = path }) end,
      "journal is fixed for the whole conversation, not for a turn"
    )
  end)

  it("begins with a conversation that was saved, where nothing is yet", function()
    local chat = bench.client:conversation(support.params({ tools = { echo() } }))
    assert(assert(chat:user("go")):send())
    local options = { tools = { echo() }, journal = path }
    local loaded = assert(bench.client:load(chat:dump(), options))
    opened[1] = loaded
    assert(loaded:run():final_message())
    local dump = loaded:dump()
    assert.equal(dump, assert(bench.client:load(path)):dump())
    loaded:close()
    local again, text = bench.client:load(chat:dump(), options)
    assert.is_nil(again)
    assert.truthy(text:find("a conversation is in it already", 1, true), text)
    assert.equal(dump, open(path):dump())
  end)

  it("is not the fork's: that goes its own way", function()
    local storage = claude.journal.memory()
    local chat = open(storage)
    assert(chat:user("go"))
    local before = storage:read()
    local fork = chat:fork()
    assert(fork:user("something else"))
    assert(fork:send())
    assert.equal(before, storage:read())
    chat:close()
    assert(fork:user("more"))
  end)

  it("holds what undo and repair have left", function()
    local storage = claude.journal.memory()
    local thoughts = support.params({ tools = { echo() } }).thinking
    bench.sim:close()
    bench = support.bench({ script = { { content = { support.thought("hm"), "one" } }, "two" } })
    local chat = open(storage, { thinking = thoughts })
    local function same()
      local again = open(claude.journal.memory(storage:read()))
      assert.equal(chat:dump(), again:dump())
    end
    assert(assert(chat:user("go")):send())
    assert(assert(chat:user("more")):send())
    same()
    assert.is_true(chat:undo())
    same()
    assert(chat:repair({ recipe = "strip_thinking" }))
    same()
    assert.equal(2, chat.transcript:count())
  end)

  it("holds what summaries, batches, changes of tools and kept replies have left", function()
    bench.sim:close()
    local long = ("word "):rep(40)
    bench = support.bench({ script = { "one", long, "three", "four", "five" } })
    local storage = claude.journal.memory()
    local params = { journal = storage, tools = { echo() }, model = "claude-opus-5" }
    local chat = assert(bench.client:conversation(support.params(params)))
    local function same(what)
      local again = claude.journal.memory(storage:read())
      local found = assert(bench.client:conversation({ journal = again, tools = { echo() } }))
      assert.equal(chat:dump(), found:dump(), what)
      assert.equal(chat:prefix_hash(), found:prefix_hash(), what)
    end
    assert(chat:user("go"))
    assert(chat:add_tools({ support.tool("other") }))
    same("a tool more")
    assert(chat:send())
    assert(chat:remove_tools({ "other" }))
    same("a tool less")
    assert(chat:undo())
    same("the same tools again")
    local stream = assert(chat:user("more")):stream()
    while assert(stream:next()) ~= "text" do
    end
    chat:cancel()
    assert(chat:keep(select(3, stream:final_message()).partial))
    same("a reply that was kept")
    assert(chat:user("stays"))
    assert(chat:compact())
    same("a summary")
    assert(chat:send())
    same("a reply to what was said before")
    local batches = bench.client.messages.batches
    assert(chat:user("in a batch"))
    local batch = assert(batches:create({ requests = { { custom_id = "a", params = chat } } }))
    assert.equal("user", chat:messages()[#chat:messages()].role)
    same("a batch")
    assert(batches:wait(batch.id))
    for entry in batches:results(batch.id) do
      assert(chat:keep(entry.result.message))
    end
    same("a batch's reply")
    assert(chat:fork():user("elsewhere"))
    same("a fork")
  end)

  it("is synced before a batch goes out", function()
    local storage, synced = claude.journal.memory(), nil
    function storage:sync()
      synced = #self:read()
      return true
    end
    local chat = open(storage)
    assert(chat:user("go"))
    local written = #storage:read()
    local requests = { { custom_id = "a", params = chat } }
    assert(bench.client.messages.batches:create({ requests = requests }))
    assert.equal(written, synced)
    function storage.sync() return nil, "Input/output error" end
    assert(chat:undo())
    assert(chat:user("again"))
    local none, _, err = bench.client.messages.batches:create({ requests = requests })
    assert.is_nil(none)
    assert.equal("storage", err.kind)
  end)

  -- Memory, for time says little on a busy machine.
  it("costs as much after many replies as after few", function()
    local chat = open(claude.journal.memory())
    local function cost()
      collectgarbage()
      collectgarbage("stop")
      local before = collectgarbage("count")
      assert(chat.journal:note(chat))
      local after = collectgarbage("count")
      collectgarbage("restart")
      return after - before
    end
    assert(assert(chat:user("go")):send())
    assert(chat:sync())
    local first = cost()
    for i = 1, 500 do
      local entry = usage.zero()
      entry.id, entry.cost = "msg_" .. i, 0
      chat.ledger:add(entry, {})
    end
    assert(chat:sync())
    local last = cost()
    assert.is_true(last < first + 8, ("%g KB, then %g KB"):format(first, last))
  end)
end)
