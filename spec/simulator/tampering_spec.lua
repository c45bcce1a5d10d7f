local cases = require("spec.support.api_cases")
local sealed = require("spec.support.sealed")

local assistant, text, user = cases.assistant, cases.text, cases.user
local content_of, copy, converse = sealed.content_of, sealed.copy, sealed.converse
local say, start, thinking = sealed.say, sealed.start, sealed.thinking

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
  {
    "a blank added to thinking",
    function(r) content_of(r, 2)[1].thinking = content_of(r, 2)[1].thinking .. " " end,
    "messages.1.content.0: " .. SIGNATURE,
  },
  {
    "a line end added to a signature",
    function(r) content_of(r, 2)[1].signature = content_of(r, 2)[1].signature .. "\n" end,
    "messages.1.content.0: " .. SIGNATURE,
  },
  {
    "a signature left out",
    function(r) content_of(r, 2)[1].signature = nil end,
    "messages.1.content.0.thinking.signature: Field required",
  },
  {
    "redacted data emptied",
    function(r) content_of(r, 4)[2].data = "" end,
    "messages.3.content.1: Invalid `data` in `redacted_thinking` block",
  },
  {
    "a signature passed off as redacted data",
    function(r)
      content_of(r, 4)[1] = { type = "redacted_thinking", data = content_of(r, 4)[1].signature }
    end,
    "messages.3.content.0: Invalid `data` in `redacted_thinking` block",
  },
  {
    "redacted thinking moved to the next turn",
    function(r) table.insert(content_of(r, 6), 1, table.remove(content_of(r, 4), 2)) end,
    "messages.5.content.0: ",
    MODIFIED,
  },
  {
    "redacted thinking twice",
    function(r) table.insert(content_of(r, 4), 2, copy(content_of(r, 4)[2])) end,
    "messages.3.content.2: Invalid `data` in `redacted_thinking` block",
    BOUND,
  },
  {
    "thinking turned into text",
    function(r) content_of(r, 4)[1] = text("The tool helped.") end,
    "messages.3.content.1: Invalid `data` in `redacted_thinking` block",
    BOUND,
    EARLIER,
  },
  {
    "thinking moved to the user",
    function(r) table.insert(content_of(r, 3), table.remove(content_of(r, 4), 1)) end,
    "messages.2: `thinking` blocks can only be in `assistant` messages",
  },
  {
    "thinking moved behind the call in the latest message",
    function(r) swap(content_of(r, 6), 3, 4) end,
    "messages.5: The final block in an assistant message cannot be `thinking`.",
  },
  {
    "text put before the thinking of the latest message",
    function(r) table.insert(content_of(r, 6), 1, text("Well,")) end,
    "messages.5.content.1: ",
    MODIFIED,
  },
  {
    "text dropped between two thinking blocks",
    function(r) table.remove(content_of(r, 6), 2) end,
    "messages.5.content.1: ",
    MODIFIED,
  },
  {
    "an earlier answer in two blocks instead of one",
    function(r)
      content_of(r, 4)[3].text = "It is "
      table.insert(content_of(r, 4), text("one."))
    end,
    BOUND,
    EARLIER,
  },
  {
    "a number of a tool input turned into text",
    function(r) content_of(r, 2)[3].input.n = "1" end,
    BOUND,
    EARLIER,
  },
  {
    "a member added to a tool input",
    function(r) content_of(r, 2)[3].input.m = cases.EMPTY end,
    BOUND,
    EARLIER,
  },
  {
    "a tool input emptied",
    function(r) content_of(r, 2)[3].input = cases.EMPTY end,
    BOUND,
    EARLIER,
  },
  {
    "an earlier call to another tool",
    function(r) content_of(r, 2)[3].name = "u" end,
    BOUND,
    EARLIER,
  },
  {
    "another id for an earlier call and its result",
    function(r)
      content_of(r, 2)[3].id, content_of(r, 3)[1].tool_use_id = "toolu_9", "toolu_9"
    end,
    BOUND,
    EARLIER,
  },
  {
    "words added to an earlier tool result",
    function(r) table.insert(content_of(r, 3), text("Go on.")) end,
    BOUND,
    EARLIER,
  },
  {
    "a blank added to the system prompt",
    function(r) r.system = r.system .. " " end,
    BOUND,
    "The system prompt differs",
  },
  {
    "the system prompt moved into the first question",
    function(r)
      r.messages[1].content, r.system = r.system .. r.messages[1].content, nil
    end,
    BOUND,
    "The system prompt differs",
  },
  {
    "a tool's schema changed",
    function(r) r.tools[1].input_schema.required = { "n" } end,
    BOUND,
    "The tools differ",
  },
  {
    "a tool under another name",
    function(r) r.tools[2].name = "w" end,
    BOUND,
    "The tools differ",
  },
  {
    "a question with an answer from before put between",
    function(r)
      table.insert(r.messages, 5, user("Again?"))
      table.insert(r.messages, 6, copy(r.messages[4]))
    end,
    "messages.5.content.0: " .. SIGNATURE,
    BOUND,
  },
}

describe("claude.simulator.seal", function()
  local sim, request

  after_each(function() sim:close() end)

  describe("rejects", function()
    before_each(function()
      sim = start()
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
      sim = start({ script = function() return { content = { thinking("Hm."), "Yes." } } end })
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
      sim = start({ script = function() return { content = { thinking("Else."), "Yes." } } end })
      local _, message = say(sim, other)
      content_of(request, 4)[1] = message.content[1]
      local answer = say(sim, request)
      assert.equal(400, answer.status)
      assert.is_truthy(answer.error.message:find(BOUND, 1, true), answer.error.message)
    end)

    it("a block signed by a simulator with another seed", function()
      sim:close()
      sim = start({ seed = "another" })
      local answer = say(sim, request)
      assert.equal(400, answer.status)
      assert.equal("messages.1.content.0: " .. SIGNATURE, answer.error.message)
    end)
  end)
end)
