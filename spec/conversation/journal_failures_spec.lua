--- What a conversation does when its journal cannot be written, and in what order it relies
--- on it.
local claude = require("claude")
local failing = require("spec.support.failing_storage").new
local support = require("spec.support.chat")
local tasks = require("claude.tasks")

local SAY = { content = "All done." }

describe("a conversation whose journal fails", function()
  local bench, storage, chat, ran

  local function echo(fields)
    local tool = {
      name = "echo",
      description = "Says it again",
      input_schema = { type = "object" },
      run = function(input)
        ran = ran + 1
        return "echo of " .. input.text
      end,
    }
    for name, value in pairs(fields or {}) do
      tool[name] = value
    end
    return claude.tool(tool)
  end

  local function open(journal, fields)
    local params = support.params({ journal = journal, tools = { echo() } })
    for name, value in pairs(fields or {}) do
      params[name] = value
    end
    return bench.client:conversation(params)
  end

  -- What somebody would find who opened it now.
  local function reopened() return assert(open(claude.journal.memory(storage:read()))) end

  local function begin(...)
    bench = support.bench({ script = { ... } })
    storage, ran = failing(), 0
    chat = assert(open(storage))
  end

  local function calling(...)
    local content = {}
    for i, text in ipairs({ ... }) do
      content[i] = support.call("echo", text, "toolu_" .. i)
    end
    return { content = content }
  end

  local function assert_storage(value, text, err)
    assert.is_nil(value)
    assert.equal("storage", err.kind)
    assert.equal(tostring(err), text)
  end

  after_each(function() bench.sim:close() end)

  it("does not begin where nothing can be written", function()
    begin(SAY)
    local full = failing()
    full.full = true
    assert_storage(open(full))
    assert.equal("", full:read())
  end)

  it("takes back what was said, so that it can be said again", function()
    begin(SAY)
    storage.full = true
    local before = chat:dump()
    assert_storage(chat:user("hello"))
    assert_storage(chat:system("be brief"))
    assert_storage(chat:add_tools({ support.tool("other") }))
    assert.equal(before, chat:dump())
    storage.full = false
    assert(assert(chat:user("hello")):send())
    assert.equal(1, #bench.sim.requests)
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("sends nothing that is not written down", function()
    begin(SAY)
    assert(chat:user("hello"))
    storage.full = true
    assert_storage(chat:send())
    assert.equal(0, #bench.sim.requests)
    storage.full = false
    assert.equal("All done.", assert(chat:send()):text())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("sends nothing that is not synced", function()
    begin(SAY)
    assert(chat:user("hello"))
    storage.fails.sync = true
    assert_storage(chat:send())
    assert.equal(0, #bench.sim.requests)
    assert.equal("All done.", assert(chat:send()):text())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("keeps a reply that cannot be written down, and gives it with the error", function()
    begin(SAY)
    assert(chat:user("hello"))
    local stream = chat:stream()
    assert(stream:next())
    storage.full = true
    local message, text, err = stream:final_message()
    assert_storage(message, text, err)
    assert.equal("All done.", err.partial:text())
    assert.equal(2, #chat:messages())
    storage.full = false
    assert(chat:sync())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("runs no tool that is not written down, and leaves its call open", function()
    begin(calling("a"), SAY)
    assert(chat:user("go"))
    assert(chat:send())
    storage.full = true
    assert_storage(chat:run():final_message())
    assert.equal(0, ran)
    assert.is_nil(chat:pending()[1].uncertain)
    storage.full = false
    assert.equal("All done.", assert(chat:run():final_message()):text())
    assert.equal(1, ran)
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("keeps a result that cannot be written down: the tool does not run twice", function()
    begin(calling("a"), SAY)
    local full = function() storage.full = true end
    chat:close()
    storage = failing()
    chat = assert(open(storage, {
      tools = {
        echo({
          run = function()
            ran = ran + 1
            full()
            return "done"
          end,
        }),
      },
    }))
    assert(chat:user("go"))
    assert_storage(chat:run():final_message())
    assert.same({ 1, 0 }, { ran, #chat:pending() })
    assert.is_true(reopened():pending()[1].uncertain)
    storage.full = false
    assert.equal("All done.", assert(chat:run():final_message()):text())
    assert.equal(1, ran)
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("takes back undo, answer and keep", function()
    begin(calling("a", "b"), SAY)
    assert(chat:user("go"))
    assert(chat:send())
    local before = chat:dump()
    storage.full = true
    assert_storage(chat:answer("toolu_1", "x"))
    assert_storage(chat:undo())
    assert.same({ before, 2 }, { chat:dump(), #chat:pending() })
    storage.full = false
    assert(chat:answer("toolu_1", "x"))
    assert.equal(chat:dump(), reopened():dump())
    assert.is_true(chat:undo())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("is written anew after a sync that failed, calls that had begun included", function()
    begin(calling("a", "b"), SAY)
    chat:close()
    storage = failing()
    local gate, begun = tasks.signal(), tasks.signal()
    chat = assert(open(storage, {
      tools = {
        echo({
          run = function(input)
            ran = ran + 1
            if input.text == "b" then
              begun:set()
              gate:wait()
            end
            begun:wait()
            storage.fails.sync = input.text == "a" or nil
            return input.text
          end,
        }),
      },
    }))
    local err
    claude.loop(function()
      chat:user("go")
      err = select(3, chat:run():final_message())
    end)
    assert.equal("storage", err.kind)
    local pending = chat:pending()
    assert.same({ 1, "toolu_2", true }, { #pending, pending[1].id, pending[1].uncertain })
    assert(chat:sync())
    local again = reopened()
    assert.equal(chat:dump(), again:dump())
    assert.is_true(again:pending()[1].uncertain)
  end)

  it("cannot be changed once it is closed, and can be read", function()
    begin(SAY)
    assert(chat:user("hello"))
    local dump = chat:dump()
    chat:close()
    assert_storage(chat:user("more"))
    assert_storage(chat:send())
    assert.equal(0, #bench.sim.requests)
    assert.truthy(dump)
    assert.equal(1, #chat:messages())
  end)

  it("asks for nothing once it is closed, not even again", function()
    begin({ error = { status = 529 } }, SAY)
    assert(chat:user("hello"))
    assert.is_nil(chat:send())
    assert.equal(1, #bench.sim.requests)
    chat:close()
    assert_storage(chat:send())
    assert.equal(1, #bench.sim.requests)
  end)

  it("runs every tool after the record of one could not be written", function()
    for nth = 1, 2 do
      begin(calling("a", "b"), SAY)
      assert(chat:user("go"))
      assert(chat:send())
      local append, count = storage.append, 0
      function storage:append(bytes)
        if bytes:find('"name":"echo"', 1, true) then count = count + 1 end
        if count == nth then
          count = count + 1
          return nil, "No space left on device"
        end
        return append(self, bytes)
      end
      assert_storage(chat:run():final_message())
      assert.is_true(ran < nth) -- the first may have run before the second was to begin
      for _, call in ipairs(chat:pending()) do
        assert.is_nil(call.uncertain)
      end
      assert(chat:sync())
      assert.equal(chat:dump(), reopened():dump())
      assert.equal("All done.", assert(chat:run():final_message()):text())
      assert.equal(2, ran)
      if nth == 1 then bench.sim:close() end
    end
  end)

  it("goes on behind what a storage left that raised", function()
    begin(SAY)
    local append, broken = storage.append, true
    function storage:append(bytes)
      if not broken then return append(self, bytes) end
      broken = false
      append(self, bytes:sub(1, 20))
      error("out of order", 0)
    end
    local _, text, err = chat:user("hello")
    assert_storage(nil, text, err)
    assert.truthy(text:find("append raised: out of order", 1, true), text)
    assert(chat:user("again"))
    assert(chat:send())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("ends a run whose storage raises, and the run after it goes on", function()
    for _, method in ipairs({ "append", "sync" }) do
      for nth = 1, 5 do
        begin(calling("one"), SAY)
        assert(chat:user("go"))
        local whole, count = storage[method], 0
        storage[method] = function(...)
          count = count + 1
          if count == nth then error("out of order", 0) end
          return whole(...)
        end
        local message, text, err = chat:run():final_message()
        assert_storage(message, text, err)
        assert.truthy(text:find(method .. " raised: out of order", 1, true), text)
        assert.is_false(chat:is_busy())
        storage[method] = whole
        local messages = chat:messages()
        if messages[#messages].role == "user" or chat:pending()[1] then
          assert.equal("All done.", assert(chat:run():final_message()):text())
        end
        assert.equal(1, ran)
        assert.equal(chat:dump(), reopened():dump())
        bench.sim:close()
      end
    end
    begin(SAY)
  end)

  it("leaves nobody waiting when a sync raises, in tasks neither", function()
    begin(SAY)
    assert(chat:user("hello"))
    local sync, count, begun = storage.sync, 0, 0
    function storage:sync()
      count = count + 1
      if count == 1 then
        while begun < 3 do
          claude.sleep(0)
        end
        error("out of order", 0)
      end
      return sync(self)
    end
    local failures = 0
    claude.loop(function()
      for _ = 1, 3 do
        claude.spawn(function()
          begun = begun + 1
          local _, text = chat:sync()
          assert.truthy(text:find("it could not be synced: sync raised: out of order", 1, true))
          failures = failures + 1
        end)
      end
    end)
    assert.equal(3, failures)
    assert.equal("All done.", assert(chat:send()):text())
    assert.equal(chat:dump(), reopened():dump())
  end)

  it("takes nothing but true for success", function()
    for _, method in ipairs({ "append", "sync" }) do
      for _, value in ipairs({ -1, 0, "ok", {} }) do
        begin(SAY)
        assert(chat:user("hello"))
        local whole = storage[method]
        storage[method] = function() return value end
        local message, text, err = chat:send()
        assert_storage(message, text, err)
        local told = ("%s must return true, or nil and why it failed, not a %s"):format(
          method,
          type(value)
        )
        assert.truthy(text:find(told, 1, true), text)
        assert.equal(0, #bench.sim.requests)
        storage[method] = whole
        assert(chat:send())
        assert.equal(chat:dump(), reopened():dump())
        bench.sim:close()
      end
    end
    begin(SAY)
  end)

  it("says what a storage returned that is no text", function()
    begin(SAY)
    for value, told in pairs({
      [7] = "read must return the bytes as a string, not a number",
      [false] = "it cannot be read",
    }) do
      local odd = failing()
      function odd.read() return value end
      local none, text, err = open(odd)
      assert_storage(none, text, err)
      assert.truthy(text:find(told, 1, true), text)
    end
    storage.append = function() return nil end
    local _, text = chat:user("hello")
    assert.truthy(text:find("append failed, and did not say why", 1, true), text)
  end)

  it("is not locked by an opening that raised", function()
    begin(SAY)
    chat:close()
    local bytes = storage:read()
    local torn = claude.journal.memory(bytes .. "\250jr")
    local loud = claude.new({
      api_key = "key-of-the-spec",
      base_url = bench.sim.url,
      on_warning = function() error("no warnings, please", 0) end,
    })
    local params = { journal = torn, tools = { echo() } }
    assert.has_error(function() loud:conversation(params) end, "no warnings, please")
    assert(bench.client:conversation(params))
  end)
end)

describe("a conversation with a journal relies on nothing that is not synced", function()
  local bench

  after_each(function() bench.sim:close() end)

  -- Runs with two tools and notes at each step whether what it relies on is synced: all that
  -- was written, or for who reads of a result that result, for the next call may have begun.
  local function watched(options)
    local storage, seen = failing(), {}
    local chat
    local function note(what) seen[#seen + 1] = { what, storage.synced == #storage:read() } end
    local function note_end(id)
      local synced = storage:read():sub(1, storage.synced)
      local result = ('"tool_use_id":"%s"'):format(id)
      seen[#seen + 1] = { "end " .. id, synced:find(result, 1, true) ~= nil }
    end
    bench = support.bench({
      script = function(request)
        note("request " .. #request.messages)
        if #request.messages > 1 then return "done" end
        return { content = { support.call("echo", "a", "a"), support.call("echo", "b", "b") } }
      end,
    })
    local tool = support.tool("echo", function(input)
      note("tool " .. input.text)
      return input.text
    end)
    chat =
      assert(bench.client:conversation(support.params({ journal = storage, tools = { tool } })))
    chat:user("go")
    for kind, _, _, call in chat:run(options):deltas() do
      if kind == "tool_end" then note_end(call.id) end
    end
    note("done")
    return seen
  end

  local function assert_all_synced(seen, count)
    assert.equal(count, #seen)
    for _, step in ipairs(seen) do
      assert.is_true(step[2], step[1])
    end
  end

  it(
    "neither requests nor tools nor whoever reads",
    function() assert_all_synced(watched({ max_parallel = 1 }), 7) end
  )

  it("nor a second task that reads the same reply", function()
    for _, pieces in ipairs({ 0, 3 }) do
      bench = support.bench({ script = { "One two three" } })
      local storage, told = failing(), 0
      local chat = assert(bench.client:conversation(support.params({ journal = storage })))
      assert(chat:user("go"))
      claude.loop(function()
        local stream = chat:stream()
        for _ = 1, pieces do
          assert(stream:next())
        end
        storage.gate = tasks.signal()
        local syncs = storage.syncs
        for _ = 1, 2 do
          claude.spawn(function()
            assert.equal("One two three", assert(stream:final_message()):text())
            assert.equal(#storage:read(), storage.synced)
            told = told + 1
          end)
        end
        while storage.syncs == syncs do
          claude.sleep(0.001)
        end
        for _ = 1, 10 do
          claude.sleep(0)
        end
        assert.equal(0, told)
        storage.gate:set()
      end)
      assert.same({ 2, 1, 2 }, { told, #bench.sim.requests, #chat:messages() })
      if pieces == 0 then bench.sim:close() end
    end
  end)
end)
