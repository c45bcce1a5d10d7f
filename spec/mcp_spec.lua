local claude = require("claude")
local child = require("spec.support.child")
local core = require("claude.core")
local hub = require("claude.loop")
local processes = require("claude.mcp.process")
local servers = require("spec.support.servers")
local support = require("spec.support.chat")
local tasks = require("claude.tasks")
local with_limit = require("spec.helpers").with_limit

local LUA = os.getenv("LUA") or "lua5.4"
local HERE = debug.getinfo(1, "S").source:match("^@(.*)mcp_spec%.lua$")

local function is_running(pid) return os.execute(("kill -0 %d 2>/dev/null"):format(pid)) end
local function runs(pid)
  local result = is_running(pid)
  return result == true or result == 0
end

-- Lets the loop go on until the condition holds.
local function wait_until(condition)
  for _ = 1, 1000 do
    if condition() then return true end
    claude.sleep(0.01)
  end
  return false
end

describe("an MCP server", function()
  local server

  -- The server of spec/support, in one of its modes.
  local function start(mode, options)
    local given = {
      command = { LUA, HERE .. "support/mcp_server.lua", mode },
      env = { LUA_PATH = true, LUA_CPATH = true, LD_PRELOAD = true, ASAN_OPTIONS = true },
    }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    server = claude.mcp(given)
    return server
  end

  local function pid_of(of) return of.session.process.child:pid() end

  local function text_of(result) return result.content[1].text end

  after_each(function()
    if server then server:close() end
    server = nil
  end)

  for _, driver in ipairs(require("spec.support.drivers")) do
    describe("with the driver " .. driver, function()
      setup(function() hub.use(driver) end)
      teardown(function() hub.use("blocking") end)

      it("gives its tools, page after page", function()
        local names = {}
        for i, tool in ipairs(assert(start():tools())) do
          names[i] = tool.name
        end
        assert.same({ "echo", "dir_list_all", "fail", "give" }, names)
      end)

      it("is called, again and again, outside tasks and inside", function()
        start()
        assert.equal('{"a":1}', text_of(assert(server:call("echo", { a = 1 }))))
        claude.loop(
          function() assert.equal('{"a":2}', text_of(assert(server:call("echo", { a = 2 })))) end
        )
        assert.equal("{}", text_of(assert(server:call("echo"))))
      end)

      it("answers many tasks at once", function()
        start()
        local got = {}
        for i, result in
          claude.map(
            { 1, 2, 3, 4, 5, 6, 7, 8 },
            function(i) return server:call("echo", { i = i }) end
          )
        do
          got[i] = text_of(result)
        end
        assert.equal('{"i":8}', got[8])
        assert.equal(8, #got)
      end)

      it("takes and gives a lot", function()
        start()
        local input = { text = ("é"):rep(300000) }
        assert.equal(core.encode(input), text_of(assert(server:call("echo", input))))
        assert.equal(3000000, #text_of(assert(server:call("big", { size = 3000000 }))))
      end)

      it("that dies is an error for everyone who waits", function()
        start()
        assert(server:tools())
        local errs = {}
        claude.loop(function()
          local waiting = {}
          for i = 1, 3 do
            waiting[i] = claude.spawn(function() return server:call("never") end)
          end
          waiting[4] = claude.spawn(function() return server:call("die") end)
          for i, task in ipairs(waiting) do
            local result, _, err = task:wait()
            assert.is_nil(result)
            errs[i] = err
          end
        end)
        for i = 1, 4 do
          assert.same({ "network", false }, { errs[i].kind, errs[i].retryable })
          assert.matches("ended with exit status 3", errs[i].message)
          assert.matches("the disk is full", errs[i].hint)
        end
      end)

      it("is told of a timeout, and goes on", function()
        start("plain", { timeout = 0.05 })
        assert(server:start())
        local result, text, err = server:call("never")
        assert.is_nil(result)
        assert.same({ "timeout", false }, { err.kind, err.retryable })
        assert.matches("did not answer tools/call within 0.05 s", text)
        assert.equal("2:timeout", assert(server:call("heard", {}, 10)).content[2].text)
      end)

      it("is told when the task that waits is cancelled", function()
        start()
        assert(server:start())
        claude.loop(function()
          local asks
          local task = claude.spawn(function()
            asks = true
            return server:call("never")
          end)
          wait_until(function() return asks end)
          task:cancel()
          local _, _, err = task:wait()
          assert.equal("cancelled", err.kind)
          assert.equal("2:cancelled", assert(server:call("heard")).content[2].text)
        end)
      end)

      it("ends with close, and leaves nothing behind", function()
        start()
        assert(server:start())
        server:close()
        local before = servers.descriptors_in_use()
        for _ = 1, 3 do
          start()
          assert(server:call("echo", {}))
          local pid = pid_of(server)
          assert.is_true(runs(pid))
          server:close()
          assert.is_false(runs(pid))
        end
        assert.is_true(servers.open_descriptors() <= before)
      end)

      it("keeps no program alive while nobody waits for it", function()
        local result = child.run(("%s %ssupport/mcp_idle.lua %s"):format(LUA, HERE, driver))
        assert.equal("nothing is left\n", result.out, result.err)
      end)
    end)
  end

  describe("begins", function()
    it("with the first call, and only then", function()
      start()
      assert.is_nil(server.session)
      local about = assert(server:about())
      assert.equal("spec", about.info.name)
      assert.same({ tools = { listChanged = true } }, about.capabilities)
      assert.same({
        capabilities = {},
        clientInfo = { name = "lua-claude", version = claude._VERSION },
        protocolVersion = "2025-11-25",
      }, about.info.asked)
    end)

    it("once, however many tasks need it", function()
      start()
      for _, result in claude.map({ 1, 2, 3 }, function() return server:call("heard") end) do
        assert.equal(1, select(2, text_of(result):gsub("initialize ", "")))
        assert.matches("^initialize notifications/initialized ", text_of(result))
      end
    end)

    it("in an older version of the protocol, if that is what it speaks", function()
      assert(start("old"):start())
      assert.equal("2024-11-05", server.session.version)
      assert.equal('{"a":1}', text_of(assert(server:call("echo", { a = 1 }))))
    end)

    it("not with a version that is not spoken here", function()
      for mode, version in pairs({ alien = "1999%-01%-01", versionless = "nil" }) do
        local started, text, err = start(mode):start()
        assert.is_nil(started)
        assert.equal("protocol", err.kind)
        assert.matches("speaks version " .. version, text)
      end
    end)

    it("not when it refuses", function()
      local _, text, err = start("rude"):tools()
      assert.same({ "api", "mcp_error", "-32000" }, { err.kind, err.type, err.error_code })
      assert.matches("refused initialize: not today (code -32000)", text, 1, true)
    end)

    it("not when it says nothing in time", function()
      local _, text, err = start("mute", { start_timeout = 0.05 }):tools()
      assert.equal("timeout", err.kind)
      assert.matches("did not answer initialize", text)
    end)

    it("not when it dies at once", function()
      local _, text, err = start("stillborn"):tools()
      assert.equal("network", err.kind)
      assert.matches("ended with exit status 1", text)
      assert.matches("cannot find my files", err.hint)
    end)

    it("not when there is no such program", function()
      server = claude.mcp({ command = { "no-such-program-of-the-spec", "-y" } })
      local _, text, err = server:tools()
      assert.equal("network", err.kind)
      assert.matches("no%-such%-program%-of%-the%-spec cannot be started: No such file", text)
      assert.matches("PATH", err.hint)
    end)

    it("again, when it is told to", function()
      start()
      assert.is_nil((server:call("die")))
      assert.is_nil((server:call("echo", {})))
      assert.equal(server, assert(server:start()))
      assert.equal("{}", text_of(assert(server:call("echo", {}))))
      server:close()
      local _, _, err = server:call("echo", {})
      assert.equal("cancelled", err.kind)
      assert(server:start())
      assert.equal("{}", text_of(assert(server:call("echo", {}))))
    end)
  end)

  describe("gives tools", function()
    it("as they are: the schema is what the server wrote", function()
      local tool = assert(start():tools())[1]
      assert.equal(
        '{"description":"Tool echo","input_schema":{"type":"object","properties":{"z":{},"a":{}}},'
          .. '"name":"echo"}',
        core.encode(tool)
      )
    end)

    it("behind a prefix, which the server does not see", function()
      local tool = assert(start("plain", { prefix = "spec_" }):tools())[1]
      assert.equal("spec_echo", tool.name)
      assert.equal('{"x":1}', tool.run({ x = 1 })[1].text)
    end)

    it("those that are named, in that order", function()
      start("long")
      local list, text, err = server:tools({ "echo" })
      assert.is_nil(list)
      assert.equal("protocol", err.kind)
      assert.matches("it has no tool echo; it has xxx", text, 1, true)
      server:close()
      list = assert(start():tools({ "give", "dir/list.all" }))
      assert.same({ "give", "dir_list_all" }, { list[1].name, list[2].name })
      assert.equal(2, #list)
      assert.has_error(
        function() server:tools("echo") end,
        "server:tools takes a list of names, not a string"
      )
    end)

    it(
      "described by their title, if by nothing else",
      function() assert.equal("A title", assert(start("titled"):tools())[1].description) end
    )

    local UNUSABLE = {
      nameless = "a tool has no name",
      schemaless = "the tool x has no inputSchema",
      twice = "two tools are named a_b",
      long = "must be 1 to 64 letters",
      unlisted = "tools/list gave no list of tools",
      listed = "the tool x has no inputSchema",
      numbers = "a tool has no name",
      endless = "its list of tools has no end",
      boundless = "its list of tools has no end",
      incapable = "it offers no tools",
      toolless = "it offers no tools",
    }
    it("not: one that is named, of a list that holds what is none", function()
      local list, text = start("numbers"):tools({ "echo" })
      assert.is_nil(list)
      assert.matches("it has no tool echo; it has one without a name", text, 1, true)
    end)

    for mode, words in pairs(UNUSABLE) do
      it("not: " .. words, function()
        local list, text, err = start(mode):tools()
        assert.is_nil(list)
        assert.equal("protocol", err.kind)
        assert.matches(words, text, 1, true)
      end)
    end
  end)

  describe("is called by the model", function()
    local bench
    after_each(function()
      bench.sim:close()
      hub.use("blocking")
    end)

    -- The results that the model gets for these calls.
    local function results_of(calls)
      hub.use("luv")
      bench = support.bench({ script = { { content = calls }, "Done." } })
      local list = assert(start():tools())
      for _, name in ipairs({ "fail_silently", "refused", "structured", "die" }) do
        local tool = { name = name, input_schema = { type = "object" } }
        tool.run = function(input)
          local result, _, err = server:call(name, input)
          if not result then return nil, err.message end
          return result.content
        end
        list[#list + 1] = tool
      end
      local chat = bench.client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        tools = list,
      })
      chat:user("Go")
      assert(chat:run():final_message())
      return core.decode(bench.sim.requests[2].body).messages[3].content
    end

    it("with the bytes that it wrote", function()
      local json = '{"z": 1.0, "a":[ 12345678901234567890, 1e2 ],"s":"\\u00e9\\/"}'
      local results = results_of({ { type = "tool_use", name = "echo", input_json = json } })
      assert.equal(json, results[1].content[1].text)
    end)

    it("with the bytes that it wrote, while it still goes on", function()
      hub.use("luv")
      local json = '{"z": 1.0, "a":12345678901234567890}'
      local call = { type = "tool_use", name = "echo", input_json = json }
      bench = support.bench({ script = { { content = { call, call } }, "Done." } })
      local chat = bench.client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        tools = assert(start():tools()),
      })
      chat:user("Go")
      assert(chat:run({ eager = true }):final_message())
      for _, answer in ipairs(core.decode(bench.sim.requests[2].body).messages[3].content) do
        assert.equal(json, answer.content[1].text)
      end
    end)

    it("with what `approve` has changed", function()
      hub.use("luv")
      local call = { type = "tool_use", name = "echo", input_json = '{"path": "/etc"}' }
      bench = support.bench({ script = { { content = { call } }, "Done." } })
      local chat = bench.client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        tools = assert(start():tools()),
      })
      chat:user("Go")
      local run = chat:run({
        approve = function(asked)
          asked.input.path = "/tmp"
          return true
        end,
      })
      assert(run:final_message())
      local answer = core.decode(bench.sim.requests[2].body).messages[3].content[1]
      assert.equal('{"path":"/tmp"}', answer.content[1].text)
    end)

    it("and hears of it when the run is cancelled, or the tool's time is up", function()
      hub.use("luv")
      local call = { content = { { type = "tool_use", name = "never", input = {} } } }
      local script, asked = { call }, 0
      for _ = 1, 10 do
        script[#script + 1], script[#script + 2] = call, "Done."
      end
      bench = support.bench({ script = script })
      assert(start():start())
      local never = support.tool("never", function(input)
        asked = asked + 1
        local _, text = server:call("never", input)
        return nil, text
      end)
      local chat = bench.client:conversation({
        model = "claude-sonnet-5-5",
        max_tokens = 4000,
        tools = { never },
      })
      chat:user("Go")
      claude.loop(function()
        local run = chat:run()
        repeat
        until run:next() == "tool_start"
        wait_until(function() return asked == 1 end)
        run:cancel()
      end)
      with_limit(0.05, function(limit)
        chat:user("Again")
        assert(chat:run({ tool_timeout = limit }):final_message())
        return asked == 2
      end)
      local heard = assert(server:call("heard")).content[2].text
      assert.equal("2:cancelled 3:cancelled", heard)
    end)

    it("and a failure of the tool is one for the model", function()
      local results = results_of({
        { type = "tool_use", name = "fail", input = {} },
        { type = "tool_use", name = "give", input = { items = { { type = "audio" } } } },
        { type = "tool_use", name = "die", input = {} },
      })
      assert.is_true(results[1].is_error)
      assert.same({ { type = "text", text = "it broke" } }, results[1].content)
      assert.is_true(results[2].is_error)
      assert.matches(
        "Error: .*content of type audio cannot be given to the model",
        results[2].content
      )
      assert.is_true(results[3].is_error)
      assert.matches("ended with exit status 3$", results[3].content)
    end)
  end)

  describe("gives results", function()
    -- What is given, and the block it becomes or the words of the error.
    local CONTENT = {
      {
        "text, without its annotations",
        { type = "text", text = "hé", annotations = { audience = { "user" } } },
        { type = "text", text = "hé" },
      },
      {
        "images",
        { type = "image", data = "AAAA", mimeType = "image/png" },
        { type = "image", source = { type = "base64", media_type = "image/png", data = "AAAA" } },
      },
      {
        "images whose type is written otherwise",
        { type = "image", data = "AAAA", mimeType = "image/JPEG; q=1" },
        { type = "image", source = { type = "base64", media_type = "image/jpeg", data = "AAAA" } },
      },
      {
        "resources of text",
        { type = "resource", resource = { uri = "a:b", mimeType = "text/markdown", text = "# T" } },
        { type = "document", source = { type = "text", media_type = "text/plain", data = "# T" } },
      },
      {
        "resources of text of any type",
        {
          type = "resource",
          resource = { uri = "a:b", mimeType = "application/json", text = "{}" },
        },
        { type = "document", source = { type = "text", media_type = "text/plain", data = "{}" } },
      },
      {
        "resources that are images",
        { type = "resource", resource = { uri = "a:b", mimeType = "image/webp", blob = "AAAA" } },
        { type = "image", source = { type = "base64", media_type = "image/webp", data = "AAAA" } },
      },
      {
        "resources that are PDF",
        {
          type = "resource",
          resource = { uri = "a:b", mimeType = "application/pdf", blob = "AA" },
        },
        {
          type = "document",
          source = { type = "base64", media_type = "application/pdf", data = "AA" },
        },
      },
      {
        "resources of text that come as bytes",
        {
          type = "resource",
          resource = { uri = "a:b", mimeType = "text/plain", blob = "aMOp\nIQ==" },
        },
        { type = "document", source = { type = "text", media_type = "text/plain", data = "hé!" } },
      },
      {
        "resources whose type nobody says, if they are text",
        { type = "resource", resource = { uri = "a:b", blob = "aGk=" } },
        { type = "document", source = { type = "text", media_type = "text/plain", data = "hi" } },
      },
    }
    for _, case in ipairs(CONTENT) do
      it("of " .. case[1], function()
        local result = assert(start():call("give", { items = { case[2] } }))
        assert.same({ case[3] }, claude.content(result.content) and { result.content[1] })
        assert.is_false(result.is_error)
      end)
    end

    local REFUSED = {
      { { type = "audio", data = "A", mimeType = "audio/wav" }, "content of type audio" },
      { { type = "resource_link", uri = "a:b", name = "x" }, "content of type resource_link" },
      { { type = "video" }, "content of type video" },
      { { type = "image", data = "A", mimeType = "image/bmp" }, "an image of type image/bmp" },
      { { type = "image", mimeType = "image/png" }, "it has no data" },
      { { type = "image", mimeType = "image/png", data = "" }, "it has no data" },
      { { type = "image", mimeType = "image/png", data = "<svg/>==" }, "its data is no base64" },
      { { type = "text" }, "it has no text" },
      { { type = "resource" }, "the resource is missing" },
      {
        { type = "resource", resource = { uri = "a:b", mimeType = "application/zip", blob = "A" } },
        "a resource of type application/zip (a:b)",
      },
      {
        { type = "resource", resource = { uri = "a:b", blob = "A" } },
        "a resource of type unknown",
      },
      { { type = "resource", resource = { uri = "a:b", blob = "/w==" } }, "type unknown (a:b)" },
      { "words", "it is no object" },
    }
    for _, case in ipairs(REFUSED) do
      it("not of " .. case[2], function()
        local items = { { type = "text", text = "first" }, case[1] }
        local result, text, err = start():call("give", { items = items })
        assert.is_nil(result)
        assert.same({ "protocol", "content[2]" }, { err.kind, err.path })
        assert.matches("the tool give of ", text, 1, true)
        assert.matches(case[2], text, 1, true)
      end)
    end

    it("of structured content only, as the JSON it is", function()
      local result = assert(start():call("structured"))
      assert.equal('{"z": 1.0,"a":[]}', text_of(result))
      assert.same({ z = 1, a = core.array() }, result.structured)
    end)

    it("of structured content beside others, as a value only", function()
      local result = assert(start():call("both"))
      assert.equal(1, #result.content)
      assert.equal("one", text_of(result))
      assert.same({ n = 1 }, result.structured)
    end)

    it("of nothing", function() assert.equal(0, #assert(start():call("nothing")).content) end)

    it("that are failures", function()
      local result = assert(start():call("fail"))
      assert.is_true(result.is_error)
      assert.equal("it broke", text_of(result))
      local tool = assert(server:tools())[3]
      local value, problem = tool.run({})
      assert.is_nil(value)
      assert.equal("it broke", problem[1].text)
    end)

    it("that are refusals", function()
      local result, text, err = start():call("refused")
      assert.is_nil(result)
      assert.same({ "api", "-32602", false }, { err.kind, err.error_code, err.retryable })
      assert.same({ at = "spec" }, err.details)
      assert.matches("refused tools/call: no such thing (code -32602)", text, 1, true)
    end)

    it("that are no objects: an error", function()
      local _, text, err = start():call("result", { result = 7 })
      assert.equal("protocol", err.kind)
      assert.matches("the result is no object", text)
    end)
  end)

  describe("gives", function()
    it("resources as content", function()
      local contents = '{"uri":"a:b","text":"one"},{"uri":"a:c","mimeType":"image/png","blob":"AA"}'
      local content = assert(start():resource('{"contents":[' .. contents .. "]}"))
      assert.same({ "document", "image" }, { content[1].type, content[2].type })
      assert.equal("one", content[1].source.data)
      assert.is_true(require("claude.content").is(content))
    end)

    it("no resources that the model cannot be given", function()
      local contents = '[{"uri":"a:b","mimeType":"audio/wav","blob":"AA=="}]'
      local content, text, err = start():resource('{"contents":' .. contents .. "}")
      assert.is_nil(content)
      assert.same({ "protocol", "contents[1]" }, { err.kind, err.path })
      assert.matches("a resource of type audio/wav (a:b) cannot be given", text, 1, true)
    end)

    it("prompts as messages", function()
      local result = '{"messages":[{"role":"user","content":{"type":"text","text":"Hi"}},'
        .. '{"role":"assistant","content":{"type":"text","text":"Hello"}}]}'
      assert.same({
        { role = "user", content = { { type = "text", text = "Hi" } } },
        { role = "assistant", content = { { type = "text", text = "Hello" } } },
      }, start():prompt("greet", { result = result }))
    end)

    it("no prompts that are no messages", function()
      local WRONG = {
        {
          '{"messages":[{"role":"tool","content":{"type":"text","text":"x"}}]}',
          "its role is tool",
        },
        { '{"messages":[{"role":"user","content":{"type":"audio"}}]}', "content of type audio" },
        { '{"messages":[7]}', "it is no object" },
        { "7", "the result is no object" },
      }
      start()
      for _, case in ipairs(WRONG) do
        local messages, text, err = server:prompt("greet", { result = case[1] })
        assert.is_nil(messages)
        assert.equal("protocol", err.kind)
        assert.matches("the prompt greet of ", text, 1, true)
        assert.matches(case[2], text, 1, true)
      end
    end)

    it("nothing for what is no name", function()
      start()
      assert.has_error(function() server:resource() end, "server:resource takes a URI")
      assert.has_error(function() server:prompt({}) end, "server:prompt takes the name of a prompt")
      assert.has_error(
        function() server:prompt("x", { n = 1 }) end,
        "server:prompt: arguments must have names and values that are strings"
      )
    end)
  end)

  describe("may", function()
    it("ping this client", function()
      local answer = text_of(assert(start():call("ask_back", { method = "ping" })))
      assert.equal('{"jsonrpc":"2.0","id":"mine-1","result":{}}', answer)
    end)

    it("ask for what this client does not do", function()
      local answer =
        text_of(assert(start():call("ask_back", { method = "sampling/createMessage" })))
      local err = core.decode(answer).error
      assert.equal(-32601, err.code)
      assert.matches("sampling/createMessage", err.message)
    end)

    it("ask without end, and read no answer: it is ended", function()
      local _, text, err = start():call("ask_for_ever")
      assert.equal("network", err.kind)
      assert.matches("asks, and does not read the answers", text, 1, true)
    end)

    it("ask under no id that is long: that is no message", function()
      assert.equal("asked", text_of(assert(start():call("ask_under_long_id"))))
      local heard = assert(server:call("heard")).content[1].text
      assert.equal("initialize notifications/initialized tools/call tools/call", heard)
    end)

    it("tell this client things", function()
      local told = {}
      start("plain", {
        on_notification = function(method, params)
          claude.sleep(0)
          told[#told + 1] = method .. ":" .. tostring(params.data)
        end,
      })
      claude.loop(function() assert(server:call("notify")) end)
      assert.same({ "notifications/tools/list_changed:nil", "notifications/message:x" }, told)
    end)

    it(
      "tell things that nobody asked for",
      function() assert.equal("told", text_of(assert(start():call("notify")))) end
    )

    it(
      "write what is no message, late answers and empty lines",
      function() assert.equal("after the noise", text_of(assert(start():call("noise")))) end
    )

    it("answer in a batch, and with CRLF", function()
      assert.equal("in a batch", text_of(assert(start():call("batch"))))
      assert(server:call("crlf"))
    end)

    it("answer and end in one breath", function()
      assert.equal("done", text_of(assert(start():call("answer_and_die"))))
      local _, text = server:call("echo", {})
      assert.matches("ended with exit status 0", text)
    end)

    it("close its output only: an error all the same", function()
      local hello = '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25"}}'
      local script = ("read one; echo '%s'; read two; read three; exec >&-; cat"):format(hello)
      server = claude.mcp({ command = { "sh", "-c", script .. " >/dev/null" } })
      local _, text, err = server:call("any")
      assert.equal("network", err.kind)
      assert.matches("ended with exit status 0", text)
    end)

    it("write to standard error, which is kept for errors or handed out", function()
      local said = {}
      start("plain", { stderr = function(text) said[#said + 1] = text end })
      claude.loop(function()
        assert(server:call("complain"))
        assert.is_true(wait_until(function() return said[1] ~= nil end))
      end)
      assert.equal("careful\n", table.concat(said))
    end)

    it("say nothing: what it wrote instead is in the hint", function()
      assert(start():call("noise"))
      local _, _, err = server:call("never", {}, 0.05)
      assert.equal("timeout", err.kind)
      assert.matches("Debug: this is no JSON", err.hint)
    end)
  end)

  describe("gets", function()
    local environment = require("spec.support.environment")
    after_each(environment.restore)

    -- What the server sees of these variables.
    local function seen(variables, env)
      for _, name in ipairs({ "PATH", "LUA_PATH", "LUA_CPATH", "LD_PRELOAD", "ASAN_OPTIONS" }) do
        variables[name] = os.getenv(name)
      end
      environment.set(variables)
      for _, name in ipairs({ "LUA_PATH", "LUA_CPATH", "LD_PRELOAD", "ASAN_OPTIONS" }) do
        env[name] = true
      end
      start("plain", { env = env })
      local names = { "ANTHROPIC_API_KEY", "GITHUB_TOKEN", "OWN", "LANG", "TZ" }
      return text_of(assert(server:call("env", { names = names })))
    end

    it("of the environment what programs need, and no key", function()
      local variables =
        { ANTHROPIC_API_KEY = "sk-secret", GITHUB_TOKEN = "t", LANG = "C", TZ = "UTC" }
      assert.equal("OWN=yes\nTZ=UTC", seen(variables, { OWN = "yes", LANG = false }))
    end)

    it("what is named, as it is here", function()
      local variables = { ANTHROPIC_API_KEY = "sk-secret", GITHUB_TOKEN = "t" }
      assert.equal("ANTHROPIC_API_KEY=sk-secret", seen(variables, { ANTHROPIC_API_KEY = true }))
    end)

    it("its own folder to run in", function()
      local script = "pwd >&2"
      server = claude.mcp({ command = { "sh", "-c", script }, cwd = "/" })
      local _, _, err = server:tools()
      assert.equal("its last words on standard error: /", err.hint)
      server = claude.mcp({ command = { "sh", "-c", script }, cwd = "/no such folder" })
      assert.matches("No such file", select(2, server:tools()))
    end)
  end)

  describe("is ended", function()
    local before
    before_each(function()
      before = processes.PATIENCE
      processes.PATIENCE = 0.05
    end)
    after_each(function() processes.PATIENCE = before end)

    it("by signals where it does not end by itself, with what it started", function()
      local script = 'trap "" TERM; sleep 60 & echo $! >"$0"; cat >/dev/null; wait'
      local grandchild
      with_limit(0.05, function(limit)
        local path = os.tmpname()
        server = claude.mcp({ command = { "sh", "-c", script, path }, start_timeout = limit })
        assert.is_nil((server:tools()))
        local file = assert(io.open(path))
        grandchild = file:read("*n")
        file:close()
        os.remove(path)
        return grandchild
      end)
      assert.is_true(wait_until(function() return not runs(grandchild) end))
    end)

    it("when nobody holds it any more", function()
      start()
      assert(server:start())
      local pid = pid_of(server)
      server = nil
      assert.is_true(wait_until(function()
        collectgarbage()
        return not runs(pid)
      end))
    end)

    it("while a call waits, which is told so", function()
      start()
      assert(server:start())
      claude.loop(function()
        local asks
        local task = claude.spawn(function()
          asks = true
          return server:call("never")
        end)
        wait_until(function() return asks end)
        server:close()
        local _, text, err = task:wait()
        assert.equal("cancelled", err.kind)
        assert.matches("the MCP server was closed", text)
      end)
    end)

    it("twice, or before it has begun: that changes nothing", function()
      start():close()
      assert(server:start())
      server:close()
      server:close()
      server = nil
    end)
  end)

  it("gives the result of any request, decoded", function()
    start()
    assert.same(core.object({}), server:request("prompts/list", { cursor = "x" }))
    assert.has_error(function() server:request() end, "server:request takes the name of a method")
  end)

  it("stays with the loop that is chosen later", function()
    start()
    assert(server:start())
    hub.use("luv")
    assert.equal("{}", text_of(assert(server:call("echo", {}))))
    hub.use("blocking")
    assert.equal("{}", text_of(assert(server:call("echo", {}))))
  end)

  it("cannot be had where the host owns the coroutines", function()
    tasks.use(require("spec.support.coroutine_host"))
    local list, text, err = start():tools()
    tasks.use(nil)
    server = nil
    assert.is_nil(list)
    assert.equal("invalid", err.kind)
    assert.matches("this host (coroutine_host) owns its coroutines", text, 1, true)
    assert.matches("mcp_servers", err.hint)
  end)

  describe("raises for", function()
    local WRONG = {
      { "no options", nil, "takes a table of options" },
      { "no command", {}, "command must be a list" },
      { "a command that is a text", { command = "npx" }, "command must be a table" },
      { "an empty command", { command = {} }, "command must be a list" },
      { "a word that is none", { command = { "a", 1 } }, "command must be a list" },
      { "an unknown option", { command = { "a" }, args = {} }, "there is no option args" },
      { "a timeout that is none", { command = { "a" }, timeout = -1 }, "timeout must be a number" },
      { "a stderr that is none", { command = { "a" }, stderr = "x" }, 'stderr must be "inherit"' },
      { "a prefix that names cannot have", { command = { "a" }, prefix = "a." }, "prefix must be" },
      { "a name with =", { command = { "a" }, env = { ["A=B"] = "c" } }, "names without =" },
      {
        "a value that is no text",
        { command = { "a" }, env = { A = 1 } },
        "env.A must be a string",
      },
    }
    for _, case in ipairs(WRONG) do
      it(case[1] .. ", at the caller's line", function()
        local ok, raised = pcall(function() return (claude.mcp(case[2])) end)
        assert.is_false(ok)
        assert.matches("^spec/mcp_spec.lua:%d+: claude.mcp", raised)
        assert.matches(case[3], raised, 1, true)
      end)
    end

    it("a dot where a colon belongs", function()
      start()
      for _, name in ipairs({
        "start",
        "tools",
        "about",
        "call",
        "request",
        "resource",
        "prompt",
        "close",
      }) do
        local ok, raised = pcall(function() return (server[name]("x")) end)
        assert.is_false(ok)
        assert.matches("^spec/.*with a colon", raised)
      end
    end)
  end)
end)

describe("examples/mcp/server.lua", function()
  it("rolls dice, and tells what is wrong with a call instead of ending", function()
    local server = claude.mcp({
      command = { LUA, "examples/mcp/server.lua" },
      env = { LUA_PATH = true, LUA_CPATH = true, LD_PRELOAD = true, ASAN_OPTIONS = true },
    })
    local wrong = {
      { "dice", {} },
      { "dice", { count = "many", sides = 6 } },
      { "dice", { count = 1e9, sides = 6 } },
      { "cards", {} },
    }
    for _, call in ipairs(wrong) do
      assert.is_true(assert(server:call(call[1], call[2])).is_error)
    end
    local result = assert(server:call("dice", { count = 3, sides = 1 }))
    assert.is_false(result.is_error)
    assert.equal("3", result.content[1].text)
    server:close()
  end)
end)
