--- What a program with many transfers holds beside them.
local child = require("spec.support.child")

-- By how much the heap grows at most while strings are made that nobody keeps. Each transfer has
-- something that stays, as a stream has; none of them gets as far as to connect.
local CHURN = [[
collectgarbage("generational")
local core, engine = require("claude.core"), require("claude.net").engine()
local kept, least, most = {}, math.huge, 0
for number = 1, 200 do
  local response, own = core.response(), {}
  for i = 1, 500 do own[i] = { i } end
  assert(engine:start({ url = "http://127.0.0.1:1/", response = response }))
  kept[number] = { response, own }
end
for i = 1, 500000 do
  assert(("x"):rep(30) .. i)
  local now = collectgarbage("count")
  least, most = math.min(least, now), math.max(most, now)
end
print(most / least)
]]

describe("a generational collector", function()
  if _VERSION < "Lua 5.4" then return end -- there is none before

  it("looks at what is young as often among many transfers", function()
    local result = child.run(child.lua .. " -", CHURN)
    local growth = tonumber(result.out)
    assert.is_true(growth ~= nil and growth < 1.5, result.out .. result.err)
  end)
end)
