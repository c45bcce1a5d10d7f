--- Replies that nobody holds any more: what they keep is the core's memory, which Lua's
--- collector does not see. It is told, or beside a large heap hundreds of them would stay.
--- (`make soak` drops 3,000.)
local growth_of = require("spec.support.growth").of

local REPLIES = 150 -- of a megabyte, beside a heap of 35 MB

describe("dropped replies of a megabyte beside a large heap", function()
  for _, what in ipairs({ "read", "unread" }) do
    it("do not pile up when they were " .. what, function()
      local growth = growth_of("dropped", "http://127.0.0.1:1", what, ("%d"):format(REPLIES))
      assert.is_true(growth < 140e6, growth)
    end)
  end
end)
