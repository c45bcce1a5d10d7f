-- A conversation with a journal inside Neovim: the disk is waited for by the editor's threads.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local missing = nvim.missing()

-- Counts what goes to the threads, and what would stop the editor.
local PRELUDE = [[
  claude = require("claude")
  client = claude.new { api_key = "k", base_url = URL, max_retries = 0 }
  params = { model = "claude-opus-4-8", max_tokens = 8000 }
  path = vim.fn.tempname()
  local uv = vim.uv or vim.loop
  local fdatasync = uv.fs_fdatasync
  threads, held = 0, false
  uv.fs_fdatasync = function(fd, callback)
    threads = threads + 1
    fdatasync(fd, function(...)
      local results = { ... }
      local function answer()
        if held then return vim.defer_fn(answer, 5) end
        callback(unpack(results))
      end
      vim.schedule(answer)
    end)
  end
  local open = require("claude.core").journal_file
  direct = 0
  require("claude.core").journal_file = function(...)
    local file, text = open(...)
    if file then
      local meta = getmetatable(file)
      if not meta.counts then
        meta.counts = true
        local sync = meta.__index.sync
        meta.__index.sync = function(...)
          direct = direct + 1
          return sync(...)
        end
      end
    end
    return file, text
  end
  function ask()
    claude.spawn(function()
      params.journal = path
      chat = assert(client:conversation(params))
      chat:user("What is 127 * 389?")
      answer = assert(chat:send()):text()
    end)
  end
]]

describe("inside Neovim, a journal", function()
  if missing then return pending(missing) end
  local sim, editor
  setup(function()
    nvim.build()
    sim = servers.simulator()
  end)
  teardown(function() sim:stop() end)
  before_each(
    function() editor = nvim.start({ init = ("URL = %q"):format(sim.url) .. PRELUDE }) end
  )
  after_each(function() editor:stop() end)

  it("is synced by the threads of the host alone", function()
    editor:lua("ask()")
    assert.matches("49403", editor:wait_for("return answer"))
    local counts = editor:lua("return { threads, direct }")
    assert.is_true(counts[1] >= 2, counts[1])
    assert.equal(0, counts[2])
  end)

  it("does not stop the editor while the disk takes its time", function()
    editor:lua("held = true; ask()")
    editor:wait_for("return threads > 0 or nil")
    editor:type("ihello<Esc>")
    editor:wait_for_text("hello")
    assert.is_true(editor:lua("return answer == nil and chat ~= nil"))
    editor:lua("held = false")
    assert.matches("49403", editor:wait_for("return answer"))
  end)

  it("may be closed while it is synced", function()
    editor:lua("held = true; ask()")
    editor:wait_for("return threads > 0 or nil")
    editor:lua("chat:close(); held = false")
    assert.is_true(editor:wait_for([[
      local file = claude.journal.file(path)
      if not file then return nil end
      file:close()
      return true
    ]]))
  end)

  it("is opened and written in callbacks of the editor as well, which cannot wait", function()
    local dumps = editor:lua([[
      params.journal = path
      local chat = assert(client:conversation(params))
      assert(chat:user("What is 127 * 389?"))
      local dump = chat:dump()
      local synced, text = pcall(chat.sync, chat)
      chat:close()
      local again = assert(client:conversation(params))
      return { dump, again:dump(), tostring(synced), text }
    ]])
    assert.equal(dumps[1], dumps[2])
    assert.equal("false", dumps[3])
    assert.matches("claude%.spawn", dumps[4])
  end)
end)
