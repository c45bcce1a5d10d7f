-- MCP servers inside Neovim: the editor's loop hears them at any time.
local nvim = require("spec.support.nvim")

local missing = nvim.missing()

local PRELUDE = [[
  claude = require("claude")
  function start(options)
    options = options or {}
    options.command = { %q, %q, "plain" }
    options.env = { LUA_PATH = %q, LUA_CPATH = %q }
    return claude.mcp(options)
  end
]]

describe("an MCP server inside Neovim", function()
  if missing then return pending(missing) end
  local editor
  setup(nvim.build)
  before_each(function()
    local here = io.popen("pwd"):read("*l")
    editor = nvim.start({
      init = PRELUDE:format(
        os.getenv("LUA") or "lua5.4",
        here .. "/spec/support/mcp_server.lua",
        package.path,
        package.cpath
      ),
    })
  end)
  after_each(function() editor:stop() end)

  it("is called in a task, and ended from anywhere", function()
    editor:lua([[
      server = start()
      claude.spawn(function()
        text = server:call("echo", { a = 1 }).content[1].text
        pid = server.session.process.child:pid()
      end)
    ]])
    assert.equal('{"a":1}', editor:wait_for("return text"))
    editor:wait_for("return pid ~= nil")
    editor:lua("server:close()") -- waits for nothing: the editor goes on
    assert.is_true(editor:wait_for("return vim.loop.kill(pid, 0) ~= 0"))
  end)

  it("is not started where waiting would freeze the editor", function()
    local result = editor:lua([[
      server = start()
      return { pcall(server.tools, server), server.session == nil }
    ]])
    assert.is_false(result[1])
    assert.is_true(editor:lua("return server.session == nil and server.starting == nil"))
    assert.matches("claude%.spawn", editor:lua("return select(2, pcall(server.tools, server))"))
    editor:lua("claude.spawn(function() list = #server:tools() end)")
    assert.equal(4, editor:wait_for("return list"))
  end)

  it("is heard while nobody waits for it", function()
    editor:lua([[
      server = start { on_notification = function(method) vim.g.heard = method end }
      claude.spawn(function() server:call("notify_later") end)
    ]])
    assert.equal(
      "notifications/tools/list_changed",
      editor:wait_for("return vim.g.heard ~= nil and vim.g.heard")
    )
  end)

  it("that dies while nobody waits is told with the next call", function()
    editor:lua([[
      server = start()
      claude.spawn(function()
        server:call("answer_and_die")
        vim.g.answered = true
      end)
    ]])
    editor:wait_for("return vim.g.answered")
    editor:wait_for("return server.session.failure ~= nil")
    editor:lua("claude.spawn(function() message = select(2, server:call('echo', {})) end)")
    assert.matches("ended with exit status 0", editor:wait_for("return message"))
  end)

  it("ends with the editor", function()
    editor:lua([[
      server = start()
      claude.spawn(function()
        server:start()
        pid = server.session.process.child:pid()
      end)
    ]])
    local pid = editor:wait_for("return pid")
    editor:command("qa")
    assert.same({ 0, "" }, { editor:wait_for_end() })
    for _ = 1, 500 do
      local found = os.execute(("kill -0 %d 2>/dev/null"):format(pid))
      if found ~= true and found ~= 0 then return end
      os.execute("sleep 0.01")
    end
    error("the server goes on")
  end)
end)
