local child = require "spec.support.child"

--- Runs .ci/deps on a machine made of nothing but these tools and `fakes`,
--- whose values are shell scripts.
local function on_machine(fakes, environment, arguments, typed)
  local bin = child.temporary()
  local lines = { "mkdir " .. bin }
  for _, tool in ipairs { "sh", "sed", "tr", "sort", "uname", "ls", "env", "cat" } do
    lines[#lines + 1] = ("ln -s $(command -v %s) %s/%s"):format(tool, bin, tool)
  end
  child.run(table.concat(lines, "\n"))
  for name, script in pairs(fakes) do
    local file = assert(io.open(bin .. "/" .. name, "w"))
    file:write("#!/bin/sh\n", script, "\n")
    file:close()
    child.run("chmod +x " .. bin .. "/" .. name)
  end
  local call = ("%s PATH=%s .ci/deps %s"):format(
    environment or "CI=",
    bin,
    arguments or "test lua5.1 luajit"
  )
  if typed then
    call = ("{ sleep 0.2; echo %s; sleep 0.5; } | script -qec %s /dev/null"):format(
      typed,
      child.quote(call)
    )
  end
  local result = child.run(call)
  child.run("rm -rf " .. bin)
  return result
end

local APT = [[case $* in *install*) for word; do echo "apt: $word" >&2; done ;; esac]]
local NO_CACHE = "exit 1"

