local child = require "spec.support.child"
local toolbox = require "claude.command.toolbox"

describe("the command's tools", function()
  it("calculate", function()
    assert.equal("49403", toolbox.calculator.run { expression = "127 * 389" })
    local value, why = toolbox.calculator.run { expression = "os.exit()" }
    assert.is_nil(value)
    assert.matches("unknown name", why)
    assert.is_nil((toolbox.calculator.run {}))
  end)

  it("tell the time", function()
    local now = toolbox.clock.run {}
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", now.utc)
    assert.matches("%d%d:%d%d:%d%d", now["local"])
    assert.is_number(now.unix)
  end)

  describe("read files", function()
    local read = toolbox.read_file.run
    local folder

    -- Beside the tree's own files, so that paths are relative to it.
    before_each(function()
      folder = "build/read_file_spec"
      child.run("rm -rf " .. folder .. "; mkdir -p " .. folder)
    end)
    after_each(function() child.run("rm -rf " .. folder) end)

    local function write(path, text)
      local file = assert(io.open(folder .. "/" .. path, "wb"))
      file:write(text)
      file:close()
    end

    it("in the current folder and below", function()
      write("some.txt", "one\ntwo\n")
      assert.equal("one\ntwo\n", read { path = folder .. "/some.txt" })
      assert.equal("one\ntwo\n", read { path = "./" .. folder .. "//some.txt" })
      assert.matches("^MIT License", (read { path = "LICENSE" }))
    end)

    it("to the limit, and say so", function()
      write("long.txt", ("x"):rep(100001))
      local text = read { path = folder .. "/long.txt" }
      assert.equal(("x"):rep(100000) .. "\n[cut after 100000 bytes]", text)
    end)

    for path, complaint in pairs {
      ["/etc/passwd"] = "relative",
      ["../secret"] = "parent folders",
      ["build/../../secret"] = "parent folders",
      [".git/config"] = "hidden",
      ["lua"] = "regular file",
      ["nowhere.txt"] = "no such file",
      ["LICENSE\0.png"] = "relative",
    } do
      it("but not " .. path:gsub("%z", "\\0"), function()
        local text, why = read { path = path }
        assert.is_nil(text)
        assert.matches(complaint, why)
      end)
    end

    it("but not through a symbolic link that leads out", function()
      child.run("ln -s /etc/passwd " .. folder .. "/link; ln -s / " .. folder .. "/root")
      for _, path in ipairs { "link", "root/etc/passwd" } do
        local text, why = read { path = folder .. "/" .. path }
        assert.is_nil(text)
        assert.matches("out of the current folder", why)
      end
    end)

    it("but not through one that leads to what is hidden", function()
      child.run("mkdir " .. folder .. "/.keys")
      write(".keys/one", "secret")
      child.run("cd " .. folder .. " && ln -s .keys/one notes && ln -s .keys open")
      for _, path in ipairs { "notes", "open/one" } do
        local text, why = read { path = folder .. "/" .. path }
        assert.is_nil(text)
        assert.matches("hidden files", why)
      end
    end)

    it("but not a pipe, which would never end", function()
      child.run("mkfifo " .. folder .. "/pipe")
      assert.is_nil((read { path = folder .. "/pipe" }))
    end)
  end)
end)
