--- Replies that nobody holds any more: what they keep is the core's memory, which Lua's
--- collector does not see. It is told, or beside a large heap hundreds of them would stay.
--- (`make soak` drops 3,000.)
local growth_of = require("spec.support.growth").of

local REPLIES = 200 -- of a megabyte, beside a heap of 35 MB

-- The more lazily a version collects the more stay: on 5.2 some 170 MB, heap and all, however
-- many there were.
local MOST = 190e6

describe("dropped replies of a megabyte beside a large heap", function()
  for _, what in ipairs({ "read", "unread" }) do
    it("do not pile up when they were " .. what, function()
      local growth = growth_of("dropped", "http://127.0.0.1:1", what, ("%d"):format(REPLIES))
      assert.is_true(growth < MOST, growth)
    end)
  end
end)

describe("replies of a megabyte that were there for a while", function()
  -- The interpreter of Lua 5.4 has its collector look at what is young, as a rule.
  it("do not pile up beside a small heap", function()
    local growth = growth_of("aged", "http://127.0.0.1:1", "60")
    assert.is_true(growth < 30e6, growth)
  end)
end)
