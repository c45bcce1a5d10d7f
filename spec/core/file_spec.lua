local core = require("claude.core")

-- A folder of its own for each situation: what is left behind in it shows.
local function folder_of(list)
  local pipe = assert(io.popen("ls -A '" .. list .. "'"))
  local names = pipe:read("*a")
  pipe:close()
  return (names:gsub("\n$", ""))
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

describe("files", function()
  local folder, path
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir '" .. folder .. "'"))
    path = folder .. "/a"
  end)
  after_each(function() os.execute("rm -rf '" .. folder .. "'") end)

  describe("core.read_file", function()
    it("gives all bytes", function()
      for _, bytes in ipairs({ "", "a\0b\r\n", ("x"):rep(70000) }) do
        write(path, bytes)
        assert.equal(bytes, core.read_file(path))
      end
    end)

    it("gives all bytes also where the system says that there are none", function()
      local status = io.open("/proc/self/status")
      if not status then return end -- not Linux
      status:close()
      assert.truthy(core.read_file("/proc/self/status"):find("Name:", 1, true))
    end)

    it("says what is no regular file, and does not wait for it", function()
      os.execute(("mkfifo '%s/pipe'; ln -s pipe '%s/link'"):format(folder, folder))
      for _, other in ipairs({ folder .. "/pipe", folder .. "/link", "/dev/null", "/dev/zero" }) do
        assert.same({ nil, "it is no regular file" }, { core.read_file(other) })
      end
      assert.same({ nil, "Is a directory" }, { core.read_file(folder) })
      assert.same({ nil, "No such file or directory" }, { core.read_file(path .. ".none") })
      assert.has_error(function() core.read_file("a\0b") end)
    end)
  end)

  describe("core.open_file", function()
    it("is a part of a body, read when it is asked for", function()
      write(path, ("x"):rep(70000) .. "end")
      local file = assert(core.open_file(path))
      assert.equal(70003, file:length())
      local body = core.body({ "<", file, ">" })
      assert.equal(70005, body:length())
      assert.equal("<xx", body:read(0, 3))
      assert.equal("end>", body:read(70001))
      assert.is_true(body:tostring() == "<" .. read(path) .. ">")
      assert.equal(core.sha256("<" .. read(path) .. ">"), body:sha256())
    end)

    it("reads across every boundary", function()
      write(path, "0123456789")
      local body = core.body({ "ab", assert(core.open_file(path)), "cd" })
      local whole = "ab0123456789cd"
      for offset = 0, #whole do
        for max = 1, #whole do
          assert.equal(whole:sub(offset + 1, offset + max), body:read(offset, max))
        end
      end
    end)

    it("lives as long as a body needs it, but not when it is closed", function()
      write(path, "0123456789")
      local body = core.body({ (assert(core.open_file(path))) })
      collectgarbage()
      assert.equal("0123456789", body:tostring())
      local file = assert(core.open_file(path))
      body = core.body({ file })
      file:close()
      file:close()
      local bytes, problem = body:tostring()
      assert.is_nil(bytes)
      assert.equal("it is closed", problem)
      assert.has_error(function() core.body({ file }) end)
      assert.has_error(function() file:length() end)
    end)

    it("tells when the file has become shorter", function()
      write(path, "0123456789")
      local body = core.body({ "<", assert(core.open_file(path)) })
      write(path, "01234")
      assert.equal("<0123", body:read(0, 5))
      local bytes, problem = body:read(0)
      assert.is_nil(bytes)
      assert.equal("it became shorter while it was sent", problem)
      assert.is_nil((body:sha256()))
    end)

    it("tells when the file has grown: its beginning is not the file", function()
      write(path, "0123456789")
      local body = core.body({ assert(core.open_file(path)) })
      write(path, "0123456789 and more")
      local bytes, problem = body:tostring()
      assert.is_nil(bytes)
      assert.equal("it was changed while it was sent", problem)
    end)

    it("tells when other bytes took the place of the same number, within one second", function()
      local function is_noticed()
        write(path, "0123456789")
        local body, second = core.body({ assert(core.open_file(path)) }), os.time()
        repeat
          write(path, "9876543210")
          local bytes = body:tostring()
        until not bytes or os.time() > second
        return os.time() == second
      end
      -- The second may have ended in the middle of it.
      assert.is_true(is_noticed() or is_noticed() or is_noticed())
    end)

    it("is an empty part for an empty file", function()
      write(path, "")
      assert.equal("<>", core.body({ "<", assert(core.open_file(path)), ">" }):tostring())
    end)

    it("is refused for what is no file that can be read", function()
      local file, problem = core.open_file(folder .. "/none")
      assert.is_nil(file)
      assert.equal("No such file or directory", problem)
      assert.equal("Is a directory", select(2, core.open_file(folder)))
      assert.equal("it is no regular file", select(2, core.open_file("/dev/null")))
      assert.has_error(function() core.open_file("a\0b") end)
    end)
  end)

  describe("core.file_sink", function()
    it("puts a file in its place once it is whole", function()
      local sink = assert(core.file_sink(path))
      assert(sink:write("one "))
      assert(sink:write("two"))
      assert.is_nil((io.open(path)))
      assert(sink:commit())
      assert.equal("one two", read(path))
      assert.equal("a", folder_of(folder))
    end)

    it("leaves the file that was there until then", function()
      write(path, "old")
      local sink = assert(core.file_sink(path))
      assert(sink:write("new"))
      assert.equal("old", read(path))
      sink:discard()
      assert.equal("old", read(path))
      assert.equal("a", folder_of(folder))
    end)

    it("leaves nothing behind when it is dropped", function()
      for _ = 1, 3 do
        assert(core.file_sink(path)):write("half")
      end
      collectgarbage()
      collectgarbage()
      assert.equal("", folder_of(folder))
    end)

    it("ends once", function()
      local sink = assert(core.file_sink(path))
      assert(sink:commit())
      sink:discard()
      assert.has_error(function() sink:write("x") end)
      assert.has_error(function() sink:commit() end)
      assert.equal("", read(path))
    end)

    it("is refused where no file can be", function()
      local sink, problem = core.file_sink(folder .. "/none/a")
      assert.is_nil(sink)
      assert.equal("No such file or directory", problem)
      assert.equal("Is a directory", select(2, core.file_sink(folder)))
      assert.equal("", folder_of(folder))
    end)
  end)
end)
