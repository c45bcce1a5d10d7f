local flat = require("spec.soak.flat")

-- 60 samples of 100,000 requests; memory(i) is what the i-th holds.
local function samples(memory)
  local list = {}
  for i = 1, 60 do
    list[i] = { requests = i * 100000 / 60, rss = memory(i) }
  end
  return list
end

local function is_flat(memory)
  local growth, allowed = flat.growth(samples(memory), "rss")
  return growth <= allowed
end

describe("the rule for flat memory", function()
  local MIB = 1024 * 1024

  it("takes what only grows while it warms up", function()
    assert.is_true(is_flat(function(i) return 10 * MIB + math.min(i, 20) * MIB end))
  end)

  it("is not fooled by what waits for the collector", function()
    assert.is_true(is_flat(function(i) return 10 * MIB + (i * 7 % 10) * MIB end))
  end)

  it("finds 100 bytes lost with every request", function()
    assert.is_false(is_flat(function(i) return 10 * MIB + i * 100000 / 60 * 100 end))
  end)

  it("finds them beneath what waits for the collector, too", function()
    local function memory(i) return 10 * MIB + i * 100000 / 60 * 100 + (i * 7 % 10) * MIB end
    assert.is_false(is_flat(memory))
  end)

  it("knows what there was on the way", function()
    local list = samples(function(i) return i end)
    assert.same({ 6, 30, 60 }, {
      flat.at(list, 0.1).rss,
      flat.at(list, 0.5).rss,
      flat.at(list, 1).rss,
    })
  end)
end)
