local arithmetic = require("claude.simulator.arithmetic")

describe("claude.simulator.arithmetic", function()
  local VALUES = {
    ["1 + 2 * 3"] = 7,
    ["(1 + 2) * 3"] = 9,
    ["2 ^ 3 ^ 2"] = 512,
    ["-4 + 10"] = 6,
    ["7 % 4"] = 3,
    ["10 / 4"] = 2.5,
    ["2 * -3"] = -6,
    ["10 - 3 - 2"] = 5,
    ["1.5 * 4"] = 6,
    ["((2))"] = 2,
  }
  for expression, value in pairs(VALUES) do
    it(
      "evaluates " .. expression,
      function() assert.equal(value, arithmetic.evaluate(expression)) end
    )
  end

  it("knows what is no expression", function()
    for _, text in ipairs({ "", "1 +", "(1", "1)", "a + 1", "1 2", "* 3", ("("):rep(500) }) do
      assert.is_nil(arithmetic.evaluate(text), text)
    end
  end)

  local FOUND = {
    { "What is 127 * 389?", "127 * 389" },
    { "What is 127 × 389, please?", "127 * 389" },
    { "What's 12 times 12.", "12 * 12" },
    { "100 divided by 8", "100 / 8" },
    { "Multiply: 3 x 4", "3 * 4" },
    { "1,000,000 - 1", "1000000 - 1" },
    { "15% of 240", "240 * 15 / 100" },
    { "Compute (2 + 3) * 4 now", "(2 + 3) * 4" },
    { "Calculate the compound interest on $10,000 at 5% for 10 years", "10000 * 1.05 ^ 10" },
    { "$10,000 at 5% compound interest after 10 years", "10000 * 1.05 ^ 10" },
  }
  for _, row in ipairs(FOUND) do
    it("finds the calculation in: " .. row[1], function()
      local found = arithmetic.find(row[1])
      assert.equal(1, #found)
      assert.equal(row[2], found[1].expression)
    end)
  end

  it("finds several", function()
    local found = arithmetic.find("What is 1 + 1, and 2 * 3?")
    assert.same({ "1 + 1", "2 * 3" }, { found[1].expression, found[2].expression })
  end)

  it("finds none in prose, dates and lone numbers", function()
    for _, text in ipairs({ "Hello", "in 2026", "on 2026-11-22", "10 things (or 12)", "a-1" }) do
      assert.same({}, arithmetic.find(text), text)
    end
  end)

  it("writes numbers as people do", function()
    assert.equal("49403", arithmetic.format(127 * 389))
    assert.equal("2.5", arithmetic.format(2.5))
    assert.equal("-3", arithmetic.format(-3))
  end)
end)
