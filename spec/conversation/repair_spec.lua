--- Conversations whose thinking the API refuses: as they are, repaired by hand, by policy.
local claude = require("claude")
local raw_of = require("claude.message").raw_of
local support = require("spec.support.chat")

local BETA = "thinking-binding-controls-2026-08-01"
local thought = support.thought

describe("a conversation whose thinking is refused", function()
  local bench, sim

  after_each(function() sim:close() end)

  -- Two turns with thinking, in a conversation with another system prompt than the one
  -- returned: nothing that was sealed there fits here.
  local function moved(script, fields)
    local all = {
      { content = { thought("First."), "One." } },
      { content = { thought("Second."), "Two." } },
    }
    for _, turn in ipairs(script) do
      all[#all + 1] = turn
    end
    bench = support.bench({ script = all })
    sim = bench.sim
    local function params_with(system)
      local params = support.params(fields)
      params.system = system
      if params.thinking == false then params.thinking = nil end
      return params
    end
    local params = params_with("Be brief.")
    params.on_binding_error = nil
    local before = bench.client:conversation(params)
    assert(before:user("a"):send())
    assert(before:user("b"):send())
    params = params_with("Be long.")
    params.messages = before:messages()
    return bench.client:conversation(params):user("c")
  end

  local UNSIGNED = { type = "thinking", thinking = "Hm.", signature = "bm90aGluZw==" }

  -- A conversation with a block that nobody signed.
  local function with_bad_signature(fields)
    bench = support.bench({ script = { "Good." } })
    sim = bench.sim
    local params = support.params(fields)
    params.messages = {
      { role = "user", content = "a" },
      { role = "assistant", content = { UNSIGNED, { type = "text", text = "One." } } },
    }
    return bench.client:conversation(params):user("c")
  end

  local function thinking_in(body)
    local count = select(2, body:gsub('"type":"thinking"', ""))
    return count
  end

  it("fails with an error of its own type that says where", function()
    local chat = moved({ "Good." })
    local _, text, err = chat:send()
    assert.same(
      { "api", 400, "binding_error", "binding", false },
      { err.kind, err.status, err.type, err.rule, err.retryable }
    )
    assert.equal("messages[2].content[1]", err.path)
    assert.truthy(text:find("chat:repair", 1, true))
    assert.same({}, chat.repairs)
  end)

  it("tells a signature that is none from one that does not fit", function()
    local _, _, err = with_bad_signature():send()
    assert.same({ "signature_error", "messages[2].content[1]" }, { err.type, err.path })
  end)

  describe("and repaired with drop_block", function()
    it("is answered, and the API tells what it left out", function()
      local chat = moved({ "Good.", "Better." })
      assert(not chat:send())
      local repair = assert(chat:repair({ recipe = "drop_block" }))
      assert.same({ "drop_block", {} }, { repair.recipe, repair.lost })
      local message = assert(chat:send())
      assert.same({
        {
          type = "thinking_dropped",
          path = "messages.1.content.0",
          reason = "prefix_binding_mismatch",
        },
        {
          type = "thinking_dropped",
          path = "messages.3.content.0",
          reason = "prefix_binding_mismatch",
        },
      }, message.input_transformations)
      local request = sim.requests[#sim.requests]
      assert.equal(BETA, request.beta)
      assert.equal("drop_block", request.request.thinking.block_binding.prefix_mismatch_behavior)
      assert.equal(2, thinking_in(request.body))
    end)

    it("stays so for later turns, forks, and in another process", function()
      local chat = moved({ "Good.", "Better.", "Best." })
      assert(chat:repair({ recipe = "drop_block" }))
      assert(chat:send())
      assert(chat:user("d"):send())
      local again = assert(bench.client:load(assert(chat:dump())))
      assert(again:user("e"):send())
      assert.is_true(chat:fork().state.drop_block)
      assert.is_true(chat:undo())
      assert.is_true(chat.state.drop_block)
      assert.same({ "input_transformed" }, support.codes(bench))
    end)

    it("goes with the model's own thinking when there is no parameter", function()
      local chat = moved({ "Good." }, { model = "claude-opus-5-5", thinking = false })
      assert(chat:repair({ recipe = "drop_block" }))
      assert(chat:send())
      local thinking = sim.requests[#sim.requests].request.thinking
      assert.equal("adaptive", thinking.type)
      assert.same({ "empty_thinking", "input_transformed" }, support.codes(bench))
    end)

    it("is refused where thinking does not take it", function()
      local chat = moved({ "Good." })
      chat.params.thinking = { type = "disabled" }
      local repair, text, err = chat:repair({ recipe = "drop_block" })
      assert.is_nil(repair)
      assert.equal("invalid", err.kind)
      assert.truthy(text:find("strip_thinking", 1, true))
    end)
  end)

  describe("and repaired with strip_thinking", function()
    it("has no thinking any more, and every other byte as it was", function()
      local chat = moved({ "Good." })
      local before = chat:messages()
      local repair = assert(chat:repair({ recipe = "strip_thinking" }))
      assert.same({
        { path = "messages[2].content[1]", type = "thinking" },
        { path = "messages[4].content[1]", type = "thinking" },
      }, repair.lost)
      assert.equal("Good.", assert(chat:send()):text())
      local body = sim.requests[#sim.requests].body
      assert.equal(0, thinking_in(body))
      assert.truthy(body:find("[" .. raw_of(before[2].content[2]) .. "]", 1, true))
      assert.is_nil(body:find("block_binding", 1, true))
    end)

    it("loses a message of nothing but thinking, too", function()
      bench = support.bench({ script = { "Good." } })
      sim = bench.sim
      local params = support.params()
      local function user(text) return { role = "user", content = text } end
      params.messages = { user("a"), { role = "assistant", content = { UNSIGNED } }, user("b") }
      local chat = bench.client:conversation(params)
      assert.equal(1, #assert(chat:repair({ recipe = "strip_thinking" })).lost)
      assert.same({ user("a"), user("b") }, chat:messages())
      assert.equal("Good.", assert(chat:send()):text())
    end)

    it("changes no conversation that was forked before", function()
      local chat = moved({ "Good." })
      local fork = chat:fork()
      assert(chat:repair({ recipe = "strip_thinking" }))
      assert.equal("thinking", fork:messages()[2].content[1].type)
    end)

    it("finds nothing the second time", function()
      local chat = moved({ "Good." })
      assert(chat:repair({ recipe = "strip_thinking" }))
      assert.same({}, assert(chat:repair({ recipe = "strip_thinking" })).lost)
      assert.equal(1, #chat.repairs)
    end)

    it("waits for the end of a turn that a thinking budget began", function()
      bench = support.bench({
        script = { { content = { thought("Hm."), support.call("t", "x", "toolu_1") } } },
      })
      sim = bench.sim
      local chat = bench.client:conversation(support.params({
        model = "claude-sonnet-4-6",
        thinking = { type = "enabled", budget_tokens = 1024 },
        tools = { support.tool("t") },
      }))
      assert(chat:user("a"):send())
      local _, text, err = chat:repair({ recipe = "strip_thinking" })
      assert.equal("invalid", err.kind)
      assert.truthy(text:find("chat:undo()", 1, true))
    end)
  end)

  it("is repaired with what goes with its thinking when no recipe is named", function()
    local chat = moved({ "Good." })
    assert.equal("drop_block", assert(chat:repair()).recipe)
    chat.params.thinking = { type = "disabled" }
    assert.equal("strip_thinking", assert(chat:repair({})).recipe)
  end)

  it("takes no other options for its repair", function()
    local chat = moved({ "Good." })
    for _, options in ipairs({ "drop_block", { recipe = "x" }, { recipes = "drop_block" } }) do
      local ok, problem = pcall(chat.repair, chat, options)
      assert.is_false(ok)
      assert.truthy(problem:find("^[^\n]*chat:repair"))
    end
  end)

  describe('and on_binding_error is "repair"', function()
    local REPAIR = { on_binding_error = "repair" }

    it("is answered at once, by drop_block, and tells what is lost", function()
      local chat = moved({ "Good." }, REPAIR)
      assert.equal("Good.", assert(chat:send()):text())
      assert.same({ "binding_repaired", "input_transformed" }, support.codes(bench))
      local repair = chat.repairs[1]
      assert.same({ "drop_block", "binding_error" }, { repair.recipe, repair.error.type })
      assert.same({
        { path = "messages[2].content[1]", reason = "prefix_binding_mismatch" },
        { path = "messages[4].content[1]", reason = "prefix_binding_mismatch" },
      }, repair.lost)
      assert.equal(4, #sim.requests)
    end)

    it("does not send the policy to the API, and saves it", function()
      local chat = moved({ "Good.", "Better." }, REPAIR)
      assert(chat:send())
      for _, request in ipairs(sim.requests) do
        assert.is_nil(request.body:find("on_binding_error", 1, true))
      end
      assert.equal("repair", bench.client:load(assert(chat:dump())).params.on_binding_error)
    end)

    it("takes the thinking out when its signature is none", function()
      local chat = with_bad_signature(REPAIR)
      assert.equal("Good.", assert(chat:send()):text())
      assert.same({ "binding_repaired" }, support.codes(bench))
      assert.truthy(bench.warnings[1].text:find("taken out .-messages%[2%]%.content%[1%]"))
      assert.equal(1, #chat.repairs[1].lost)
      assert.equal(2, #sim.requests)
    end)

    it("takes the thinking out when drop_block is not possible", function()
      local chat = moved({ "Good." }, REPAIR)
      assert(chat:send({ thinking = { type = "disabled" } }))
      assert.equal("strip_thinking", chat.repairs[1].recipe)
    end)

    it("takes the thinking out when drop_block did not help", function()
      local chat = with_bad_signature(REPAIR)
      local refused = 0
      sim.on_request = function()
        refused = refused + 1
        if refused > 2 then return nil end
        return {
          status = 400,
          message = "messages.1.content.0: Invalid `signature` in `thinking` block. The block is "
            .. "bound to a different conversation.",
        }
      end
      assert.equal("Good.", assert(chat:send()):text())
      assert.equal("drop_block", chat.repairs[1].recipe)
      assert.equal("strip_thinking", chat.repairs[2].recipe)
      assert.equal(3, #sim.requests)
    end)

    it("ends with the error when nothing helps", function()
      local chat = with_bad_signature(REPAIR)
      sim.on_request = function()
        return {
          status = 400,
          message = "messages.1.content.0: Invalid `signature` in `thinking` block",
        }
      end
      local _, _, err = chat:send()
      assert.equal("signature_error", err.type)
      assert.equal(2, #sim.requests)
    end)

    it("leaves other refusals alone", function()
      local chat = moved({ { error = { status = 400, message = "max_tokens: No" } } }, REPAIR)
      chat:undo()
      chat:user("d")
      chat.params.on_binding_error = "repair"
      sim.on_request = function() return { status = 400, message = "max_tokens: No" } end
      local _, _, err = chat:send()
      assert.equal("invalid_request_error", err.type)
      assert.same({}, chat.repairs)
    end)

    it("may be the client's policy, and a turn may decide otherwise", function()
      local chat = moved({ "Good." })
      bench.client.on_binding_error = "repair"
      local _, _, err = chat:send({ on_binding_error = "error" })
      assert.equal("binding_error", err.type)
      assert(chat:send())
    end)

    it("repairs in the middle of a run", function()
      local chat = with_bad_signature(REPAIR)
      assert.equal("Good.", assert(chat:run():final_message()):text())
      assert.equal(1, #chat.repairs)
    end)

    it("goes on where on_warning raised", function()
      local chat = with_bad_signature(REPAIR)
      bench.client.on_warning = function(_, code) error({ code = code }) end
      local stream = chat:stream()
      local ok, raised = pcall(stream.final_message, stream)
      assert.same({ false, "binding_repaired" }, { ok, raised.code })
      assert.equal("Good.", assert(stream:final_message()):text())
      assert.equal(2, #sim.requests)
    end)

    it("must be one of two words", function()
      for _, make in ipairs({
        function() claude.new({ api_key = "k", on_binding_error = "x" }) end,
        function() bench.client:conversation(support.params({ on_binding_error = "x" })) end,
        function() bench.client:conversation(support.params()):send({ on_binding_error = 1 }) end,
        function() bench.client.messages:create({ on_binding_error = "repair" }) end,
      }) do
        bench = bench or support.bench({})
        sim = bench.sim
        local ok, problem = pcall(make)
        assert.is_false(ok)
        assert.truthy(problem:find("repair_spec", 1, true), problem)
        assert.truthy(problem:find("on_binding_error", 1, true))
      end
    end)
  end)
end)
