-- The tools that a chat offers in Neovim unless others are given.
local nvim = require("spec.support.nvim")

local missing = nvim.missing()

describe("read_file", function()
  if missing then return pending(missing) end
  local editor
  setup(function() nvim.build() end)
  before_each(function() editor = nvim.start() end)
  after_each(function() editor:stop() end)

  -- Reads a file with such lines, in the folder of the editor.
  local function read(lines, input)
    return editor:lua(
      [[
        local lines, input = ...
        vim.api.nvim_set_current_dir(vim.fn.fnamemodify(vim.fn.tempname(), ":h"))
        vim.fn.writefile(lines, "text")
        input.path = "text"
        return require("claude.nvim.tools").read_file.run(input)
      ]],
      lines,
      input
    )
  end

  it("gives the lines that are asked for, and says when there are more", function()
    assert.equal("two\nthree", read({ "one", "two", "three" }, { first_line = 2 }))
    local some = read({ "one", "two", "three" }, { first_line = 1, last_line = 2 })
    assert.equal("one\ntwo\n[lines 1 to 2 of 3]", some)
  end)

  it("gives no more bytes than a chat can bear, and cuts no character", function()
    local text = read({ ("ä"):rep(100000) .. "x" }, { first_line = 1 })
    local kept, note = text:match("^(.*)\n(%[.*%])$")
    assert.equal(("ä"):rep(#kept / 2), kept)
    assert.equal(("[%d bytes of 200001]"):format(#kept), note)
    assert.is_true(#kept > 100000 and #kept < 140000)
  end)
end)
