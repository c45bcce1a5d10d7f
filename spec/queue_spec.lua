local helpers = require("spec.helpers")
local queue = require("claude.queue")

local function all(line)
  local list = {}
  for value in line:each() do
    list[#list + 1] = value
  end
  return list
end

describe("a queue", function()
  it("gives the first first", function()
    local line = queue.new()
    assert.is_nil(line:pop())
    line:push("a")
    line:push("b")
    assert.equal(2, line.count)
    assert.equal("a", line:pop())
    line:push("c")
    assert.equal("b", line:pop())
    assert.equal("c", line:pop())
    assert.is_nil(line:pop())
    assert.equal(0, line.count)
  end)

  it("lets anyone leave, and more than once", function()
    local line, places = queue.new(), {}
    for i = 1, 5 do
      places[i] = line:push(i)
    end
    for _, i in ipairs({ 1, 3, 5, 3 }) do
      line:remove(places[i])
    end
    assert.same({ 2, 4 }, all(line))
    assert.equal(2, line.count)
    assert.equal(2, line:pop())
    assert.equal(4, line:pop())
    assert.is_nil(line:pop())
    line:remove(places[4])
    assert.equal(0, line.count)
  end)

  it("leaves out what is removed while it is gone through, and gives what is added", function()
    local line = queue.new()
    local first, second = line:push(1), line:push(2)
    local seen = {}
    for value in line:each() do
      seen[#seen + 1] = value
      if value == 1 then
        line:remove(first)
        line:remove(second)
        line:push(3)
      end
    end
    assert.same({ 1, 3 }, seen)
  end)

  it("takes no more time for one the more there are", function()
    helpers.grows_linearly(20000, function(n)
      local line, places = queue.new(), {}
      for i = 1, n do
        places[i] = line:push(i)
      end
      for i = n, 1, -2 do
        line:remove(places[i])
      end
      for i = 2, n, 2 do
        line:each()()
        line:remove(places[i])
      end
      for i = 1, n do
        line:push(i)
      end
      while line:pop() do
      end
    end)
  end)

  it("keeps no memory of those that have left", function()
    local line = queue.new()
    for i = 1, 100000 do
      line:push(i)
      line:pop()
    end
    local before = collectgarbage("count")
    for i = 1, 400000 do
      line:push(i)
      line:pop()
    end
    collectgarbage()
    assert.is_true(collectgarbage("count") < before + 100)
  end)
end)
