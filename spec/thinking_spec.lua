-- The rules on thinking, each under its number and name.
local change = require("claude.check.change")
local check = require("spec.support.check")
local models = require("claude.models")
local thinking_check = require("claude.check.thinking")

local passes, refused = check.passes, check.refused

local function enabled(budget, changes)
  local params = { thinking = { type = "enabled", budget_tokens = budget } }
  for name, value in pairs(changes or {}) do
    params[name] = value
  end
  return params
end

local TOOL = { name = "shell", input_schema = { type = "object" } }

describe("thinking rule 1: the budget of manual thinking", function()
  it("passes from 1024 to one less than max_tokens", function()
    passes(enabled(1024))
    passes(enabled(15999))
  end)

  it("must be an integer", function()
    refused("budget_integer", enabled(1024.5))
    refused("budget_integer", enabled("4096"))
    refused("budget_integer", enabled(1 / 0))
    local err = refused("budget_integer", { thinking = { type = "enabled" } })
    assert.equal("thinking.budget_tokens", err.path)
    assert.truthy(err.message:find("missing", 1, true))
  end)

  it("must be at least 1024", function()
    local err = refused("budget_minimum", enabled(1023))
    assert.truthy(err.message:find("1023", 1, true))
  end)

  it("must be less than max_tokens, and the error names both numbers and the fix", function()
    for _, budget in ipairs({ 16000, 20000 }) do
      local err = refused("budget_below_max", enabled(budget))
      assert.truthy(err.message:find(tostring(budget), 1, true))
      assert.truthy(err.message:find("16000", 1, true))
      assert.truthy(err.hint:find("raise max_tokens", 1, true))
    end
  end)

  it("may exceed max_tokens in interleaved mode if the user named that beta", function()
    passes(enabled(20000), { betas = { ["interleaved-thinking-2025-05-14"] = true } })
    refused("budget_below_max", enabled(20000), { betas = { ["other-2026-01-01"] = true } })
  end)

  it("warns when under 1,024 tokens remain for the answer", function()
    local warnings = passes(enabled(15000))
    assert.equal("little_room", warnings[1].code)
    assert.truthy(warnings[1].text:find("1000", 1, true))
    assert.same({}, passes(enabled(16000 - 1024)))
  end)

  it(
    "does not go with max_tokens = 0",
    function() refused("warm_up", enabled(1024, { max_tokens = 0 })) end
  )
end)

