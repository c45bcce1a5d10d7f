local core = require("claude.core")

local function nested(depth, innermost)
  local value = innermost
  for _ = 1, depth do
    value = { value }
  end
  return value
end

describe("core.same", function()
  local has_integers = rawget(math, "type") ~= nil

  it("compares what tables hold, at every depth", function()
    local function params() return { a = 1, list = { "x", { y = true } }, empty = {} } end
    local other = params()
    assert.is_true(core.same(params(), other))
    other.list[2].y = false
    assert.is_false(core.same(params(), other))
  end)

  it("finds members that only one has", function()
    assert.is_false(core.same({ a = 1 }, { a = 1, b = 2 }))
    assert.is_false(core.same({ a = 1, b = 2 }, { a = 1 }))
    assert.is_false(core.same({ a = 1 }, { b = 1 }))
    assert.is_false(core.same({ a = 1 }, {}))
  end)

  it("tells values of different kinds apart", function()
    local values = { 1, "1", true, "true", {}, core.null, "", 0, false }
    for i, a in ipairs(values) do
      for k, b in ipairs(values) do
        assert.equal(i == k, core.same(a, b), i .. " and " .. k)
      end
    end
    assert.is_true(core.same(nil, nil))
    assert.is_false(core.same(nil, false))
  end)

  it("tells numbers apart that are written in two ways", function()
    assert.is_true(core.same(0.5, 0.5))
    assert.is_false(core.same(0 / 0, 0 / 0))
    local minus_zero = -1 / math.huge
    assert.equal(core.encode(0.0) == core.encode(minus_zero), core.same(0.0, minus_zero))
    if has_integers then assert.is_false(core.same(1, 1.0)) end
  end)

  it("takes no table with a metatable for the same, even as itself", function()
    local list = core.array({ 1 })
    assert.is_false(core.same(list, list))
    assert.is_false(core.same({ list }, { list }))
    assert.is_false(core.same({}, core.object({})))
  end)

  it("is no place where a table inside itself is gone through for ever", function()
    local loop = {}
    loop.loop = loop
    assert.is_false(core.same(loop, loop))
    assert.is_true(core.same(nested(100, 1), nested(100, 1)))
    assert.is_false(core.same(nested(100000, 1), nested(100000, 1)))
  end)

  it("wants two values", function()
    assert.has_error(function() core.same(1) end)
  end)
end)
