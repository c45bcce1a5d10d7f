--- The simulator's prompt cache: what is written, read and lost.
local cases = require("spec.support.api_cases")
local claude = require("claude")
local core = require("claude.core")
local library = require("claude.models")
local models = require("claude.simulator.models")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local LONG = ("many words of a long prompt "):rep(700) -- about 4,900 tokens
local HOUR, MINUTES = cases.HOUR, cases.MINUTES

describe("the simulator's prompt cache", function()
  local sim
  local function start(options)
    options = options or {}
    options.script = options.script or function() return "ok" end
    sim = assert(simulator.start(options))
  end
  after_each(function() sim:close() end)

  local function answer(fields, headers)
    local reply = raw.post(sim, "/v1/messages", cases.body(fields), headers)
    assert.equal(200, reply.status, reply.error and reply.error.message)
    return reply.json
  end
  local function usage(fields, headers) return answer(fields, headers).usage end
  local function read(fields, headers) return usage(fields, headers).cache_read_input_tokens end

  local function with_system(control)
    return { system = { cases.cached(cases.text(LONG), control) } }
  end

  describe("has times to live:", function()
    it("after five minutes nothing is left", function()
      start()
      usage(with_system(MINUTES))
      sim:advance(290)
      assert.is_true(read(with_system(MINUTES)) > 0)
      sim:advance(301)
      assert.equal(0, read(with_system(MINUTES)))
    end)

    it("an hour outlives five minutes", function()
      start()
      local fields = {
        system = { cases.cached(cases.text(LONG), HOUR) },
        messages = { cases.user({ cases.cached(cases.text(LONG), MINUTES) }) },
      }
      local first = usage(fields)
      local hour = first.cache_creation.ephemeral_1h_input_tokens
      local minutes = first.cache_creation.ephemeral_5m_input_tokens
      assert.is_true(hour > 1024 and minutes > 1024)
      sim:advance(600)
      local second = usage(fields)
      assert.equal(hour, second.cache_read_input_tokens)
      assert.equal(minutes, second.cache_creation.ephemeral_5m_input_tokens)
      assert.equal(0, second.cache_creation.ephemeral_1h_input_tokens)
      sim:advance(3601)
      assert.equal(0, read(fields))
    end)

    it("reading makes an entry live on", function()
      start()
      usage(with_system(MINUTES))
      for _ = 1, 5 do
        sim:advance(200)
        assert.is_true(read(with_system(MINUTES)) > 0)
      end
    end)

    it("reading for five minutes does not shorten an hour", function()
      start()
      usage(with_system(HOUR))
      usage(with_system(MINUTES))
      sim:advance(1800)
      assert.is_true(read(with_system(MINUTES)) > 0)
    end)

    it("what expired is forgotten, so that a simulator may run for long", function()
      local caches = require("claude.simulator.cache")
      local now = 0
      local cache = caches.new(function() return now end)
      for i = 1, 5000 do
        now = now + 1
        local trail = { { hash = tostring(i), tokens = 5000 } }
        cache:account({ tokens = 5000, trail = trail, marks = { { at = 1, ttl = "5m" } } }, 1024, 0)
      end
      local count = 0
      for _ in pairs(cache.entries) do
        count = count + 1
      end
      assert.is_true(count < 1500, count)
    end)

    it("an entry is there once its response begins, and not before", function()
      start({ delay = 0.7 })
      local client = claude.new({ api_key = "any", base_url = sim.url })
      local params = cases.body(with_system(MINUTES))
      local reads = {}
      for _, message in
        claude.map({ 1, 2 }, function() return assert(client.messages:create(params)) end)
      do
        reads[#reads + 1] = message.usage.cache_read_input_tokens
      end
      assert.same({ 0, 0 }, reads)
      assert.is_true(assert(client.messages:create(params)).usage.cache_read_input_tokens > 0)
    end)
  end)

  it("has a shortest prefix for each model", function()
    start()
    for _, model in ipairs(models.all) do
      local function written(tokens)
        local fields = with_system(MINUTES)
        fields.model = model.id
        fields.system[1].text = model.id .. ("x"):rep(4 * tokens - #model.id)
        return usage(fields).cache_creation_input_tokens
      end
      assert.equal(0, written(model.cache_min - 40), model.id)
      assert.is_true(written(model.cache_min) >= model.cache_min, model.id)
      local known = library.capabilities(model.id)
      assert.equal(known.cache_min, model.cache_min, model.id)
    end
  end)

  -- Two settings that a model takes and that differ for it.
  local function thinking_settings(model)
    local all = {
      { type = "adaptive" },
      { type = "enabled", budget_tokens = 2000 },
      { type = "disabled" },
      { type = "between_tools" },
    }
    local taken = {}
    for _, setting in ipairs(all) do
      if model.thinking[setting.type] then taken[#taken + 1] = setting end
    end
    if model.thinking.enabled then taken[2] = { type = "enabled", budget_tokens = 3000 } end
    return taken[1], taken[2]
  end

  --- What stays of a prompt with tools, system and messages once a parameter changes.
  local function kept(model, before, after)
    local function fields(more)
      local all = {
        model = model.id,
        tools = {
          cases.cached({ name = "t", description = LONG, input_schema = { type = "object" } }),
        },
        system = { cases.cached(cases.text(LONG)) },
        messages = { cases.user({ cases.cached(cases.text(LONG)) }) },
      }
      for name, value in pairs(more) do
        all[name] = value
      end
      return all
    end
    local whole = usage(fields(before)).cache_creation_input_tokens
    local part = read(fields(after))
    if part == 0 then return "none" end
    if part == whole then return "messages" end
    return part > whole / 2 and "system" or "tools"
  end

  local STAYS = { all = "none", messages = "system" }

  for _, model in ipairs(models.all) do
    local known = library.capabilities(model.id)
    local one, other = thinking_settings(model)
    if other then
      it(("loses %s on %s when thinking changes"):format(known.thinking_loses, model.id), function()
        start()
        local stays = kept(model, { thinking = one }, { thinking = other })
        assert.equal(STAYS[known.thinking_loses], stays)
      end)
    end
    if #model.efforts > 0 then
      it(("loses %s on %s when the effort changes"):format(known.effort_loses, model.id), function()
        start()
        local stays = kept(model, {}, { output_config = { effort = "low" } })
        assert.equal(STAYS[known.effort_loses], stays)
      end)
      it("keeps all on " .. model.id .. " when the default effort is written out", function()
        start()
        local stays = kept(model, {}, { output_config = { effort = model.effort } })
        assert.equal("messages", stays)
      end)
    end
  end

  it("keeps all when thinking is only shown otherwise", function()
    start()
    local function shown(how) return { thinking = { type = "adaptive", display = how } } end
    local stays = kept(models.find("claude-opus-5"), shown("omitted"), shown("summarized"))
    assert.equal("messages", stays)
  end)

  describe("loses, when", function()
    local model = models.find("claude-opus-4-8")
    before_each(function() start() end)

    it(
      "tool_choice changes, the messages",
      function() assert.equal("system", kept(model, {}, { tool_choice = { type = "none" } })) end
    )

    it("an image comes in, the messages", function()
      local source = { type = "base64", media_type = "image/png", data = "iVBORw0KGgo=" }
      local message = cases.user({
        cases.cached(cases.text(LONG)),
        { type = "image", source = source },
      })
      assert.equal("system", kept(model, {}, { messages = { message } }))
    end)

    it("an output format changes, system and the messages", function()
      local schema = { type = "object", properties = {}, additionalProperties = false }
      local format = { type = "json_schema", schema = schema }
      assert.equal("tools", kept(model, {}, { output_config = { format = format } }))
    end)

    it(
      "the model changes, everything",
      function() assert.equal("none", kept(model, {}, { model = "claude-opus-5" })) end
    )

    it("a tool is loaded later, nothing", function()
      local tool = { name = "t", description = LONG, input_schema = { type = "object" } }
      local later = { name = "u", input_schema = { type = "object" }, defer_loading = true }
      assert.equal("messages", kept(model, {}, { tools = { cases.cached(tool), later } }))
    end)
  end)

  describe("tells in diagnostics", function()
    local function ask(fields, id)
      fields.diagnostics = { previous_message_id = id }
      return answer(fields)
    end

    it("nothing when it is not asked", function()
      start()
      assert.is_nil(answer({}).diagnostics)
    end)

    it("that nothing differs, as null", function()
      start()
      local first = answer({})
      local fields = { messages = { cases.user("Hello"), cases.assistant("ok"), cases.user("b") } }
      fields.diagnostics = { previous_message_id = first.id }
      local reply = raw.post(sim, "/v1/messages", cases.body(fields))
      assert.is_truthy(reply.body:find('"diagnostics":null', 1, true))
    end)

    for reason, change in pairs({
      model_changed = { model = "claude-opus-4-6" },
      system_changed = { system = "other" },
      tools_changed = { tools = { { name = "u", input_schema = { type = "object" } } } },
      messages_changed = { messages = { cases.user("Other") } },
    }) do
      it(reason, function()
        start()
        local first = answer({})
        assert.equal(reason, ask(change, first.id).diagnostics.cache_miss_reason.type)
      end)
    end

    it("that it does not know the message", function()
      start()
      local reason = ask({}, "msg_unknown").diagnostics.cache_miss_reason
      assert.same({ type = "previous_message_not_found" }, reason)
    end)

    it("in the first event of a stream", function()
      start()
      local fields = { stream = true, diagnostics = { previous_message_id = "msg_unknown" } }
      local body = raw.post(sim, "/v1/messages", cases.body(fields)).body
      local first = core.decode(body:match("event: message_start\ndata: ([^\n]*)"))
      assert.equal("previous_message_not_found", first.message.diagnostics.cache_miss_reason.type)
    end)
  end)
end)
