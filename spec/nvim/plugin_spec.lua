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
    local commands = editor:lua("return vim.tbl_keys(vim.api.nvim_get_commands({}))")
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
