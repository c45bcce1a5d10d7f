local claude = require("claude")
local errors = require("claude.errors")
local support = require("spec.support.chat")

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
      local cut = try_open(claude.journal.memory(bytes:sub(1, length)))
      local expected = at > 0 and dumps[at][2]
      if expected then assert.equal(expected, cut:dump(), length) end
      cut:close()
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
end)
