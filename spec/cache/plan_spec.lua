--- Where the parameter `cache` puts breakpoints, as the simulator gets them.
local api_server = require("spec.support.api_server")
local claude = require("claude")
local support = require("spec.support.chat")

local LONG = ("Careful and brief. "):rep(400) -- more than any model's shortest prefix
local MINUTES = { type = "ephemeral" }
local HOUR = { type = "ephemeral", ttl = "1h" }

describe("cache", function()
  local bench, client, sim

  local function start(script)
    bench = support.bench({ script = script or function() return "ok" end })
    client, sim = bench.client, bench.sim
  end

  local function begin(fields, script)
    start(script)
    return client:conversation(support.params(fields))
  end

  local function create(fields)
    if not sim then start() end
    local params = support.params(fields)
    params.messages = params.messages or { { role = "user", content = "Hi" } }
    return client.messages:create(params)
  end

  --- Every breakpoint of a request, as "place ttl".
  local function breakpoints(number)
    local request, found = sim.requests[number or #sim.requests].request, {}
    local function add(control, place)
      if control then found[#found + 1] = place .. " " .. (control.ttl or "5m") end
    end
    for i, tool in ipairs(request.tools or {}) do
      add(tool.cache_control, "tools." .. i)
    end
    for i, block in ipairs(type(request.system) == "table" and request.system or {}) do
      add(block.cache_control, "system." .. i)
    end
    for i, message in ipairs(request.messages) do
      for k, block in ipairs(type(message.content) == "table" and message.content or {}) do
        add(block.cache_control, ("messages.%d.%d"):format(i, k))
      end
    end
    add(request.cache_control, "top")
    return found
  end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  describe('"auto"', function()
    it("marks the last tool, the last block of system, and the tail", function()
      local chat = begin({
        cache = "auto",
        system = { { type = "text", text = "one" }, { type = "text", text = "two" } },
        tools = { support.tool("a"), support.tool("b") },
      })
      assert(chat:user("Hi"):send())
      assert.same({ "tools.2 5m", "system.2 5m", "top 5m" }, breakpoints())
    end)

    it("marks a system prompt that is one text, and a prompt without tools", function()
      local chat = begin({ cache = "auto", system = "one" })
      assert(chat:user("Hi"):send())
      assert.same({ "system.1 5m", "top 5m" }, breakpoints())
      assert.equal("one", sim.requests[1].request.system[1].text)
    end)

    it("leaves tools that are loaded later and an empty system prompt alone", function()
      local later = support.tool("b")
      later.defer_loading = true
      local chat = begin({ cache = "auto", system = "", tools = { support.tool("a"), later } })
      assert(chat:user("Hi"):send())
      assert.same({ "tools.1 5m", "top 5m" }, breakpoints())
    end)

    it("is for the library: the API gets no parameter cache", function()
      local chat = begin({ cache = "auto" })
      assert(chat:user("Hi"):send())
      assert.is_nil(sim.requests[1].request.cache)
    end)

    it("works for messages:create, tools with functions included", function()
      local tool = { name = "t", input_schema = { type = "object" }, run = function() end }
      assert(create({ cache = "auto", system = "one", tools = { tool } }))
      assert.same({ "tools.1 5m", "system.1 5m", "top 5m" }, breakpoints())
    end)

    it("works for messages:stream", function()
      start()
      local stream = client.messages:stream(support.params({
        cache = "auto",
        system = "one",
        messages = { { role = "user", content = "Hi" } },
      }))
      assert(stream:final_message())
      assert.same({ "system.1 5m", "top 5m" }, breakpoints())
    end)

    it("works for the requests of a batch", function()
      local answer = '{"id":"msgbatch_1","type":"message_batch","processing_status":"in_progress"}'
      local headers = { ["content-type"] = "application/json" }
      local server = api_server.start({ { headers = headers, body = answer } })
      local batches = claude.new({ api_key = "k", base_url = server.url }).messages.batches
      local params = support.params({ cache = "auto", system = "one" })
      params.messages = { { role = "user", content = "Hi" } }
      assert(batches:create({ requests = { { custom_id = "a", params = params } } }))
      local sent = server.requests[1].json.requests[1].params
      assert.same({ MINUTES, MINUTES }, { sent.cache_control, sent.system[1].cache_control })
      assert.is_nil(sent.cache)
      server:close()
    end)

    it("works for a conversation in a batch", function()
      local chat = begin({
        cache = "auto",
        model = "claude-sonnet-4-5",
        thinking = { type = "enabled", budget_tokens = 2000 },
        system = "one",
      })
      chat:user("Hi")
      local list = { { custom_id = "a", params = chat } }
      assert(client.messages.batches:create({ requests = list }))
      local sent = sim.requests[1].request.requests[1].params
      assert.same({ MINUTES, MINUTES }, { sent.cache_control, sent.system[1].cache_control })
      assert.is_nil(chat:dump():find("cache_control", 1, true))
    end)

    it("counts tokens without breakpoints", function()
      start()
      local params = { model = support.MODEL, cache = "auto", system = "one" }
      params.messages = { { role = "user", content = "Hi" } }
      assert(client.messages:count_tokens(params))
      assert.same({}, breakpoints())
    end)

    it("reads all of the last request back, turn after turn", function()
      local chat = begin({ cache = "auto", system = LONG })
      local before = 0
      for i = 1, 4 do
        local usage = assert(chat:user("turn " .. i):send()).usage
        assert.equal(before, usage.cache_read_input_tokens)
        before = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        assert.is_true(before > 1024)
      end
    end)
  end)

  describe("as a table", function()
    it("takes a ttl for all, and one for each level", function()
      assert(create({ cache = { ttl = "1h" }, system = "one", tools = { support.tool("a") } }))
      assert.same({ "tools.1 1h", "system.1 1h", "top 1h" }, breakpoints())
      assert(create({ cache = { ttl = "1h", messages = "5m" }, system = "one" }))
      assert.same({ "system.1 1h", "top 5m" }, breakpoints())
    end)

    it("leaves out the levels that are false", function()
      assert(create({ cache = { messages = false, tools = false }, system = "one" }))
      assert.same({ "system.1 5m" }, breakpoints())
    end)

    it("gives a level without a ttl the longest of those behind it", function()
      local tools = { support.tool("a") }
      assert(create({ cache = { system = "1h" }, system = "one", tools = tools }))
      assert.same({ "tools.1 1h", "system.1 1h", "top 5m" }, breakpoints())
    end)

    it("can be false, for one turn as well", function()
      local chat = begin({ cache = "auto", system = "one" })
      assert(chat:user("Hi"):send({ cache = false }))
      assert.same({}, breakpoints())
      assert(chat:user("Hi"):send())
      assert.same({ "system.1 5m", "top 5m" }, breakpoints())
    end)

    it("refuses a shorter ttl before a longer one, naming both", function()
      local _, _, err = create({
        cache = { tools = "5m", messages = "1h" },
        tools = { support.tool("a") },
      })
      assert.same({ "invalid", "cache_order", "cache" }, { err.kind, err.rule, err.path })
      assert.truthy(err.message:find("tools", 1, true))
      assert.equal(0, #sim.requests)
    end)

    it("refuses what it does not know, by its path", function()
      for _, case in ipairs({
        { true, "cache_setting", "cache" },
        { "all", "cache_setting", "cache" },
        { { ttl = "2h" }, "cache_ttl", "cache.ttl" },
        { { turns = 3 }, "cache_field", "cache.turns" },
        { { system = "forever" }, "cache_level", "cache.system" },
        { { diagnostics = "yes" }, "field_type", "cache.diagnostics" },
      }) do
        local message, _, err = create({ cache = case[1] })
        assert.is_nil(message)
        assert.same({ "invalid", case[2], case[3] }, { err.kind, err.rule, err.path })
      end
    end)
  end)

  describe("beside breakpoints of the user's own", function()
    local function marked(text, control)
      return { type = "text", text = text, cache_control = control or MINUTES }
    end

    it("leaves alone the levels that have one", function()
      local system = { marked("one"), { type = "text", text = "two" } }
      assert(create({ cache = "auto", system = system, tools = { support.tool("a") } }))
      assert.same({ "tools.1 5m", "system.1 5m", "top 5m" }, breakpoints())
    end)

    it("keeps a cache_control of the request", function()
      assert(create({ cache = "auto", cache_control = HOUR, system = "one" }))
      assert.same({ "system.1 1h", "top 1h" }, breakpoints())
    end)

    it("spends no more than four, on the tail first, then on system", function()
      local chat = begin({ cache = "auto", system = "one", tools = { support.tool("a") } })
      assert(chat:user(marked("a")):send())
      assert(chat:user(marked("b")):send())
      assert.same({ "system.1 5m", "messages.1.1 5m", "messages.3.1 5m", "top 5m" }, breakpoints())
      assert(chat:user(marked("c")):send())
      assert.same(
        { "messages.1.1 5m", "messages.3.1 5m", "messages.5.1 5m", "top 5m" },
        breakpoints()
      )
      assert(chat:user(marked("d")):send())
      assert.equal(4, #breakpoints())
    end)

    it("gives what stands before an hour an hour", function()
      local messages = { { role = "user", content = { marked("Hi", HOUR) } } }
      assert(create({ cache = "auto", system = "one", messages = messages }))
      assert.same({ "system.1 1h", "messages.1.1 1h", "top 5m" }, breakpoints())
    end)

    it("sees those in JSON text", function()
      local json = '[{"type":"text","text":"one","cache_control":{"type":"ephemeral"}}]'
      assert(create({ cache = "auto", system = claude.json(json) }))
      assert.same({ "system.1 5m", "top 5m" }, breakpoints())
    end)
  end)

  describe("after a turn of more blocks than the API looks back over", function()
    local function calls(count, info)
      local content = {}
      for i = 1, count do
        content[i] = support.call("t", tostring(i), ("toolu_%d_%d"):format(info.count, i))
      end
      return { content = content }
    end

    --- A chat whose first reply has so many calls; each is answered.
    local function many(count, fields)
      fields.tools = { support.tool("t", function(input) return input.text end) }
      fields.system = LONG
      local chat = begin(fields, function(_, info)
        if info.count == 0 then return calls(count, info) end
        return "ok"
      end)
      chat:user("Hi")
      return chat
    end

    it("marks where the request before ended, and reads all of it", function()
      local chat = many(15, { cache = "auto" })
      local run = chat:run()
      assert(run:final_message())
      local first, second = run.messages[1].usage, run.messages[2].usage
      assert.same({ "tools.1 5m", "system.1 5m", "messages.1.1 5m", "top 5m" }, breakpoints())
      assert.equal(first.cache_creation_input_tokens, second.cache_read_input_tokens)
    end)

    it("goes with signatures that seal all that stands before", function()
      start(function(_, info)
        if info.count > 2 then return { content = { support.thought("so"), "done" } } end
        local turn = calls(12, info)
        table.insert(turn.content, 1, support.thought("hm " .. info.count))
        return turn
      end)
      local chat = client:conversation(support.params({
        model = "claude-opus-5-5",
        cache = "auto",
        system = LONG,
        tools = { support.tool("t", function(input) return input.text end) },
      }))
      local run = chat:user("Hi"):run()
      assert(run:final_message())
      assert(chat:user("more"):send({ cache = false }))
      assert.same({}, breakpoints())
      local turns = chat:usage().turns
      for i = 2, 4 do
        assert.equal(turns[i].cache.expected, turns[i].cache.read)
        assert.is_true(turns[i].cache.read > turns[i - 1].cache.read)
        assert.equal(4, #breakpoints(i))
      end
    end)

    it("loses that with breakpoints on the tail alone", function()
      local chat = many(15, { cache_control = MINUTES })
      local run = chat:run()
      assert(run:final_message())
      assert.equal(0, run.messages[2].usage.cache_read_input_tokens)
    end)

    it("marks nothing more where the tail sees far enough", function()
      local chat = many(5, { cache = "auto" })
      assert(chat:run():final_message())
      assert.same({ "tools.1 5m", "system.1 5m", "top 5m" }, breakpoints())
    end)

    it("keeps no breakpoint in the conversation, whose prefix stays the same", function()
      local chat = many(15, { cache = "auto" })
      assert(chat:run():final_message())
      local hash = chat:prefix_hash(3)
      assert.is_nil(chat:dump():find("cache_control", 1, true))
      assert(chat:user("more"):send())
      assert.equal(hash, chat:prefix_hash(3))
      -- Without the breakpoints both requests begin with the same bytes.
      local function plain(number)
        local text = support.sent_messages(sim, number)
        text = text:gsub(',"cache_control":{"type":"ephemeral"}', "")
        return (text:gsub('%[{"text":("[^"]*"),"type":"text"}%]', "%1"))
      end
      local before, now = plain(2), plain(3)
      assert.equal(before, now:sub(1, #before))
    end)

    it("holds for messages:create with the whole history", function()
      local chat = many(15, { cache = "auto" })
      assert(chat:run():final_message())
      local messages = chat:messages()
      messages[#messages] = nil
      assert(client.messages:create(support.params({
        cache = "auto",
        system = LONG,
        tools = { support.tool("t") },
        messages = messages,
      })))
      assert.same({ "tools.1 5m", "system.1 5m", "messages.1.1 5m", "top 5m" }, breakpoints())
    end)
  end)

  it("finds the last turn again where the model forgets what it thought in it", function()
    local chat = begin({
      cache = "auto",
      model = "claude-sonnet-4-5",
      thinking = { type = "enabled", budget_tokens = 2000 },
      system = LONG,
      tools = { support.tool("t", function() return "x" end) },
    }, function(_, info)
      if info.count > 3 then return "done" end
      local content = { support.thought("hm " .. info.count) }
      for i = 1, 3 do
        content[i + 1] = support.call("t", "x", ("toolu_%d_%d"):format(info.count, i))
      end
      return { content = content }
    end)
    local run = chat:user("one"):run()
    assert(run:final_message())
    local usage = assert(chat:user("two"):send()).usage
    assert.same({ "tools.1 5m", "system.1 5m", "messages.1.1 5m", "top 5m" }, breakpoints())
    local first = run.messages[1].usage
    assert.equal(first.cache_creation_input_tokens, usage.cache_read_input_tokens)
    local turns = chat:usage().turns
    local report = turns[#turns].cache
    assert.same({ report.read }, { report.expected, report.miss })
  end)
end)
