local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local CALCULATOR = {
  name = "calculator",
  description = "Evaluate arithmetic",
  input_schema = {
    type = "object",
    properties = { expression = { type = "string" } },
    required = { "expression" },
  },
}
local CLOCK = {
  name = "clock",
  description = "The current time",
  input_schema = { type = "object", properties = { timezone = { type = "string" } } },
}
local READER = {
  name = "read_file",
  description = "Read a file",
  input_schema = {
    type = "object",
    properties = { path = { type = "string" } },
    required = { "path" },
  },
}

local function body(fields)
  local all = {
    model = "claude-sonnet-4-6",
    max_tokens = 4096,
    messages = { { role = "user", content = "Hello" } },
  }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  return all
end

describe("claude.simulator", function()
  local sim

  local function start(options)
    sim = assert(simulator.start(options))
    return sim
  end

  local function create(fields, headers)
    local all = body(fields)
    return raw.post(sim, "/v1/messages", all, headers)
  end

  local function stream(fields, headers)
    fields = fields or {}
    fields.stream = true
    local answer = create(fields, headers)
    return raw.events(answer.body), answer
  end

  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  it("answers on the loopback address and nowhere else", function()
    start()
    assert.equal("http://127.0.0.1:" .. sim.port, sim.url)
    assert.equal("127.0.0.1", sim.server.listener:getsockname().ip)
  end)

  it("says that it is simulated", function()
    start()
    local answer = create()
    assert.equal(200, answer.status)
    assert.matches("Simulated reply", answer.json.content[1].text)
    assert.equal("lua-claude-simulator", answer.headers.server)
  end)

  it("answers without a stream as one message", function()
    start({ script = { "Good day." } })
    local message = create().json
    assert.same({ { type = "text", text = "Good day." } }, message.content)
    assert.same(
      { "message", "assistant", "claude-sonnet-4-6", "end_turn" },
      { message.type, message.role, message.model, message.stop_reason }
    )
    assert.matches("^msg_01", message.id)
  end)

  it("streams the events in the API's order", function()
    start({ script = { "Good day." } })
    local events, answer = stream()
    local names = {}
    for i, event in ipairs(events) do
      names[i] = event.name
      assert.equal(event.name, event.data.type)
    end
    assert.same({
      "message_start",
      "content_block_start",
      "ping",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    }, names)
    assert.equal("text/event-stream; charset=utf-8", answer.headers["content-type"])
    assert.is_true(answer.whole)
  end)

  it("says the same with and without a stream", function()
    local turn = {
      content = {
        { type = "thinking", thinking = "Let me see, ä€😀." },
        "I look.",
        { type = "tool_use", id = "toolu_1", name = "calculator", input = { expression = "1+1" } },
      },
    }
    local request = { tools = { CALCULATOR }, thinking = { type = "adaptive" } }
    start({ script = { turn } })
    local whole = create(request).json
    sim:close()
    start({ script = { turn }, piece = 1 })
    local streamed = raw.message((stream(request)))
    assert.same(whole.content, streamed.content)
    assert.equal("tool_use", streamed.stop_reason)
    assert.same(whole.usage, streamed.usage)
  end)

  it("depends on the seed alone", function()
    local function run(seed)
      start({ seed = seed })
      local _, answer = stream({ thinking = { type = "adaptive" } })
      sim:close()
      return answer.body
    end
    local first = run("a")
    assert.equal(first, run("a"))
    assert.are_not.equal(first, run("b"))
  end)

  it("takes a key or a bearer token, and refuses without", function()
    start()
    assert.equal(200, create(nil, { ["x-api-key"] = false, authorization = "Bearer t" }).status)
    local answer = create(nil, { ["x-api-key"] = false })
    assert.equal(401, answer.status)
    assert.same(
      { "authentication_error", "x-api-key header is required" },
      { answer.error.type, answer.error.message }
    )
    assert.equal("invalid x-api-key", create(nil, { ["x-api-key"] = "" }).error.message)
    assert.equal(
      "Invalid bearer token",
      create(nil, { ["x-api-key"] = false, authorization = "Basic t" }).error.message
    )
  end)

  it("takes only its key when it was given one", function()
    start({ key = "right" })
    assert.equal(200, create(nil, { ["x-api-key"] = "right" }).status)
    assert.equal(401, create(nil, { ["x-api-key"] = "wrong" }).status)
    assert.equal(401, create(nil, { ["x-api-key"] = false, authorization = "Bearer no" }).status)
  end)

  it("logs requests without credentials", function()
    start()
    create(nil, { ["x-api-key"] = "very-secret" })
    local entry = sim.requests[1]
    assert.same({ "POST", "/v1/messages", 200 }, { entry.method, entry.path, entry.status })
    assert.equal("Hello", entry.request.messages[1].content)
    assert.is_nil(tostring(core.encode({ entry.headers, entry.body })):find("very-secret", 1, true))
    for name, value in pairs(entry) do
      assert.is_nil(tostring(value):find("very-secret", 1, true), name)
    end
  end)

  it("works a question through the tools offered, thinking between the calls", function()
    start()
    local request = {
      model = "claude-opus-4-8",
      thinking = { type = "adaptive", display = "summarized" },
      tools = { CALCULATOR, CLOCK, READER },
      messages = {
        {
          role = "user",
          content = "What is 127 * 389? What time is it? How many words has notes.txt?",
        },
      },
    }
    local results = { clock = "12:30", read_file = "one two three", calculator = "49403" }
    local called, thoughts = {}, 0
    for _ = 1, 5 do
      local message = raw.message((stream(request)))
      request.messages[#request.messages + 1] = { role = "assistant", content = message.content }
      if message.stop_reason ~= "tool_use" then break end
      local answers = {}
      for _, block in ipairs(message.content) do
        if block.type == "thinking" then thoughts = thoughts + 1 end
        if block.type == "tool_use" then
          called[#called + 1] = block.name
          answers[#answers + 1] =
            { type = "tool_result", tool_use_id = block.id, content = results[block.name] }
        end
      end
      request.messages[#request.messages + 1] = { role = "user", content = answers }
    end
    table.sort(called)
    assert.same({ "calculator", "clock", "read_file" }, called)
    assert.equal(2, thoughts)
    local last = request.messages[#request.messages].content
    assert.equal("thinking", last[1].type)
    assert.matches("127 %* 389 = 49403", last[2].text)
    assert.matches("12:30", last[2].text)
    assert.matches("notes.txt has 3 words", last[2].text)
  end)

  it("closes twice without harm and frees the port", function()
    start()
    local port = sim.port
    sim:close()
    sim:close()
    start({ port = port })
    assert.equal(port, sim.port)
  end)

  it("says when it cannot listen", function()
    start()
    local other, problem = simulator.start({ port = sim.port })
    assert.is_nil(other)
    assert.matches("cannot listen on 127.0.0.1:" .. sim.port, problem)
  end)

  it("refuses unknown options at the caller's line", function()
    assert.has_error(function() simulator.start({ scrip = {} }) end)
    local ok, problem = pcall(simulator.start, { chunk = 0 })
    assert.is_false(ok)
    assert.matches("chunk must be a number of at least 1", problem)
    ok, problem = pcall(function() simulator.start({ port = 65536 }) end)
    assert.is_false(ok)
    assert.matches("simulator_spec.lua:%d+: ", problem)
    assert.matches("simulator.start: port must be a number from 0 to 65535, got 65536", problem)
  end)

  it("refuses misspelt turns, cuts and faults at the caller's line", function()
    local wrong = {
      {
        { script = { "a", { contents = { "b" } } } },
        "a turn has no field contents; it has chunk,",
      },
      { { script = { { cut = { byte = 3 } } } }, "cut has no field byte; it has after_event," },
      { { script = { { stream_error = { kind = "x" } } } }, "stream_error has no field kind" },
      { { script = { { error = { code = 500 } } } }, "error has no field code" },
      { { script = { 5 } }, "a turn of the script is a table or a string" },
      { { script = 5 }, "a list of turns, a string or a function expected" },
      { { cut = "early" }, "cut is a table, not a string" },
      { { faults = { { code = 500 } } }, "faults%[1%] has no field code" },
    }
    for _, case in ipairs(wrong) do
      local ok, problem = pcall(function() simulator.start(case[1]) end)
      assert.is_false(ok)
      assert.matches("simulator_spec.lua:%d+: simulator.start: .*" .. case[2], problem)
    end
  end)
end)
