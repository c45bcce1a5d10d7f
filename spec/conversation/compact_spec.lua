--- Long conversations: summaries on demand, and what the API does by itself.
local claude = require("claude")
local support = require("spec.support.chat")

local BETA = "compact-2026-09-04"

describe("A long conversation", function()
  local bench, sim, client

  local function begin(script, fields)
    bench = support.bench({ script = script })
    sim, client = bench.sim, bench.client
    return client:conversation(support.params(fields)):user("hi")
  end

  after_each(function() sim:close() end)

  local function roles(number)
    local list = {}
    for i, message in ipairs(sim.requests[number].request.messages) do
      list[i] = message.role
    end
    return table.concat(list, " ")
  end

  describe("is summed up on demand:", function()
    it("the summary takes the place of what was said", function()
      local chat = begin({ "one", "two", "three" })
      assert(chat:send())
      assert(chat:user("and?"):send())
      local message = assert(chat:compact())
      assert.equal("compaction", message.stop_reason)
      assert.same({ type = "summarize" }, sim.requests[3].request.compaction)
      assert.equal("user assistant user assistant", roles(3))
      assert.equal(1, #chat:messages())
      assert.equal("three", assert(chat:user("go on"):send()):text())
      assert.equal("assistant user", roles(4))
      local block = sim.requests[4].request.messages[1].content[1]
      assert.equal("Summary of 4 messages (simulated).", block.content)
      assert.truthy(block.signature)
      assert.is_nil(sim.requests[2].beta)
      assert.equal(BETA, sim.requests[3].beta)
      assert.equal(BETA, sim.requests[4].beta)
    end)

    it("with instructions, and a limit of its own", function()
      local chat = begin({ "one" })
      assert(chat:send())
      assert(chat:compact({ instructions = "keep the names", max_tokens = 4096 }))
      local request = sim.requests[2].request
      assert.equal("keep the names", request.compaction.instructions)
      assert.equal(4096, request.max_tokens)
    end)

    it("what the user is saying stays for the next turn", function()
      local chat = begin({ "one", "two" })
      assert(chat:send())
      chat:user("not yet")
      assert(chat:compact())
      assert.equal("user assistant", roles(2))
      assert(chat:send())
      assert.equal("not yet", sim.requests[3].request.messages[2].content)
    end)

    it("without the params that have no meaning there", function()
      local chat = begin({ "one" }, {
        stop_sequences = { "END" },
        context_management = { edits = { { type = "clear_tool_uses_20250919" } } },
        betas = { "context-management-2025-06-27" },
      })
      assert(chat:send())
      assert(chat:compact())
      assert.is_nil(sim.requests[2].request.stop_sequences)
      assert.is_nil(sim.requests[2].request.context_management)
      assert.equal("END", chat.params.stop_sequences[1])
    end)

    it("again: only the newest summary goes on", function()
      local chat = begin({ "one", "two", "three" })
      assert(chat:send())
      assert(chat:compact())
      assert(chat:user("and?"):send())
      assert(chat:compact())
      assert.equal(1, #chat:messages())
      assert.equal("three", assert(chat:user("go on"):send()):text())
    end)

    it("survives dump and load", function()
      local chat = begin({ "one", "two" })
      assert(chat:send())
      assert(chat:compact())
      local loaded = assert(client:load(assert(chat:dump())))
      assert.equal("two", assert(loaded:user("go on"):send()):text())
      assert.equal(BETA, sim.requests[3].beta)
    end)

    it("has nothing to answer when the last reply was complete", function()
      local chat = begin({ "one" })
      assert(chat:send())
      assert(chat:compact())
      local message, _, err = chat:send()
      assert.is_nil(message)
      assert.equal("invalid", err.kind)
    end)

    it("not while calls are open, nor when nothing was said", function()
      local chat = begin(
        { { content = { support.call("t", "x") } } },
        { tools = { support.tool("t") } }
      )
      assert.equal("invalid", select(3, chat:compact()).kind)
      assert(chat:send())
      local _, _, err = chat:compact()
      assert.truthy(err.hint:find("chat:answer", 1, true))
      assert.equal(1, #chat:pending())
      assert.equal(1, #sim.requests)
    end)

    it("stays as it was when no summary comes", function()
      bench = support.bench({ script = { "one", "two" }, faults = {} })
      sim, client = bench.sim, bench.client
      local chat = client:conversation(support.params()):user("hi")
      assert(chat:send())
      sim.faults[1] = { status = 529 }
      local message, _, err = chat:compact()
      assert.is_nil(message)
      assert.equal("overloaded_error", err.type)
      assert.equal(2, #chat:messages())
      assert.equal("two", assert(chat:user("go on"):send()):text())
    end)

    it("names the option that is wrong, at the caller's line", function()
      local chat = begin({})
      for _, options in ipairs({ 3, { instructions = 3 }, { prompt = "x" } }) do
        local ok, problem = pcall(function()
          local message = chat:compact(options)
          return message
        end)
        assert.is_false(ok)
        assert.truthy(problem:find("compact_spec.lua", 1, true), problem)
      end
    end)
  end)

  describe("is summed up in a run:", function()
    local ran

    local function tool(name)
      return support.tool(name, function()
        ran[#ran + 1] = name
        return "ok"
      end)
    end

    before_each(function() ran = {} end)

    it("before the next turn, results of tools included", function()
      local calls = { content = { support.call("t", "x") } }
      local chat = begin({ calls, calls, "done" }, { tools = { tool("t") } })
      local run = chat:run({ max_requests = 3 })
      for kind in run:deltas() do
        if kind == "tool_start" and run.requests == 1 then run:compact() end
      end
      assert.equal("done", run.message:text())
      assert.equal("end_turn", run.reason)
      assert.equal(3, run.requests)
      assert.equal(4, #sim.requests)
      assert.equal("user assistant user", roles(2))
      assert.truthy(sim.requests[2].request.compaction)
      assert.equal("assistant", roles(3))
      assert.equal("assistant assistant user", roles(4))
      assert.same({ "t", "t" }, ran)
    end)

    it("behind its last reply", function()
      local chat = begin({ "done", "again" })
      local run = chat:run()
      run:compact()
      assert(run:final_message())
      assert.equal("end_turn", run.reason)
      assert.equal("done", run.message:text())
      assert.equal(1, #chat:messages())
      assert.equal("again", assert(chat:user("more"):send()):text())
    end)

    it("tools that came and went are remembered", function()
      local chat = begin({
        "one",
        { content = { support.call("gone", "x"), support.call("added", "x") } },
        "done",
      }, { tools = { tool("gone") } })
      assert(chat:send())
      chat:user("and?"):remove_tools({ "gone" }):add_tools({ tool("added") })
      assert(chat:run():final_message())
      assert.same({ "added" }, ran)
      assert(chat:compact())
      local dump = assert(chat:dump())
      local loaded = assert(client:load(dump, { tools = { tool("gone"), tool("added") } }))
      assert.is_true(loaded.tool_list.removed.gone)
      assert.truthy(loaded.tool_list.by_name.added.run)
      assert.same({}, support.codes(bench))
    end)
  end)

  describe("passes through what the API does by itself:", function()
    it("a full context window, and the run ends with that reason", function()
      local chat = begin({
        { content = { "so far" }, stop_reason = "model_context_window_exceeded" },
        "on",
      })
      local run = chat:run()
      assert(run:final_message())
      assert.equal("model_context_window_exceeded", run.reason)
      local loaded = assert(client:load(assert(chat:dump())))
      assert.equal("on", assert(loaded:user("go on"):send()):text())
    end)

    it("a compaction in the middle of a reply goes back as it came", function()
      local chat = begin({
        {
          content = {
            { type = "compaction", content = "Summary", encrypted_content = "enc==" },
            "Go on",
          },
        },
        "two",
      }, {
        context_management = { edits = { { type = "compact_20260112" } } },
        betas = { "compact-2026-01-12" },
      })
      local message = assert(chat:send())
      assert.equal("Summary", message.content[1].content)
      local loaded = assert(client:load(assert(chat:dump())))
      assert(loaded:user("and?"):send())
      local sent = sim.requests[2].request
      assert.same({
        type = "compaction",
        content = "Summary",
        encrypted_content = "enc==",
      }, sent.messages[2].content[1])
      assert.same({ { type = "compact_20260112" } }, sent.context_management.edits)
      assert.equal("compact-2026-01-12", sim.requests[2].beta)
    end)

    it("a compaction that pauses goes on with nothing new, also after load", function()
      local chat = begin({
        { content = { { type = "compaction", content = "Summary" } }, stop_reason = "compaction" },
        "on",
      }, {
        context_management = {
          edits = { { type = "compact_20260112", pause_after_compaction = true } },
        },
        betas = { "compact-2026-01-12" },
      })
      assert.equal("compaction", assert(chat:send()).stop_reason)
      local loaded = assert(client:load(assert(chat:dump())))
      assert.equal("on", assert(loaded:send()):text())
      assert.equal("user assistant", roles(2))
    end)

    it("edits of the context are told with the message", function()
      local edits =
        { applied_edits = { { type = "clear_thinking_20251015", cleared_thinking_turns = 2 } } }
      local chat = begin({ { content = { "one" }, context_management = edits } }, {
        context_management = { edits = { { type = "clear_thinking_20251015", keep = "all" } } },
        betas = { "context-management-2025-06-27" },
      })
      local message = assert(chat:send())
      assert.same(edits, message.context_management)
    end)
  end)

  it("is refused by the simulator when a summary is changed or misplaced", function()
    local chat = begin({ "one" })
    assert(chat:send())
    local summary = assert(chat:compact())
    local function ask(messages, betas)
      local _, _, err = client.messages:create({
        model = support.MODEL,
        max_tokens = 100,
        messages = messages,
        betas = betas or { BETA },
      })
      return err and (err.error_code or err.details and err.details.error_code) or err
    end
    local user = { role = "user", content = "go on" }
    local block =
      claude.json(('{"type":"compaction","content":%q,"signature":"cmp_x"}'):format("s"))
    assert.equal(
      "compaction_signature_invalid",
      ask({ { role = "assistant", content = { block } }, user })
    )
    assert.equal(
      "compaction_block_misplaced",
      ask({ user, { role = "assistant", content = summary.content }, user })
    )
    local other_beta = { "compact-2026-01-12" }
    local err = ask({ { role = "assistant", content = summary.content }, user }, other_beta)
    assert.truthy(tostring(err):find("Extra inputs are not permitted", 1, true))
  end)
end)
