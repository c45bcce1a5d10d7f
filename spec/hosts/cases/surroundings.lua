-- What concerns the host itself: its loop, its descriptors.
local ask = require("spec.hosts.ask")
local check = require("spec.hosts.check")
local claude = require("claude")
local descriptors = require("spec.hosts.descriptors")

-- An MCP server in a few lines of shell: it answers initialize and one call of a tool.
local MCP_SERVER = [[
read -r line
echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}'
read -r line
read -r line
echo '{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"from a shell"}]}}'
cat >/dev/null
]]

return function()
  return {
    {
      "outside tasks a waiting call waits, or names claude.spawn where that would freeze the host",
      function(env)
        local outside = assert(env.outside, "the runner tries it")
        if env.blocking then
          check.equal(true, outside.ok, tostring(outside.value))
        else
          check.equal(false, outside.ok)
          check.contains("claude.spawn", tostring(outside.value))
        end
      end,
    },
    {
      "the doctor reaches the API from here, and shows no part of the key",
      function(env)
        local client = { base_url = env.simulator, api_key = env.key }
        local report = claude.doctor({ reach = true, client = client })
        for _, name in ipairs({ "claude.core", "loop", "credentials", "reach", "key" }) do
          check.equal(true, report:find(name).ok, report:find(name).text)
        end
        local text = tostring(report)
        for i = 1, #env.key - 7 do
          assert(not text:find(env.key:sub(i, i + 7), 1, true), "a part of the key is shown")
        end
      end,
    },
    {
      "an MCP server answers, or the host that cannot have one is told so",
      function()
        local server = claude.mcp({ command = { "sh", "-c", MCP_SERVER } })
        local result, text, err = server:call("any")
        if require("claude.tasks").are_hosted() then
          check.equal("invalid", err and err.kind)
          return check.contains("owns its coroutines", text)
        end
        check.equal("from a shell", assert(result, text).content[1].text)
        server:close()
      end,
    },
    {
      "requests, faults and cancelled streams leave no descriptor open",
      function(env)
        if not descriptors.can_be_counted() then return end
        local function round()
          assert(ask.client(env).messages:create(ask.params("Hi")))
          ask.faulty(env, "reset_in_event").messages:create(ask.params("Hi"))
          local stream = ask.faulty(env, "stall_in_event").messages:stream(ask.params("Hi"))
          stream:next_text()
          stream:cancel()
          assert(claude.sleep(0))
        end
        round()
        local before = descriptors.count()
        for _ = 1, 10 do
          round()
        end
        local after = descriptors.count()
        -- A connection may be closed a moment later, and one or two are kept.
        for _ = 1, 500 do
          if after <= before + 2 then break end
          assert(claude.sleep(0.01))
          after = descriptors.count()
        end
        assert(after <= before + 2, ("%d descriptors, then %d"):format(before, after))
      end,
    },
  }
end
