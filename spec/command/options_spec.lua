local child = require "spec.support.child"
local core = require "claude.core"
local requests = require "spec.support.exchange"
local servers = require "spec.support.servers"

describe("the options of ask and chat", function()
  local server
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  -- The body of the request that a command made.
  local function sent(arguments, stdin)
    local environment = ("env ANTHROPIC_API_KEY=k ANTHROPIC_BASE_URL=%s/ok "):format(server.url)
    local call = environment .. child.lua .. " bin/lua-claude " .. arguments
    local result = child.run(call, stdin)
    assert.equal(0, result.status, result.err)
    local _, exchange = requests.run { url = server.url .. "/last_body" }
    return assert(core.decode(exchange.response:body()))
  end

  local function both(options, check)
    check(sent("ask " .. options .. " 'Hello'"))
    check(sent("chat " .. options, "Hello\n"))
  end

  it("default to a current model with adaptive thinking that is shown", function()
    both("", function(body)
      assert.equal("claude-sonnet-5-5", body.model)
      assert.same({ type = "adaptive", display = "summarized" }, body.thinking)
      assert.equal(16000, body.max_tokens)
      assert.same({ nil, nil, nil }, { body.system, body.output_config, body.tools })
    end)
  end)

  it("say model, tokens, effort, display and system", function()
    local options = "--model claude-opus-5-5 --max-tokens 2000 --effort low --display omitted"
      .. " --system 'Be brief.'"
    both(options, function(body)
      assert.equal("claude-opus-5-5", body.model)
      assert.equal(2000, body.max_tokens)
      assert.same({ effort = "low" }, body.output_config)
      assert.same({ type = "adaptive", display = "omitted" }, body.thinking)
      assert.equal("Be brief.", body.system)
    end)
  end)

  it("say how to think", function()
    both("--model claude-sonnet-4-6 --thinking 2048", function(body)
      assert.same({ type = "enabled", budget_tokens = 2048, display = "summarized" }, body.thinking)
      assert.equal(18048, body.max_tokens)
    end)
    both(
      "--model claude-opus-4-8 --thinking off",
      function(body) assert.same({ type = "disabled" }, body.thinking) end
    )
    both(
      "--thinking between_tools",
      function(body) assert.same({ type = "between_tools" }, body.thinking) end
    )
  end)

  it("bring tools from a file", function()
    local path = child.temporary()
    local file = assert(io.open(path, "w"))
    file:write [[
      return {
        { name = "now", input_schema = { type = "object" }, run = function() return "x" end },
      }
    ]]
    file:close()
    both("--tools " .. path, function(body)
      assert.same({ "now", "object" }, { body.tools[1].name, body.tools[1].input_schema.type })
      assert.is_nil(body.tools[1].run)
    end)
    os.remove(path)
  end)
end)