describe("thinking rule 2: types and efforts that a model does not take", function()
  it("names the types the model takes and the line to write", function()
    local err = refused("thinking_type", enabled(4096, { model = "claude-opus-5-5" }))
    assert.equal("thinking.type", err.path)
    assert.truthy(err.message:find('which takes "adaptive"', 1, true))
    assert.truthy(err.hint:find('thinking = { type = "adaptive"', 1, true))
    assert.truthy(err.hint:find("output_config = { effort", 1, true))
  end)

  it("gives the line with budget_tokens where adaptive is not taken", function()
    local params = { model = "claude-haiku-4-5", thinking = { type = "adaptive" } }
    local err = refused("thinking_type", params)
    assert.truthy(err.hint:find('type = "enabled", budget_tokens', 1, true))
  end)

  local cases = {
    { "claude-sonnet-5-5", "between_tools", true },
    { "claude-opus-5-5", "between_tools", false },
    { "claude-fable-5-2", "disabled", false },
    { "claude-opus-5", "disabled", true },
    { "claude-opus-4-6", "adaptive", true },
    { "claude-opus-4-5", "adaptive", false },
    { "claude-mythos-preview", "disabled", false },
  }
  for _, case in ipairs(cases) do
    local model, kind, taken = case[1], case[2], case[3]
    it(("%s %s %s"):format(model, taken and "takes" or "does not take", kind), function()
      local params = { model = model, thinking = { type = kind } }
      if taken then
        passes(params)
      else
        refused("thinking_type", params)
      end
    end)
  end

  it(
    "lets a type pass that is newer than this library",
    function() passes({ thinking = { type = "dreaming", depth = 3 } }) end
  )

  it(
    "lets every type pass on a model it does not know",
    function() passes({ model = "my-model", thinking = { type = "between_tools" } }) end
  )

  it("refuses fields that a type does not take", function()
    refused("thinking_fields", { thinking = { type = "disabled", display = "omitted" } })
    refused("thinking_fields", { thinking = { type = "adaptive", budget_tokens = 2048 } })
    refused("thinking_fields", {
      model = "claude-sonnet-5-5",
      thinking = { type = "between_tools", display = "summarized" },
    })
  end)

  it("refuses a misspelt display, unless a beta is named that may know it", function()
    local params = { thinking = { type = "adaptive", display = "summarised" } }
    assert.truthy(refused("display_value", params).hint:find("summarized", 1, true))
    passes(params, { betas = { ["new-display-2027-01-01"] = true } })
  end)

  it(
    "needs a type",
    function() refused("field_missing", { thinking = { budget_tokens = 2048 } }) end
  )

  it("refuses an effort that the model does not take, and names those it takes", function()
    local params = { model = "claude-opus-4-6", output_config = { effort = "xhigh" } }
    assert.truthy(refused("effort_value", params).message:find('"max"', 1, true))
    passes({ model = "claude-opus-4-7", output_config = { effort = "xhigh" } })
    refused("effort_none", { model = "claude-haiku-4-5", output_config = { effort = "low" } })
  end)

  it("refuses disabled thinking above effort high where the model does", function()
    local function params(effort)
      return {
        model = "claude-opus-5",
        thinking = { type = "disabled" },
        output_config = { effort = effort },
      }
    end
    passes(params("high"))
    refused("disabled_effort", params("xhigh"))
  end)

  it(
    "refuses between_tools above effort high",
    function()
      refused("between_tools_effort", {
        model = "claude-sonnet-5-5",
        thinking = { type = "between_tools" },
        output_config = { effort = "max" },
      })
    end
  )
end)

describe("thinking rule 4: a forced tool", function()
  local function forced(kind, changes)
    local params = { tools = { TOOL }, tool_choice = { type = kind, name = "shell" } }
    if kind ~= "tool" then params.tool_choice.name = nil end
    for name, value in pairs(changes) do
      params[name] = value
    end
    return params
  end
  local manual = { type = "enabled", budget_tokens = 2048 }

  it("is refused with manual thinking", function()
    for _, kind in ipairs({ "any", "tool" }) do
      local err = refused("forced_tool_manual", forced(kind, { thinking = manual }))
      assert.equal("tool_choice", err.path)
      assert.truthy(err.hint:find('tool_choice = { type = "auto" }', 1, true))
    end
  end)

  it("leaves auto and none alone", function()
    passes(forced("auto", { thinking = manual }))
    passes(forced("none", { thinking = manual }))
  end)

  it("passes with adaptive thinking on older models, and without thinking", function()
    passes(forced("any", { model = "claude-opus-4-6", thinking = { type = "adaptive" } }))
    passes(forced("tool", {}))
  end)

  it("is refused on models that never take it", function()
    for _, model in ipairs({ "claude-sonnet-5-5", "claude-opus-5-5", "claude-fable-5-1" }) do
      refused("forced_tool_model", forced("any", { model = model }))
    end
    passes(forced("any", { model = "claude-haiku-5-5" }))
  end)

  it("must be among the tools", function()
    refused("tool_choice_missing", {
      tools = { TOOL },
      tool_choice = { type = "tool", name = "shel" },
    })
    passes({
      tools = { { type = "computer_toolset_20260801" } },
      tool_choice = { type = "tool", name = "click" },
    })
  end)
end)

