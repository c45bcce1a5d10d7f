-- The library inside Neovim: everything waits in the editor's own loop.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local missing = nvim.missing()

-- What every piece of code here begins with.
local PRELUDE = [[
  claude = require("claude")
  client = claude.new { api_key = "k", base_url = URL, max_retries = 0 }
  params = {
    model = "claude-opus-4-8", max_tokens = 8000,
    messages = { { role = "user", content = "What is 127 * 389?" } },
  }
]]

describe("inside Neovim", function()
  if missing then return pending(missing) end
  local sim, bad, editor
  setup(function()
    nvim.build()
    sim, bad = servers.simulator(), servers.fault_server()
  end)
  teardown(function()
    sim:stop()
    bad:stop()
  end)
  before_each(
    function() editor = nvim.start({ init = ("URL = %q"):format(sim.url) .. PRELUDE }) end
  )
  after_each(function() editor:stop() end)

  local function faulty(scenario)
    editor:lua(
      "client = claude.new { api_key = 'k', base_url = ..., max_retries = 0 }",
      bad.url .. "/" .. scenario
    )
  end

  it("a blocking call is an error that names claude.spawn", function()
    local result = editor:lua("return { pcall(client.messages.create, client.messages, params) }")
    assert.is_false(result[1])
    assert.matches("claude%.spawn", result[2])
    assert.matches("claude%.spawn", editor:lua("return select(2, pcall(claude.sleep, 1))"))
    assert.matches(
      "claude%.spawn",
      editor:lua("return select(2, pcall(claude.loop, claude.sleep, 1))")
    )
  end)

  it("a task asks, waits, and uses the editor's functions", function()
    editor:lua([[
      claude.spawn(function()
        local stream = client.messages:stream(params)
        local all = ""
        for kind, text in stream:deltas() do
          if kind == "text" then
            all = all .. text
            vim.api.nvim_buf_set_lines(0, 0, -1, false, { all })
          end
        end
        vim.cmd("let g:stop_reason = '" .. stream:final_message().stop_reason .. "'")
      end)
    ]])
    assert.equal("end_turn", editor:wait_for("return vim.g.stop_reason"))
    assert.matches("49403", editor:lines()[1])
  end)

  it(
    "tasks that are started inside libuv run where the editor's functions may be called",
    function()
      editor:lua([[
      local timer = vim.loop.new_timer()
      timer:start(1, 0, function()
        timer:close()
        claude.spawn(function()
          assert(claude.sleep(0.01))
          vim.api.nvim_set_var("answer", assert(client.messages:create(params)):text())
        end)
      end)
    ]])
      assert.matches("49403", editor:wait_for("return vim.g.answer"))
    end
  )

  it("vim.wait around a task drives it", function()
    local text = editor:lua([[
      local task = claude.spawn(function() return assert(client.messages:create(params)):text() end)
      assert(vim.wait(30000, function() return task:is_done() end, 10))
      return task:result()[1]
    ]])
    assert.matches("49403", text)
  end)

  it("vim.wait inside a task is safe, and the others go on afterwards", function()
    editor:lua([[
      done = {}
      for i = 1, 5 do
        claude.spawn(function()
          local stream = client.messages:stream(params)
          for kind in stream:deltas() do
            if kind == "text" then vim.wait(5) end
          end
          done[#done + 1] = stream:final_message():text()
        end)
      end
    ]])
    local done = editor:wait_for("return #done == 5 and done")
    for _, text in ipairs(done) do
      assert.matches("49403", text)
    end
  end)

  it("does not spin while what it scheduled cannot run", function()
    faulty("slow_ok")
    -- A callback of libuv holds the editor up while bytes arrive.
    local cpu = editor:lua([[
      claude.spawn(function() text = assert(client.messages:create(params)):text() end)
      local function cpu() return vim.loop.getrusage().utime end
      vim.wait(100, function() return false end)
      local before = cpu()
      vim.wait(500, function() return false end, 10, true)
      local after = cpu()
      return (after.sec - before.sec) * 1000 + (after.usec - before.usec) / 1000
    ]])
    assert.is_true(cpu < 250, ("%g ms of CPU in half a second"):format(cpu))
    assert.equal("Hello", editor:wait_for("return text"))
  end)

  for _, case in ipairs({
    { "reset_in_event", "incomplete" },
    { "close_at_once", "network" },
    { "error_529", "api" },
    { "html_200", "protocol" },
  }) do
    it("a fault is an error, and nothing else happens: " .. case[1], function()
      faulty(case[1])
      editor:lua([[
        claude.spawn(function()
          local _, _, err = client.messages:create(params)
          kind = err.kind
        end)
      ]])
      assert.equal(case[2], editor:wait_for("return kind"))
      editor:command("qa")
      assert.same({ 0, "" }, { editor:wait_for_end() })
    end)
  end

  it("a task that nobody waits for tells its error as a message", function()
    editor:lua("claude.spawn(function() error('lost') end)")
    local messages = editor:wait_for([[
      local messages = vim.fn.execute("messages")
      return messages:find("lost", 1, true) and messages
    ]])
    assert.matches("lua%-claude: .*lost", messages)
  end)

  describe("with streams that do not end,", function()
    before_each(function()
      faulty("pings_in_text")
      editor:lua([[
        open = 0
        for _ = 1, 20 do
          claude.spawn(function()
            local counted
            for kind in client.messages:stream(params):deltas() do
              if kind == "text" and not counted then
                counted, open = true, open + 1
              end
            end
          end)
        end
      ]])
      editor:wait_for("return open == 20")
    end)

    it("input is answered", function()
      editor:type("ihello<Esc>")
      editor:wait_for_text("hello")
    end)

    for _, command in ipairs({ "qa", "qa!" }) do
      it(":" .. command .. " ends well, at once, and says nothing", function()
        local before = os.time()
        editor:command(command)
        assert.same({ 0, "" }, { editor:wait_for_end() })
        assert.is_true(os.time() - before < 10)
      end)
    end

    it("SIGTERM ends it as it ends an editor without the plugin", function()
      local plain = nvim.start()
      os.execute(("kill %d"):format(plain.pid))
      local expected = { plain:wait_for_end() }
      plain:stop()
      os.execute(("kill %d"):format(editor.pid))
      assert.same(expected, { editor:wait_for_end() })
    end)
  end)
end)
