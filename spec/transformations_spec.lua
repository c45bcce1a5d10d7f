--- What the API did to the thinking of a request reaches its user.
local support = require("spec.support.chat")

describe("input_transformations", function()
  local bench

  local function begin(script)
    bench = support.bench({ script = script })
    local chat = bench.client:conversation(support.params({ model = "claude-opus-5" }))
    assert(chat:user("a"):send())
    return chat
  end

  after_each(function() bench.sim:close() end)

  local THOUGHT = { content = { support.thought("Hm."), "One." } }
  local EXPECTED = {
    { type = "thinking_dropped", path = "messages.1.content.0", reason = "model_binding_mismatch" },
  }

  it("is on the message, and is warned of once", function()
    local chat = begin({ THOUGHT, "Two.", "Three." })
    local other = { model = "claude-sonnet-5" }
    assert.same(EXPECTED, assert(chat:user("b"):send(other)).input_transformations)
    assert.same(EXPECTED, assert(chat:user("c"):send(other)).input_transformations)
    assert.same({ "input_transformed" }, support.codes(bench))
    local text = bench.warnings[1].text
    assert.truthy(text:find("model_binding_mismatch", 1, true))
    assert.truthy(text:find("messages[2].content[1]", 1, true))
  end)

  it("is on a message without a conversation as well", function()
    local chat = begin({ THOUGHT, "Two." })
    local messages = chat:messages()
    messages[3] = { role = "user", content = "b" }
    local message = assert(bench.client.messages:create({
      model = "claude-sonnet-5",
      max_tokens = 1000,
      messages = messages,
    }))
    assert.same(EXPECTED, message.input_transformations)
  end)

  it("is nil, and no part for it loads, when nothing was changed", function()
    package.loaded["claude.transformations"] = nil
    local chat = begin({ THOUGHT, "Two." })
    assert.is_nil(assert(chat:user("b"):send()).input_transformations)
    assert.is_nil(package.loaded["claude.transformations"])
  end)
end)

describe("block_binding", function()
  it("goes with its beta by itself", function()
    local bench = support.bench({ script = { "One." } })
    local thinking = { type = "adaptive", block_binding = { prefix_mismatch_behavior = "error" } }
    assert(bench.client.messages:create({
      model = "claude-opus-5",
      max_tokens = 1000,
      thinking = thinking,
      messages = { { role = "user", content = "a" } },
    }))
    assert.equal("thinking-binding-controls-2026-08-01", bench.sim.requests[1].beta)
    bench.sim:close()
  end)
end)
