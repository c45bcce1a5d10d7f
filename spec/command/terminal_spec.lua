local terminal = require "claude.command.terminal"

describe("the command's terminal", function()
  it("keeps control characters of a model away", function()
    assert.equal("a]0;title[2Jb", terminal.harmless "a\27]0;title\7\27[2J\8\13b\127")
    assert.equal("tab\tline\nünïcode – 漢", terminal.harmless "tab\tline\nünïcode – 漢")
    assert.equal("31m", terminal.harmless "\194\15531m")
    assert.equal("", terminal.harmless "\0")
    assert.equal("\239\191\189[2J", terminal.harmless "\155[2J")
  end)

  it("starts a line only where none is begun", function()
    local written = {}
    local file = {
      write = function(_, ...) written[#written + 1] = table.concat { ... } end,
      flush = function() end,
    }
    local out = terminal.new(file, 99)
    out:fresh_line()
    out:write("thinking", true)
    out:line "next"
    out:fresh_line()
    assert.equal("thinking\nnext\n", table.concat(written))
  end)
end)