describe("thinking rule 5: sampling and prefill", function()
  local old = { version = "2023-06-01" }

  it("refuses temperature, top_p and top_k under the current API version", function()
    for name, value in pairs({ temperature = 1, top_p = 1, top_k = 5 }) do
      local err = refused("sampling_version", { [name] = value })
      assert.equal(name, err.path)
      assert.truthy(err.message:find("2026-10-21", 1, true))
      refused("sampling_version", { [name] = value, model = "my-model" })
    end
  end)

  it("takes them under the old version, thinking off", function()
    passes({ temperature = 0.2, top_k = 5 }, old)
    passes({ top_p = 0.5 }, old)
    refused("sampling_both", { temperature = 0.2, top_p = 0.5 }, old)
  end)

  it("takes only temperature 1 and top_p from 0.95 with thinking", function()
    passes(enabled(2048, { temperature = 1 }), old)
    passes(enabled(2048, { top_p = 0.95 }), old)
    refused("sampling_thinking", enabled(2048, { temperature = 0.2 }), old)
    refused("sampling_thinking", enabled(2048, { top_p = 0.9 }), old)
    refused("sampling_thinking", enabled(2048, { top_k = 5 }), old)
    refused("sampling_thinking", { thinking = { type = "adaptive" }, temperature = 0 }, old)
  end)

  it("takes almost nothing on models after Opus 4.6", function()
    local function on(changes)
      changes.model = "claude-opus-4-7"
      return changes
    end
    passes(on({ temperature = 1 }), old)
    refused("sampling_model", on({ temperature = 0.5 }), old)
    refused("sampling_model", on({ top_p = 0.9 }), old)
    refused("sampling_model", on({ top_k = 5 }), old)
  end)

  local prefill = {
    { role = "user", content = "Name a colour" },
    { role = "assistant", content = "The colour is" },
  }

  it("refuses a prefill on models from 4.6 up", function()
    local err = refused("prefill_model", { messages = prefill })
    assert.equal("messages[2]", err.path)
    passes({ model = "claude-sonnet-4-5", messages = prefill })
    passes({ model = "my-model", messages = prefill })
  end)

  it("refuses a prefill with manual thinking or a fixed form", function()
    local model = "claude-sonnet-4-5"
    refused("prefill_thinking", enabled(2048, { model = model, messages = prefill }))
    refused("prefill_format", {
      model = model,
      messages = prefill,
      output_config = { format = { type = "json_schema", schema = {} } },
    })
  end)

  it(
    "does not take the continuation of a paused turn for a prefill",
    function()
      passes({
        messages = {
          { role = "user", content = "Search" },
          {
            role = "assistant",
            content = {
              { type = "text", text = "Searching" },
              { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = {} },
            },
          },
        },
      })
    end
  )
end)

describe("thinking rule 6: the largest output", function()
  it("is known per model", function()
    passes({ max_tokens = 128000 })
    refused("max_tokens_model", { max_tokens = 128001 })
    passes({ model = "claude-haiku-4-5", max_tokens = 64000 })
    local err = refused("max_tokens_model", { model = "claude-haiku-4-5", max_tokens = 64001 })
    assert.truthy(err.message:find("64000", 1, true))
  end)

  it("is 300k in batches with the beta, on the models that have it", function()
    local beta = { ["output-300k-2026-03-24"] = true }
    passes({ max_tokens = 300000 }, { endpoint = "batch", betas = beta })
    refused("max_tokens_model", { max_tokens = 300001 }, { endpoint = "batch", betas = beta })
    refused("max_tokens_batch", { max_tokens = 300000 }, { endpoint = "batch" })
    refused("max_tokens_model", { max_tokens = 300000 }, { betas = beta })
    local haiku = { model = "claude-haiku-4-5", max_tokens = 100000 }
    refused("max_tokens_model", haiku, { endpoint = "batch", betas = beta })
  end)

  it("is not known in such a batch of a model that only the API knows", function()
    local beta = { ["output-300k-2026-03-24"] = true }
    local retrieved = { ["claude-next"] = { id = "claude-next", max_tokens = 500 } }
    local long = { model = "claude-next", max_tokens = 501 }
    passes(long, { endpoint = "batch", betas = beta, retrieved = retrieved })
    refused("max_tokens_model", long, { endpoint = "batch", retrieved = retrieved })
  end)

  it("comes from what the API told, once it was asked", function()
    local retrieved = { ["claude-sonnet-4-6"] = { id = "claude-sonnet-4-6", max_tokens = 500 } }
    refused("max_tokens_model", { max_tokens = 501 }, { retrieved = retrieved })
  end)

  it("lets an unknown model pass with a warning", function()
    local warnings = passes({ model = "my-model", max_tokens = 10000000 })
    assert.equal("unknown_model", warnings[1].code)
    assert.truthy(warnings[1].text:find("my-model", 1, true))
  end)
end)

