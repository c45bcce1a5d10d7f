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

  it("is read in pieces from any place, across its parts", function()
    local body = core.body({ "ab", core.segment("cde"), "f" })
    for offset = 0, 6 do
      for max = 1, 7 do
        assert.equal(("abcdef"):sub(offset + 1, offset + max), body:read(offset, max))
      end
    end
  end)

  it("is read 64 KiB at a time unless told otherwise", function()
    local bytes = ("0123456789"):rep(20000)
    for _, parts in ipairs({ { bytes }, { bytes:sub(1, 9), bytes:sub(10) } }) do
      local body, read, sizes = core.body(parts), {}, {}
      local offset, piece = 0
      repeat
        piece = body:read(offset)
        offset = offset + #piece
        read[#read + 1], sizes[#sizes + 1] = piece, #piece
      until piece == ""
      assert.same({ 65536, 65536, 65536, 3392, 0 }, sizes)
      assert.equal(bytes, table.concat(read))
    end
  end)

  it("is read only where it is", function()
    local body = core.body({ "abc" })
    assert.equal("", body:read(3))
    assert.equal("", core.body({}):read(0))
    for _, offset in ipairs({ -1, 4, 0 / 0, math.huge }) do
      local ok, problem = pcall(body.read, body, offset)
      assert.is_false(ok)
      assert.matches("must be an offset from 0 to the body's length", problem)
    end
    for _, max in ipairs({ 0, -1, 0 / 0 }) do
      local ok, problem = pcall(body.read, body, 0, max)
      assert.is_false(ok)
      assert.matches("must be a number of bytes", problem)
    end
    assert.has_error(function() body:read() end)
  end)

  it("hashes as its bytes do", function()
    local body = core.body({ "a", core.segment("b"), "c" })
    assert.equal(core.sha256("abc"), body:sha256())
    assert.equal(core.sha256("abc", true), body:sha256(true))
  end)

  it("refuses a part that is not bytes, naming its place", function()
    assert.has_error(
      function() core.body({ "a", 12 }) end,
      "part 2 of a body must be a string, a segment, a transcript or an open file, not a number"
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
    -- A round of the collector costs as much as everything that is there.
    local megabytes = 50 + 4 * math.ceil(collectgarbage("count") / 1024)
    for _ = 1, megabytes do
      core.segment(megabyte)
    end
    assert.equal(1, seen)
  end)
end)
