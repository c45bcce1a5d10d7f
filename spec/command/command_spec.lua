local child = require "spec.support.child"
local core = require "claude.core"

local NO_KEY = "unset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN ANTHROPIC_BASE_URL; "
local COMMAND = child.lua .. " bin/lua-claude "

local function command(arguments, stdin) return child.run(NO_KEY .. COMMAND .. arguments, stdin) end

--- Runs the command against a simulator of its own.
local function simulated(arguments, stdin, simulator_options)
  local call = NO_KEY .. COMMAND .. "simulate " .. (simulator_options or "") .. " -- "
  return child.run(call .. COMMAND .. arguments, stdin)
end

local function with_file(text, use)
  local path = child.temporary()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  use(path)
  os.remove(path)
end

describe("lua-claude", function()
  it("prints its version", function()
    local result = command "--version"
    assert.same(
      { status = 0, out = "lua-claude " .. require "claude.version" .. "\n", err = "" },
      result
    )
  end)

  it("prints help, and shows it as usage when nothing is asked of it", function()
    local result = command "--help"
    assert.equal(0, result.status)
    for _, name in ipairs { "ask", "chat", "demo", "simulate", "replay", "doctor" } do
      assert.matches("\n   " .. name .. " ", result.out)
    end
    local nothing = command ""
    assert.equal(2, nothing.status)
    assert.matches("Commands:", nothing.err)
  end)

  for _, name in ipairs { "ask", "chat", "demo", "simulate", "replay", "doctor" } do
    it("prints help for " .. name, function()
      local result = command(name .. " --help")
      assert.equal(0, result.status)
      assert.matches("^Usage: lua%-claude " .. name, result.out)
      assert.equal("", result.err)
    end)
  end

  for arguments, complaint in pairs {
    ["nonsense"] = "nonsense",
    ["ask"] = "question",
    ["ask --nonsense hello"] = "%-%-nonsense",
    ["ask --thinking much hello"] = "'much'",
    ["ask --max-tokens some hello"] = "'some'",
    ["ask --tools /nowhere/tools.lua hello"] = "/nowhere/tools.lua",
    ["replay --chunk 0 file"] = "'0'",
    ["replay"] = "files",
    ["simulate --port x"] = "'x'",
    ["simulate --port 65536 -- true"] = "%-%-port",
    ["simulate --pace nan -- true"] = "%-%-pace",
    ["ask --max-tokens 0 hello"] = "%-%-max%-tokens",
    ["ask --max-requests 0 hello"] = "%-%-max%-requests",
    ["ask --max-requests 1.5 hello"] = "%-%-max%-requests",
    ["demo --json hello"] = "%-%-json",
    ["ask ''"] = "the question is empty",
    ["ask -"] = "the question is empty",
    ["demo ' '"] = "the question is empty",
    ["ask --system '\255' hello"] = "system: invalid UTF%-8",
    ["chat --system '\255'"] = "system: invalid UTF%-8",
  } do
    it("answers wrong usage with status 2: " .. arguments, function()
      local result = command(arguments)
      assert.equal(2, result.status)
      assert.matches(complaint, result.err)
      assert.not_matches("traceback", result.err)
      assert.equal("", result.out)
    end)
  end

  it("shows how the subcommand is used that was used wrongly", function()
    assert.matches("\nUsage: lua%-claude ask ", command("ask --nonsense").err)
    assert.matches("\nUsage: lua%-claude replay ", command("replay").err)
    assert.matches("\nUsage: lua%-claude %[", command("nonsense").err)
  end)

  for text, complaint in pairs {
    ["error 'boom'"] = "cannot be loaded: .*boom",
    ["error { code = 5 }"] = "cannot be loaded: table",
    ["return {"] = "unexpected symbol",
    ["return 5"] = "does not return a list of tools",
    ["return { 5 }"] = "tool 1 is a number, not a table",
    ["return { { name = 'a' } }"] = "tool 1 has no function run",
    ["return { { name = 'a b', run = print } }"] = '"a b" must be',
  } do
    it("takes no tools from a file with: " .. text, function()
      with_file(text, function(path)
        for _, name in ipairs { "ask", "chat", "demo" } do
          local result = command(name .. " --tools " .. path .. (name == "chat" and "" or " hello"))
          assert.equal(2, result.status)
          assert.matches(complaint, result.err)
          assert.not_matches("traceback", result.err)
        end
      end)
    end)
  end
end)

