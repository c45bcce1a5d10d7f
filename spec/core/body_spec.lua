local core = require("claude.core")

describe("core.body", function()
  it("is its parts in order", function()
    local shared = core.segment("-shared-")
    local body = core.body({ "a", shared, "", "b", shared })
    assert.equal("a-shared-b-shared-", body:tostring())
    assert.equal(18, body:length())
  end)

  it("is empty without parts", function()
    assert.equal("", core.body({}):tostring())
    assert.equal(0, core.body({}):length())
  end)

  it("keeps every byte, also zero bytes and bytes that are not UTF-8", function()
    local all = {}
    for i = 0, 255 do
      all[#all + 1] = string.char(i)
    end
    local bytes = table.concat(all)
    assert.equal(bytes .. bytes, core.body({ bytes, core.segment(bytes) }):tostring())
  end)

  it("keeps a part whose segment was collected", function()
    local body
    do
      body = core.body({ "<", core.segment(("x"):rep(5000)), ">" })
    end
    collectgarbage()
    collectgarbage()
    assert.equal("<" .. ("x"):rep(5000) .. ">", body:tostring())
  end)

  it("hashes as its bytes do", function()
    local body = core.body({ "a", core.segment("b"), "c" })
    assert.equal(core.sha256("abc"), body:sha256())
    assert.equal(core.sha256("abc", true), body:sha256(true))
  end)

  it("refuses a part that is not bytes, naming its place", function()
    assert.has_error(
      function() core.body({ "a", 12 }) end,
      "part 2 of a body must be a string, a segment or a transcript, not a number"
    )
    assert.has_error(function() core.body({ io.stdout }) end)
    assert.has_error(function() core.body("text") end)
  end)
end)

describe("core.segment", function()
  it("gives its bytes back", function()
    assert.equal("a\0b", core.segment("a\0b"):tostring())
    assert.equal(3, core.segment("a\0b"):length())
    assert.equal("", core.segment(""):tostring())
  end)

  it("tells the collector what it holds", function()
    local seen = 0
    local function drop_a_watched_value()
      local newproxy = rawget(_G, "newproxy") -- 5.1: only a userdata has __gc
      local meta = newproxy and getmetatable(newproxy(true)) or {}
      meta.__gc = function() seen = seen + 1 end
      return not newproxy and setmetatable({}, meta) and nil
    end
    local megabyte = ("x"):rep(2 ^ 20)
    collectgarbage()
    drop_a_watched_value()
    for _ = 1, 50 do
      core.segment(megabyte)
    end
    assert.equal(1, seen)
  end)
end)
