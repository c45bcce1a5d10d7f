local calculator = require "claude.command.calculator"

local function shown(expression)
  local value, why = calculator.evaluate(expression)
  return value and calculator.format(value) or "error: " .. why
end

describe("the calculator", function()
  for expression, result in pairs {
    ["127 * 389"] = "49403",
    ["1 + 2 * 3"] = "7",
    ["(1 + 2) * 3"] = "9",
    ["2 ^ 3 ^ 2"] = "512",
    ["2 ** 10"] = "1024",
    ["-2 ^ 2"] = "-4",
    ["2 ^ -1"] = "0.5",
    ["7 % 3"] = "1",
    ["-7 % 3"] = "2",
    ["10 / 4"] = "2.5",
    ["8 - 3 - 2"] = "3",
    ["1."] = "1",
    [".5 + .25"] = "0.75",
    ["1.5e3"] = "1500",
    ["sqrt(16) + max(1, 5, 3)"] = "9",
    ["round(10000 * (1 + 0.05) ^ 10)"] = "16289",
    ["floor(2 * pi)"] = "6",
    ["2 ^ 53 - 1"] = "9007199254740991",
  } do
    it("evaluates " .. expression, function() assert.equal(result, shown(expression)) end)
  end

  for expression, complaint in pairs {
    [""] = "expected a number at character 1",
    ["1 +"] = "expected a number at character 4",
    ["1 2"] = "unexpected 2 at character 3",
    ["(1"] = "expected ) at character 3",
    ["1 / 0"] = "division by zero at character 6",
    ["1 % 0"] = "division by zero at character 6",
    ["10,000"] = "unexpected , at character 3",
    ["answer"] = "unknown name answer at character 7",
    ["f(1)"] = "unknown function f at character 3",
    ["sqrt(1, 2)"] = "sqrt takes 1 value, got 2 at character 11",
    ["sqrt(-1)"] = "the result is not a finite number",
    ["10 ^ 400"] = "the result is not a finite number",
    ["os.execute('true')"] = "unknown name os at character 3",
  } do
    it(
      "refuses '" .. expression .. "'",
      function() assert.equal("error: " .. complaint, shown(expression)) end
    )
  end

  it("refuses an expression that is nested too deeply", function()
    assert.matches("nested too deeply", shown(("("):rep(150) .. "1"))
    assert.matches("nested too deeply", shown(("-"):rep(150) .. "1"))
  end)

  it(
    "refuses an expression that is too long",
    function() assert.equal("error: the expression is too long", shown(("1+"):rep(2000) .. "1")) end
  )
end)
