local core = require("claude.core")
local raw = require("spec.support.raw_http")
local support = require("spec.support.chat")

local ROUNDS, REQUESTS = 50, 4 -- 50 questions, each answered in 4 requests: 200 turns

-- Input that a decoder and encoder on the way would not give back as it was.
local ODD =
  '{"n": 1.0, "big":12345678901234567890, "text":"a\\/b", "list":[ ], "deep":{"b":1,"a":2}}'

local BY_STEP = {
  function(id)
    return {
      support.thought("step one of " .. id),
      "I look.",
      { type = "tool_use", id = id .. "_a", name = "look", input_json = ODD },
      support.call("look", "beside", id .. "_b"),
    }
  end,
  function(id)
    return {
      { type = "redacted_thinking", thinking = "hidden " .. id },
      support.thought("step two"),
      support.call("look", "again", id .. "_c"),
    }
  end,
  function(id) return { support.thought("three"), support.call("fail", "x", id .. "_d") } end,
  function(id) return { support.thought("done"), "Answer " .. id } end,
}

-- Which step comes is a matter of the conversation alone: forks and undo find their own.
local function script(request)
  local step, questions = 1, 0
  for _, message in ipairs(request.messages) do
    if type(message.content) == "string" then
      questions, step = questions + 1, 1
    elseif message.role == "assistant" then
      step = step + 1
    end
  end
  return { content = BY_STEP[step](("toolu_%d"):format(questions)) }
end

local TOOLS = {
  support.tool("look", function(input) return { saw = input.text } end),
  support.tool("fail", function() error("nothing there", 0) end),
}

