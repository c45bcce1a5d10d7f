-- The repository as a plugin of Neovim: found, loaded late, documented.
local child = require("spec.support.child")
local nvim = require("spec.support.nvim")

local missing = nvim.missing()

describe("the plugin", function()
  if missing then return pending(missing) end
  local editor
  setup(nvim.build)
  after_each(function() editor:stop() end)

  it("defines its commands and loads nothing", function()
    editor = nvim.start()
    local commands = editor:lua([[
      local function is_ours(name) return name:find("^Claude") end
      return vim.tbl_filter(is_ours, vim.tbl_keys(vim.api.nvim_get_commands({})))
    ]])
    table.sort(commands)
    assert.same({ "Claude", "ClaudeResume", "ClaudeRetry", "ClaudeStop" }, commands)
    local loaded = editor:lua([[
      local function is_ours(name) return name:find("^claude") end
      return vim.tbl_filter(is_ours, vim.tbl_keys(package.loaded))
    ]])
    assert.same({}, loaded)
  end)

  it("finds the C modules without a cpath", function()
    editor = nvim.start()
    local versions = editor:lua([[
      return { require("claude.core").version, require("claude.net").version, package.cpath }
    ]])
    local version = require("claude.version")
    assert.same({ version, version }, { versions[1], versions[2] })
    assert.is_nil(versions[3]:find("claude", 1, true))
  end)

  it("works as a native package", function()
    local folder = child.temporary()
    local start = folder .. "/data/nvim/site/pack/any/start"
    child.run(('mkdir -p %s && ln -s "$PWD" %s/lua-claude'):format(start, start))
    editor = nvim.start({ folder = folder, path = "/nowhere" })
    assert.equal(2, editor:lua("return vim.fn.exists(':Claude')"))
    assert.equal(require("claude.version"), editor:lua("return require('claude.core').version"))
  end)

  describe(":checkhealth claude", function()
    local KEY = "sk-ant-api03-never-shown"

    -- What it says, and that it says it without asking anybody.
    local function health(options)
      options.environment = options.environment or {}
      options.environment.HTTPS_PROXY = "http://127.0.0.1:1"
      editor = nvim.start(options)
      editor:command("checkhealth claude")
      editor:wait_for_text("chats")
      return table.concat(editor:lines(), "\n")
    end

    it("reports versions, libcurl, JSON and credentials, and never the key", function()
      local text = health({ environment = { ANTHROPIC_API_KEY = KEY } })
      for _, found in ipairs({
        "OK:? lua%-claude: " .. require("claude.version"):gsub("%p", "%%%0"),
        "OK:? Lua: LuaJIT .* in Neovim %d",
        "OK:? claude%.core: [^\n]*lua/claude/core%.so",
        "OK:? claude%.net: [^\n]*lua/claude/net%.so",
        "OK:? libcurl: [^\n]*SSL",
        "OK:? loop: nvim",
        "OK:? JSON: vim%.json",
        "OK:? credentials: ANTHROPIC_API_KEY is set",
        "OK:? chats are saved in ",
      }) do
        assert.matches(found, text)
      end
      assert.is_nil(text:find(KEY, 1, true))
      assert.is_nil(text:find("ERROR", 1, true))
    end)

    it("says without a key what to do", function()
      local text = health({})
      assert.matches("ERROR:? credentials: no API key: ANTHROPIC_API_KEY is not set", text)
      assert.matches("ADVICE:.*export ANTHROPIC_API_KEY", text)
    end)

    it("looks at the client that the chats have", function()
      local text = health({
        init = ("require('claude.nvim').setup { client = { api_key = %q } }"):format(KEY),
      })
      assert.matches("OK:? credentials: api_key is set", text)
      assert.is_nil(text:find(KEY, 1, true))
    end)

    it("says what to do where the C modules were not built", function()
      local folder = child.temporary()
      child.run(
        ("mkdir -p %s/tree && cp -r lua plugin %s/tree && rm %s/tree/lua/claude/*.so"):format(
          folder,
          folder,
          folder
        )
      )
      local text = health({ folder = folder, path = folder .. "/tree" })
      assert.matches("ERROR:? claude%.core:", text)
      assert.matches("make nvim", text)
    end)
  end)

  it("says at the first command that it was not built, and what to do", function()
    local folder = child.temporary()
    local copy = "mkdir -p %s/tree && cp -r lua plugin %s/tree && rm %s/tree/lua/claude/*.so"
    child.run(copy:format(folder, folder, folder))
    editor = nvim.start({ folder = folder, path = folder .. "/tree" })
    editor:command("Claude hello")
    local said = editor:wait_for([[
      local messages = vim.fn.execute("messages")
      return messages:find("cannot be loaded", 1, true) and messages
    ]])
    assert.matches("claude: claude%.core, a C part of lua%-claude .* cannot be loaded", said)
    assert.matches("make nvim in the plugin's folder", said)
    assert.is_nil(said:find("traceback", 1, true))
  end)

  it("has a help file whose tags can be made", function()
    local folder = child.temporary()
    child.run(("mkdir %s && cp -r doc %s"):format(folder, folder))
    editor = nvim.start({ folder = folder })
    local said = editor:lua("return vim.fn.execute('helptags ' .. ...)", folder .. "/doc")
    assert.equal("", said)
    for _, tag in ipairs({ "lua-claude", ":Claude", ":ClaudeResume", "claude.nvim.setup()" }) do
      assert.equal(0, child.run(("grep -qF '%s\t' %s/doc/tags"):format(tag, folder)).status, tag)
    end
  end)

  it("is built by make nvim and cleaned away by make clean", function()
    editor = nvim.start()
    local folder = editor.folder .. "/copy"
    local result = child.run(([[
      unset LD_PRELOAD MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CC
      mkdir %s && cp -r Makefile csrc lua build %s && cd %s && rm lua/claude/*.so || exit
      make -s nvim && ls lua/claude/core.so lua/claude/net.so && make -s clean && ls lua/claude/*.so
    ]]):format(folder, folder, folder))
    assert.equal("lua/claude/core.so\nlua/claude/net.so\n", result.out)
    assert.equal(2, result.status)
  end)
end)
