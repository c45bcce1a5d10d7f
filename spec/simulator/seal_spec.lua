local cases = require("spec.support.api_cases")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local assistant, result, text, user = cases.assistant, cases.result, cases.text, cases.user

local TOOLS = {
  { name = "t", description = "First", input_schema = { type = "object" } },
  { name = "u", description = "Second", input_schema = { type = "object" } },
}

local function thinking(words) return { type = "thinking", thinking = words } end
local function call(id, input) return { type = "tool_use", id = id, name = "t", input = input } end

-- What the model says in the conversation that is tampered with.
local TURNS = {
  { content = { thinking("I need the tool."), "Let me look.", call("toolu_1", { n = 1 }) } },
  {
    content = {
      thinking("The tool helped."),
      { type = "redacted_thinking", thinking = "Secret." },
      "It is one.",
    },
  },
  {
    content = {
      thinking("Another question."),
      "So,",
      thinking("And a second thought."),
      call("toolu_2", { n = 2, deep = { a = { 1, 2 } } }),
    },
  },
}

--- A deep copy, in which a row may change what it likes.
local function copy(value)
  if type(value) ~= "table" then return value end
  local made = setmetatable({}, getmetatable(value))
  for name, item in pairs(value) do
    made[name] = copy(item)
  end
  return made
end

local function say(sim, request, headers)
  local all = copy(request)
  local answer = raw.post(sim, "/v1/messages", all, headers)
  return answer, answer.json
end

