local api = require("spec.support.api_server")
local claude = require("claude")
local environment = require("spec.support.environment")
local sse = require("spec.support.stream")
local tasks = require("claude.tasks")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "What is 127 * 389?" } },
}
local DELTA = '{"type":"text_delta","text":"a"}'
local CALL = {
  { type = "tool_use", id = "toolu_1", name = "shell", input = {} },
  { type = "input_json_delta", partial_json = "" },
  { type = "input_json_delta", partial_json = '{"command":"ls","li' },
  { type = "input_json_delta", partial_json = 'mit":5}' },
}

describe("stream", function()
  local server
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() environment.set({}) end)
  after_each(function()
    environment.restore()
    if server then server:close() end
    server = nil
  end)

  local function open(answers, options)
    server = api.start(answers)
    local given = { api_key = "k", base_url = server.url, max_retries = 0 }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return claude.new(given).messages:stream(PARAMS)
  end

  local function text_reply() return api.stream(api.reply({ api.text("one") })) end

  it("leaves others their turn while much that has arrived is read slowly", function()
    local block = { { type = "text", text = "" } }
    for i = 1, 1000 do
      block[i + 1] = { type = "text_delta", text = ("word %d "):format(i) }
    end
    local answer = api.stream(api.reply({ block }))
    answer.pieces = { table.concat(answer.pieces) }
    local stream, turns, seen = open({ answer }), 0, 0
    tasks.loop(function()
      local other = claude.spawn(function()
        while tasks.sleep(0) do
          turns = turns + 1
        end
      end)
      assert(stream:next())
      local before = turns
      while stream:next() do
        seen = seen + 1
        local stop = os.clock() + 0.0003
        while os.clock() < stop do
        end
      end
      turns = turns - before
      other:cancel()
    end)
    assert.is_true(seen > 1000, seen)
    -- 1,000 pieces, and a look up after 64 at most.
    assert.is_true(turns >= 3, turns)
  end)

  -- A reply that was promised more bytes than come.
  local function cut_after(count, blocks)
    local events = api.reply(blocks or { api.text("one"), api.text("two") })
    local kept = {}
    for i = 1, count do
      kept[i] = events[i]
    end
    return api.stream(kept, { promise = 100000 })
  end

  -- The same, but the server stays on the line.
  local function stalled_after(count)
    local answer = cut_after(count)
    answer.stay = true
    return answer
  end

  it("hands out pings where that is asked for, and only there", function()
    local events = api.reply({ api.text("Yes") })
    table.insert(events, 1, { type = "ping" })
    table.insert(events, 4, { type = "ping" })
    local function kinds_of(options)
      server = api.start({ api.stream(events) })
      local client = claude.new({ api_key = "sk-spec", base_url = server.url })
      local kinds = {}
      for kind, text, index in client.messages:stream(PARAMS, options):deltas() do
        kinds[#kinds + 1] = kind
        if kind == "ping" then assert.is_true(text == nil and index == nil) end
      end
      server:close()
      return table.concat(kinds, " ")
    end
    local rest = "block_stop message_delta message_stop"
    assert.equal("message_start block_start text " .. rest, kinds_of(nil))
    assert.equal("ping message_start block_start ping text " .. rest, kinds_of({ pings = true }))
  end)

  local function wait_for_hang_up()
    tasks.loop(function()
      for _ = 1, 200 do
        if server.hung_up > 0 then return end
        tasks.sleep(0.01)
      end
    end)
    assert.equal(1, server.hung_up)
  end

  it("tells everything in order, each with its block's index", function()
    local events = api.reply({ api.thinking("Hm", "c2ln"), api.text("Yes"), CALL }, "tool_use")
    table.insert(events, 3, { type = "ping" })
    local seen = {}
    for kind, text, index in open({ api.stream(events) }):deltas() do
      seen[#seen + 1] = { kind, text or false, index or false }
    end
    assert.same({
      { "message_start", false, false },
      { "block_start", "thinking", 0 },
      { "thinking", "Hm", 0 },
      { "signature", "c2ln", 0 },
      { "block_stop", "thinking", 0 },
      { "block_start", "text", 1 },
      { "text", "Yes", 1 },
      { "block_stop", "text", 1 },
      { "block_start", "tool_use", 2 },
      { "input_json", "", 2 },
      { "input_json", '{"command":"ls","li', 2 },
      { "input_json", 'mit":5}', 2 },
      { "block_stop", "tool_use", 2 },
      { "message_delta", false, false },
      { "message_stop", false, false },
    }, seen)
  end)

  it("ends, and then gives the whole message as often as asked", function()
    local stream = open({ text_reply() })
    for _ in stream:deltas() do
    end
    assert.is_nil(stream:next())
    local message = assert(stream:final_message())
    assert.equal("one", message:text())
    assert.equal(message, stream:final_message())
    assert.equal("claude.Stream (done)", tostring(stream))
  end)

  it("gives the text alone", function()
    local parts = {}
    local stream = open({ api.stream(api.reply({ api.thinking("Hm", "s"), api.text("Yes") })) })
    for text in stream:text_stream() do
      parts[#parts + 1] = text
    end
    assert.same({ "Yes" }, parts)
  end)

  it("gives the API's events as tables, unknown ones too", function()
    local events = api.reply({ api.text("one") })
    table.insert(events, 2, { type = "novelty", level = 3 })
    local types, novelty = {}, nil
    for event in open({ api.stream(events) }):events() do
      types[#types + 1] = event.type
      if event.type == "novelty" then novelty = event end
    end
    assert.equal(3, novelty.level)
    assert.same({
      "message_start",
      "novelty",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    }, types)
  end)

  it("gives no event for half a character that stays one: there was none", function()
    local half = { headers = { ["content-type"] = "text/event-stream" } }
    half.body = sse.stream(sse.reply({
      { '{"type":"text","text":""}', [[{"type":"text_delta","text":"a\ud83d"}]] },
    }))
    local types = {}
    for event in open({ half }):events() do
      types[#types + 1] = event.type
    end
    assert.same({
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    }, types)
  end)

  it("is not begun anew for one task while another reads its pieces", function()
    local broken = api.stream({
      api.reply({ api.text("one") })[1],
      { type = "error", error = { type = "overloaded_error", message = "Overloaded" } },
    })
    local stream = open({ broken, text_reply() }, { max_retries = 1 })
    local message, text, err
    tasks.loop(function()
      local reader = tasks.spawn(function() return stream:next() end)
      while not stream.opening do
        tasks.sleep(0)
      end
      message, text, err = stream:final_message()
      reader:wait()
    end)
    assert.is_nil(message)
    assert.equal(tostring(err), text)
    assert.equal("overloaded_error", err.type)
    assert.equal(1, #server.requests)
  end)

  -- Elsewhere the task that opens it says so itself, and fails.
  it("says once more that it is open where there was no memory for that", function()
    if tasks.iterators_can_wait then return end
    local stream, pieces = open({ { silent = true } }), 0
    local whole = table.concat(text_reply().pieces)
    local readers = {}
    local function read()
      while stream:next() do
        pieces = pieces + 1
      end
    end
    local _, raised = pcall(tasks.loop, function()
      for i = 1, 3 do
        readers[i] = tasks.spawn_under(nil, read)
      end
      while not server.requests[1] do
        tasks.sleep(0)
      end
      local socket = next(server.sockets)
      socket:write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n")
      socket:write("connection: close\r\n\r\n")
      socket:write(whole:sub(1, 30)) -- half an event: who opens the stream waits for the rest
      while type(stream.opening) ~= "table" do
        tasks.sleep(0)
      end
      socket:write(whole:sub(31), function() socket:close() end)
      function stream.opening:set()
        self.set = nil
        error("not enough memory", 0)
      end
      readers[1]:wait(1)
    end)
    assert.equal("not enough memory", raised)
    local done = 0
    for _, reader in ipairs(readers) do
      reader:wait(1)
      done = done + (reader:is_done() and 1 or 0)
      reader:cancel()
    end
    assert.same({ 6, 3 }, { pieces, done })
  end)

  it("stays open after break: another loop goes on, final_message drains", function()
    local stream = open({ api.stream(api.reply({ api.text("one"), api.text("two") })) })
    for kind in stream:deltas() do
      if kind == "text" then break end
    end
    assert.equal("two", stream:text_stream()())
    assert.equal("onetwo", assert(stream:final_message()):text())
  end)

  it("shows a block as far as it has arrived, tool input as far as it can be read", function()
    local stream = open({ api.stream(api.reply({ api.text("Yes"), CALL }, "tool_use")) })
    local seen = {}
    assert.is_nil(stream:block(0))
    for kind, _, index in stream:deltas() do
      if index == 1 then seen[#seen + 1] = { kind, stream:block(1).input } end
      if kind == "text" then assert.same({ type = "text", text = "Yes" }, stream:block(0)) end
    end
    assert.same({
      { "block_start", {} },
      { "input_json", {} },
      { "input_json", { command = "ls" } },
      { "input_json", { command = "ls", limit = 5 } },
      { "block_stop", { command = "ls", limit = 5 } },
    }, seen)
    assert.is_nil(stream:block(7))
  end)

  it("measures the time to the first token", function()
    local stream = open({ text_reply() })
    assert(stream:final_message())
    local timings = stream.timings
    assert.is_true(timings.first_byte >= 0)
    assert.is_true(timings.first_token >= timings.first_byte)
    assert.is_true(timings.total >= timings.first_token)
  end)

  describe("that is cut", function()
    -- Everything before message_delta: no stop reason was seen.
    for count = 1, 7 do
      it(("after event %d fails as incomplete, with what arrived"):format(count), function()
        local message, text, err = open({ cut_after(count) }):final_message()
        assert.is_nil(message)
        assert.is_string(text)
        assert.equal("incomplete", err.kind)
        assert.is_true(err.retryable)
        assert.equal("req_1", err.request_id)
        assert.equal("msg_1", err.partial.id)
        assert.equal(count > 2 and (count > 5 and "onetwo" or "one") or "", err.partial:text())
      end)
    end

    it("raises the error from a for loop", function()
      local stream = open({ cut_after(3) })
      local ok, raised = pcall(function()
        for _ in stream:deltas() do
        end
      end)
      assert.is_false(ok)
      assert.is_true(claude.Error.is(raised))
      assert.equal("incomplete", raised.kind)
    end)

    it("fails for good: every later step gives the same error", function()
      local stream = open({ cut_after(3) })
      local _, _, first = stream:final_message()
      local kind, text, again = stream:next()
      assert.is_nil(kind)
      assert.is_string(text)
      assert.equal(first, again)
      assert.equal(first, select(3, stream:next_text()))
      assert.equal(first, select(3, stream:next_event()))
    end)

    it("is whole when only the very last event is missing", function()
      local events = api.reply({ api.text("one") })
      events[#events] = nil
      assert.equal("one", assert(open({ api.stream(events) }):final_message()):text())
    end)

    it("fails as incomplete when the connection ends cleanly, too", function()
      local events = api.reply({ api.text("one") })
      local answer = api.stream({ events[1], events[2], events[3] })
      local _, _, err = open({ answer }):final_message()
      assert.equal("incomplete", err.kind)
      assert.equal("one", err.partial:text())
    end)
  end)

  describe("with an error event", function()
    local function failing(kind, position)
      local events = api.reply({ api.text("one"), api.text("two") })
      local kept = {}
      for i = 1, position - 1 do
        kept[i] = events[i]
      end
      kept[position] = {
        type = "error",
        error = { type = kind, message = "No more", details = { error_code = "code_1" } },
        request_id = "req_event",
      }
      return api.stream(kept)
    end

    it("fails with the error's own type, and what arrived", function()
      local _, text, err = open({ failing("overloaded_error", 4) }):final_message()
      assert.equal("api", err.kind)
      assert.equal("overloaded_error", err.type)
      assert.equal("No more", err.message)
      assert.equal("code_1", err.error_code)
      assert.is_nil(err.status)
      assert.equal("req_1", err.request_id)
      assert.is_true(err.retryable)
      assert.equal("one", err.partial:text())
      assert.truthy(text:find("overloaded_error", 1, true))
    end)

    it("is not tried again once something was handed out", function()
      local stream = open({ failing("overloaded_error", 4), text_reply() }, { max_retries = 2 })
      assert(stream:next())
      local _, _, err = stream:final_message()
      assert.equal("overloaded_error", err.type)
      assert.equal(1, #server.requests)
    end)

    it("is tried again wherever it comes, while only the end is waited for", function()
      local again = { failing("overloaded_error", 4), text_reply() }
      local stream = open(again, { max_retries = 2 })
      local message = assert(stream:final_message())
      assert.equal("one", message:text())
      assert.equal(2, #server.requests)
      assert.equal(message.timings.first_token, stream.timings.first_token)
    end)

    it("is what remains when every attempt ends so", function()
      local seen = {}
      local function on_retry(err) seen[#seen + 1] = err.partial:text() end
      local stream = open({ failing("api_error", 4) }, { max_retries = 2, on_retry = on_retry })
      local _, _, err = stream:final_message()
      assert.same({ "api_error", "one" }, { err.type, err.partial:text() })
      assert.equal(3, #server.requests)
      assert.same({ "one", "one" }, seen)
    end)

    it("is tried again when it comes first", function()
      local stream = open({ failing("overloaded_error", 1), text_reply() }, { max_retries = 2 })
      assert.equal("one", assert(stream:final_message()):text())
      assert.equal(2, #server.requests)
    end)

    it("is not tried again when the request itself is wrong", function()
      local stream = open(
        { failing("invalid_request_error", 1), text_reply() },
        { max_retries = 2 }
      )
      local _, _, err = stream:final_message()
      assert.equal("invalid_request_error", err.type)
      assert.is_false(err.retryable)
      assert.equal(1, #server.requests)
    end)
  end)

  it("fails as protocol when the format is broken", function()
    local answer = api.stream({})
    answer.pieces = { "event: message_start\ndata: {not json\n\n" }
    local _, _, err = open({ answer }):final_message()
    assert.equal("protocol", err.kind)
  end)

  it("fails as protocol when the answer is no message", function()
    local answer = { headers = { ["content-type"] = "text/html" }, body = "<html>Hello</html>" }
    local _, _, err = open({ answer }):final_message()
    assert.equal("protocol", err.kind)
  end)

  describe("cancelled", function()
    it("fails as cancelled, with what arrived, and hangs up", function()
      local stream = open({ stalled_after(3) })
      assert.equal("one", stream:next_text())
      stream:cancel()
      wait_for_hang_up()
      local kind, _, err = stream:next()
      assert.is_nil(kind)
      assert.equal("cancelled", err.kind)
      assert.is_false(err.retryable)
      assert.equal("one", err.partial:text())
      stream:cancel()
      assert.equal("claude.Stream (failed)", tostring(stream))
    end)

    it("before its first step fails as cancelled", function()
      local stream = open({ text_reply() })
      stream:close()
      assert.equal("cancelled", select(3, stream:final_message()).kind)
    end)

    it("after its end stays whole", function()
      local stream = open({ text_reply() })
      assert(stream:final_message())
      stream:cancel()
      assert.equal("one", assert(stream:final_message()):text())
    end)

    it("from another task wakes the one that waits", function()
      local stream = open({ { silent = true } })
      local kind, _, err
      tasks.loop(function()
        local reader = tasks.spawn(function() return stream:next() end)
        tasks.sleep(0.02)
        stream:cancel()
        kind, _, err = reader:wait()
      end)
      assert.is_nil(kind)
      assert.equal("cancelled", err.kind)
    end)

    it("ends a back-off at once, and sends no more", function()
      local overloaded = api.failure(529, "overloaded_error", "x", { ["retry-after"] = "60" })
      local stream = open({ overloaded }, { max_retries = 2 })
      local err
      tasks.loop(function()
        local reader = tasks.spawn(function() return stream:final_message() end)
        while #server.requests == 0 do
          tasks.sleep(0.01)
        end
        tasks.sleep(0.05)
        stream:cancel()
        err = select(3, reader:wait())
      end)
      assert.equal("cancelled", err.kind)
      assert.equal(1, #server.requests)
    end)

    it("is what collection does", function()
      -- In a function of its own: a register would keep the stream alive.
      local function drop() assert.equal("one", open({ stalled_after(3) }):next_text()) end
      drop()
      collectgarbage()
      collectgarbage()
      wait_for_hang_up()
    end)
  end)

  it("is closed at the end of its block, on Luas that do that", function()
    local compile = rawget(_G, "loadstring") or load
    local chunk = compile("local stream <close> = ...")
    if not chunk then return end -- this Lua knows no <close>
    local stream = open({ cut_after(3) })
    chunk(stream)
    assert.equal("cancelled", select(3, stream:next()).kind)
  end)

  describe("with something to do at its end", function()
    local function open_with(answers, on_end)
      server = api.start(answers)
      local client = claude.new({ api_key = "k", base_url = server.url, max_retries = 0 })
      local request = require("claude.request")
      local frame =
        assert(request.frame(client, { model = "m", max_tokens = 5 }, { stream = true }))
      local body = require("claude.core").body({ frame.before, frame.after })
      return require("claude.stream").open(client, { frame = frame, body = body, on_end = on_end })
    end

    it("does it once the message is whole, before the last step returns", function()
      local seen = {}
      local stream = open_with(
        { text_reply() },
        function(stream) seen[#seen + 1] = stream:current_message():text() end
      )
      assert(stream:final_message())
      assert.is_true(stream:is_done())
      assert.same({ "one" }, seen)
    end)

    it("does it once, even if it raises", function()
      local count = 0
      local stream = open_with({ text_reply() }, function()
        count = count + 1
        error("broken", 0)
      end)
      assert.has_error(function() stream:final_message() end, "broken")
      assert.equal("one", assert(stream:final_message()):text())
      assert.equal(1, count)
    end)

    it("fails when that fails", function()
      local err = claude.Error.new({ kind = "invalid", message = "cannot be kept" })
      local stream = open_with({ text_reply() }, function() return err end)
      assert.equal(err, select(3, stream:final_message()))
      assert.is_true(stream:is_done())
    end)

    it("does nothing when the stream is cut", function()
      local called = false
      local stream = open_with({ cut_after(3) }, function() called = true end)
      assert.is_nil((stream:final_message()))
      assert.is_false(called)
    end)
  end)

  describe("inside a task", function()
    it("lets others run", function()
      local order = {}
      local stream = open({ text_reply() })
      tasks.loop(function()
        tasks.spawn(function() order[#order + 1] = "other" end)
        assert(stream:final_message())
        order[#order + 1] = "stream"
      end)
      assert.same({ "other", "stream" }, order)
    end)

    it("goes on with what came where another that waited, too, leaves it", function()
      local stream, readers = open({ { silent = true } }), {}
      local events = sse.reply({ { '{"type":"text","text":""}', DELTA, DELTA } })
      local function read_one()
        repeat
          local kind = assert(stream:next())
        until kind == "text"
      end
      tasks.loop(function()
        for i = 1, 2 do
          readers[i] = tasks.spawn(read_one)
        end
        while not server.requests[1] do
          tasks.sleep(0.01)
        end
        local socket = next(server.sockets)
        socket:write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        socket:write(sse.stream({ events[1], events[2] }))
        tasks.sleep(0.05)
        socket:write(sse.stream({ events[3], events[4] }))
        for i = 1, 2 do
          assert.is_nil(select(2, readers[i]:wait(2)))
        end
        stream:cancel()
      end)
    end)

    it(
      "goes on for one task where another that waited for its first bytes, too, is cancelled",
      function()
        local stream, readers, kinds = open({ { silent = true } }), {}, {}
        tasks.loop(function()
          for i = 1, 2 do
            readers[i] = tasks.spawn(function()
              local kind, _, err = stream:next()
              kinds[i] = kind or err.kind
            end)
          end
          while not server.requests[1] do
            tasks.sleep(0.01)
          end
          readers[2]:cancel()
          readers[2]:wait(2)
          local socket = next(server.sockets)
          socket:write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
          socket:write(table.concat(text_reply().pieces))
          readers[1]:wait(2)
          stream:cancel()
        end)
        assert.same({ "message_start", "cancelled" }, kinds)
      end
    )

    for what, stop in pairs({
      ["is cancelled"] = function(task) task:cancel() end,
      ["has a timeout"] = function(task) task:set_timeout(0.01) end,
    }) do
      it("has failed once the task " .. what .. " that waits for its first bytes", function()
        local stream, kind = open({ { silent = true } }), nil
        tasks.loop(function()
          local reader = tasks.spawn(function() kind = select(3, stream:next()).kind end)
          while not server.requests[1] do
            tasks.sleep(0.01)
          end
          stop(reader)
          reader:wait(2)
        end)
        assert.equal(what == "is cancelled" and "cancelled" or "timeout", kind)
        assert.is_true(stream:is_done())
        assert.equal(kind, select(3, stream:next()).kind)
      end)
    end

    it("waits in a for loop where this Lua can, and names the step function elsewhere", function()
      local stream, seen, raised = open({ text_reply() }), {}, nil
      tasks.loop(function()
        local task = tasks.spawn(function()
          for text in stream:text_stream() do
            seen[#seen + 1] = text
          end
        end)
        local _, text = task:wait()
        raised = text
      end)
      if _VERSION == "Lua 5.1" and not rawget(_G, "jit") then
        assert.truthy(raised:find("stream:next_text", 1, true))
      else
        assert.same({ "one" }, seen)
      end
    end)
  end)
end)
