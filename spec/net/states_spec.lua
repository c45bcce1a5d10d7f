-- Several Lua states in one process: in threads, one after the other, closed at any moment.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

local HERE = debug.getinfo(1, "S").source:match("^@(.*)net/states_spec%.lua$")

-- `make test-threads` has the program load modules of another build than this process does.
local CFLAGS, MODULES = os.getenv("STATES_CFLAGS") or "", os.getenv("STATES_MODULES")

-- Valgrind and sanitizers have a memory management of their own, which gives nothing back.
local MEMORY_SAYS_NOTHING = require("spec.helpers").is_emulated()
  or os.getenv("ASAN_OPTIONS")
  or MODULES

-- PUC 5.1 has no package.searchpath.
local function path_of(name)
  for pattern in package.cpath:gmatch("[^;]+") do
    local path = pattern:gsub("%?", (name:gsub("%.", "/")))
    local file = io.open(path)
    if file then
      file:close()
      return path
    end
  end
end

describe("Lua states in one process", function()
  local server, program, module

  setup(function()
    server = servers.fault_server()
    program = child.temporary()
    module = MODULES and MODULES .. "/claude/net.so" or assert(path_of("claude.net"))
    local package_name = servers.LUA:match("^luajit") and "luajit" or servers.LUA
    local command = "cc -std=c99 -D_GNU_SOURCE -rdynamic %s -o %s %ssupport/states.c "
      .. "$(pkg-config --cflags --libs %s) -ldl -lpthread"
    local built = child.run(command:format(CFLAGS, program, HERE, package_name))
    assert.equal(0, built.status, built.err)
  end)

  teardown(function()
    server:stop()
    os.remove(program)
  end)

  -- Runs a script in so many threads, so many times each; gives what the program printed.
  local function run(threads, rounds, script)
    local path = child.temporary()
    local file = assert(io.open(path, "w"))
    file:write(
      'local claude = require("claude")\n',
      ("local url = %q\n"):format(server.url),
      [[
      local client = claude.new({ api_key = "k", base_url = url .. "/ok", max_retries = 0 })
      local params = {
        model = "claude-opus-4-8", max_tokens = 100,
        messages = { { role = "user", content = "Hi" } },
      }
      local function stalled()
        local other = claude.new({ api_key = "k", base_url = url .. "/stall_in_event" })
        return other.messages:stream(params)
      end
      ]],
      script
    )
    file:close()
    local path_first = MODULES and ("LUA_CPATH='%s/?.so;'\"$LUA_CPATH\" "):format(MODULES) or ""
    local call = path_first .. "timeout 100 %s %d %d %s %s"
    local command = call:format(program, threads, rounds, module, path)
    local result = child.run(command)
    os.remove(path)
    return result
  end

  local function assert_alive(result)
    assert.same({ 0, "" }, { result.status, result.err })
    local kilobytes, descriptors = result.out:match("^alive, (%-?%d+) kB, (%-?%d+) descriptors\n$")
    assert(kilobytes, result.out)
    return tonumber(kilobytes), tonumber(descriptors)
  end

  it(
    "make requests in threads at the same time, each for itself",
    function()
      assert_alive(run(
        6,
        3,
        [[
      claude.loop(function()
        local map = claude.map({ 1, 2, 3, 4 }, function()
          return assert(client.messages:create(params)):text()
        end)
        for _ = 1, 4 do
          local item, text = map:next()
          assert(item and text == "Hello", text)
        end
      end)
      ]]
      ))
    end
  )

  it(
    "are closed in threads with requests in flight",
    function()
      assert_alive(run(
        4,
        5,
        [[
      local stream = stalled()
      assert(stream:next())
      client.messages:stream(params)
      ]]
      ))
    end
  )

  it(
    "are closed in the middle of tasks",
    function()
      assert_alive(run(
        2,
        5,
        [[
      local begun = 0
      for _ = 1, 5 do
        claude.spawn(function()
          local stream = stalled()
          assert(stream:next())
          begun = begun + 1
          while stream:next() do end
        end)
        claude.spawn(function() return claude.sleep(60) end)
      end
      while begun < 5 do claude.sleep(0.005) end
      ]]
      ))
    end
  )

  for _, driver in ipairs(require("spec.support.drivers")) do
    it("are closed in the middle of tasks, driver " .. driver, function()
      local script = ([[
        require("claude.loop").use(%q)
        claude.spawn(function() return stalled():final_message() end)
        assert(assert(client.messages:create(params)):text() == "Hello")
      ]]):format(driver)
      assert_alive(run(1, 3, script))
    end)
  end

  it("come and go, and so does the module's file, without a trace", function()
    if MEMORY_SAYS_NOTHING then return end
    local kilobytes, descriptors = assert_alive(run(
      1,
      200,
      [[
      assert(assert(client.messages:create(params)):text() == "Hello")
      local stream = stalled()
      assert(stream:next())
      ]]
    ))
    assert.equal(0, descriptors)
    -- 150 states more: each has megabytes in use.
    assert.is_true(kilobytes < 3000, kilobytes .. " kB")
  end)
end)