--- Talks to a simulator until every turn was said; returns the request to send next.
local function converse(sim, fields)
  local request = {
    model = "claude-sonnet-4-6",
    max_tokens = 2000,
    system = "Be brief.",
    tools = copy(TOOLS),
    thinking = { type = "adaptive" },
    messages = { user("What is it?") },
  }
  for name, value in pairs(fields or {}) do
    request[name] = value
  end
  local replies = { { result("toolu_1") }, "And the next?", { result("toolu_2") } }
  for _, reply in ipairs(replies) do
    local answer, message = say(sim, request)
    assert.equal(200, answer.status, answer.body)
    request.messages[#request.messages + 1] = assistant(message.content)
    request.messages[#request.messages + 1] = user(reply)
  end
  return request
end

local function content_of(request, at) return request.messages[at].content end

local function swap(list, a, b)
  list[a], list[b] = list[b], list[a]
end

-- Messages: 1 question, 2 [thinking text call], 3 result, 4 [thinking redacted text], 5 question,
-- 6 [thinking text thinking call], 7 result.
local MODIFIED = "blocks in the latest assistant message cannot be modified."
local SIGNATURE = "Invalid `signature` in `thinking` block"
local BOUND = "The block is bound to a different conversation."
local EARLIER = "An earlier message differs from the conversation it was created in."
local MISSING = "A preceding thinking block is missing."

--- { name, change, what the refusal says, … }
local TAMPERINGS = {
  {
    "thinking changed in the latest message",
    function(r) content_of(r, 6)[1].thinking = "Another question!" end,
    "messages.5.content.0: `thinking` or `redacted_thinking` " .. MODIFIED,
  },
  {
    "thinking emptied in the latest message",
    function(r) content_of(r, 6)[3].thinking = "" end,
    "messages.5.content.2: ",
    MODIFIED,
  },
  {
    "thinking changed in an earlier message",
    function(r) content_of(r, 2)[1].thinking = "I need no tool." end,
    "messages.1.content.0: " .. SIGNATURE,
  },
  {
    "one letter of a signature changed",
    function(r)
      local block = content_of(r, 2)[1]
      local letter = block.signature:sub(50, 50) == "a" and "b" or "a"
      block.signature = block.signature:sub(1, 49) .. letter .. block.signature:sub(51)
    end,
    "messages.1.content.0: " .. SIGNATURE,
  },
  {
    "the last letter of a signature cut",
    function(r)
      local block = content_of(r, 6)[1]
      block.signature = block.signature:sub(1, -2)
    end,
    "messages.5.content.0: " .. SIGNATURE,
  },
  {
    "an empty signature",
    function(r) content_of(r, 6)[1].signature = "" end,
    "messages.5.content.0: " .. SIGNATURE,
  },
  {
    "a signature made up",
    function(r) content_of(r, 6)[1].signature = "c2lnbmF0dXJl" end,
    "messages.5.content.0: " .. SIGNATURE,
  },
  {
    "the signatures of two blocks exchanged",
    function(r)
      local a, b = content_of(r, 2)[1], content_of(r, 4)[1]
      a.signature, b.signature = b.signature, a.signature
    end,
    "messages.1.content.0: " .. SIGNATURE,
  },
  {
    "redacted data changed",
    function(r)
      local block = content_of(r, 4)[2]
      block.data = block.data:sub(1, -5) .. "AAAA"
    end,
    "messages.3.content.1: Invalid `data` in `redacted_thinking` block",
  },
  {
    "redacted data passed off as a signature",
    function(r)
      content_of(r, 4)[2] =
        { type = "thinking", thinking = "", signature = content_of(r, 4)[2].data }
    end,
    "messages.3.content.1: " .. SIGNATURE,
  },
  {
    "two neighbouring blocks exchanged",
    function(r) swap(content_of(r, 4), 1, 2) end,
    "messages.3.content.0: Invalid `data` in `redacted_thinking` block",
    MISSING,
  },
  {
    "two thinking blocks of the latest message exchanged",
    function(r) swap(content_of(r, 6), 1, 3) end,
    "messages.5.content.0: ",
    MODIFIED,
  },
  {
    "thinking moved behind text",
    function(r) swap(content_of(r, 6), 1, 2) end,
    "messages.5.content.1: ",
    MODIFIED,
  },
  {
    "thinking moved behind text in an earlier message",
    function(r) swap(content_of(r, 2), 1, 2) end,
    "messages.1.content.1: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "thinking moved to another message",
    function(r) table.insert(content_of(r, 6), 1, table.remove(content_of(r, 4), 1)) end,
    "messages.3.content.0: Invalid `data`",
    MISSING,
  },
  {
    "a thinking block twice",
    function(r) table.insert(content_of(r, 4), 1, copy(content_of(r, 4)[1])) end,
    "messages.3.content.1: " .. SIGNATURE,
    BOUND,
    "was not there when it was created",
  },
  {
    "a thinking block dropped from the middle",
    function(r) table.remove(content_of(r, 4), 1) end,
    "messages.3.content.0: Invalid `data` in `redacted_thinking` block",
    BOUND,
    MISSING,
  },
  {
    "redacted thinking dropped from the middle",
    function(r) table.remove(content_of(r, 4), 2) end,
    "messages.5.content.0: " .. SIGNATURE,
    BOUND,
    MISSING,
  },
  {
    "the first of two thinking blocks dropped from the latest message",
    function(r) table.remove(content_of(r, 6), 1) end,
    "messages.5.content.1: ",
    MODIFIED,
  },
  {
    "the system prompt changed",
    function(r) r.system = "Be long." end,
    "messages.1.content.0: " .. SIGNATURE,
    BOUND,
    "The system prompt differs",
  },
  {
    "the system prompt left out",
    function(r) r.system = nil end,
    BOUND,
    "The system prompt differs",
  },
  {
    "a tool's description changed",
    function(r) r.tools[2].description = "Third" end,
    BOUND,
    "The tools differ",
  },
  {
    "a tool added",
    function(r) r.tools[3] = { name = "v", input_schema = { type = "object" } } end,
    BOUND,
    "The tools differ",
  },
  { "a tool removed", function(r) r.tools[2] = nil end, BOUND, "The tools differ" },
  { "tools in another order", function(r) swap(r.tools, 1, 2) end, BOUND, "The tools differ" },
  {
    "the first question changed",
    function(r) r.messages[1].content = "What is that?" end,
    "messages.1.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "a later question changed",
    function(r) r.messages[5].content = "And the last?" end,
    "messages.5.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "an earlier answer changed",
    function(r) content_of(r, 4)[3].text = "It is two." end,
    "messages.5.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "a tool input changed",
    function(r) content_of(r, 2)[3].input.n = 2 end,
    "messages.3.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "a tool result cleared",
    function(r) content_of(r, 3)[1].content = "[cleared]" end,
    "messages.3.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "a tool result turned into an error",
    function(r) content_of(r, 3)[1].is_error = true end,
    BOUND,
    EARLIER,
  },
  {
    "a whole turn removed from the front",
    function(r)
      for _ = 1, 4 do
        table.remove(r.messages, 1)
      end
    end,
    "messages.1.content.0: " .. SIGNATURE,
    BOUND,
    EARLIER,
  },
  {
    "text added to an earlier message",
    function(r) r.messages[1].content = { text("What is it?"), text("Quick!") } end,
    BOUND,
    EARLIER,
  },
}

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

  local function start(options)
    local said = 0
    options = options or {}
    options.script = options.script
      or function()
        said = said + 1
        return TURNS[said] or "Done."
      end
    sim = assert(simulator.start(options))
    return sim
  end

  after_each(function() sim:close() end)

  describe("rejects", function()
    before_each(function()
      start()
      request = converse(sim)
    end)

    for _, row in ipairs(TAMPERINGS) do
      it(row[1], function()
        row[2](request)
        local answer = say(sim, request)
        assert.same({ 400, "invalid_request_error" }, { answer.status, (answer.error or {}).type })
        for part = 3, #row do
          assert.is_truthy(answer.error.message:find(row[part], 1, true), answer.error.message)
        end
      end)
    end

    it("a block that was left out once and is put back", function()
      sim:close()
      start({ script = function() return { content = { thinking("Hm."), "Yes." } } end })
      local short = {
        model = "claude-sonnet-4-6",
        max_tokens = 2000,
        thinking = { type = "adaptive" },
        messages = { user("a") },
      }
      local _, first = say(sim, short)
      local kept = table.remove(first.content, 1)
      short.messages[2], short.messages[3] = assistant(first.content), user("b")
      local _, second = say(sim, short)
      short.messages[4], short.messages[5] = assistant(second.content), user("c")
      assert.equal(200, (say(sim, short)).status)
      table.insert(short.messages[2].content, 1, kept)
      local answer = say(sim, short)
      assert.equal(400, answer.status)
      assert.is_truthy(answer.error.message:find("was not there when it was created", 1, true))
    end)

    it("a block signed in another conversation", function()
      local other = {
        model = request.model,
        max_tokens = 2000,
        messages = { user("Else?") },
        thinking = { type = "adaptive" },
      }
      sim:close()
      start({ script = function() return { content = { thinking("Else."), "Yes." } } end })
      local _, message = say(sim, other)
      content_of(request, 4)[1] = message.content[1]
      local answer = say(sim, request)
      assert.equal(400, answer.status)
      assert.is_truthy(answer.error.message:find(BOUND, 1, true), answer.error.message)
    end)

    it("a block signed by a simulator with another seed", function()
      sim:close()
      start({ seed = "another" })
      local answer = say(sim, request)
      assert.equal(400, answer.status)
      assert.equal("messages.1.content.0: " .. SIGNATURE, answer.error.message)
    end)
  end)

  describe("takes", function()
    before_each(function()
      start()
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
      start()
      assert.equal(200, (say(sim, request)).status)
    end)
  end)

  it("wants thinking first in an open turn of manual thinking", function()
    start()
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
    start()
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
    start()
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
    start()
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
    start()
    local answer = say(sim, { model = "claude-opus-5-5", max_tokens = 9, messages = messages })
    assert.equal(200, answer.status)
    assert.equal("organization_binding_mismatch", answer.json.input_transformations[1].reason)
    sim:close()
    start({ foreign_signatures = "refuse" })
    answer = say(sim, { model = "claude-opus-5-5", max_tokens = 9, messages = messages })
    assert.equal("messages.1.content.0: " .. SIGNATURE, answer.error.message)
  end)

  it("binds the prefix only on the models that do so when it is not strict", function()
    local function edited(model)
      start({ strict = false })
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
    start({ strict = false })
    request = converse(sim)
    content_of(request, 2)[1].thinking = "changed"
    assert.equal(400, (say(sim, request)).status)
  end)
end)