describe("make deps", function()
  it("names what is missing and installs it by apt as root", function()
    local result = on_machine { id = "echo 0", ["apt-get"] = APT, ["apt-cache"] = NO_CACHE }
    assert.equal(0, result.status)
    assert.matches("Missing:.*a C compiler.*luajit's headers.*busted for luajit", result.out)
    for _, package in ipairs { "gcc", "lua5.1", "luajit2", "libluajit2-5.1-dev", "lua-busted" } do
      assert.matches("apt: " .. package:gsub("%p", "%%%0") .. "\n", result.err)
    end
  end)

  it("never installs the packages that conflict with libluajit2", function()
    local result = on_machine { id = "echo 0", ["apt-get"] = APT, ["apt-cache"] = NO_CACHE }
    assert.not_matches("apt: luajit\n", result.err)
    assert.not_matches("apt: libluajit%-5", result.err)
  end)

  it("installs luajit under the name that the release has for it", function()
    local function asked(known)
      local cache = ('[ "$1 $2" != "show %s" ] || echo "Package: $2"'):format(known)
      return on_machine({ id = "echo 0", ["apt-get"] = APT, ["apt-cache"] = cache }).err
    end
    assert.matches("apt: luajit2\n", asked "luajit2")
    assert.matches("apt: libluajit2%-5%.1%-dev\n", asked "luajit2")
    assert.matches("apt: luajit\n", asked "luajit")
    assert.matches("apt: libluajit%-5%.1%-dev\n", asked "luajit")
  end)

  it("uses sudo without a question in CI", function()
    local sudo = 'echo "sudo $1"; shift; exec "$@"'
    local result = on_machine({
      id = "echo 1000",
      sudo = sudo,
      ["apt-get"] = APT,
      ["apt-cache"] = NO_CACHE,
    }, "CI=true")
    assert.equal(0, result.status)
    assert.matches("sudo %-n", result.out)
  end)

  it("installs nothing without root, CI or somebody to ask", function()
    local result = on_machine { id = "echo 1000", sudo = "exit 9", ["apt-get"] = APT }
    assert.equal(1, result.status)
    assert.matches(
      "apt%-get install %-%-no%-install%-recommends .*libcurl4%-openssl%-dev",
      result.out
    )
    assert.equal("", result.err)
  end)

  it("prints the line where there is no sudo, in CI too", function()
    for _, environment in ipairs { "CI=", "CI=true" } do
      local result = on_machine({ id = "echo 1000", ["apt-get"] = APT }, environment)
      assert.equal(1, result.status)
      assert.matches("apt%-get update && apt%-get install .* gcc", result.out)
      assert.equal("", result.err)
    end
  end)

  it("prints the line where sudo wants a password in CI", function()
    local sudo = 'echo "sudo: a password is required" >&2; exit 1'
    local result = on_machine({ id = "echo 1000", sudo = sudo, ["apt-get"] = APT }, "CI=true")
    assert.equal(1, result.status)
    assert.matches("apt%-get install .* gcc", result.out)
  end)

  it("names the runtime of the sanitizers in the line, too", function()
    local cache = [[case $1 in
      depends) echo "  Depends: clang-14" ;;
      show) [ "$2" != libclang-rt-14-dev ] || echo "Package: $2" ;;
    esac]]
    local machine = { id = "echo 1000", ["apt-get"] = APT, ["apt-cache"] = cache }
    local result = on_machine(machine, nil, "check lua5.4")
    assert.matches(" clang .* libclang%-rt%-14%-dev", result.out)
    assert.not_matches("@", result.out)
  end)

  describe("on a terminal", function()
    local sudo = 'echo "sudo $1"; exec "$@"'
    local machine = {
      id = "echo 1000",
      sudo = sudo,
      ["apt-get"] = APT,
      ["apt-cache"] = NO_CACHE,
    }

    local function answered(answer)
      if child.run("script -qec true /dev/null").status ~= 0 then
        return pending "no script(1) that makes a terminal"
      end
      return on_machine(machine, nil, "run lua5.4", answer)
    end

    it("installs with sudo after a yes", function()
      for _, answer in ipairs { "y", "Yes" } do
        local result = answered(answer)
        assert.matches("Install gcc .* with sudo apt%-get%? %[y/N%]", result.out)
        assert.matches("apt: gcc\r?\n", result.out)
      end
    end)

    it("prints the line after anything else", function()
      for _, answer in ipairs { "n", "" } do
        local result = answered(answer)
        assert.matches("apt%-get update && apt%-get install .* gcc", result.out)
        assert.not_matches("apt: gcc", result.out)
      end
    end)
  end)

  it("says when the installation fails", function()
    local result = on_machine { id = "echo 0", ["apt-get"] = "exit 100", ["apt-cache"] = NO_CACHE }
    assert.equal(1, result.status)
  end)

  for manager, line in pairs {
    dnf = "sudo dnf install",
    pacman = "sudo pacman %-S",
    apk = "apk add",
    brew = "brew install",
  } do
    it("prints the line for " .. manager, function()
      local result = on_machine { [manager] = "exit 9" }
      assert.equal(1, result.status)
      assert.matches(line, result.out)
    end)

    it("prints for " .. manager .. " what the level needs, and no more", function()
      local lines = {}
      for _, level in ipairs { "run", "test", "check" } do
        lines[level] = on_machine({ [manager] = "exit 9" }, nil, level .. " lua5.4").out
        assert.matches("lua%-cjson luv argparse", lines[level])
        assert.matches("%-%-lua%-version 5%.4 ", lines[level])
      end
      assert.not_matches("nghttp2", lines.run)
      assert.matches("nghttp2.* busted;", lines.test)
      assert.not_matches("luacheck", lines.test)
      assert.matches("nghttp2.* busted luacheck;", lines.check)
      assert.matches(manager == "brew" and "llvm" or "clang.* valgrind", lines.check)
    end)
  end

  it("prints rocks for the Lua asked for", function()
    for lua, version in pairs { ["lua5.1"] = "5.1", luajit = "5.1", ["lua5.3"] = "5.3" } do
      local result = on_machine({ apk = "exit 9" }, nil, "run " .. lua)
      assert.truthy(result.out:find(" " .. lua .. " " .. lua .. "-dev ", 1, true))
      assert.truthy(result.out:find("--lua-version " .. version .. " ", 1, true))
    end
  end)

  it("takes no Lua whose command and headers are of two versions", function()
    local machine = { lua = "printf 5.1", ["pkg-config"] = "echo 5.4.4" }
    local result = on_machine(machine, nil, "run lua")
    assert.equal(1, result.status)
    assert.matches("lua is Lua 5.1, but .* Lua 5.4.4: make LUA=lua5.1\n", result.out)
    machine["pkg-config"] = "echo 5.1.5"
    machine["apt-get"] = "exit 100"
    assert.not_matches("make LUA=", on_machine(machine, nil, "run lua").out)
  end)

  it("takes no path for a Lua", function()
    local result = on_machine({}, nil, "run /usr/bin/lua5.4")
    assert.equal(1, result.status)
    assert.matches("LUA is a name such as lua5.4", result.out)
  end)

  it("is silent when nothing is missing", function()
    local result = child.run(".ci/deps test " .. child.lua)
    assert.same({ status = 0, out = "", err = "" }, result)
  end)
end)
