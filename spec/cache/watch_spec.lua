--- What a conversation says of its cache: what was to be expected, what came, and why.
local api_server = require("spec.support.api_server")
local claude = require("claude")
local s = require("spec.support.stream")
local support = require("spec.support.chat")

local LONG = ("Careful and brief. "):rep(400)

describe("the cache report of a turn", function()
  local bench, client, sim

  local function start(options)
    options = options or {}
    options.script = options.script or function() return "ok" end
    bench = support.bench(options)
    client, sim = bench.client, bench.sim
  end

  local function begin(fields, options)
    start(options)
    local params = { cache = "auto", system = LONG }
    for name, value in pairs(fields or {}) do
      params[name] = value
    end
    return client:conversation(support.params(params))
  end

  local function last_report(chat)
    local turns = chat:usage().turns
    return turns[#turns].cache
  end

  --- Says something, and returns what the cache did.
  local function say(chat, overrides)
    assert(chat:user("go on"):send(overrides))
    return last_report(chat)
  end

  local function warnings_of(code)
    local texts = {}
    for _, warning in ipairs(bench.warnings) do
      if warning.code == code then texts[#texts + 1] = warning.text end
    end
    return texts
  end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  it("is there, too, when the user's own breakpoints leave none to be planned", function()
    local chat = begin()
    local mark = { type = "ephemeral" }
    for i = 1, 4 do
      assert(chat:user({ type = "text", text = "go on " .. i, cache_control = mark }):send())
    end
    local report = last_report(chat)
    assert.is_nil(sim.requests[4].request.cache_control)
    assert.is_true(report.expected > 0)
    assert.equal(report.expected, report.read)
  end)

  it("expects nothing of the first, and of the next what that one left", function()
    local chat = begin()
    local first = say(chat)
    assert.is_nil(first.identical)
    assert.same({ 0, 0 }, { first.expected, first.read })
    for _ = 1, 3 do
      local before = last_report(chat)
      local report = say(chat)
      assert.is_true(report.identical)
      assert.same({}, report.changed)
      assert.equal(before.read + before.written, report.expected)
      assert.equal(report.expected, report.read)
      assert.is_nil(report.miss)
    end
    assert.same({}, warnings_of("cache_miss"))
  end)

  it("is not made without the parameter cache", function()
    local chat = begin({ cache = false })
    assert.is_nil(say(chat))
  end)

  it("belongs to every request of a run", function()
    local chat = begin({ tools = { support.tool("t", function() return "y" end) } }, {
      script = function(_, info)
        return info.count == 0 and { content = { support.call("t", "x") } } or "done"
      end,
    })
    assert(chat:user("a"):run():final_message())
    assert.is_true(last_report(chat).identical)
    assert.equal(last_report(chat).expected, last_report(chat).read)
  end)

  it("has hashes of what was sent, whatever the breakpoints, in any process", function()
    local chat = begin()
    local loaded = assert(client:load(assert(chat:dump())))
    local one, two = say(chat).hashes, say(loaded, { cache = { ttl = "1h" } }).hashes
    assert.same(one, two)
    local other = client:conversation(support.params({ cache = "auto", system = LONG .. "." }))
    local hashes = say(other).hashes
    assert.equal(one.tools, hashes.tools)
    assert.equal(one.messages, hashes.messages)
    assert.not_equal(one.system, hashes.system)
    assert.not_equal(one.messages, say(chat).hashes.messages)
  end)

  it("goes on in a fork", function()
    local chat = begin()
    say(chat)
    local report = say(chat:fork())
    assert.is_true(report.identical)
    assert.is_true(report.expected > 1024 and report.expected == report.read)
  end)

  it("warns of a miss that nothing explains, with both numbers", function()
    local chat = begin()
    local first = say(chat)
    sim:advance(400) -- and the clock of this machine says that no time has passed
    local report = say(chat)
    assert.same({ true, "unexplained", 0 }, { report.identical, report.miss, report.read })
    assert.equal(first.written, report.expected)
    local warned = warnings_of("cache_miss")
    assert.equal(1, #warned)
    assert.equal(report.text, warned[1]:sub(1, #report.text))
    assert.truthy(warned[1]:find("diagnostics = true", 1, true))
    assert.truthy(report.text:find(tostring(first.written), 1, true))
    assert.truthy(report.text:find("byte for byte", 1, true))
  end)

  describe("with time passing", function()
    local real, ahead = os.time, 0
    before_each(function()
      ahead = 0
      os.time = function(...) return real(...) + (... and 0 or ahead) end -- luacheck: ignore 122
    end)
    after_each(function()
      os.time = real -- luacheck: ignore 122
    end)

    local function pass(seconds)
      ahead = ahead + seconds
      sim:advance(seconds)
    end

    it("expects nothing once the time to live is over, and does not warn", function()
      local chat = begin()
      say(chat)
      pass(400)
      local report = say(chat)
      assert.same({ "expired", 0, 0 }, { report.miss, report.expected, report.read })
      assert.is_true(report.identical)
      assert.truthy(report.text:find("400 seconds ago", 1, true))
      assert.same({}, warnings_of("cache_miss"))
    end)

    it("expects all of it after as long when it was cached for an hour", function()
      local chat = begin({ cache = { ttl = "1h" } })
      say(chat)
      pass(400)
      local report = say(chat)
      assert.is_nil(report.miss)
      assert.is_true(report.expected > 1024 and report.expected == report.read)
    end)

    it("reads system for an hour when messages live for five minutes", function()
      local chat = begin({ cache = { system = "1h" } })
      say(chat)
      pass(400)
      local report = say(chat)
      assert.equal("expired", report.miss)
      assert.is_true(report.read > 1024)
    end)
  end)

  describe("names what changed:", function()
    local function after(overrides, fields)
      local chat = begin(fields)
      say(chat)
      return say(chat, overrides), chat
    end

    it("the model", function()
      local report = after({ model = "claude-opus-5" })
      assert.same({ true, "changed", { "model" } }, {
        report.identical,
        report.miss,
        report.changed,
      })
      assert.same({ report.text }, warnings_of("cache_miss"))
    end)

    it("tool_choice", function()
      local fields = { tools = { support.tool("t") } }
      local report = after({ tool_choice = { type = "none" } }, fields)
      assert.same({ "changed", { "tool_choice" } }, { report.miss, report.changed })
      assert.is_true(report.read > 1024) -- tools and system stay
    end)

    it("the output format", function()
      local schema = { type = "object", additionalProperties = false }
      local report = after({
        output_config = { format = { type = "json_schema", schema = schema } },
      })
      assert.same({ "changed", { "format" } }, { report.miss, report.changed })
    end)

    it("the effort, whose change has a warning of its own", function()
      local report = after({ output_config = { effort = "low" } })
      assert.same({ "changed", { "effort" } }, { report.miss, report.changed })
      assert.same({}, warnings_of("cache_miss"))
      assert.equal(1, #warnings_of("thinking_changed"))
    end)

    it("not the effort when the default is written out, nor how thinking is shown", function()
      local report = after({
        output_config = { effort = "high" },
        thinking = { type = "adaptive", display = "omitted" },
      })
      assert.is_nil(report.miss)
      assert.same({}, report.changed)
    end)

    it("an image that came in", function()
      local chat = begin()
      say(chat)
      local source = { type = "base64", media_type = "image/png", data = "iVBORw0KGgo=" }
      chat:user({ type = "image", source = source })
      local report = say(chat)
      assert.same({ "changed", { "images" } }, { report.miss, report.changed })
      assert.is_nil(say(chat).miss)
    end)

    it("a compaction, which nobody needs to be warned of", function()
      local chat = begin({ betas = { "compact-2026-01-12" } }, {
        script = function(_, info)
          local summary = { type = "compaction", content = "what was said" }
          return { content = { info.count == 1 and summary or "x", "ok" } }
        end,
      })
      say(chat)
      assert.same({}, say(chat).changed)
      assert.same({ "compaction" }, say(chat).changed)
      assert.same({}, say(chat).changed)
      assert.same({}, warnings_of("cache_miss"))
    end)

    it("what the API cut out of the context, without a warning", function()
      local edits = claude.array({ { type = "clear_tool_uses_20250919", cleared_tool_uses = 1 } })
      local chat = begin(nil, {
        script = function(_, info)
          if info.count == 1 then return { context_management = { applied_edits = edits } } end
          return "ok"
        end,
      })
      say(chat)
      sim:advance(400) -- as good as a prefix that is another one
      local report = say(chat)
      assert.same({ "changed", { "context_management" } }, { report.miss, report.changed })
      assert.same({}, warnings_of("cache_miss"))
    end)

    it("what a repair took out of the history, and goes on from there", function()
      local chat = begin({ on_binding_error = "repair", model = "claude-opus-5-5" }, {
        script = function() return { content = { support.thought("hm"), "ok" } } end,
      })
      say(chat)
      say(chat)
      -- The same history behind other words of the system: no signature fits.
      local fields = { cache = "auto", system = LONG .. "New.", model = "claude-opus-5-5" }
      fields.messages, fields.on_binding_error = chat:messages(), "repair"
      local moved = client:conversation(support.params(fields))
      assert.is_nil(say(moved).miss)
      assert.equal(1, #moved.repairs)
      local report = say(moved)
      assert.same({ true, report.expected }, { report.identical, report.read })
      assert.is_true(report.read > 1024)
    end)

    it("the message from which on the history is another one", function()
      local chat = begin()
      say(chat)
      say(chat)
      assert(chat:undo())
      assert(chat:user("something else"):send())
      local report = last_report(chat)
      assert.is_false(report.identical)
      assert.same({ { "messages" }, "messages[3]" }, { report.changed, report.path })
      assert.equal("changed", report.miss)
      assert.is_true(report.read > 1024) -- up to there
    end)
  end)

  describe("where nothing was cached", function()
    it("warns once of a prompt that is too short for the model", function()
      local chat = begin({ system = "Be brief." })
      local report = say(chat)
      assert.equal("short", report.miss)
      say(chat)
      local texts = warnings_of("cache_short")
      assert.equal(1, #texts)
      assert.truthy(texts[1]:find("caches from 1024 on", 1, true), texts[1])
      assert.same({}, warnings_of("cache_miss"))
    end)

    it("warns after messages:create as well", function()
      start()
      local params = support.params({ cache = "auto" })
      params.messages = { { role = "user", content = "Hi" } }
      assert(client.messages:create(params))
      assert.equal(1, #warnings_of("cache_short"))
      params.system = LONG
      assert(client.messages:create(params))
      assert.equal(1, #warnings_of("cache_short"))
    end)

    it("says that it may be too short for a model nobody knows", function()
      local chat = begin({ system = "x", model = "my-model" }, {
        models = { ["my-model"] = "claude-opus-5" },
      })
      assert.truthy(say(chat).text:find("may be shorter", 1, true))
    end)

    it("says that a marked part is too short in a long prompt", function()
      local chat = begin({ system = "Be brief.", cache = { messages = false } })
      chat:user(LONG)
      local report = say(chat)
      assert.equal("short", report.miss)
      assert.truthy(report.text:find("what has a breakpoint is shorter", 1, true))
    end)

    it("calls it unexplained when the prompt was long enough", function()
      local server = api_server.start({
        {
          body = s.stream(s.reply({ { '{"type":"text","text":"Hi"}' } }))
            :gsub('_tokens":7', '_tokens":9000'),
        },
      })
      local texts = {}
      local other = claude.new({
        api_key = "k",
        base_url = server.url,
        on_warning = function(text, code) texts[code] = text end,
      })
      local chat = other:conversation(support.params({ cache = "auto" }))
      assert(chat:user("a"):send())
      assert.equal("unexplained", chat:usage().turns[1].cache.miss)
      assert.truthy(texts.cache_miss:find("the prompt has 9000", 1, true))
      server:close()
    end)
  end)

  describe("with diagnostics", function()
    it("names the message before to the API, from the second request on", function()
      local chat = begin({ cache = { diagnostics = true } })
      say(chat)
      say(chat)
      assert.is_nil(sim.requests[1].request.diagnostics)
      local id = chat:usage().turns[1].id
      assert.same({ previous_message_id = id }, sim.requests[2].request.diagnostics)
    end)

    it("needs a conversation, which knows the message before", function()
      start()
      local params = support.params({ cache = { diagnostics = true } })
      params.messages = { { role = "user", content = "Hi" } }
      local message, _, err = client.messages:create(params)
      assert.is_nil(message)
      assert.same({ "invalid", "cache_diagnostics" }, { err.kind, err.rule })
      params.diagnostics = { previous_message_id = "msg_1" }
      assert(client.messages:create(params))
    end)

    it("is not asked for otherwise", function()
      local chat = begin()
      say(chat)
      say(chat)
      assert.is_nil(sim.requests[2].request.diagnostics)
    end)

    it("has what the API found changed, in the text as well", function()
      local chat = begin({ cache = { diagnostics = true } })
      say(chat)
      assert.equal("model_changed", say(chat, { model = "claude-opus-5" }).diagnosis)
    end)

    it("names it also in another process", function()
      local chat = begin({ cache = { diagnostics = true } })
      say(chat)
      local loaded = assert(client:load(assert(chat:dump())))
      assert.is_nil(say(loaded).diagnosis)
      assert.truthy(sim.requests[2].request.diagnostics.previous_message_id)
      -- Another API does not know the message.
      local dump = assert(loaded:dump())
      sim:close()
      start()
      local report = say(assert(client:load(dump)))
      assert.equal("previous_message_not_found", report.diagnosis)
    end)
  end)
end)