describe("lua-claude, where its output cannot be written,", function()
  for _, arguments in ipairs {
    "ask -q 'What is 6 * 7?'",
    "ask -q --json 'What is 6 * 7?'",
    "demo 'What is 6 * 7?'",
    "replay /dev/null",
  } do
    it("says so and fails: " .. arguments, function()
      local full = io.open("/dev/full", "w")
      if not full then return pending "no /dev/full" end
      full:close()
      for _, target in ipairs { " >/dev/full", " >&-" } do
        local result =
          child.run(COMMAND .. "simulate -- sh -c " .. child.quote(COMMAND .. arguments .. target))
        assert.equal(1, result.status)
        assert.matches("cannot write the output", result.err)
        assert.not_matches("traceback", result.err)
      end
    end)

    it("ends without a word when nobody reads it any more: " .. arguments, function()
      local script = "{ sleep 0.3; " .. COMMAND .. arguments .. "; echo status $? >&2; } | true"
      local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
      assert.matches("^%[?[^\n]*status 141\n$", result.err)
    end)
  end

  it("answers though nobody listens to what is beside the answer", function()
    local script = COMMAND .. "ask 'What is 6 * 7?' 2>&-"
    local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
    assert.equal(0, result.status)
    assert.matches("42", result.out)
  end)
end)

