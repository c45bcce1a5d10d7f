local compile = require "spec.support.chunk"
local rockspec = require "spec.support.rockspec"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

describe("the rockspec", function()
  it(
    "names exactly the files of the tree (otherwise: make rockspec)",
    function() assert.equal(rockspec.render(), read(rockspec.path)) end
  )

  it("is Lua that defines what LuaRocks asks for", function()
    local spec = {}
    compile(read(rockspec.path), "rockspec", spec)()
    assert.equal("lua-claude", spec.package)
    assert.equal("lua/claude/version.lua", spec.build.modules["claude.version"])
    assert.same({ "curl" }, spec.build.modules["claude.net"].libraries)
    assert.is_nil(spec.build.modules["claude.core"].libraries)
  end)
end)

describe("the version", function()
  it(
    "is the same in C and in Lua",
    function() assert.equal(require "claude.version", require("claude.core").version) end
  )
end)
