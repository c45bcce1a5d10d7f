local core = require("claude.core")

describe("core.sha256", function()
  it(
    "gives lowercase hex",
    function()
      assert.equal(
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        core.sha256("abc")
      )
    end
  )

  it("gives the bytes when asked for them", function()
    local raw = core.sha256("", true)
    assert.equal(32, #raw)
    assert.equal("\227\176\196\066", raw:sub(1, 4))
  end)

  it(
    "takes zero bytes as they are",
    function() assert.not_equal(core.sha256("a"), core.sha256("a\0")) end
  )

  it("raises for what is not text", function()
    assert.has_error(function() core.sha256({}) end)
  end)
end)
