--- An MCP server that is not ours, from npm: server-everything, which exists to show all that
--- servers do.
local claude = require("claude")
local core = require("claude.core")
local environment = require("spec.support.environment")
local hub = require("claude.loop")
local servers = require("spec.support.servers")
local support = require("spec.support.chat")

local PACKAGE = "build/npm/node_modules/@modelcontextprotocol/server-everything"

-- Why it cannot be had here; nil when it can.
local function missing()
  for _, program in ipairs({ "node", "npm" }) do
    if not servers.has(program) then return program .. " is not installed" end
  end
  local file = io.open(PACKAGE .. "/package.json")
  if not file then return "npm did not install server-everything: run .ci/npm" end
  file:close()
end

describe("the MCP server server-everything", function()
  local why = missing()
  if why then return pending(why) end
  local server

  setup(function()
    hub.use("luv")
    server = claude.mcp({ command = { "node", PACKAGE .. "/dist/index.js", "stdio" } })
    -- It begins where a key is at hand.
    local variables = { ANTHROPIC_API_KEY = "sk-secret" }
    for _, name in ipairs({ "PATH", "HOME", "TMPDIR" }) do
      variables[name] = os.getenv(name)
    end
    environment.set(variables)
    local started, text = server:start()
    environment.restore()
    assert(started, text)
  end)
  teardown(function()
    server:close()
    hub.use("blocking")
  end)

  it("agrees on the newest version of the protocol, and says what it is", function()
    local about = assert(server:about())
    assert.equal("2025-11-25", server.session.version)
    assert.matches("everything", about.info.name)
    assert.is_table(about.capabilities.tools)
    assert.is_string(about.instructions)
  end)

  it("gives tools that requests take as they are", function()
    local by_name = {}
    for _, tool in ipairs(assert(server:tools())) do
      by_name[tool.name] = tool
    end
    assert.is_string(by_name.echo.description)
    local schema = core.decode(tostring(by_name.echo.input_schema))
    assert.same({ "message" }, schema.required)
  end)

  it("answers calls", function()
    assert.equal("Echo: hé", server:call("echo", { message = "hé" }).content[1].text)
    assert.matches("5", server:call("get-sum", { a = 2, b = 3 }).content[1].text)
  end)

  it("refuses input that does not fit, in words for the model", function()
    local result = assert(server:call("get-sum", { a = "two" }))
    assert.is_true(result.is_error)
    assert.matches("Invalid arguments", result.content[1].text)
  end)

  it("gives images, resources and structured content", function()
    local image = assert(server:call("get-tiny-image")).content[2]
    assert.same({ "image", "image/png" }, { image.type, image.source.media_type })
    for kind, words in pairs({ Text = "plaintext resource", Blob = "base64 blob" }) do
      local input = { resourceType = kind, resourceId = 1 }
      local document = assert(server:call("get-resource-reference", input)).content[2]
      assert.equal("document", document.type)
      assert.matches(words, document.source.data)
    end
    local weather = assert(server:call("get-structured-content", { location = "Chicago" }))
    assert.is_number(weather.structured.temperature)
  end)

  it("gives resources and prompts, and says why not", function()
    local uri = "demo://resource/dynamic/text/1"
    assert.matches("plaintext resource", server:resource(uri)[1].source.data)
    local messages = assert(server:prompt("args-prompt", { city = "Rome" }))
    assert.same({ 1, "user" }, { #messages, messages[1].role })
    assert.matches("Rome", messages[1].content[1].text)
    local _, text, err = server:prompt("args-prompt")
    assert.equal("-32602", err.error_code)
    assert.matches("refused prompts/get: .*city", text)
  end)

  it("stops what is no longer wanted, and goes on", function()
    local long = { duration = 30, steps = 3 }
    local _, _, err = server:call("trigger-long-running-operation", long, 0.05)
    assert.equal("timeout", err.kind)
    assert.equal("Echo: x", server:call("echo", { message = "x" }).content[1].text)
  end)

  it("sees no key of ours", function()
    local text = assert(server:call("get-env")).content[1].text
    assert.is_nil(text:find("ANTHROPIC", 1, true))
    assert.is_nil(text:find("sk-secret", 1, true))
    assert.is_string(core.decode(text).PATH)
  end)

  it("is called by the model in a run", function()
    local call = { type = "tool_use", name = "get-sum", input_json = '{"a": 1.0,"b":41}' }
    local bench = support.bench({ script = { { content = { call } }, "It is 42." } })
    local chat = bench.client:conversation({
      model = "claude-sonnet-5-5",
      max_tokens = 4000,
      tools = assert(server:tools()),
    })
    chat:user("What is 1 + 41?")
    assert.equal("It is 42.", assert(chat:run():final_message()):text())
    local result = core.decode(bench.sim.requests[2].body).messages[3].content[1]
    bench.sim:close()
    assert.matches("42", result.content[1].text)
  end)

  it("ends with the programs that started it, as npx does", function()
    local command = { "npm", "exec", "--offline", "--prefix", "build/npm", "--" }
    command[#command + 1] = "mcp-server-everything"
    command[#command + 1] = "stdio"
    local through_npm = claude.mcp({ command = command })
    assert.equal("Echo: x", through_npm:call("echo", { message = "x" }).content[1].text)
    local pid = through_npm.session.process.child:pid()
    through_npm:close()
    -- Signal 0 to a process group finds whoever is left of it.
    local found = os.execute(("kill -0 -- -%d 2>/dev/null"):format(pid))
    assert.is_true(found == nil or found == false or (found ~= true and found ~= 0))
  end)
end)
