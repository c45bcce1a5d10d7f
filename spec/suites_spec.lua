-- .ci/suites adds up what the suites of `make test` and `make check` print.
local child = require("spec.support.child")

local function total_at_once(lanes, ...)
  local counts, words = child.temporary(), {}
  for _, word in ipairs({ ... }) do
    words[#words + 1] = child.quote(word)
  end
  local call = "SUITE_LANES=%d .ci/suites %s %s"
  local result = child.run(call:format(lanes, counts, table.concat(words, " ")))
  child.run("rm -rf " .. counts .. "*")
  return result.out:match("([^\n]*)\n$"), result.status, result.out
end

local function total_of(...) return total_at_once(1, ...) end

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

  it("come after what failed, each failure once", function()
    local failing = [[printf '%s\n' 'FAILED a case' '  at x:1' 'why' 'more' 'FAILED a case' 'x']]
      .. "; echo 1 passed, 1 failed; exit 1"
    local _, _, out = total_of("suite", failing, "other", "echo 1 passed, 0 failed")
    local summary = out:match("== other\n1 passed, 0 failed\n(.*)")
    assert.matches("^FAILED suite: a case\n  at x:1\nwhy\n +1 passed +1 failed", summary)
  end)

  it("are in the order of the suites, however many run at once", function()
    local meet = child.temporary() .. ".met"
    local late = ("until [ -e %s ]; do sleep 0.01; done; echo 1 passed, 0 failed"):format(meet)
    local early = ("touch %s; echo 2 passed, 1 failed"):format(meet)
    local total, status, out = total_at_once(2, "late", late, "early", early)
    child.run("rm -f " .. meet)
    assert.same({ "3 passed, 1 failed", 1 }, { total, status })
    assert.matches("== early\n2 passed, 1 failed\n", out)
    assert.matches("== late\n1 passed, 0 failed\n", out)
    assert.matches("1 passed +0 failed.-  late\n.-2 passed +1 failed.-  early\n", out)
  end)
end)
