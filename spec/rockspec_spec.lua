local child = require "spec.support.child"
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

local ROCK_VERSIONS = { ["lua5.1"] = "5.1", ["lua5.4"] = "5.4" }

describe("luarocks make", function()
  local version = ROCK_VERSIONS[child.lua]
  -- Once per version is enough: not again under a sanitizer.
  if not version or os.getenv "LD_PRELOAD" then return end

  it("builds and installs without the network", function()
    if child.run("command -v luarocks").status ~= 0 then return pending "no luarocks" end
    local root = child.temporary()
    local made = child.run(([[
      mkdir %s && cp -r bin csrc lua rockspec doc $(ls -d plugin) README.md LICENSE %s && cd %s &&
      luarocks --lua-version %s --tree "$PWD/tree" make %s --deps-mode=none
    ]]):format(root, root, root, version, rockspec.path))
    local tree = root .. "/tree"
    local share, lib = tree .. "/share/lua/" .. version, tree .. "/lib/lua/" .. version
    local environment = "cd /; export "
      .. ("LUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;'; "):format(share, share, lib)
    local command = child.run(
      environment
        .. child.lua
        .. ' -e \'print(require("claude")._VERSION, require("claude.net").version)\''
    )
    local doctor = child.run(environment .. tree .. "/bin/lua-claude doctor")
    local rock = ("%s/lib/luarocks/rocks-%s/lua-claude/scm-1"):format(tree, version)
    local page = io.open(rock .. "/doc/loading.md")
    child.run("rm -rf " .. root)
    assert.truthy(page)
    assert.equal("", made.err:match "[Ee]rror[^\n]*" or "")
    assert.equal(0, made.status)
    local expected = require "claude.version"
    assert.equal(expected .. "\t" .. expected .. "\n", command.out)
    for _, path in ipairs { share .. "/claude/", lib .. "/claude/core.so" } do
      assert.truthy(doctor.out:find(expected .. ", " .. path, 1, true), doctor.out .. doctor.err)
    end
  end)
end)

describe("the version", function()
  it(
    "is the same in C and in Lua",
    function() assert.equal(require "claude.version", require("claude.core").version) end
  )
end)
