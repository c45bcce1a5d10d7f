-- The examples of doc/lua-claude.txt, as they stand there.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local missing = nvim.missing()

-- The indented block after the line that has these words and ends in ">".
local function example_after(words)
  local file = assert(io.open("doc/lua-claude.txt"))
  local text = file:read("*a")
  file:close()
  local _, from = text:find(words:gsub("%p", "%%%0") .. "[^\n]*>\n")
  return assert(text:match("^(.-)\n<\n", from), words)
end

describe("the help file's example", function()
  if missing then return pending(missing) end
  local sim, editor
  setup(function()
    nvim.build()
    sim = servers.simulator()
  end)
  teardown(function() sim:stop() end)
  after_each(function() editor:stop() end)

  local function start(code)
    editor = nvim.start({
      environment = { ANTHROPIC_API_KEY = "k", ANTHROPIC_BASE_URL = sim.url },
      init = "vim.g.mapleader = ' '\n" .. code,
    })
  end

  it("of a plugin explains the word under the cursor in a floating window", function()
    start(example_after("floating window:"))
    editor:lua("vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'print(tostring(1))' })")
    editor:type(" k")
    local text = editor:wait_for([[
      for _, window in ipairs(vim.api.nvim_list_wins()) do
        if vim.api.nvim_win_get_config(window).relative ~= "" then
          local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
          return table.concat(lines, "\n")
        end
      end
    ]])
    assert.matches("Simulated reply", text)
  end)

  it("of setup gives the model another tool, and runs it without asking", function()
    start(example_after("decides without asking:"))
    editor:command("Claude Which diagnostics are there?")
    editor:wait_for_text("▸ diagnostics")
    editor:wait_for("return not require('claude.nvim').is_busy()")
    local text = table.concat(editor:lines(), "\n")
    assert.is_nil(text:find("May it run", 1, true))
    assert.matches("▸ diagnostics {}\n  %[%]\n", text)
  end)
end)