describe("lua-claude ask", function()
  it("prints the answer alone to standard output", function()
    local result = simulated "ask 'What is 127 * 389?'"
    assert.equal(0, result.status)
    assert.matches("49403", result.out)
    assert.not_matches("[thinking]", result.out, 1, true)
    assert.truthy(result.err:find("[thinking] ", 1, true))
    assert.matches(
      "%[usage%] tokens: %d+ in %(%d+ cached%), %d+ out %(%d+ thinking%); "
        .. "stop reason: end_turn; first token after %d+%.%d%d s\n",
      result.err
    )
  end)

  it("is silent beside the answer if asked to be", function()
    local result = simulated "ask --quiet 'What is 127 * 389?'"
    assert.equal("", result.err)
    assert.matches("49403", result.out)
  end)

  it(
    "reads the question from standard input",
    function() assert.matches("56088", simulated("ask -q -", "What is 123 * 456?").out) end
  )

  it("prints the message as JSON", function()
    local result = simulated "ask -q --json 'What is 127 * 389?'"
    local message = assert(core.decode(result.out))
    assert.equal("assistant", message.role)
    assert.equal("end_turn", message.stop_reason)
    assert.matches("49403", message.content[2].text)
    assert.is_nil(message.request_id)
  end)

  it("takes a model, a budget and a display", function()
    local result = simulated(
      "ask -q --json --model claude-sonnet-4-6 --thinking 2048 --display omitted "
        .. "--max-tokens 4096 --system 'Be brief.' 'What is 6 * 7?'"
    )
    local message = assert(core.decode(result.out))
    assert.equal("claude-sonnet-4-6", message.model)
    assert.equal("", message.content[1].thinking)
  end)

  it("thinks not at all if told so", function()
    local result = simulated "ask -q --json --model claude-opus-4-8 --thinking off 'What is 6 * 7?'"
    assert.equal("text", assert(core.decode(result.out)).content[1].type)
  end)

  it("runs the tools of a file and shows their input and results", function()
    with_file(
      [[
      local claude = require "claude"
      local schema = { type = "object", properties = { expression = { type = "string" } },
        required = { "expression" } }
      return { claude.tool { name = "calculator", description = "Arithmetic", input_schema = schema,
        run = function(input) return "it is " .. #input.expression end } }
    ]],
      function(path)
        local result = simulated("ask --tools " .. path .. " 'What is 127 * 389?'")
        assert.equal(0, result.status)
        assert.matches('%[tool%] calculator {"expression":"127 %* 389"}\n', result.err)
        assert.matches("%[tool%] calculator returned: it is 9\n", result.err)
        assert.matches("it is 9", result.out)
      end
    )
  end)

  it("fails with status 3 without a key, and says what to do", function()
    local result = command "ask hello"
    assert.equal(3, result.status)
    assert.matches("ANTHROPIC_API_KEY", result.err)
    assert.matches("lua%-claude simulate", result.err)
    assert.equal("", result.out)
  end)

  it("fails with status 4 when the request cannot be taken", function()
    local result = simulated "ask --thinking 2048 hello"
    assert.equal(4, result.status)
    assert.matches("adaptive", result.err)
  end)

  it("fails with status 5 when the network does", function()
    local result = child.run(
      "export ANTHROPIC_API_KEY=secret-of-mine "
        .. "ANTHROPIC_BASE_URL=http://127.0.0.1:1; "
        .. COMMAND
        .. "ask hello"
    )
    assert.equal(5, result.status)
    assert.not_matches("secret", result.err)
    assert.not_matches("traceback", result.err)
  end)

  it("stops at Ctrl-C with status 130", function()
    local said = child.temporary()
    local script = COMMAND
      .. ("ask 'What is 127 * 389?' 2>%s & pid=$!; "):format(said)
      .. ("until [ -s %s ]; do sleep 0.05; done; kill -INT $pid; "):format(said)
      .. "wait $pid; echo status $?"
    local result =
      child.run(NO_KEY .. COMMAND .. "simulate --pace 0.5 -- sh -c " .. child.quote(script))
    os.remove(said)
    assert.matches("status 130\n$", result.out)
  end)

  it("ends at a second Ctrl-C although a tool goes on and on", function()
    local begun = child.temporary()
    with_file(("local begun = %q\n"):format(begun) .. [[
      local schema = { type = "object", properties = { expression = { type = "string" } },
        required = { "expression" } }
      return { name = "calculator", description = "Arithmetic", input_schema = schema,
        run = function()
          io.open(begun, "w"):close()
          local started = os.time()
          while os.time() < started + 60 do end
          return "at last"
        end }
    ]], function(path)
      local script = COMMAND
        .. ("ask --tools %s 'What is 6 * 7?' & pid=$!; "):format(path)
        .. ("until [ -e %s ]; do sleep 0.05; done; "):format(begun)
        .. "while kill -INT $pid 2>/dev/null; do sleep 0.2; done; wait $pid; echo status $?"
      local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
      os.remove(begun)
      assert.equal("status 130\n", result.out:match "status.*")
      assert.not_matches("at last", result.err)
    end)
  end)
end)

describe("lua-claude chat", function()
  it("says that there is no key before anything is typed", function()
    local result = command "chat"
    assert.equal(3, result.status)
    assert.matches("ANTHROPIC_API_KEY", result.err)
  end)

  it("fails with status 1 when the saved conversation cannot be read", function()
    local result = simulated "chat --load /nowhere/saved"
    assert.equal(1, result.status)
    assert.matches("^lua%-claude: cannot load the conversation: /nowhere/saved", result.err)
  end)

  it("answers line by line and remembers", function()
    local result = simulated("chat", "What is 1 + 2?\n\nWhat is 5 * 6?\n")
    assert.equal(0, result.status)
    assert.matches("= 3%..*= 30%.", result.out)
    assert.matches("%[usage%].*%[usage%]", result.out)
  end)

  it("takes turns back, and saves", function()
    local path = child.temporary()
    local result =
      simulated("chat", "What is 1 + 2?\nWhat is 5 * 6?\n/undo\n/save " .. path .. "\n")
    assert.matches("The last turn is taken back%.\n", result.out)
    assert.matches("Saved to " .. path:gsub("%p", "%%%0"), result.out)
    local again = simulated("chat --json --load " .. path, "What is 7 * 8?\n")
    os.remove(path)
    assert.equal(0, again.status)
    assert.matches("56", again.out)
  end)

  it("explains its commands and leaves", function()
    local result = simulated("chat", "/help\n/quit\nWhat is 1 + 2?\n")
    assert.matches("/undo", result.out)
    assert.not_matches("= 3", result.out)
  end)

  it("says of a command that there is none, and which there are", function()
    local result = simulated("chat", "/retry\n")
    assert.matches("^There is no /retry%.\n/undo ", result.out)
  end)

  it("with --json has messages on standard output, and nothing else", function()
    local path = child.temporary()
    local lines = "/help\nWhat is 1 + 2?\n/nix\n/save %s\n/undo\n/undo\n"
    local result = simulated("chat --json", lines:format(path))
    os.remove(path)
    local message = require("claude.core").decode(result.out)
    assert.equal("message", message.type)
    assert.matches("/undo .*There is no /nix%..*Saved to .*taken back%.\n", result.err)
  end)

  it("takes no line that is no UTF-8, and goes on", function()
    local result = simulated("chat", "caf\233\nWhat is 5 * 6?\n")
    assert.equal(0, result.status)
    assert.matches("no UTF%-8, and was not taken", result.err)
    assert.matches("= 30%.", result.out)
    assert.equal(4, simulated("chat", "caf\233\n").status)
  end)

  it("has the status of its last turn", function()
    local result = simulated("chat --thinking 2048", "hello\n")
    assert.equal(4, result.status)
  end)
end)

describe("lua-claude demo", function()
  it(
    "says that the simulator answers, and shows thinking, tools, results, answer, usage",
    function()
      local result = command "demo"
      assert.equal(0, result.status)
      assert.matches("ANTHROPIC_API_KEY is not set: the built%-in simulator answers", result.out)
      local shown = result.out
      for _, name in ipairs { "clock", "read_file", "calculator" } do
        assert.truthy(shown:find("[tool] " .. name .. " {", 1, true), name .. " is not called")
        assert.truthy(shown:find("[tool] " .. name .. " returned: ", 1, true))
      end
      assert.matches(
        "%[thinking%].*%[tool%].*%[thinking%].*%[usage%] tokens: %d+ in [^\n]*\n$",
        shown
      )
      assert.matches("16288%.94", shown)
      assert.not_matches("\27", shown)
      assert.equal("", result.err)
    end
  )

  it("answers another question", function()
    local result = command "demo 'What is 127 * 389?'"
    assert.truthy(result.out:find('[tool] calculator {"expression":"127 * 389"}', 1, true))
    assert.truthy(result.out:find("[tool] calculator returned: 49403", 1, true))
  end)

  it("talks to the API where there is a key", function()
    local script = "export ANTHROPIC_API_KEY=some-key; " .. COMMAND .. "demo 'What is 6 * 7?'"
    local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
    assert.equal(0, result.status)
    assert.not_matches("is not set", result.out)
    assert.matches("42", result.out)
  end)

  local function on_terminal(environment)
    local call = child.quote(COMMAND .. "demo 'What is 6 * 7?'")
    return child.run(NO_KEY .. environment .. " script -qec " .. call .. " /dev/null")
  end

  it("dims thinking on a terminal", function()
    if child.run("script -qec true /dev/null").status ~= 0 then
      return pending "no script(1) that makes a terminal"
    end
    local result = on_terminal "TERM=xterm NO_COLOR="
    assert.matches("\27%[2m[^\27]*Simulated thinking", result.out)
    assert.not_matches("%[thinking%]", result.out)
  end)

  for _, environment in ipairs { "TERM=dumb NO_COLOR=", "TERM=xterm NO_COLOR=1" } do
    it("marks thinking instead where dimming is not wanted: " .. environment, function()
      if child.run("script -qec true /dev/null").status ~= 0 then
        return pending "no script(1) that makes a terminal"
      end
      local result = on_terminal(environment)
      assert.matches("%[thinking%] ", result.out)
      assert.not_matches("\27", result.out)
    end)
  end
end)

describe("lua-claude without luv", function()
  local root
  before_each(function()
    root = child.temporary()
    child.run("mkdir " .. root)
    local file = assert(io.open(root .. "/without.lua", "w"))
    file:write 'package.preload.luv = function() error("no luv", 0) end'
    file:close()
  end)
  after_each(function() child.run("rm -rf " .. root) end)

  local function without(arguments)
    return ("LUA_PATH='%s/?.lua;'\"$LUA_PATH\" %s -l without bin/lua-claude %s"):format(
      root,
      child.lua,
      arguments
    )
  end

  it("asks the API", function()
    local script = without "ask 'What is 6 * 7?'"
    local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
    assert.equal(0, result.status)
    assert.matches("42", result.out)
  end)

  for _, arguments in ipairs { "demo", "simulate" } do
    it("says that the simulator needs it: " .. arguments, function()
      local result = child.run(NO_KEY .. without(arguments))
      assert.equal(1, result.status)
      assert.matches("needs luv: apt install lua%-luv", result.err)
      assert.not_matches("traceback", result.err)
    end)
  end

  it("shows files to no model", function()
    local script = without "demo 'How many lines does README.md have?'"
    local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
    assert.matches("read_file failed: [^\n]*where luv is installed", result.out)
  end)
end)

describe("a server's words on a terminal", function()
  local WITHOUT = 'package.preload.luv = function() error("no luv", 0) end'
  local root
  before_each(function()
    root = child.temporary()
    child.run("mkdir " .. root)
    local file = assert(io.open(root .. "/without.lua", "w"))
    file:write(WITHOUT)
    file:close()
  end)
  after_each(function() child.run("rm -rf " .. root) end)

  -- What a terminal is sent by a call that is refused, and then by one that is answered.
  local function shown_by(call)
    local text
    with_file(
      [[
        local evil = "\27]0;title\7\27[2J\194\155\127"
        local script = {
          { error = { status = 400, type = "odd" .. evil, message = "told" .. evil } },
          { content = { { type = "thinking", thinking = "thought" .. evil }, "said" .. evil },
            stop_reason = "stopped" .. evil } }
        local sim = assert(require("claude.simulator").start { script = script })
        local address = "ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=" .. sim.url .. " "
        local call = address .. os.getenv "CALL"
        local pipe = "{ " .. call .. "; " .. call .. "; } >" .. os.getenv "SHOWN"
        require("luv").spawn("sh", { args = { "-c", pipe } }, function() os.exit(0) end)
        require("luv").run()
      ]],
      function(path)
        local on_terminal = "script -qec " .. child.quote(call) .. " /dev/null"
        local environment = "CALL=%s SHOWN=%s/shown "
        child.run(environment:format(child.quote(on_terminal), root) .. child.lua .. " " .. path)
        local file = assert(io.open(root .. "/shown", "rb"))
        text = file:read "*a"
        file:close()
      end
    )
    return text
  end

  local CALLS = {
    ["as text"] = function() return COMMAND .. "ask hello" end,
    ["as JSON"] = function() return COMMAND .. "ask --json hello" end,
    ["in a chat as JSON"] = function() return "echo hello | " .. COMMAND .. "chat --json" end,
    ["without luv"] = function()
      local path = ("LUA_PATH='%s/?.lua;'\"$LUA_PATH\" "):format(root)
      return path .. child.lua .. " -l without bin/lua-claude ask hello"
    end,
  }
  for how, call in pairs(CALLS) do
    it("move no cursor and change no title, " .. how, function()
      if child.run("script -qec true /dev/null").status ~= 0 then
        return pending "no script(1) that makes a terminal"
      end
      local text = shown_by(call())
      for _, word in ipairs { "odd", "told", "thought", "said", "stopped" } do
        assert.truthy(text:find(word, 1, true), word)
      end
      assert.not_matches("[\7\8\127]", text)
      assert.not_matches("\27[^%[]", text)
      assert.not_matches("\27%[2J", text)
      assert.not_matches("\194[\128-\159]", text)
    end)
  end
end)

describe("lua-claude simulate", function()
  it(
    "runs a command and exits as it does",
    function() assert.equal(7, command("simulate -- sh -c 'exit 7'").status) end
  )

  it("gives the command an address and a key of no value, and takes real ones away", function()
    local result = child.run(
      "export ANTHROPIC_API_KEY=real ANTHROPIC_AUTH_TOKEN=real; "
        .. COMMAND
        .. "simulate -- sh -c 'env | grep ^ANTHROPIC_'"
    )
    assert.matches("ANTHROPIC_BASE_URL=http://127%.0%.0%.1:%d+\n", result.out)
    assert.not_matches("real", result.out)
  end)

  it("says when there is no such command", function()
    local result = command "simulate -- /nowhere/program"
    assert.equal(127, result.status)
    assert.matches("/nowhere/program", result.err)
  end)

  it("says that the port is in use, with a status that no missing command has", function()
    local script = COMMAND .. "simulate --port ${ANTHROPIC_BASE_URL##*:} -- true"
    local result = child.run(COMMAND .. "simulate -- sh -c " .. child.quote(script))
    assert.equal(1, result.status)
    assert.matches("cannot listen on 127%.0%.0%.1:%d+: EADDRINUSE", result.err)
  end)

  it("binds thinking on every model, with --lenient where the API does", function()
    local program = [[
      local client = require "claude".new()
      local fields = { model = "claude-opus-4-8", max_tokens = 100 }
      fields.thinking = { type = "adaptive" }
      fields.messages = { { role = "user", content = "Hello" } }
      local reply = assert(client.messages:create(fields))
      fields.messages[1].content = "Something else"
      fields.messages[2] = { role = "assistant", content = reply.content }
      fields.messages[3] = { role = "user", content = "Go on" }
      os.exit(client.messages:create(fields) and 0 or 3)
    ]]
    with_file(program, function(path)
      local call = ("simulate %%s -- %s %s"):format(child.lua, path)
      assert.equal(3, command(call:format("")).status)
      assert.equal(0, command(call:format("--lenient")).status)
    end)
  end)

  it("serves until it is told to stop", function()
    local said = child.temporary()
    local result = child.run(
      COMMAND
        .. ("simulate --port 0 >%s & pid=$!; "):format(said)
        .. ("until [ -s %s ]; do sleep 0.05; done; kill -TERM $pid; "):format(said)
        .. ("wait $pid; echo status $?; cat %s"):format(said)
    )
    os.remove(said)
    assert.matches("export ANTHROPIC_BASE_URL=http://127%.0%.0%.1:%d+ ", result.out)
    assert.matches("status 143\n", result.out)
  end)
end)