describe("thinking rule 8: manual thinking between tool calls", function()
  local function betas(model, params)
    return thinking_check.needed_betas(params, models.capabilities(model))
  end
  local with_tools = enabled(2048, { tools = { TOOL } })

  it("gets the beta header on the models that take it", function()
    for _, model in ipairs({ "claude-sonnet-4-6", "claude-opus-4-5", "claude-sonnet-4-5" }) do
      assert.same({ "interleaved-thinking-2025-05-14" }, betas(model, with_tools))
    end
  end)

  it("gets it for tools that are JSON text, too", function()
    local raw = require("claude.core").raw
    local model = "claude-sonnet-4-6"
    assert.equal(1, #betas(model, enabled(2048, { tools = raw('[{"name":"shell"}]') })))
    assert.same({}, betas(model, enabled(2048, { tools = raw("[ ]") })))
  end)

  it("gets none where it would do nothing", function()
    assert.same({}, betas("claude-opus-4-6", with_tools))
    assert.same({}, betas("claude-haiku-4-5", with_tools))
    assert.same({}, betas("my-model", with_tools))
    assert.same({}, betas("claude-sonnet-4-6", enabled(2048)))
    assert.same(
      {},
      betas("claude-sonnet-4-6", { thinking = { type = "adaptive" }, tools = { TOOL } })
    )
  end)
end)

describe("thinking rule 9: an unsigned block of an interrupted stream", function()
  it("never goes back", function()
    for _, signature in ipairs({ false, "" }) do
      local block = { type = "thinking", thinking = "So", signature = signature or nil }
      local err = refused("thinking_unsigned", {
        messages = {
          { role = "user", content = "Hi" },
          { role = "assistant", content = { block, { type = "text", text = "Hello" } } },
          { role = "user", content = "And?" },
        },
      })
      assert.equal("messages[2].content[1]", err.path)
    end
  end)
end)

describe("thinking rule 11: changed thinking parameters", function()
  local function text_for(model, before, after, in_turn)
    before.model, after.model = model, model
    return change.thinking(before, after, { in_turn = in_turn })
  end
  local function budget(size) return { thinking = { type = "enabled", budget_tokens = size } } end
  local function effort(name) return { output_config = { effort = name } } end

  it("says that only the messages cache is lost where that is so", function()
    local text = text_for("claude-sonnet-4-6", budget(2048), budget(4096))
    assert.truthy(text:find("tools and system stay", 1, true))
  end)

  it("says that tools and system are lost too where that is so", function()
    local text = text_for("claude-opus-4-8", { thinking = { type = "adaptive" } }, {
      thinking = { type = "disabled" },
    })
    assert.truthy(text:find("tools, system and messages are lost", 1, true))
    assert.truthy(
      text_for("claude-sonnet-4-6", effort("low"), effort("high")):find("are lost", 1, true)
    )
  end)

  it(
    "says what may be lost on a model it does not know",
    function()
      assert.truthy(text_for("my-model", budget(2048), budget(4096)):find("may be", 1, true))
    end
  )

  it("says nothing when nothing changed that counts", function()
    assert.is_nil(text_for("claude-sonnet-4-6", budget(2048), budget(2048)))
    assert.is_nil(text_for("claude-opus-5-5", {}, effort("medium")))
    assert.is_nil(text_for("claude-opus-5-5", { thinking = { type = "adaptive" } }, {
      thinking = { type = "adaptive", display = "summarized" },
    }))
  end)

  it("is refused inside a turn whose tool calls are open", function()
    local text, err = text_for("claude-sonnet-4-6", budget(2048), budget(4096), true)
    assert.is_nil(text)
    assert.equal("thinking_in_turn", err.rule)
    assert.is_nil(select(2, text_for("claude-sonnet-4-6", budget(2048), budget(2048), true)))
  end)
end)

describe("thinking rule 12: cache_control", function()
  local mark = { type = "ephemeral" }
  local hour = { type = "ephemeral", ttl = "1h" }
  local function text(control) return { type = "text", text = "x", cache_control = control } end
  local function user(...) return { { role = "user", content = { ... } } } end

  it(
    "passes on system, tools, messages and top level, four in all",
    function()
      passes({
        cache_control = mark,
        system = { text(mark) },
        tools = { { name = "a", input_schema = {}, cache_control = mark } },
        messages = user(text(mark)),
      })
    end
  )

  it("is refused a fifth time", function()
    local err = refused("cache_count", {
      cache_control = mark,
      system = { text(mark), text(mark) },
      messages = user(text(mark), text(mark)),
    })
    assert.truthy(err.message:find("5", 1, true))
  end)

  it("counts those inside tool results", function()
    local result = { type = "tool_result", tool_use_id = "t", content = { text(mark), text(mark) } }
    refused("cache_count", {
      system = { text(mark), text(mark), text(mark) },
      messages = user(result),
    })
  end)

  it("takes ttl 5m and 1h, longer before shorter", function()
    passes({ system = { text(hour) }, messages = user(text({ type = "ephemeral", ttl = "5m" })) })
    local err = refused("cache_order", { system = { text(mark) }, messages = user(text(hour)) })
    assert.equal("messages[1].content[1].cache_control", err.path)
    assert.truthy(err.message:find("system[1]", 1, true))
    refused("cache_ttl", { system = { text({ type = "ephemeral", ttl = "2h" }) } })
    refused("cache_type", { system = { text({ type = "lasting" }) } })
  end)

  it("never stands on thinking blocks or empty text", function()
    for _, kind in ipairs({ "thinking", "redacted_thinking" }) do
      local block = { type = kind, signature = "s", cache_control = mark }
      refused("cache_thinking", {
        messages = {
          { role = "user", content = "x" },
          { role = "assistant", content = { block, { type = "text", text = "y" } } },
          { role = "user", content = "z" },
        },
      })
    end
    local empty = { type = "text", text = "", cache_control = mark }
    refused("cache_empty", { messages = user(empty) })
  end)
end)

describe("thinking rule 13: other refusals foreseen", function()
  local call = { type = "tool_use", id = "toolu_1", name = "shell", input = {} }
  local other = { type = "tool_use", id = "toolu_2", name = "shell", input = {} }
  local result = { type = "tool_result", tool_use_id = "toolu_1", content = "ok" }
  local result2 = { type = "tool_result", tool_use_id = "toolu_2", content = "ok" }
  local text = { type = "text", text = "So" }

  local function turns(...)
    local messages = { { role = "user", content = "Run it" } }
    for i, content in ipairs({ ... }) do
      messages[#messages + 1] = { role = i % 2 == 1 and "assistant" or "user", content = content }
    end
    return { messages = messages }
  end

  it(
    "passes answered tool calls",
    function() passes(turns({ text, call, other }, { result, result2, text })) end
  )

  it("passes results that are spread over messages which the API merges", function()
    local params = turns({ call, other }, { result })
    table.insert(params.messages, { role = "user", content = { result2 } })
    passes(params)
  end)

  it("refuses a tool_use without its result", function()
    local err = refused("tool_use_unanswered", turns({ text, call, other }, { result }, "Ok"))
    assert.equal("messages[2].content[3]", err.path)
    refused("tool_use_unanswered", turns({ call }, "Hello"))
    refused("tool_use_unanswered", turns({ call }))
  end)

  it("refuses a result that nothing asked for, or a second one", function()
    refused("tool_result_unasked", turns({ text }, { result }))
    refused("tool_result_unasked", turns({ call }, { result }, { text }, { result2 }))
    refused("tool_result_twice", turns({ call }, { result, result }))
  end)

  it(
    "refuses text before the results",
    function() refused("tool_result_late", turns({ call }, { text, result })) end
  )

  it("refuses empty text and empty messages", function()
    local empty = { type = "text", text = "" }
    assert.equal("messages[3].content[1]", refused("empty_text", turns("Hi", { empty })).path)
    refused("empty_text", { system = { empty } })
    refused("empty_content", turns("Hi", {}))
    refused("empty_content", turns("", "x"))
    refused("messages_empty", { messages = {} })
  end)

  it("refuses blank text, but not from the model", function()
    local blank = { type = "text", text = " \t\r\n" }
    assert.equal("messages[3].content", refused("blank_text", turns("x", " ")).path)
    assert.equal("messages[3].content[2]", refused("blank_text", turns("x", { text, blank })).path)
    assert.equal("system[1]", refused("blank_text", { system = { blank } }).path)
    passes(turns({ blank }, "x"))
  end)

  it("refuses a system message without words", function()
    local function system(content)
      local messages = { { role = "user", content = "Hi" }, { role = "system", content = content } }
      return { model = "claude-opus-5-5", messages = messages }
    end
    refused("empty_text", system(""))
    refused("blank_text", system("\n"))
  end)

  it("refuses words of the user before the result of the server's own tool", function()
    local asked = { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = {} }
    local found = { type = "web_search_tool_result", tool_use_id = "srvtoolu_1", content = {} }
    passes(turns({ asked, found, text }, "x"))
    passes(turns({ asked, call }, { result }, { found, text }, "x"))
    local err = refused("server_tool_unresolved", turns({ asked, call }, { result, text }))
    assert.equal("messages[3].content[2]", err.path)
    refused("server_tool_unresolved", turns({ text, asked }, "x"))
  end)

  it("refuses unknown roles", function()
    refused("role_unknown", { messages = { { role = "tool", content = "x" } } })
    local err = refused("role_unknown", { messages = { { content = "x" } } })
    assert.equal("messages[1].role", err.path)
    assert.matches("role is missing", err.message)
  end)

  it("refuses misplaced system messages", function()
    local function with(position, params)
      params.model = "claude-opus-5-5"
      table.insert(params.messages, position, { role = "system", content = "Be brief" })
      return params
    end
    passes(with(2, turns("Hi", "And?")))
    passes(with(4, turns("Hi", "And?")))
    refused("system_misplaced", with(1, turns("Hi", "And?")))
    refused("system_misplaced", with(3, turns("Hi", "And?")))
    refused("system_misplaced", with(3, turns({ call }, { result })))
  end)

  it("refuses system messages on models that take none", function()
    local messages = { { role = "user", content = "x" }, { role = "system", content = "y" } }
    refused("system_model", { model = "claude-sonnet-5", messages = messages })
  end)

  it("refuses an assistant message that ends in thinking", function()
    local thinking = { type = "thinking", thinking = "So", signature = "s" }
    local err = refused("thinking_last", turns({ text, thinking }, "And?"))
    assert.equal("messages[2].content[2]", err.path)
  end)

  it(
    "says nothing about pairs when the server holds the messages before",
    function()
      passes({
        thread = { type = "continue", previous_message_id = "msg_1" },
        messages = { { role = "user", content = { result } } },
      })
    end
  )
end)
