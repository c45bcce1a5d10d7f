local claude = require("claude")
local support = require("spec.support.chat")

local OVERLOADED = { error = { status = 529 } }
local BUSY = { error = { status = 529 }, headers = { ["retry-after-ms"] = "1" } }
local SEARCH = { type = "web_search_20250305", name = "web_search" }
local PAUSED = {
  content = {
    "I search.",
    { type = "server_tool_use", id = "srvtoolu_1", name = "web_search", input = { query = "x" } },
  },
  stop_reason = "pause_turn",
}
local FOUND = {
  content = {
    { type = "web_search_tool_result", tool_use_id = "srvtoolu_1", content = {} },
    "Found.",
  },
}

describe("a reply that two tasks read", function()
  local bench

  after_each(function() bench.sim:close() end)

  -- What the tasks got, from a reply of which nothing has been read yet.
  local function read_by_two(script, retries)
    bench = support.bench({ script = script })
    local client = claude.new({ api_key = "k", base_url = bench.sim.url, max_retries = retries })
    local chat, texts = client:conversation(support.params()), {}
    assert(chat:user("Hi"))
    claude.loop(function()
      local stream = chat:stream()
      for i = 1, 2 do
        claude.spawn(function() texts[i] = assert(stream:final_message()):text() end)
      end
    end)
    return chat, texts
  end

  it("enters the conversation once", function()
    local chat, texts = read_by_two({ "Hello." }, 0)
    assert.same({ "Hello.", "Hello." }, texts)
    assert.equal(2, #chat:messages())
    assert.equal(1, #bench.sim.requests)
  end)

  it("is asked for once in a run, too", function()
    local CALL = { content = { support.call("echo", "a", "a") } }
    bench = support.bench({ script = { CALL, "Done.", "Another." } })
    local ran, texts = 0, {}
    local echo = support.tool("echo", function()
      ran = ran + 1
      claude.sleep(0)
      return "a"
    end)
    local chat = bench.client:conversation(support.params({ tools = { echo } }))
    assert(chat:user("Hi"))
    claude.loop(function()
      local run = chat:run()
      for i = 1, 2 do
        claude.spawn(function() texts[i] = assert(run:final_message()):text() end)
      end
    end)
    assert.same({ "Done.", "Done." }, texts)
    assert.same({ 2, 1, 4 }, { #bench.sim.requests, ran, #chat:messages() })
  end)

  it("is asked for again once", function()
    local chat, texts = read_by_two({ BUSY, "Hello.", "Another." }, 2)
    assert.same({ "Hello.", "Hello." }, texts)
    assert.equal(2, #chat:messages())
    assert.equal(2, #bench.sim.requests)
  end)
end)

describe("a conversation whose reply is not at its end", function()
  local bench, sim

  local function begin(script, fields)
    bench = support.bench({ script = script })
    sim = bench.sim
    return bench.client:conversation(support.params(fields))
  end

  after_each(function() sim:close() end)

  it("goes on from a pause after a reply that added nothing", function()
    local refusal = { content = {}, stop_reason = "refusal" }
    local chat = begin({ PAUSED, refusal, FOUND }, { tools = { SEARCH } })
    assert(chat:user("Hi"):send())
    local hash = chat:prefix_hash()
    assert.equal("refusal", assert(chat:send()).stop_reason)
    assert.equal(hash, chat:prefix_hash())
    assert.equal("Found.", assert(chat:send()):text())
  end)

  it("goes on from what was kept after a request that failed", function()
    local cut = { content = { "One, two" }, stream_error = { after_event = 4 } }
    local chat = begin(
      { cut, OVERLOADED, ", three" },
      { model = "claude-haiku-4-5", thinking = { type = "disabled" } }
    )
    local _, _, err = chat:user("Count"):send()
    assert(chat:keep(err.partial))
    _, _, err = chat:send()
    assert.equal(529, err.status)
    assert.equal(", three", assert(chat:send()):text())
  end)

  it("has what is said after a request that failed before the system message of that", function()
    local chat = begin({ OVERLOADED, "Hello." }, { cache = "auto" })
    assert(chat:user("Hi"))
    assert(chat:system("Be brief."))
    assert.is_nil((chat:send()))
    local mark = { type = "ephemeral" }
    assert(chat:user({ type = "text", text = "And?", cache_control = mark }))
    local shown = chat:messages()
    assert.equal("Hello.", assert(chat:send()):text())
    local sent = sim.requests[2].request.messages
    local roles = {}
    for i, message in ipairs(sent) do
      roles[i] = message.role
      assert.equal(message.role, shown[i].role)
    end
    assert.equal("user user system", table.concat(roles, " "))
    assert.same(mark, sent[2].content[1].cache_control)
    assert.equal("Be brief.", sent[3].content)
  end)

  it("goes on from a system message after a request that failed", function()
    local found = { content = { PAUSED.content[2], FOUND.content[1] } }
    local chat = begin({ found, OVERLOADED, "Briefly." }, { tools = { SEARCH } })
    assert(chat:user("Hi"):send())
    assert(chat:system("Be brief."))
    local _, _, err = chat:send()
    assert.equal(529, err.status)
    assert.equal("Briefly.", assert(chat:send()):text())
  end)

  it("keeps what arrived of the rest of a paused reply", function()
    local cut = { content = FOUND.content, stream_error = { after_event = 6 } }
    local chat = begin({ PAUSED, cut, "Good." }, { tools = { SEARCH } })
    assert(chat:user("Hi"):send())
    local _, _, err = chat:send()
    assert(chat:keep(err.partial))
    assert.equal("Good.", assert(chat:user("And?"):send()):text())
  end)

  it("keeps a reply that was whole when it was cancelled", function()
    local chat = begin({ "All of it.", "Good." })
    local run = chat:user("Hi"):run()
    repeat
    until run:next() == "message_stop"
    run:cancel()
    local _, _, err = run:next()
    assert.equal("cancelled", err.kind)
    assert(chat:keep(err.partial))
    assert.equal("All of it.", chat:messages()[2].content[1].text)
    local _, _, nothing = chat:send()
    assert.equal("invalid", nothing.kind)
    assert(chat:user("And?"):send())
  end)

  it("keeps the user from speaking before the result of the server's own tool", function()
    local chat = begin({ PAUSED, FOUND, "Good." }, { tools = { SEARCH } })
    assert(chat:user("Hi"):send())
    local _, _, err = chat:user("Stop"):send()
    assert.same({ "invalid", "server_tool_unresolved" }, { err.kind, err.rule })
    assert.equal("messages[3].content", err.path)
    assert.is_true(chat:undo())
    assert(chat:send())
    assert(chat:user("And?"):send())
  end)

  it("takes no other thinking until it is", function()
    local chat = begin({ PAUSED, FOUND }, { tools = { SEARCH } })
    assert(chat:user("Hi"):send())
    local _, _, err = chat:send({ thinking = { type = "disabled" } })
    assert.same({ "invalid", "thinking_in_turn" }, { err.kind, err.rule })
    assert(chat:send())
  end)

  it("takes no other thinking once results were given, even if the request failed", function()
    local chat = begin({ { content = { support.call("t", "x") } }, OVERLOADED, "Done." }, {
      tools = { support.tool("t", function() return "y" end) },
    })
    local _, _, err = chat:user("Hi"):run():final_message()
    assert.equal(529, err.status)
    _, _, err = chat:send({ thinking = { type = "disabled" } })
    assert.equal("thinking_in_turn", err.rule)
    assert(chat:send())
  end)

  it("is a prefill when it was kept, whatever stands before its last text", function()
    local cut = {
      content = { support.thought("Hm."), "One", "two" },
      stream_error = { after_event = 11 },
    }
    local chat = begin({ cut })
    local _, _, err = chat:user("Hi"):send()
    assert(chat:keep(err.partial))
    _, _, err = chat:send()
    assert.same({ "invalid", "prefill_model" }, { err.kind, err.rule })
  end)
end)

describe("a reply that the API gives up in its middle", function()
  local bench, chat
  local FAILING = { content = { "Half" }, stream_error = { type = "api_error", after_event = 4 } }

  local function begin(script, tools)
    bench = support.bench({ script = script })
    bench.client.max_retries = 1
    chat = bench.client:conversation(support.params({ tools = tools }))
    chat:user("Hi")
  end

  after_each(function() bench.sim:close() end)

  it("is begun anew while a run waits for its end only", function()
    local count = 0
    local tool = support.tool("t", function()
      count = count + 1
      return "y"
    end)
    local call = { content = { support.call("t", "x") } }
    begin({ call, FAILING, "Done." }, { tool })
    assert.equal("Done.", assert(chat:run():final_message()):text())
    assert.same({ 1, 3 }, { count, #bench.sim.requests })
    assert.equal(4, #chat:messages())
  end)

  it("is an error once a run has handed out a piece of it", function()
    begin({ FAILING, "Done." })
    local run = chat:run()
    assert(run:next())
    local _, _, err = run:final_message()
    assert.same({ "api_error", "Half" }, { err.type, err.partial:text() })
    assert.equal(1, #bench.sim.requests)
  end)

  it("is an error where tools begin before its end", function()
    begin({ FAILING, "Done." })
    local _, _, err = chat:run({ eager = true }):final_message()
    assert.equal("api_error", err.type)
    assert.equal(1, #bench.sim.requests)
  end)

  it("counts in what was used, with what came after it", function()
    begin({ FAILING, "Done." })
    assert(chat:send())
    assert.equal(2, #chat:usage().turns)
  end)
end)
