local base64 = require("claude.mcp.base64")
local core = require("claude.core")

describe("base64 of MCP servers", function()
  it("is read back as the bytes it was made of", function()
    local bytes = {}
    for i = 1, 300 do
      bytes[i] = string.char(i * 7 % 256)
      local text = table.concat(bytes)
      assert.equal(text, base64.decode(core.base64(text)))
    end
    assert.equal("", base64.decode(""))
  end)

  it(
    "may be broken into lines",
    function() assert.equal("hé!", base64.decode("aMOp\r\nIQ==\n")) end
  )

  for _, text in ipairs({ "A", "AA", "AAA", "A===", "AA=A", "=AAA", "*AAA", "AA-_", "AAAA====" }) do
    it("is not " .. text, function() assert.is_nil(base64.decode(text)) end)
  end
end)
