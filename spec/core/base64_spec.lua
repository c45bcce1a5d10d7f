local core = require("claude.core")

-- The other way round, by the book: what came out must say what went in.
local function decoded(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local bytes = text:gsub("....", function(four)
    local value, missing = 0, select(2, four:gsub("=", ""))
    for char in four:gmatch(".") do
      local sextet = char == "=" and 0 or alphabet:find(char, 1, true) - 1
      value = value * 64 + sextet
    end
    local a, b, c = math.floor(value / 65536), math.floor(value / 256) % 256, value % 256
    return string.char(a, b, c):sub(1, 3 - missing)
  end)
  return bytes
end

describe("core.base64", function()
  it("writes the standard alphabet with padding", function()
    assert.equal("Zg==", core.base64("f"))
    assert.equal("Zm8=", core.base64("fo"))
    assert.equal("Zm9v", core.base64("foo"))
    assert.equal("+/+/", core.base64("\251\255\191"))
    assert.equal("", core.base64(""))
  end)

  it("loses nothing, however long the bytes are", function()
    local all = {}
    for i = 0, 255 do
      all[#all + 1] = string.char(i)
    end
    local bytes = table.concat(all):rep(150)
    for _, length in ipairs({ 767, 768, 769, 6143, 6144, 6145, #bytes - 1, #bytes }) do
      local piece = bytes:sub(1, length)
      assert.is_true(decoded(core.base64(piece)) == piece, "length " .. length)
    end
  end)

  it("raises for what is no string", function()
    assert.has_error(function() core.base64({}) end)
  end)
end)
