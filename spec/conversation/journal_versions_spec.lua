--- Journals of every version that there was: they stay readable. spec/fixtures/journal-1 was
--- written by the first version, and holds every section that it knows; journal-1.dump is what
--- the conversation was then.
local claude = require("claude")
local core = require("claude.core")
local support = require("spec.support.chat")

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

describe("a journal of version 1", function()
  local client = claude.new({ api_key = "none" })
  local bytes, dump = read("spec/fixtures/journal-1"), read("spec/fixtures/journal-1.dump")

  it("is what its conversation was", function()
    assert.equal(dump, assert(client:load("spec/fixtures/journal-1")):dump())
    local chat = assert(client:conversation({ journal = claude.journal.memory(bytes) }))
    assert.equal(dump, chat:dump())
    local pending = chat:pending()
    assert.same({ "toolu_d", true }, { pending[1].id, pending[1].uncertain })
    assert.same({ "toolu_e", nil }, { pending[2].id, pending[2].uncertain })
  end)

  it("goes on in the same form", function()
    local storage = claude.journal.memory(bytes)
    local chat = assert(client:conversation({ journal = storage }))
    assert(chat:answer("toolu_d", "found out"))
    local again = assert(client:load(storage:read()))
    assert.equal(chat:dump(), again:dump())
    assert.equal(bytes, storage:read():sub(1, #bytes))
  end)

  it("holds every section that there is, and begins as each record does", function()
    local records, info = core.journal_read(bytes)
    assert.same({ #bytes, false }, { info.kept, info.torn })
    assert.equal("lua-claude journal 1 ", bytes:sub(1, 21))
    local seen = {}
    for _, record in ipairs(records) do
      assert.equal("\250jr\n", bytes:sub(record.offset + 1, record.offset + 4))
      for name in ("\n" .. record.payload):gmatch("\n(%l+) [%w_ ]*%f[\n]") do
        seen[name] = true
      end
    end
    local names =
      "call draft early instruct keep message param params result said state system tools"
    for name in names:gmatch("%l+") do
      assert.is_true(seen[name], name)
    end
  end)

  it("takes only its own tools", function()
    local journal = claude.journal.memory(bytes)
    local other = { support.tool("other", function() end) }
    local chat, text, err = client:conversation({ journal = journal, tools = other })
    assert.is_nil(chat)
    assert.equal("storage", err.kind)
    assert.truthy(text:find("tool other is not among the tools", 1, true), text)
  end)
end)
