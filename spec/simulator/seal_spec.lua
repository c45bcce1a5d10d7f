local cases = require("spec.support.api_cases")
local core = require("claude.core")
local sealed = require("spec.support.sealed")

local assistant, text, user = cases.assistant, cases.text, cases.user
local content_of, converse = sealed.content_of, sealed.converse
local say, start = sealed.say, sealed.start

local SIGNATURE = "Invalid `signature` in `thinking` block"

local function cached(block) return cases.cached(block) end

--- { name, change }
local HARMLESS = {
  { "nothing changed", function() end },
  {
    "cache breakpoints added and moved",
    function(r)
      r.system = { cached(text("Be brief.")) }
      r.tools[2] = cached(r.tools[2])
      content_of(r, 2)[2] = cached(content_of(r, 2)[2])
      content_of(r, 3)[1] = cached(content_of(r, 3)[1])
    end,
  },
  {
    "text written as a block instead of a string",
    function(r)
      r.messages[1].content = { text("What is it?") }
      r.system = { text("Be brief.") }
      content_of(r, 3)[1].content = { text("r") }
    end,
  },
  {
    "a message in two parts of one role",
    function(r)
      local first = table.remove(content_of(r, 4), 3)
      table.insert(r.messages, 5, assistant({ first }))
    end,
  },
  {
    "more appended to the last message",
    function(r) table.insert(content_of(r, 7), text("Go on.")) end,
  },
  { "thinking dropped from the start", function(r) table.remove(content_of(r, 2), 1) end },
  {
    "thinking of the first turns dropped",
    function(r)
      table.remove(content_of(r, 2), 1)
      table.remove(content_of(r, 4), 1)
      table.remove(content_of(r, 4), 1)
    end,
  },
  { "thinking dropped from the end", function(r) table.remove(content_of(r, 6), 3) end },
  {
    "all thinking dropped",
    function(r)
      table.remove(content_of(r, 2), 1)
      table.remove(content_of(r, 4), 1)
      table.remove(content_of(r, 4), 1)
      table.remove(content_of(r, 6), 3)
      table.remove(content_of(r, 6), 1)
    end,
  },
  {
    "a deferred tool added",
    function(r)
      r.tools[3] = { name = "v", input_schema = { type = "object" }, defer_loading = true }
    end,
  },
  {
    "other parameters",
    function(r)
      r.max_tokens, r.thinking.display = 3000, "omitted"
      r.output_config, r.stop_sequences = { effort = "low" }, { "STOP" }
    end,
  },
  { "is_error said to be false", function(r) content_of(r, 3)[1].is_error = false end },
}

describe("claude.simulator.seal", function()
  local sim, request

  after_each(function() sim:close() end)

  describe("takes", function()
    before_each(function()
      sim = start()
      request = converse(sim)
    end)

    for _, row in ipairs(HARMLESS) do
      it(row[1], function()
        row[2](request)
        local answer = say(sim, request)
        assert.equal(200, answer.status, answer.body)
        assert.is_nil(answer.json.input_transformations)
      end)
    end

    it("keys in another order", function()
      local input = content_of(request, 6)[4]
      request.messages[6].content[4] = core.object({
        { "name", "t" },
        { "input", core.object({ { "n", input.input.n }, { "deep", input.input.deep } }) },
        { "type", "tool_use" },
        { "id", input.id },
      })
      assert.equal(200, (say(sim, request)).status)
    end)

    it("the same conversation in a simulator that was started anew with the same seed", function()
      sim:close()
      sim = start()
      assert.equal(200, (say(sim, request)).status)
    end)
  end)

  it("wants thinking first in an open turn of manual thinking", function()
    sim = start()
    request = converse(sim, { thinking = { type = "enabled", budget_tokens = 1024 } })
    assert.equal(200, (say(sim, request)).status)
    table.remove(content_of(request, 6), 3)
    table.remove(content_of(request, 6), 1)
    local answer = say(sim, request)
    assert.equal(400, answer.status)
    assert.is_truthy(
      answer.error.message:find(
        "messages.5.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
          .. "`text`.",
        1,
        true
      ),
      answer.error.message
    )
  end)

  it("seals the real text of omitted thinking, and ignores what a client fills in", function()
    sim = start()
    request = converse(sim, { thinking = { type = "adaptive", display = "omitted" } })
    local block = content_of(request, 2)[1]
    assert.equal("", block.thinking)
    assert.is_truthy(#block.signature > 100)
    block.thinking = "filled in"
    assert.equal(200, (say(sim, request)).status)
    block.signature = block.signature:sub(1, -2) .. "z"
    assert.equal(400, (say(sim, request)).status)
  end)

  it("leaves out the thinking of another model and tells so", function()
    sim = start()
    request = converse(sim)
    request.model = "claude-opus-4-6"
    local answer = say(sim, request)
    assert.equal(200, answer.status)
    assert.same({
      type = "thinking_dropped",
      path = "messages.1.content.0",
      reason = "model_binding_mismatch",
    }, answer.json.input_transformations[1])
    assert.equal(5, #answer.json.input_transformations)
  end)

  it("leaves out blocks whose prefix changed when asked to", function()
    sim = start()
    request = converse(sim)
    request.thinking =
      { type = "adaptive", block_binding = { prefix_mismatch_behavior = "drop_block" } }
    request.system = "Be long."
    local answer =
      say(sim, request, { ["anthropic-beta"] = "thinking-binding-controls-2026-08-01" })
    assert.equal(200, answer.status)
    assert.equal("prefix_binding_mismatch", answer.json.input_transformations[1].reason)
  end)

  it("leaves out thinking that the real API signed, or refuses it when told to", function()
    local foreign = "EoEC" .. ("Ab1+"):rep(80)
    local messages = {
      user("a"),
      assistant({ { type = "thinking", thinking = "x", signature = foreign }, text("b") }),
      user("c"),
    }
    sim = start()
    local answer = say(sim, { model = "claude-opus-5-5", max_tokens = 9, messages = messages })
    assert.equal(200, answer.status)
    assert.equal("organization_binding_mismatch", answer.json.input_transformations[1].reason)
    sim:close()
    sim = start({ foreign_signatures = "refuse" })
    answer = say(sim, { model = "claude-opus-5-5", max_tokens = 9, messages = messages })
    assert.equal("messages.1.content.0: " .. SIGNATURE, answer.error.message)
  end)

  it("binds the prefix only on the models that do so when it is not strict", function()
    local function edited(model)
      sim = start({ strict = false })
      request = converse(sim, { model = model })
      request.system = "Be long."
      local answer = say(sim, request)
      sim:close()
      return answer
    end
    assert.equal(200, edited("claude-sonnet-4-6").status)
    local answer = edited("claude-opus-5-5")
    assert.equal(400, answer.status)
    assert.is_truthy(
      answer.error.message:find("The system prompt differs", 1, true),
      answer.error.message
    )
  end)

  it("still refuses changed thinking when it is not strict", function()
    sim = start({ strict = false })
    request = converse(sim)
    content_of(request, 2)[1].thinking = "changed"
    assert.equal(400, (say(sim, request)).status)
  end)
end)
