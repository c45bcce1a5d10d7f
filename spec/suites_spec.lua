-- .ci/suites adds up what the suites of `make test` and `make check` print.
local child = require("spec.support.child")

local function total_of(...)
  local counts, words = child.temporary(), {}
  for _, word in ipairs({ ... }) do
    words[#words + 1] = child.quote(word)
  end
  local result = child.run((".ci/suites %s %s"):format(counts, table.concat(words, " ")))
  child.run("rm -f " .. counts .. "*")
  return result.out:match("([^\n]*)\n$"), result.status, result.out
end

describe("the counts of suites", function()
  it("are added up", function()
    local total, status =
      total_of("one", "echo 2 passed, 0 failed", "two", "echo 3 passed, 0 failed")
    assert.same({ "5 passed, 0 failed", 0 }, { total, status })
  end)

  it("may come in parts, each with its name", function()
    local parts = "echo 'lua5.1: 3 passed, 0 failed'; echo 'mpv: 2 passed, 1 failed'; exit 1"
    local total, status = total_of("hosts", parts)
    assert.same({ "5 passed, 1 failed", 1 }, { total, status })
  end)

  it("tell of parts that were skipped", function()
    local parts = "echo 'luv: 3 passed, 0 failed'; echo 'love: skipped (love is not installed)'"
    local total, status, out = total_of("hosts", parts)
    assert.same({ "3 passed, 0 failed", 0 }, { total, status })
    assert.matches("\n1 skipped\n", out)
  end)

  it("count a suite that ran nothing, or ended badly, as failed", function()
    assert.equal("0 passed, 1 failed", (total_of("silent", "true")))
    assert.equal("2 passed, 1 failed", (total_of("crash", "echo 2 passed, 0 failed; exit 3")))
  end)

  it(
    "of a step are its exit status",
    function() assert.equal("1 passed, 1 failed", (total_of("=fine", "true", "=bad", "false"))) end
  )
end)
