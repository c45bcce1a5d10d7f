local tables = require("claude.tables")

describe("tables.merged", function()
  it("has the members of all, the later first", function()
    local base = { a = 1, b = 2 }
    local both = tables.merged(base, nil, { b = 3, c = false })
    assert.same({ a = 1, b = 3, c = false }, both)
    assert.same({ a = 1, b = 2 }, base)
    assert.same({}, tables.merged(nil))
  end)
end)

describe("tables.sorted_names", function()
  it(
    "are in the order of their bytes",
    function()
      assert.same({ "B", "a", "b_a", "ba" }, tables.sorted_names({ ba = 1, a = 1, b_a = 1, B = 1 }))
    end
  )
end)