describe("a long conversation", function()
  local bench = support.bench({ chunk = 1, script = script })
  local client, sim = bench.client, bench.sim

  teardown(function() sim:close() end)

  local function begin()
    return client:conversation(support.params({
      model = "claude-opus-5-5",
      system = { { type = "text", text = "Be exact." } },
      tools = TOOLS,
    }))
  end

  local function ask(chat, question)
    local run = chat:user(question):run()
    local message = assert(run:final_message())
    assert.equal("end_turn", run.reason)
    return message
  end

  local function assert_prefixes(from, to)
    for i = from + 1, to do
      local before, now = support.sent_messages(sim, i - 1), support.sent_messages(sim, i)
      assert.is_true(before == now:sub(1, #before), "request " .. i)
    end
  end

  local chat = begin()

  it("of 200 turns with tools, byte by byte, has every signature accepted", function()
    local first = #sim.requests
    for round = 1, ROUNDS do
      ask(chat, "question " .. round)
    end
    assert.equal(first + ROUNDS * REQUESTS, #sim.requests)
    for i = first + 1, #sim.requests do
      assert.equal(200, sim.requests[i].status)
    end
    assert_prefixes(first + 1, #sim.requests)
    assert.same({}, support.codes(bench))
    assert.truthy(sim.requests[#sim.requests].body:find('"input":' .. ODD, 1, true))
  end)

  it("goes on from a file, from a fork and after undo", function()
    local hash = chat:prefix_hash()
    local loaded = assert(client:load(assert(chat:dump()), { tools = TOOLS }))
    assert.equal(hash, loaded:prefix_hash())
    local fork = chat:fork()
    ask(fork, "in the fork")
    local from = #sim.requests
    ask(loaded, "in another process")
    ask(chat, "in the trunk")
    assert.is_true(chat:undo())
    assert.equal(hash, chat:prefix_hash())
    for _ = 1, 25 do
      assert.is_true(chat:undo())
    end
    ask(chat, "from the middle")
    ask(fork, "in the fork again")
    for i = from + 1, #sim.requests do
      assert.equal(200, sim.requests[i].status)
    end
  end)

  describe("is refused once it was tampered with:", function()
    local body

    setup(function()
      local other = begin()
      ask(other, "one")
      ask(other, "two")
      ask(other, "three")
      body = sim.requests[#sim.requests].body
    end)

    local function post(text)
      return raw.post(sim, "/v1/messages", text, { ["content-type"] = "application/json" })
    end

    -- Replaces the n-th occurrence, which must be there.
    local function replaced(text, what, with, n)
      local from, to = 0, 0
      for _ = 1, n or 1 do
        from, to = text:find(what, to + 1, true)
        assert(from, "not found: " .. what)
      end
      return text:sub(1, from - 1) .. with .. text:sub(to + 1)
    end

    -- The request with one list of blocks, or the messages, changed as tables.
    local function edited(change)
      return function(text)
        local request = assert(core.decode(text))
        change(request.messages, request)
        return assert(core.encode(request, { request = true }))
      end
    end

    it("not, as it was sent", function() assert.equal(200, post(body).status) end)

    local tamperings = {
      ["a word of the first question"] = function(text) return replaced(text, '"one"', '"uno"') end,
      ["the system prompt"] = function(text) return replaced(text, "Be exact.", "Be vague.") end,
      ["a tool's description"] = function(text) return replaced(text, "For specs", "For us") end,
      ["a tool added"] = edited(
        function(_, request)
          request.tools[3] = { name = "new", input_schema = { type = "object", properties = {} } }
        end
      ),
      ["a number of an old tool input"] = function(text) return replaced(text, "1.0", "1.5") end,
      ["a digit beyond doubles of an old tool input"] = function(text)
        return replaced(text, "12345678901234567890", "12345678901234567891")
      end,
      ["a tool result"] = function(text) return replaced(text, "beside", "aside", 2) end,
      ["the text of a thinking block"] = function(text) return replaced(text, "step one", "1") end,
      ["a signature"] = function(text)
        local at = select(2, text:find('"signature":"', 1, true)) + 60
        local digit = text:sub(at, at) == "0" and "1" or "0"
        return text:sub(1, at - 1) .. digit .. text:sub(at + 1)
      end,
      ["redacted data"] = function(text)
        local at = select(2, text:find('"data":"', 1, true)) + 60
        local digit = text:sub(at, at) == "0" and "1" or "0"
        return text:sub(1, at - 1) .. digit .. text:sub(at + 1)
      end,
      ["an answer's words"] = function(text) return replaced(text, "Answer toolu_1", "No") end,
      ["a thinking block dropped in the middle"] = edited(
        function(messages) table.remove(messages[4].content, 1) end
      ),
      ["two blocks that changed places"] = edited(function(messages)
        local blocks = messages[4].content
        blocks[1], blocks[2] = blocks[2], blocks[1]
      end),
      ["a thinking block moved to another message"] = edited(function(messages)
        local moved = table.remove(messages[8].content, 1)
        table.insert(messages[16].content, 1, moved)
      end),
      ["a turn dropped in the middle"] = edited(function(messages)
        for _ = 1, 8 do
          table.remove(messages, 9)
        end
      end),
      ["the first turn dropped"] = edited(function(messages)
        for _ = 1, 8 do
          table.remove(messages, 1)
        end
      end),
    }

    local names = {}
    for name in pairs(tamperings) do
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      it(name, function()
        local tampered = tamperings[name](body)
        assert.not_equal(body, tampered)
        local answer = post(tampered)
        assert.equal(400, answer.status)
        assert.equal("invalid_request_error", answer.error.type)
      end)
    end
  end)

  it("has views whose change is refused before sending", function()
    local messages = chat:messages()
    messages[2].content[1].thinking = "other words"
    messages[#messages + 1] = { role = "user", content = "and?" }
    local sent = #sim.requests
    local params = support.params({ messages = messages, model = "claude-opus-5-5", tools = TOOLS })
    local answer, _, err = client.messages:create(params)
    assert.is_nil(answer)
    assert.equal("messages[2].content[1]", err.path)
    assert.equal(sent, #sim.requests)
  end)
end)
