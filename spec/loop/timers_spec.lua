-- The heap of what is to happen at a time, against a list that is searched.
local dice = require("spec.support.dice")
local timers = require("claude.loop.timers")

local function soonest(list)
  local at
  for _, timer in ipairs(list) do
    at = at and math.min(at, timer.at) or timer.at
  end
  return at
end

local function remove(list, timer)
  for i, known in ipairs(list) do
    if known == timer then return table.remove(list, i) end
  end
end

describe("timers", function()
  it("come due soonest first, whichever are added and cancelled in between", function()
    local chances = dice.new(11)
    local heap, list = timers.new(), {}
    for _ = 1, 1500 do
      local chance = chances:number(100)
      if chance <= 52 then
        list[#list + 1] = heap:add(chances:number(50), function() end)
      elseif chance <= 75 and list[1] then
        local timer = chances:pick(list)
        heap:cancel(timer)
        heap:cancel(timer) -- once more changes nothing
        remove(list, timer)
      else
        local now = chances:number(50)
        local timer = heap:due(now)
        local first = soonest(list)
        assert.equal(first and first <= now and first or nil, timer and timer.at)
        if timer then
          assert.equal(timer, remove(list, timer))
          assert.equal(timer, heap:due(now)) -- it stays until it is cancelled
          heap:cancel(timer)
        end
      end
      assert.equal(soonest(list), heap:soonest())
    end
    assert.is_true(#list > 0)
  end)
end)
