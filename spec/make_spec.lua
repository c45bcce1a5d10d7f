local child = require "spec.support.child"

-- A make above this one (make test, make sanitize) must not lend its flags and variables.
local CLEAN = "unset LD_PRELOAD MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CC LUA_PATH LUA_CPATH; "

describe("make env", function()
  it("prints exports with which that Lua finds the tree's modules", function()
    local result = child.run(CLEAN .. ([[
      eval "$(make -s env LUA=%s)"
      cd / && %s -e 'print(require("claude.core").version == require("claude.version"))'
    ]]):format(child.lua, child.lua))
    assert.equal("true\n", result.out)
    assert.equal("", result.err)
  end)

  it("keeps a path that was set before", function()
    local result = child.run(CLEAN .. "LUA_PATH='/mine/?.lua' make -s env")
    assert.matches("lua/%?/init%.lua;/mine/%?%.lua'", result.out)
  end)
end)

describe("make help", function()
  it("lists every target with a line of its own", function()
    local help = child.run(CLEAN .. "make -s help").out
    for _, target in ipairs { "deps", "build", "run", "test", "check", "install", "env" } do
      assert.matches("\n  " .. target .. " +%l", "\n" .. help)
    end
  end)
end)

describe("make install", function()
  local root
  before_each(function() root = child.temporary() end)
  after_each(function() child.run("rm -rf " .. child.quote(root)) end)

  it("installs modules and command under DESTDIR", function()
    local result = child.run(
      CLEAN .. ("make -s LUA=%s install DESTDIR=%s PREFIX=/opt/claude"):format(child.lua, root)
    )
    assert.equal("", result.err)
    local version = _VERSION:match "%d%.%d"
    for _, path in ipairs {
      "share/lua/" .. version .. "/claude/init.lua",
      "lib/lua/" .. version .. "/claude/core.so",
      "lib/lua/" .. version .. "/claude/net.so",
      "bin/lua-claude",
    } do
      assert.truthy(io.open(root .. "/opt/claude/" .. path), path)
    end
  end)

  it("installs every Lua file there is below lua/", function()
    child.run(CLEAN .. ("make -s LUA=%s install PREFIX=%s"):format(child.lua, root))
    local there = root .. "/share/lua/" .. _VERSION:match "%d%.%d"
    local list = " && find . -name '*.lua' | sort"
    local installed = child.run("cd " .. there .. list).out
    assert.matches("%./claude/init%.lua\n", installed)
    assert.equal(child.run("cd lua" .. list).out, installed)
  end)

  it("installs what `lua-claude doctor` finds from everywhere", function()
    child.run(CLEAN .. ("make -s LUA=%s install PREFIX=%s"):format(child.lua, root))
    local out = child.run(CLEAN .. "cd / && " .. root .. "/bin/lua-claude doctor").out
    local version = _VERSION:match "%d%.%d"
    for name, place in pairs {
      ["lua-claude"] = ("/share/lua/%s/claude/"):format(version),
      ["claude.core"] = ("/lib/lua/%s/claude/core.so"):format(version),
      ["claude.net"] = ("/lib/lua/%s/claude/net.so"):format(version),
    } do
      local line = out:match("ok   " .. name:gsub("%p", "%%%0") .. "[^\n]*")
      assert.equal(require "claude.version" .. ", " .. root .. place, line:match "%S+ +%S+ +(.*)")
    end
  end)

  it("leaves a command that needs no environment", function()
    child.run(CLEAN .. ("make -s LUA=%s install PREFIX=%s"):format(child.lua, root))
    local result = child.run(CLEAN .. "cd / && " .. root .. "/bin/lua-claude --version")
    assert.equal("lua-claude " .. require "claude.version" .. "\n", result.out)
  end)

  it("prints with what a plain Lua finds modules that are not on its path", function()
    local result = child.run(CLEAN .. ([[
      make -s LUA=%s install PREFIX=%s >%s.said
      eval "$(grep ^export %s.said)"
      rm %s.said
      cd / && %s -e 'print(require("claude")._VERSION, require("claude.core") ~= nil)'
    ]]):format(child.lua, root, root, root, root, child.lua))
    assert.equal(require "claude.version" .. "\ttrue\n", result.out)
    assert.equal("", result.err)
  end)

  it("prints nothing where Lua looks anyway", function()
    local path = ("LUA_PATH='%s/share/lua/%s/?/init.lua;;' "):format(root, _VERSION:match "%d%.%d")
    local call = path .. ("make -s LUA=%s install PREFIX=%s"):format(child.lua, root)
    assert.equal("", child.run(CLEAN .. call).out)
  end)

  it("wants to know exactly where", function()
    local result = child.run(CLEAN .. ("make -s LUA=%s install PREFIX=here"):format(child.lua))
    assert.equal(2, result.status)
    assert.matches("PREFIX must be an absolute path", result.err)
  end)
end)

describe("a tree in a folder with a name that shells dislike", function()
  local root, folder
  before_each(function()
    root = child.temporary()
    folder = child.quote(root .. [[/it's "my" $folder, (2)]])
    child.run(([[
      mkdir -p %s/build
      cp -a Makefile bin csrc lua %s && cp -a build/%s %s/build
    ]]):format(folder, folder, child.lua, folder))
  end)
  after_each(function() child.run("rm -rf " .. child.quote(root)) end)

  local function there(script)
    return child.run(
      ("%s cd %s || exit; LUA=%s; export LUA\n%s"):format(CLEAN, folder, child.lua, script)
    )
  end

  it("builds, and its command runs from elsewhere", function()
    local result = there [[
      make -s && ln -s "$PWD/build/lua-claude" ../link && cd / && "$OLDPWD/../link" --version
    ]]
    assert.equal("", result.err)
    assert.equal("lua-claude " .. require "claude.version" .. "\n", result.out)
  end)

  it("prints an environment that works", function()
    local result =
      there [[eval "$(make -s env)" && cd / && $LUA -e 'require "claude" print "found"']]
    assert.same({ status = 0, out = "found\n", err = "" }, result)
  end)

  it("installs into such a folder", function()
    local result = there [[
      to=$(cd .. && pwd)"/it's \"here\""
      make -s install PREFIX="$to" && cd / && "$to/bin/lua-claude" --version
    ]]
    assert.equal("", result.err)
    assert.matches("lua%-claude " .. require "claude.version" .. "\n", result.out)
  end)
end)
