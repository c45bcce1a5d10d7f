--- Child processes as claude.net starts them.
local net = require("claude.net")
local servers = require("spec.support.servers")

local ENVIRONMENT = { "PATH=" .. os.getenv("PATH"), "WORD=of the spec" }

local function spawn(...)
  return assert(net.spawn({ arguments = { ... }, environment = ENVIRONMENT }))
end

-- Waits for the child by asking the system for short moments, at most some seconds.
local function until_ended(child)
  local poller = assert(net.poller())
  for _ = 1, 1000 do
    if child:has_ended() then return child:has_ended(true) end
    poller:wait(10)
  end
  error("the child did not end")
end

local function all_of(child, channel)
  local poller, parts = assert(net.poller()), {}
  assert(poller:watch(child:descriptor(channel), 1))
  while true do
    local bytes, why = child:read(channel)
    if why == "end" then return table.concat(parts) end
    if bytes then
      parts[#parts + 1] = bytes
    else
      poller:wait(1000)
    end
  end
end

describe("a child process", function()
  it("gets its arguments as they are, and no shell", function()
    local child = spawn("printf", "%s|", "$HOME", "a b", "*", ";", "'", "é", "")
    assert.equal("$HOME|a b|*|;|'|é||", all_of(child, "output"))
    assert.same({ true, 0 }, { until_ended(child) })
  end)

  it("gets the environment that it is given, and nothing else", function()
    local child = spawn("env")
    local seen = all_of(child, "output")
    assert.matches("WORD=of the spec\n", seen, 1, true)
    assert.is_nil(seen:find("\nHOME=", 1, true))
    until_ended(child)
  end)

  it("gets no descriptor but three", function()
    local held = assert(io.open("/dev/null")) -- as a host may have, without close-on-exec
    local other = spawn("cat")
    local child = spawn("sh", "-c", "for fd in /proc/self/fd/*; do echo ${fd##*/}; done")
    local seen = {}
    for fd in all_of(child, "output"):gmatch("%d+") do
      seen[#seen + 1] = tonumber(fd)
    end
    -- The shell has the folder open as it reads it, on some number above.
    assert.same({ 0, 1, 2 }, { seen[1], seen[2], seen[3] })
    assert.is_true(#seen <= 4)
    held:close()
    other:close("input")
    until_ended(other)
    until_ended(child)
  end)

  it("runs where it is told to", function()
    local child =
      assert(net.spawn({ arguments = { "pwd" }, environment = ENVIRONMENT, directory = "/" }))
    assert.equal("/\n", all_of(child, "output"))
    until_ended(child)
  end)

  it("reads what is written, and then the end", function()
    local child = spawn("cat")
    assert.equal(6, child:write("hello\n"))
    assert.equal(3, child:write("no, you", 5))
    child:close("input")
    assert.same({ nil, "end" }, { child:write("x") })
    assert.equal("hello\nyou", all_of(child, "output"))
    until_ended(child)
  end)

  it("that does not read takes no more than fits, and never blocks the writer", function()
    local child = spawn("sleep", "60")
    local piece, why = ("x"):rep(65536), nil
    for _ = 1, 1000 do
      why = select(2, child:write(piece))
      if why then break end
    end
    assert.equal("more", why)
    child:signal("KILL")
    assert.same({ true, nil, 9 }, { until_ended(child) })
    assert.same({ nil, "end" }, { child:write(piece) }) -- and no SIGPIPE
  end)

  it("says nothing yet, something, and that it is over", function()
    local child = spawn("sh", "-c", "read line; echo got $line >&2; exit 7")
    assert.same({ nil, "more" }, { child:read("output") })
    assert.is_false(child:has_ended())
    child:write("it\n")
    assert.equal("got it\n", all_of(child, "error"))
    assert.equal("", all_of(child, "output"))
    assert.same({ true, 7 }, { until_ended(child) })
    assert.same({ true }, { child:has_ended() })
    assert.is_nil(child:pid())
  end)

  it("begins with every signal as it is by default", function()
    local child = spawn("sh", "-c", "kill -PIPE $$; echo alive")
    assert.equal("", all_of(child, "output"))
    assert.same({ true, nil, 13 }, { until_ended(child) })
  end)

  it("is ended with what it started", function()
    local child = spawn("sh", "-c", "sleep 60 & echo $!; wait")
    local pid
    repeat
      local line = child:read("output")
      pid = line and tonumber(line)
    until pid
    child:signal("TERM")
    until_ended(child)
    -- Its output is at an end once nobody holds it any more.
    assert.equal("", all_of(child, "output"))
  end)

  it("is an error when it cannot be started, and leaves nothing behind", function()
    local before = servers.descriptors_in_use()
    local CASES = {
      { { "no-such-program-of-the-spec" }, "No such file" },
      { { "/no/such/program" }, "No such file" },
      { { "/dev/null" }, "Permission denied" },
      { { "/" }, "Permission denied" },
      { { "" }, "No such file" },
      { { "sh" }, "No such file", "/no/such/folder" },
    }
    for _, case in ipairs(CASES) do
      local child, problem = net.spawn({
        arguments = case[1],
        environment = ENVIRONMENT,
        directory = case[3],
      })
      assert.is_nil(child)
      assert.matches(case[2], problem)
    end
    assert.is_true(servers.open_descriptors() <= before)
  end)

  it("is no program that has no name, no list, or a NUL in it", function()
    local function attempt(fields) return (select(2, pcall(net.spawn, fields))) end
    assert.matches("a program is missing", attempt({ arguments = {}, environment = {} }))
    assert.matches("table expected", attempt({ arguments = { "a" } }))
    assert.matches("arguments%[2%]: string", attempt({ arguments = { "a", {} }, environment = {} }))
    assert.matches(
      "environment%[1%]: a NUL",
      attempt({ arguments = { "a" }, environment = { "A=\0" } })
    )
  end)

  it("that nobody holds any more sees the end of its input", function()
    local before = servers.descriptors_in_use()
    local child = spawn("cat")
    assert.is_true(servers.open_descriptors() > before)
    child = child:pid() and nil
    collectgarbage()
    collectgarbage()
    assert.is_nil(child)
    assert.is_true(servers.open_descriptors() <= before)
  end)
end)
