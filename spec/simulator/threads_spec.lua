local cases = require("spec.support.api_cases")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local body, user = cases.body, cases.user
local BETA = { ["anthropic-beta"] = "message-threads-2026-08-12" }
local CREATE = { type = "create" }

local function continue(id) return { type = "continue", previous_message_id = id } end

describe("claude.simulator's threads", function()
  local sim, asked
  before_each(function()
    asked = {}
    sim = assert(simulator.start({
      script = function(request)
        asked[#asked + 1] = request
        local how = request.metadata and request.metadata.user_id
        local turn = { content = { "Reply " .. #asked } }
        turn.pace = how == "slow" and 0.05 or nil
        turn.cut = how == "cut" and { at_byte = 20 } or nil
        turn.stream_error = how == "error" and {} or nil
        return turn
      end,
    }))
  end)
  after_each(function() sim:close() end)

  local function post(fields) return raw.post(sim, "/v1/messages", body(fields), BETA) end
  local function created(fields)
    local all = { thread = CREATE }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    return assert(post(all).json.id)
  end
  local function request_of(fields)
    local headers = { ["x-api-key"] = "k", ["anthropic-version"] = "2023-06-01" }
    headers["anthropic-beta"] = BETA["anthropic-beta"]
    local json = assert(core.encode(body(fields), { request = true }))
    return raw.request("POST", "/v1/messages", headers, json)
  end
  local function refused(answer)
    return { answer.status, (answer.error.details or {}).error_code, answer.error.type }
  end

  it("hold the conversation: a later request sends what is new, and its model sees all", function()
    local id = created({ system = "Be brief.", tools = { cases.TOOL } })
    local answer = post({ thread = continue(id), messages = { user("And now?") } })
    assert.equal("Reply 2", answer.json.content[1].text)
    local seen = asked[2]
    assert.same({ "Be brief.", "t" }, { seen.system, seen.tools[1].name })
    assert.same(
      { "Hello", "Reply 1", "And now?" },
      { seen.messages[1].content, seen.messages[2].content[1].text, seen.messages[3].content }
    )
    local third = post({ thread = continue(answer.json.id), messages = { user("Well?") } })
    assert.equal("Reply 3", third.json.content[1].text)
    assert.equal(5, #asked[3].messages)
  end)

  it("count the whole conversation as input", function()
    local id = created({ system = ("word "):rep(200) })
    local answer = post({ thread = continue(id), messages = { user("x") } })
    assert.is_true(answer.json.usage.input_tokens > 200)
  end)

  it("take thinking that they hold as it was signed", function()
    sim:close()
    sim = assert(simulator.start({
      script = { { content = { { type = "thinking", thinking = "Hm." }, "One." } }, "Two." },
    }))
    local fields = { model = "claude-sonnet-5-5" }
    local id = created(fields)
    fields.thread, fields.messages = continue(id), { user("More") }
    assert.equal(200, post(fields).status)
  end)

  it("are judged as one conversation", function()
    local id = created()
    local answer = post({ thread = continue(id), messages = { user({ cases.result("toolu_x") }) } })
    assert.equal(400, answer.status)
    assert.matches("unexpected `tool_use_id`", answer.error.message, 1, true)
  end)

  it("want the beta", function()
    local answer = raw.post(sim, "/v1/messages", body({ thread = CREATE }))
    assert.equal("thread: Extra inputs are not permitted", answer.error.message)
  end)

  it(
    "are found by the id of a reply alone",
    function()
      assert.same(
        { 404, "thread_not_found", "not_found_error" },
        refused(post({ thread = continue("msg_none") }))
      )
    end
  )

  it("are continued from a reply once", function()
    local id = created()
    assert.equal(200, post({ thread = continue(id) }).status)
    assert.same(
      { 400, "thread_already_continued", "invalid_request_error" },
      refused(post({ thread = continue(id) }))
    )
  end)

  it("are continued by one request at a time", function()
    local id = created()
    local fields = { thread = continue(id), stream = true, metadata = { user_id = "slow" } }
    local request = request_of(fields)
    local texts = raw.together(sim.port, { request, request })
    local first, second = raw.parse(texts[1]), raw.parse(texts[2])
    if first.status ~= 200 then
      first, second = second, first
    end
    assert.equal(200, first.status)
    assert.same({ 400, "thread_continue_in_flight", "invalid_request_error" }, refused(second))
  end)

  it("hold no reply that was cut, and can be continued again", function()
    local id = created()
    local fields = body({ thread = continue(id), metadata = { user_id = "cut" } })
    assert.is_false(raw.post(sim, "/v1/messages", fields, BETA).whole)
    assert.equal(200, post({ thread = continue(id) }).status)
  end)

  it("hold no reply that failed in its stream", function()
    local id = created()
    local fields = { thread = continue(id), stream = true, metadata = { user_id = "error" } }
    assert.matches("overloaded_error", post(fields).body)
    assert.equal(200, post({ thread = continue(id) }).status)
  end)

  it("hold no reply whose client went away", function()
    local id = created()
    local fields = { thread = continue(id), stream = true, metadata = { user_id = "slow" } }
    raw.exchange(sim.port, request_of(fields), function(text) return text:find("ping") ~= nil end)
    raw.wait(function() return next(sim.server.connections) == nil end)
    assert.equal(200, post({ thread = continue(id) }).status)
  end)

  it("keep system and tools, which later requests leave out", function()
    local id = created({ system = "S" })
    local answer = post({ thread = continue(id), system = "S" })
    assert.equal(400, answer.status)
    assert.matches("^system: Extra inputs are not permitted", answer.error.message)
  end)

  it("want the same output_config in all requests", function()
    local id = created({ output_config = { effort = "low" } })
    local answer = post({ thread = continue(id), output_config = { effort = "high" } })
    assert.same({ 400, "thread_fingerprint_mismatch", "invalid_request_error" }, refused(answer))
    assert.matches("differing field%(s%): output_config$", answer.error.message)
    assert.equal(200, post({ thread = continue(id), output_config = { effort = "low" } }).status)
  end)

  it("do not count the breakpoints of earlier requests", function()
    local function marked(n)
      local blocks = {}
      for i = 1, n do
        blocks[i] = cases.cached(cases.text("block " .. i))
      end
      return { user(blocks) }
    end
    local id = created({ messages = marked(4) })
    assert.equal(200, post({ thread = continue(id), messages = marked(4) }).status)
  end)

  it("name what they cannot be combined with", function()
    local answer = raw.post(
      sim,
      "/v1/messages",
      body({ thread = CREATE, context_management = { edits = {} } }),
      { ["anthropic-beta"] = "message-threads-2026-08-12,context-management-2025-06-27" }
    )
    assert.same({ 400, "thread_unsupported_request", "invalid_request_error" }, refused(answer))
    assert.same({ "context_management" }, answer.error.details.unsupported)
  end)

  it("end five minutes after the latest reply", function()
    local id = created()
    sim:advance(299)
    local second = post({ thread = continue(id) }).json.id
    sim:advance(301)
    assert.equal("thread_not_found", refused(post({ thread = continue(second) }))[2])
  end)

  it("can be switched off, with the code that tells clients to send everything", function()
    sim:close()
    sim = assert(simulator.start({ script = "ok", threads = false }))
    assert.equal("thread_unsupported_request", refused(post({ thread = CREATE }))[2])
    assert.equal(200, raw.post(sim, "/v1/messages", body({})).status)
  end)

  it("are resumed after a pause by a request without messages", function()
    sim:close()
    sim = assert(simulator.start({
      script = { { content = { "Half" }, stop_reason = "pause_turn" }, "Done." },
    }))
    local id = created({ model = "claude-sonnet-5-5" })
    local answer = post({
      model = "claude-sonnet-5-5",
      thread = continue(id),
      messages = core.array({}),
    })
    assert.equal(200, answer.status, answer.error and answer.error.message)
  end)
end)
