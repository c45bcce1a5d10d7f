--- The memory tool: its commands, what the model reads of them, and what it cannot reach.
local child = require("spec.support.child")
local claude = require("claude")
local support = require("spec.support.chat")

describe("The memory tool", function()
  local directory, outside, memory

  local function shell(text)
    local command = text:gsub("DIR", directory):gsub("OUT", outside)
    return child.run(command).out
  end

  before_each(function()
    local base = os.tmpname()
    os.remove(base)
    directory, outside = base .. "-memory", base .. "-outside"
    shell("mkdir OUT && echo secret >OUT/key")
    memory = claude.memory_tool({ directory = directory })
  end)

  after_each(function() shell("rm -rf DIR OUT") end)

  local function call(command, fields)
    fields.command = command
    return memory.run(fields, { id = "toolu_1", name = "memory", input = fields })
  end

  -- What the model is told when a call fails.
  local function refused(command, fields)
    local ok, text = pcall(call, command, fields)
    assert.is_false(ok)
    return text
  end

  local function write(name, text)
    local file = assert(io.open(directory .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end

  local function read(name)
    local file = assert(io.open(directory .. "/" .. name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  it("is the API's own tool of that name", function()
    local bench = support.bench({ script = "ok" })
    local chat = bench.client:conversation(support.params({ tools = { memory } }))
    assert(chat:user("hi"):send())
    assert.same(
      { type = "memory_20250818", name = "memory" },
      bench.sim.requests[1].request.tools[1]
    )
    bench.sim:close()
  end)

  it("answers the model's calls in a run, failures as errors", function()
    local function use(input) return { type = "tool_use", name = "memory", input = input } end
    local bench = support.bench({
      script = {
        {
          content = {
            use({ command = "create", path = "/memories/a.txt", file_text = "one\n" }),
            use({ command = "view", path = "/memories/b.txt" }),
          },
        },
        "ok",
      },
    })
    local chat = bench.client:conversation(support.params({ tools = { memory } }))
    assert(chat:user("hi"):run():final_message())
    local results = bench.sim.requests[2].request.messages[3].content
    assert.equal("File created successfully at: /memories/a.txt", results[1].content)
    assert.is_true(results[2].is_error)
    local text = "The path /memories/b.txt does not exist. Please provide a valid path."
    assert.equal("Error: " .. text, results[2].content)
    assert.equal("one\n", read("a.txt"))
    bench.sim:close()
  end)

  describe("view", function()
    it("lists a directory two levels deep, with sizes, hidden items left out", function()
      shell("mkdir -p DIR/notes/deep/deeper DIR/node_modules")
      write("b.txt", ("x"):rep(1536))
      write(".hidden", "x")
      write("notes/a.txt", "12345")
      write("notes/deep/c.txt", "1234567890")
      assert.equal(
        "Files and directories in /memories, up to 2 levels deep, without hidden items:\n"
          .. "1.5K\t/memories\n"
          .. "1.5K\t/memories/b.txt\n"
          .. "15B\t/memories/notes/\n"
          .. "5B\t/memories/notes/a.txt\n"
          .. "10B\t/memories/notes/deep/",
        call("view", { path = "/memories" })
      )
      assert.truthy(call("view", { path = "/memories/notes/" }):find("/memories/notes/deep/c.txt"))
    end)

    it("numbers the lines of a file", function()
      write("a.txt", "one\ntwo\0\nthree\n")
      assert.equal(
        "Here's the content of /memories/a.txt with line numbers:\n"
          .. "     1\tone\n     2\ttwo\0\n     3\tthree",
        call("view", { path = "/memories/a.txt" })
      )
    end)

    it("shows a range of lines, -1 for the last", function()
      write("a.txt", "one\ntwo\nthree\nfour\n")
      local function shown(range)
        local text = call("view", { path = "/memories/a.txt", view_range = range })
        return text:match("\n(.*)$")
      end
      assert.equal("     2\ttwo\n     3\tthree", shown({ 2, 3 }))
      assert.equal("     3\tthree\n     4\tfour", shown({ 3, -1 }))
      assert.equal("     4\tfour", shown({ 4, 99 }))
      local text = refused("view", { path = "/memories/a.txt", view_range = { 9, 10 } })
      assert.truthy(text:find("The file has the lines [1, 4]", 1, true))
      assert.truthy(
        refused("view", { path = "/memories/a.txt", view_range = "1" }):find("view_range", 1, true)
      )
    end)

    it("refuses a file of too many lines, or too large", function()
      write("a.txt", ("\n"):rep(1000000))
      assert.truthy(refused("view", { path = "/memories/a.txt" }):find("999999", 1, true))
      memory = claude.memory_tool({ directory = directory, max_file_bytes = 10 })
      assert.equal(
        "The file /memories/a.txt is too large to be read",
        refused("view", { path = "/memories/a.txt" })
      )
    end)

    it("says that a path is not there, or no file", function()
      assert.equal(
        "The path /memories/x does not exist. Please provide a valid path.",
        refused("view", { path = "/memories/x" })
      )
      shell("mkfifo DIR/pipe")
      assert.truthy(refused("view", { path = "/memories/pipe" }):find("neither a file", 1, true))
      write("a.txt", "")
      assert.truthy(refused("view", { path = "/memories/a.txt/b" }):find("no directory", 1, true))
    end)
  end)

  describe("create", function()
    it("writes a file, and the directories above it, for its owner alone", function()
      local path = "/memories/a/b/c.txt"
      assert.equal(
        "File created successfully at: " .. path,
        call("create", { path = path, file_text = "text\0\n" })
      )
      assert.equal("text\0\n", read("a/b/c.txt"))
      local modes = shell("stat -c %a DIR DIR/a DIR/a/b DIR/a/b/c.txt")
      assert.equal("700\n700\n700\n600\n", modes)
    end)

    it("takes no file's place", function()
      write("a.txt", "old")
      local fields = { path = "/memories/a.txt", file_text = "new" }
      assert.equal("File /memories/a.txt already exists", refused("create", fields))
      assert.equal("old", read("a.txt"))
      assert.equal("a.txt\n", shell("ls -A DIR"))
    end)

    it("keeps no more than it would read", function()
      memory = claude.memory_tool({ directory = directory, max_file_bytes = 3 })
      local fields = { path = "/memories/a.txt", file_text = "1234" }
      assert.truthy(refused("create", fields):find("at most 3 bytes", 1, true))
      assert.equal("", shell("ls -A DIR"))
    end)
  end)

  describe("str_replace", function()
    local function replace(old, new)
      return { path = "/memories/a.txt", old_str = old, new_str = new }
    end

    it("replaces a text, and shows the lines around", function()
      write("a.txt", "1\n2\n3\n4 old\n5\n6\n7\n")
      assert.equal(
        "The memory file has been edited. Here is the snippet showing the change"
          .. " (with line numbers):\n"
          .. "     2\t2\n     3\t3\n     4\t4 new\n     5\tline\n     6\t5\n     7\t6",
        call("str_replace", replace("old", "new\nline"))
      )
      assert.equal("1\n2\n3\n4 new\nline\n5\n6\n7\n", read("a.txt"))
    end)

    it("takes both texts literally", function()
      write("a.txt", "a.c abc %d")
      call("str_replace", replace("a.c", "%1 %0 $& $1 \\n"))
      assert.equal("%1 %0 $& $1 \\n abc %d", read("a.txt"))
    end)

    it("finds a text of several lines", function()
      write("a.txt", "one\ntwo\nthree\n")
      call("str_replace", replace("one\ntwo", "1\n2"))
      assert.equal("1\n2\nthree\n", read("a.txt"))
    end)

    it("changes nothing when the text is not there, or not unique", function()
      write("a.txt", "x\nyy x\nz\n")
      assert.equal(
        "No replacement was performed, old_str `q` did not appear verbatim in /memories/a.txt.",
        refused("str_replace", replace("q", ""))
      )
      assert.equal(
        "No replacement was performed. Multiple occurrences of old_str `x` in lines: 1, 2."
          .. " Please ensure it is unique",
        refused("str_replace", replace("x", ""))
      )
      -- Twice in one line is twice, too.
      assert.truthy(refused("str_replace", replace("y", "")):find("in lines: 2, 2", 1, true))
      assert.truthy(refused("str_replace", replace("", "a")):find("must not be empty", 1, true))
      assert.equal("x\nyy x\nz\n", read("a.txt"))
    end)

    it("replaces the file as a whole: who reads the old one goes on with it", function()
      write("a.txt", "old")
      local reader = assert(io.open(directory .. "/a.txt", "rb"))
      call("str_replace", replace("old", "new"))
      assert.equal("old", reader:read("*a"))
      reader:close()
      assert.equal("new", read("a.txt"))
      assert.equal("600\n", shell("stat -c %a DIR/a.txt"))
      assert.equal("a.txt\n", shell("ls -A DIR"))
    end)
  end)

  describe("insert", function()
    local function insert(line, text)
      return { path = "/memories/a.txt", insert_line = line, insert_text = text }
    end

    it("puts lines behind a line, 0 for the beginning", function()
      write("a.txt", "one\ntwo\n")
      assert.equal("The file /memories/a.txt has been edited.", call("insert", insert(1, "1.5\n")))
      call("insert", insert(0, "zero"))
      call("insert", insert(4, "three\nfour"))
      assert.equal("zero\none\n1.5\ntwo\nthree\nfour\n", read("a.txt"))
    end)

    it("keeps a file's end as it is", function()
      write("a.txt", "one")
      call("insert", insert(1, "two"))
      assert.equal("one\ntwo", read("a.txt"))
      write("a.txt", "")
      call("insert", insert(0, "one"))
      assert.equal("one\n", read("a.txt"))
    end)

    it("refuses a line that is not there", function()
      write("a.txt", "one\ntwo\n")
      assert.equal(
        "Invalid `insert_line` parameter: 3."
          .. " It should be within the range of lines of the file: [0, 2]",
        refused("insert", insert(3, "x"))
      )
      refused("insert", insert(-1, "x"))
      assert.truthy(refused("insert", insert(1.5, "x")):find("must be an integer", 1, true))
      assert.truthy(refused("insert", insert("1", "x")):find("must be a number", 1, true))
    end)
  end)

  describe("delete", function()
    it("removes a file, or a directory with all that is in it", function()
      shell("mkdir -p DIR/a/b/c")
      write("a/b/c/x.txt", "x")
      write("y.txt", "y")
      assert.equal("Successfully deleted /memories/a", call("delete", { path = "/memories/a" }))
      assert.equal("y.txt\n", shell("ls -A DIR"))
      call("delete", { path = "/memories/y.txt" })
      assert.equal("", shell("ls -A DIR"))
      assert.truthy(refused("delete", { path = "/memories/a" }):find("does not exist", 1, true))
    end)

    it("leaves /memories itself", function()
      for _, path in ipairs({ "/memories", "/memories/" }) do
        local text = refused("delete", { path = path })
        assert.equal("Cannot delete the /memories directory itself", text)
      end
    end)

    it("removes a link, and nothing of what it leads to", function()
      shell("mkdir DIR/a && ln -s OUT DIR/a/link && ln -s OUT/key DIR/key")
      call("delete", { path = "/memories/a" })
      call("delete", { path = "/memories/key" })
      assert.equal("key\n", shell("ls -A OUT"))
      assert.equal("", shell("ls -A DIR"))
    end)
  end)

  describe("rename", function()
    local function rename(old, new)
      return { old_path = "/memories/" .. old, new_path = "/memories/" .. new }
    end

    it("moves a file or a directory, and makes the directories above", function()
      write("a.txt", "a")
      assert.equal(
        "Successfully renamed /memories/a.txt to /memories/x/y/b.txt",
        call("rename", rename("a.txt", "x/y/b.txt"))
      )
      call("rename", rename("x", "z"))
      assert.equal("a", read("z/y/b.txt"))
    end)

    it("takes nothing's place", function()
      write("a.txt", "a")
      write("b.txt", "b")
      shell("mkdir DIR/c DIR/d")
      assert.equal(
        "The destination /memories/b.txt already exists",
        refused("rename", rename("a.txt", "b.txt"))
      )
      refused("rename", rename("c", "d"))
      assert.equal("b", read("b.txt"))
      assert.equal("a.txt\nb.txt\nc\nd\n", shell("ls -A DIR"))
    end)

    it("refuses what cannot be: nothing there, /memories itself, into itself", function()
      assert.truthy(refused("rename", rename("a", "b")):find("/memories/a does not exist", 1, true))
      refused("rename", { old_path = "/memories", new_path = "/memories/a" })
      refused("rename", { old_path = "/memories/a", new_path = "/memories" })
      shell("mkdir DIR/a")
      assert.truthy(refused("rename", rename("a", "a/b")):find("into itself", 1, true))
    end)
  end)

  describe("keeps the model in its directory:", function()
    -- Every command with this path; what each is told.
    local function every_command(path, check)
      for command, fields in pairs({
        view = { path = path },
        create = { path = path, file_text = "x" },
        str_replace = { path = path, old_str = "secret", new_str = "x" },
        insert = { path = path, insert_line = 0, insert_text = "x" },
        delete = { path = path },
        rename = { old_path = path, new_path = "/memories/moved" },
      }) do
        check(refused(command, fields), command)
      end
      assert.equal("secret\n", shell("cat OUT/key"))
      assert.equal("key\n", shell("ls -A OUT"))
    end

    local function wrong_paths()
      return {
        "/etc/passwd",
        "/memories/../key",
        "/memories/a/../../key",
        "/memories/..",
        "/memories/./a",
        "/memories//a",
        "/memoriesx/a",
        "memories/a",
        "",
        "/memories/a\nb",
        "/memories/a\0b",
      }
    end

    it("paths that lead elsewhere are refused", function()
      for _, path in ipairs(wrong_paths()) do
        every_command(path, function(text) assert.truthy(text:find("^Path"), text) end)
      end
    end)

    it("paths of more names than can be deleted again are refused", function()
      local deep = "/memories/" .. ("d/"):rep(63)
      call("create", { path = deep .. "x", file_text = "one" })
      local text = refused("create", { path = deep .. "y/x", file_text = "one" })
      assert.equal(("Path %sy/x has more than 64 names in it"):format(deep), text)
      call("delete", { path = "/memories/d" })
      assert.equal("", shell("ls -A DIR"))
    end)

    it("a link to a directory outside is not followed", function()
      shell("ln -s OUT DIR/link")
      every_command(
        "/memories/link/key",
        function(text, command)
          assert.truthy(text:find("symbolic link", 1, true), command .. ": " .. text)
        end
      )
      local listed = call("view", { path = "/memories" })
      assert.is_nil(listed:find("link", 1, true))
    end)

    it("a link to a file outside is not followed", function()
      shell("ln -s OUT/key DIR/key")
      for command, fields in pairs({
        view = {},
        create = { file_text = "x" },
        str_replace = { old_str = "secret", new_str = "x" },
        insert = { insert_line = 0, insert_text = "x" },
      }) do
        fields.path = "/memories/key"
        refused(command, fields)
        assert.equal("secret\n", shell("cat OUT/key"))
      end
    end)

    it("a dangling link is no way to write outside", function()
      shell("ln -s OUT/new DIR/new && ln -s OUT/dir DIR/dir")
      refused("create", { path = "/memories/new", file_text = "x" })
      refused("create", { path = "/memories/dir/x", file_text = "x" })
      write("a.txt", "a")
      refused("rename", { old_path = "/memories/a.txt", new_path = "/memories/new" })
      refused("rename", { old_path = "/memories/a.txt", new_path = "/memories/dir/x" })
      assert.equal("key\n", shell("ls -A OUT"))
    end)

    it("the directory itself may be a link: that is its owner's choice", function()
      shell("mkdir OUT/real && ln -s OUT/real DIR/link")
      memory = claude.memory_tool({ directory = directory .. "/link" })
      call("create", { path = "/memories/a.txt", file_text = "x" })
      assert.equal("a.txt\n", shell("ls -A OUT/real"))
    end)
  end)

  it("names the field that is missing or of the wrong kind", function()
    assert.equal("view: path must be a string, not a nil", refused("view", {}))
    local text = refused("create", { path = "/memories/a", file_text = 3 })
    assert.equal("create: file_text must be a string, not a number", text)
    text = refused("format", { path = "/memories" })
    assert.truthy(text:find("There is no command format", 1, true))
  end)

  it("raises for wrong options, at the caller's line", function()
    for _, options in ipairs({
      {},
      { directory = 3 },
      { directory = directory, mode = 1 },
      { directory = directory, max_file_bytes = 0 },
      { directory = outside .. "/key/x" },
    }) do
      local ok, problem = pcall(function()
        local tool = claude.memory_tool(options)
        return tool
      end)
      assert.is_false(ok)
      assert.truthy(problem:find("memory_tool_spec.lua", 1, true), problem)
    end
  end)

  it("says what the system says when it cannot write", function()
    if shell("id -u") == "0\n" then return end
    write("a.txt", "old")
    shell("chmod 500 DIR")
    local text = refused("create", { path = "/memories/b.txt", file_text = "x" })
    assert.truthy(text:find("/memories/b.txt: ", 1, true))
    shell("chmod 700 DIR")
  end)
end)
