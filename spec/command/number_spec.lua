local number = require "claude.command.number"

describe("numbers on the command line", function()
  local cases = {
    { number.whole("--n", 1), "1", 1 },
    { number.whole("--n", 1), "0x10", 16 },
    { number.whole("--n", 1), "1e3", 1000 },
    { number.whole("--n", 1), "0" },
    { number.whole("--n", 1), "-1" },
    { number.whole("--n", 1), "1.5" },
    { number.whole("--n", 1), "1e400" },
    { number.whole("--n", 1), "nan" },
    { number.whole("--n", 1), "" },
    { number.whole("--n", 0, 65535), "0", 0 },
    { number.whole("--n", 0, 65535), "65535", 65535 },
    { number.whole("--n", 0, 65535), "65536" },
    { number.seconds "--n", "0", 0 },
    { number.seconds "--n", "0.25", 0.25 },
    { number.seconds "--n", "-0.25" },
    { number.seconds "--n", "soon" },
    { number.seconds "--n", "1e400" },
  }
  for i, case in ipairs(cases) do
    local convert, text, expected = case[1], case[2], case[3]
    it(("%s '%s' (%d)"):format(expected and "takes" or "refuses", text, i), function()
      local value, why = convert(text)
      assert.equal(expected, value)
      if expected then
        assert.is_nil(why)
      else
        assert.matches("^%-%-n takes ", why)
        assert.truthy(why:find("not '" .. text .. "'", 1, true))
      end
    end)
  end

  it("gives integers where Lua has them", function()
    assert.equal("16000", tostring(number.whole("--n", 1) "16e3"))
    assert.equal("0", tostring(number.whole("--n", 0, 9) "0.0"))
  end)
end)
