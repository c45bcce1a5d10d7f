local check = require("spec.support.check")

local passes, refused = check.passes, check.refused

describe("check.fields", function()
  it("passes a plain request", function() assert.same({}, passes()) end)

  it(
    "passes what it does not know",
    function() passes({ brand_new = { deeply = { nested = true } }, mcp_servers = {} }) end
  )

  local wrong = {
    { "model", 5, "a string" },
    { "max_tokens", "16000", "an integer" },
    { "max_tokens", 1.5, "an integer" },
    { "messages", "Hello", "a list" },
    { "messages", { role = "user", content = "Hello" }, "a list" },
    { "system", 7, "a string or a list" },
    { "tools", "shell", "a list" },
    { "tool_choice", "auto", "an object" },
    { "thinking", true, "an object" },
    { "stop_sequences", "END", "a list" },
    { "temperature", "hot", "a number" },
    { "metadata", "me", "an object" },
  }
  for _, case in ipairs(wrong) do
    it(("says that %s must be %s, not a %s"):format(case[1], case[3], type(case[2])), function()
      local err = refused("field_type", { [case[1]] = case[2] })
      assert.equal(case[1], err.path)
      assert.truthy(err.message:find(case[3], 1, true))
    end)
  end

  it("needs model, max_tokens and messages", function()
    for _, name in ipairs({ "model", "max_tokens", "messages" }) do
      local params = check.request()
      params[name] = nil
      local ok, err = require("claude.check").params(
        params,
        require("claude.check").context({
          model = params.model,
          version = "2026-10-21",
        })
      )
      assert.is_nil(ok)
      assert.equal("field_missing", err.rule)
      assert.equal(name, err.path)
    end
  end)

  it("needs no max_tokens for counting", function()
    local checks = require("claude.check")
    local params = check.request()
    params.max_tokens = nil
    assert(checks.params(
      params,
      checks.context({
        model = params.model,
        version = "2026-10-21",
        endpoint = "count_tokens",
      })
    ))
  end)

  it("refuses a negative max_tokens", function() refused("field_order", { max_tokens = -1 }) end)

  it(
    "refuses a stop sequence that is no string",
    function()
      assert.equal("stop_sequences[2]", refused("field_type", { stop_sequences = { "a", 2 } }).path)
    end
  )

  it("looks into tools", function()
    local schema = { type = "object" }
    refused("field_missing", { tools = { { input_schema = schema } } })
    refused("field_missing", { tools = { { name = "a" } } })
    refused("field_type", { tools = { "a" } })
    refused("tool_name_twice", {
      tools = { { name = "a", input_schema = schema }, { name = "a", input_schema = schema } },
    })
    passes({ tools = { { type = "bash_20250124", name = "bash" }, { type = "mcp_toolset" } } })
  end)

  it("says where an object of a list has elements beside its keys", function()
    local tool = { "x", name = "a", input_schema = { type = "object" } }
    assert.equal("tools[1]", refused("field_type", { tools = { tool } }).path)
    for _, block in ipairs({ { "x", type = "text", text = "a" }, { "x", type = "compaction" } }) do
      local messages = { { role = "user", content = { block } } }
      assert.equal("messages[1].content[1]", refused("field_type", { messages = messages }).path)
    end
    for _, content in ipairs({ "a", { { type = "text", text = "a" } } }) do
      local messages = { { "x", role = "user", content = content } }
      assert.equal("messages[1]", refused("field_type", { messages = messages }).path)
    end
  end)

  it("does not go with a stream or a fixed form when max_tokens is 0", function()
    passes({ max_tokens = 0 })
    refused("warm_up", { max_tokens = 0 }, { stream = true })
    refused("warm_up", { max_tokens = 0, output_config = { format = { type = "json_schema" } } })
  end)
end)
