-- C and Lua parts that do not fit together say which file is which, and what to do.
local child = require "spec.support.child"
local compile = require "spec.support.chunk"
local loading = require "claude.loading"

local VERSION = require "claude.version"
-- A make above this one (make test, make sanitize) must not lend its flags and variables.
local CLEAN = "unset LD_PRELOAD MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CC LUA_PATH LUA_CPATH; "
local ROOT = child.run("pwd").out:match "[^\n]+"

--- Compiles both C modules as those of another version, out of the objects of the tree.
local function build_version(folder, version)
  local script = [[
    mkdir -p FOLDER/LUA && cp -a build/LUA/csrc FOLDER/LUA/ && rm -f FOLDER/LUA/csrc/bind/*/module.o
    make -s LUA=LUA BUILD=FOLDER CFLAGS='-O1 -DCM_VERSION=\"VERSION\"' \
      FOLDER/LUA/claude/core.so FOLDER/LUA/claude/net.so
  ]]
  local words = { FOLDER = folder, LUA = child.lua, VERSION = version }
  local made = child.run(CLEAN .. script:gsub("%f[%w_]%u+%f[^%w_]", words))
  assert.equal(0, made.status, made.err)
  return folder .. "/" .. child.lua
end

--- Runs code in a Lua of its own that looks for parts in these folders, first of all.
local function run_with(lua_folder, c_folder, code)
  return child.run(
    ("cd /; %sLUA_PATH='%s/?.lua;%s/?/init.lua;;' LUA_CPATH='%s/?.so;;' %s -e %s"):format(
      CLEAN,
      lua_folder,
      lua_folder,
      c_folder,
      child.lua,
      child.quote(code)
    )
  )
end

local function has(text, part) assert.truthy(text:find(part, 1, true), text) end

local function compiled(source, target, flags)
  local made = child.run(
    ("mkdir -p %s && echo %s >%s.c && cc -shared -fPIC -o %s %s.c %s"):format(
      target:match "^(.*)/",
      child.quote(source),
      target,
      target,
      target,
      flags or ""
    )
  )
  assert.equal(0, made.status, made.err)
end

describe("a C part of another version", function()
  local root, lua, own, other

  setup(function()
    root = child.temporary()
    lua, own = ROOT .. "/lua", root .. "/own/" .. child.lua
    other = build_version(root .. "/other", "0.0.9")
    build_version(root .. "/own", VERSION)
  end)
  teardown(function() child.run("rm -rf " .. child.quote(root)) end)

  local function old_lua_files()
    local script = [[mkdir -p ROOT/lua && cp -r lua/claude ROOT/lua
      echo 'return "0.0.9"' >ROOT/lua/claude/version.lua]]
    child.run((script:gsub("ROOT", root)))
    return root .. "/lua"
  end

  it("is one that fits when the versions are the same", function()
    local result = run_with(lua, own, 'print(require("claude.net").file)')
    assert.same({ status = 0, out = own .. "/claude/net.so\n", err = "" }, result)
  end)

  for _, name in ipairs { "claude.core", "claude.net" } do
    it("is refused when it is required: " .. name, function()
      local result = run_with(lua, other, ("require %q"):format(name))
      assert.equal(1, result.status)
      local file = other .. "/" .. name:gsub("%.", "/") .. ".so"
      has(
        result.err,
        ("%s: %s is version 0.0.9, but the Lua files are version %s"):format(name, file, VERSION)
      )
      has(result.err, "make nvim")
    end)
  end

  it("is refused where claude.new is asked for, at the line that does", function()
    local result = run_with(lua, other, 'local claude = require "claude"\nclaude.new {}')
    has(result.err, "(command line):2: claude.core, a C part of lua-claude " .. VERSION)
    has(result.err, other .. "/claude/core.so is version 0.0.9")
    has(result.err, "(asked for by " .. lua .. "/claude/init.lua)")
    has(result.err, "the Lua part is in " .. lua .. "/claude/")
  end)

  it("is refused every time, with the same words", function()
    local result = run_with(
      lua,
      other,
      [[
      local claude, told = require "claude", {}
      for i = 1, 2 do told[i] = select(2, pcall(function() return claude.new end)) end
      print(told[1] == told[2] and told[1])
    ]]
    )
    has(result.out, "is version 0.0.9")
  end)

  it("is refused the other way round: new C parts beside old Lua files", function()
    local old = old_lua_files()
    for _, name in ipairs { "claude.core", "claude.net" } do
      local result = run_with(old, own, ("require %q"):format(name))
      has(result.err, ("is version %s, but the Lua files are version 0.0.9"):format(VERSION))
    end
    local result = run_with(old, own, 'print(require("claude").new)')
    has(result.err, "(asked for by " .. old .. "/claude/init.lua)")
  end)

  it("fails a request when it is claude.net, before that is given anything", function()
    child.run(("mkdir -p %s/mixed/claude"):format(root))
    child.run(("cp %s/claude/core.so %s/mixed/claude"):format(own, root))
    child.run(("cp %s/claude/net.so %s/mixed/claude"):format(other, root))
    local result = run_with(
      lua,
      root .. "/mixed",
      [[
      local client = require("claude").new { api_key = "k", base_url = "http://127.0.0.1:1" }
      local message, text, err = client.messages:create { model = "claude-opus-4-8",
        max_tokens = 9, messages = { { role = "user", content = "Hi" } } }
      print(message, err.kind, err.retryable, text)
    ]]
    )
    assert.equal("", result.err)
    assert.matches("^nil\tnetwork\tfalse\t", result.out)
    has(result.out, root .. "/mixed/claude/net.so is version 0.0.9")
  end)

  it("is refused when it is claude.net beside another claude.core", function()
    local result = run_with(
      lua,
      own,
      [[
      package.loaded["claude.core"] = { version = "0.0.9", file = "/opt/old/core.so" }
      require "claude.net"
    ]]
    )
    has(result.err, ("net.so is version %s, but /opt/old/core.so is version 0.0.9"):format(VERSION))
  end)

  it("is refused when it was built for another Lua, though that would load it", function()
    local result = run_with(lua, own, '_VERSION = "Lua 5.9" require "claude.core"')
    has(result.err, ("was built for %s, but this is Lua 5.9"):format(_VERSION))
    has(result.err, "make LUA=lua5.9")
  end)

  it("is taken by a host without Lua files of ours, and by one with a name of its own", function()
    local alone = run_with("/nowhere", own, 'print(require("claude.core").version)')
    assert.equal(VERSION .. "\n", alone.out)
    local named = run_with(lua, own, '_VERSION = "Luna 1" print(require("claude.core").version)')
    assert.equal(VERSION .. "\n", named.out)
  end)
end)

describe("the C parts of LuaJIT and PUC 5.1", function()
  it("serve each other: both look into the same folders", function()
    if _VERSION ~= "Lua 5.1" then return end
    for _, name in ipairs({ "core", "net" }) do
      local file = assert(io.open(require("claude." .. name).file, "rb"))
      local bytes = file:read("*a")
      file:close()
      assert.is_nil(bytes:find("luaL_setfuncs", 1, true), "which only LuaJIT has")
    end
  end)
end)

describe("a C part that the system does not load", function()
  local root
  before_each(function() root = child.temporary() end)
  after_each(function() child.run("rm -rf " .. child.quote(root)) end)

  local function complaint(code)
    return run_with(ROOT .. "/lua", root, code or 'print(require("claude").new)').err
  end

  it("is missing: says where it was looked for and how to get it", function()
    local text = complaint()
    has(text, "claude.core, a C part of lua-claude " .. VERSION .. ", cannot be loaded")
    has(text, "it was not found")
    has(text, "no file '" .. root .. "/claude/core.so'")
    has(text, "package.cpath (LUA_CPATH)")
  end)

  it("is told of in the same words whatever a program asks for first", function()
    for _, first in ipairs({ "claude.simulator", "claude.loop.blocking", "claude.loop.cqueues" }) do
      local module = first:match("cqueues") or "string"
      if pcall(require, module) then
        local text = complaint(("require %q"):format(first))
        has(text, ", a C part of lua-claude " .. VERSION .. ", cannot be loaded: it was not found")
      end
    end
  end)

  it("is for another Lua: names the file, and the build for this one", function()
    compiled(
      "void lua_of_another_day(void); int luaopen_claude_core(void *L) "
        .. "{ (void)L; lua_of_another_day(); return 0; }",
      root .. "/claude/core.so"
    )
    local text = complaint()
    has(
      text,
      "it was built for another Lua than this " .. (rawget(_G, "jit") and "LuaJIT" or _VERSION)
    )
    has(text, root .. "/claude/core.so")
    has(text, "make LUA=" .. child.lua)
  end)

  it("is no shared object: names the file, and the build for this machine", function()
    child.run(("mkdir -p %s/claude && echo nothing at all >%s/claude/core.so"):format(root, root))
    local text = complaint()
    has(text, "it was built for another system than this one")
    has(text, root .. "/claude/core.so")
  end)

  it("needs a libcurl that is not there: says which package brings it", function()
    compiled("int curl_of_a_kind = 1;", root .. "/libcurl-gone.so.4")
    compiled(
      "extern int curl_of_a_kind; int luaopen_claude_net(void *L) "
        .. "{ (void)L; return curl_of_a_kind; }",
      root .. "/claude/net.so",
      ("-L%s -l:libcurl-gone.so.4"):format(root)
    )
    os.remove(root .. "/libcurl-gone.so.4")
    local text = complaint 'require("claude.loop").now()'
    has(text, "claude.net, a C part of lua-claude")
    has(text, "the libcurl that it needs is not installed")
    has(text, "libcurl-gone.so.4")
    has(text, "apt install libcurl4")
  end)
end)

describe("a plugin of Neovim", function()
  -- It runs LuaJIT's C parts.
  if child.lua ~= "luajit" or os.getenv "LD_PRELOAD" then return end

  local root
  before_each(function() root = child.temporary() end)
  after_each(function() child.run("rm -rf " .. child.quote(root)) end)

  local function nvim_it(what, check)
    it(what, function()
      if child.run("command -v nvim").status ~= 0 then return pending "no nvim" end
      child.run(("mkdir %s && cp -r lua %s && rm -f %s/lua/claude/*.so"):format(root, root, root))
      check()
    end)
  end

  local function nvim(code)
    local command = CLEAN
      .. "cd / && nvim --headless -u NONE --cmd 'set rtp^=%s' -c %s -c 'qa!' 2>&1"
    return child.run(command:format(root, child.quote("lua " .. code))).out
  end

  nvim_it("has its C parts beside its Lua files", function()
    child.run(("cp build/luajit/claude/*.so %s/lua/claude"):format(root))
    local out = nvim 'print(require("claude.net").file, require("claude").doctor())'
    has(out, root .. "/lua/claude/net.so")
    has(out, ("ok   claude.core  %s, %s/lua/claude/core.so"):format(VERSION, root))
    has(out, "in Neovim")
    has(out, "ok   JSON         vim.json")
  end)

  nvim_it("that was not built says how to", function()
    local out = nvim 'print(pcall(function() return require("claude").new end))'
    has(out, "claude.core, a C part of lua-claude " .. VERSION .. ", cannot be loaded")
    has(out, "make nvim in the plugin's folder")
  end)

  nvim_it("that was updated without its C parts says both versions", function()
    child.run(("cp build/luajit/claude/*.so %s/lua/claude"):format(root))
    child.run(("echo 'return \"9.9\"' >%s/lua/claude/version.lua"):format(root))
    local out = nvim 'print(pcall(function() return require("claude").new end))'
    has(out, ("core.so is version %s, but the Lua files are version 9.9"):format(VERSION))
    has(out, "make nvim")
  end)
end)

describe("claude.loading", function()
  local function cause_of(said) return loading.diagnose("claude.nothing", said).what end

  -- What the loaders of musl and macOS say cannot be had on glibc.
  local cases = {
    { "Error loading shared library libcurl.so.4: No such file or directory", "libcurl" },
    { "dlopen(net.so, 0x6): Library not loaded: /opt/lib/libcurl.4.dylib", "libcurl" },
    { "/usr/lib/libcurl.so.4: version `CURL_OPENSSL_4' not found (required by net.so)", "libcurl" },
    { "net.so: undefined symbol: curl_multi_socket_action", "libcurl" },
    { "Error relocating core.so: lua_newuserdatauv: symbol not found", "another Lua" },
    { "symbol not found in flat namespace '_luaL_setfuncs'", "another Lua" },
    { "core.so: undefined symbol: lua_newuserdata", "another Lua" },
    { "version mismatch: app./library needs Lua 503", "another Lua" },
    { "core and library have incompatible numeric types", "another Lua" },
    { "core.so: wrong ELF class: ELFCLASS32", "another system" },
    { "mach-o file, but is an incompatible architecture (have 'x86_64')", "another system" },
    { "/lib/libc.so.6: version `GLIBC_2.38' not found (required by core.so)", "another system" },
    { "module 'claude.nothing' not found:\n\tno file 'x.so'", "not found" },
    { "the moon is in the wrong quarter", "refuses" },
  }
  for _, case in ipairs(cases) do
    it(
      "knows what is meant by: " .. case[1]:match "[^\n]+",
      function() assert.truthy(cause_of(case[1]):find(case[2], 1, true), cause_of(case[1])) end
    )
  end

  it("tells no cause that doc/loading.md does not explain", function()
    local page = io.open("doc/loading.md"):read "*a"
    for _, case in ipairs(cases) do
      has(page, (cause_of(case[1]):gsub(" than this .*", "")))
    end
  end)

  it("keeps the loader's own words, and has a hint for every cause", function()
    for _, case in ipairs(cases) do
      local failure = loading.diagnose("claude.nothing", case[1])
      assert.equal(case[1], failure.said)
      assert.matches("make LUA=", failure.hint)
    end
  end)
end)

describe("the version", function()
  it("is the same in the Lua files, the C parts and version.h", function()
    local header = io.open("csrc/core/version.h"):read "*a"
    assert.equal(VERSION, header:match 'define CM_VERSION "([^"]+)"')
    assert.equal(VERSION, require("claude.core").version)
    assert.equal(VERSION, require("claude.net").version)
    assert.equal(VERSION, require("claude")._VERSION)
  end)

  it("is in the rockspec, or the rockspec is of the tree as it is", function()
    local spec = {}
    compile(io.open(require("spec.support.rockspec").path):read "*a", "rockspec", spec)()
    local version = spec.version:match "^(.*)%-%d+$"
    assert.truthy(version == "scm" or version == VERSION, spec.version)
  end)
end)
