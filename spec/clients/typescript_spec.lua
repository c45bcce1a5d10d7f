-- The official TypeScript SDK, as npm has it, against the simulator. Each code is
-- what a user of the SDK would write; `connect(options)` makes another client.
local simulator = require("claude.simulator")
local typescript = require("spec.support.typescript")

local missing = typescript.missing()

local ASK = "const ask = { model: 'claude-sonnet-5-5', max_tokens: 1000, "
  .. "messages: [{ role: 'user', content: 'Hello' }] };\n"
local CALCULATOR = [[
  const calculator = {
    type: 'custom', name: 'calculator', description: 'Evaluate arithmetic',
    input_schema: {
      type: 'object', properties: { expression: { type: 'string' } }, required: ['expression'],
    },
    run: ({ expression }) => String(Function('return ' + expression)()),
  };
  const question = {
    model: 'claude-sonnet-5-5', max_tokens: 1000, tools: [calculator],
    messages: [{ role: 'user', content: 'What is 127 * 389?' }],
  };
]]
local THOUGHTFUL = { { type = "thinking", thinking = "Let me see. Yes." }, "Good day to you." }

describe("the TypeScript SDK against claude.simulator", function()
  if missing then return pending(missing) end
  local node, sim
  setup(function() node = typescript.start() end)
  teardown(function() node:stop() end)
  after_each(function()
    if sim then sim:close() end
    sim = nil
  end)

  local function start(options) sim = assert(simulator.start(options)) end
  --- What the code returns; it must not throw.
  local function run(code, given)
    local value, problem = node:run(sim, code, given)
    assert(not problem, problem and problem.name .. ": " .. problem.message)
    return value
  end
  --- What the code throws; it must.
  local function failure(code, given)
    local value, problem = node:run(sim, code, given)
    assert(problem, "nothing was thrown, but returned: " .. tostring(value))
    return problem
  end

  describe("asking for a message", function()
    it("gets its blocks, its usage and the request's id", function()
      start({ script = { { content = THOUGHTFUL } } })
      local got = run(ASK .. [[
        const { data, response, request_id } = await client.messages.create(ask).withResponse();
        return { data, status: response.status, request_id, own: data._request_id };
      ]])
      local content = got.data.content
      assert.same({ "thinking", "text" }, { content[1].type, content[2].type })
      assert.equal("Good day to you.", content[2].text)
      assert.equal("end_turn", got.data.stop_reason)
      assert.is_true(got.data.usage.output_tokens > 0)
      assert.equal(200, got.status)
      assert.matches("^req_", got.request_id)
      assert.equal(got.request_id, got.own)
    end)

    it("goes on with the reply as it came, thinking and all", function()
      start({ script = { { content = THOUGHTFUL }, "Still here." } })
      assert.equal(
        "Still here.",
        run(ASK .. [[
          const first = await client.messages.create(ask);
          ask.messages.push({ role: 'assistant', content: first.content });
          ask.messages.push({ role: 'user', content: 'Are you there?' });
          return (await client.messages.create(ask)).content[0].text;
        ]])
      )
    end)

    it("may use the older version of the API, and parameters of then", function()
      start({ script = "Hot." })
      assert.equal(
        "Hot.",
        run([[
          const old = connect({ defaultHeaders: { 'anthropic-version': '2023-06-01' } });
          const message = await old.messages.create({
            model: 'claude-sonnet-4-5', max_tokens: 10, temperature: 0.5,
            messages: [{ role: 'user', content: 'Hi' }],
          });
          return message.content[0].text;
        ]])
      )
      assert.equal("2023-06-01", sim.requests[1].version)
    end)

    it("reads from the prompt cache what an earlier request wrote", function()
      start({ script = { "One.", "Two." } })
      local usage = run(ASK .. [[
        const system = [{ type: 'text', text: 'word '.repeat(5000),
          cache_control: { type: 'ephemeral' } }];
        const first = await client.messages.create({ ...ask, system });
        const second = await client.messages.create({ ...ask, system });
        return [first.usage, second.usage];
      ]])
      assert.is_true(usage[1].cache_creation_input_tokens > 1000)
      assert.equal(usage[1].cache_creation_input_tokens, usage[2].cache_read_input_tokens)
    end)

    it("counts tokens", function()
      start()
      assert.is_true(run([[
        return (await client.messages.countTokens({
          model: 'claude-sonnet-5-5', messages: [{ role: 'user', content: 'Hello' }],
        })).input_tokens > 0;
      ]]))
    end)

    it("sends betas and gets what they open", function()
      start({ script = "ok" })
      local got = run(ASK .. [[
        return client.beta.messages.create({
          ...ask, betas: ['context-management-2025-06-27'],
          context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
        });
      ]])
      assert.equal("ok", got.content[1].text)
    end)
  end)

  describe("streaming", function()
    it("iterates over the events in their order", function()
      start({ script = { { content = THOUGHTFUL, piece = 8 } } })
      local kinds = run(ASK .. [[
        const kinds = [];
        for await (const event of await client.messages.create({ ...ask, stream: true })) {
          const kind = event.delta?.type ?? event.type;
          if (kinds.at(-1) !== kind) kinds.push(kind);
        }
        return kinds;
      ]])
      assert.same({
        "message_start",
        "content_block_start",
        "signature_delta",
        "content_block_stop",
        "content_block_start",
        "text_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
      }, kinds)
    end)

    it("raises the helper's events, each with what stands so far", function()
      start({ script = { { content = THOUGHTFUL, piece = 8 } } })
      local seen = run(ASK .. [[
        const seen = { text: [], thinking: [], order: [] };
        const stream = client.messages.stream({
          ...ask, thinking: { type: 'adaptive', display: 'summarized' },
        });
        stream.on('text', (delta, snapshot) => seen.text.push([delta, snapshot]));
        stream.on('thinking', (delta, snapshot) => seen.thinking.push([delta, snapshot]));
        for (const name of ['connect', 'signature', 'contentBlock', 'message', 'end'])
          stream.on(name, () => seen.order.push(name));
        const final = await stream.finalMessage();
        await stream.done();
        seen.final = final.content[1].text;
        seen.finalText = await stream.finalText();
        return seen;
      ]])
      assert.same({ "Good day", "Good day" }, seen.text[1])
      assert.same({ " to you.", "Good day to you." }, seen.text[2])
      assert.equal("Let me see. Yes.", seen.thinking[#seen.thinking][2])
      assert.same(
        { "connect", "signature", "contentBlock", "contentBlock", "message" },
        { seen.order[1], seen.order[2], seen.order[3], seen.order[4], seen.order[5] }
      )
      assert.equal("end", seen.order[#seen.order])
      assert.same({ "Good day to you.", "Good day to you." }, { seen.final, seen.finalText })
    end)

    it("follows a tool's input as it grows", function()
      local call = { type = "tool_use", name = "t", input_json = '{"list": ["one", "two"]}' }
      start({ script = { { content = { call }, piece = 7 } } })
      local got = run(ASK .. [[
        const stream = client.messages.stream({
          ...ask, tools: [{ name: 't', input_schema: { type: 'object' } }],
        });
        const snapshots = [];
        stream.on('inputJson', (partial, snapshot) => snapshots.push(JSON.stringify(snapshot)));
        const message = await stream.finalMessage();
        return { snapshots, input: message.content[0].input, why: message.stop_reason };
      ]])
      assert.same({ list = { "one", "two" } }, got.input)
      assert.equal("tool_use", got.why)
      assert.is_true(#got.snapshots > 2)
      assert.equal('{"list":["one","two"]}', got.snapshots[#got.snapshots])
    end)

    it("makes the same message of one byte at a time, with pings and padding", function()
      start({
        script = { { content = { "Grüße, 世界 🚀" } } },
        chunk = 1,
        ping_every = 1,
        padding = true,
      })
      assert.equal(
        "Grüße, 世界 🚀",
        run(ASK .. "return client.messages.stream(ask).finalText();")
      )
    end)

    it("learns of an error in the stream by its type", function()
      start({ script = { { content = { "Half of this" }, stream_error = {} } } })
      local problem = failure(ASK .. "await client.messages.stream(ask).finalMessage();")
      assert.equal("overloaded_error", problem.type)
      assert.is_nil(problem.status)
    end)

    it("learns of a stream that was cut, and keeps what had come", function()
      start({ script = { { content = { "Half of this" }, cut = { after_event = 4 } } } })
      local got = run(ASK .. [[
        const stream = client.messages.stream(ask);
        let text = '';
        stream.on('text', (delta) => (text += delta));
        return stream.finalMessage().then(
          () => 'whole', (error) => ({ name: error.constructor.name, text }));
      ]])
      assert.not_equal("whole", got)
      assert.equal("Half of this", got.text)
    end)

    it("aborts, and the connection is gone while the simulator serves on", function()
      start({ script = { { content = { ("word "):rep(500) }, pace = 0.01 }, "Next." } })
      local got = run(ASK .. [[
        const stream = client.messages.stream(ask);
        stream.on('text', () => stream.abort());
        const error = await stream.finalMessage().catch((error) => error);
        const next = await client.messages.create(ask);
        const { aborted } = stream;
        return { name: error.constructor.name, aborted, next: next.content[0].text };
      ]])
      assert.same({ "APIUserAbortError", true, "Next." }, { got.name, got.aborted, got.next })
    end)

    it("is left by break", function()
      start({ script = { { content = { ("word "):rep(500) }, pace = 0.01 }, "Next." } })
      assert.equal(
        "Next.",
        run(ASK .. [[
          for await (const event of await client.messages.create({ ...ask, stream: true })) {
            if (event.type === 'content_block_delta') break;
          }
          return (await client.messages.create(ask)).content[0].text;
        ]])
      )
    end)
  end)

  describe("running tools", function()
    local RUN = [[
      const runner = client.beta.messages.toolRunner({ ...question, ...given });
      const last = await runner.runUntilDone();
      return last.content.at(-1).text;
    ]]

    it("holds the conversation in a thread and sends what is new", function()
      start()
      assert.matches("49403", run(CALCULATOR .. RUN))
      assert.same({ type = "create" }, sim.requests[1].request.thread)
      local second = sim.requests[2].request
      assert.equal("continue", second.thread.type)
      assert.same({ 1, "user" }, { #second.messages, second.messages[1].role })
      assert.is_nil(second.tools)
    end)

    it("sends the whole conversation without threads", function()
      start()
      assert.matches("49403", run(CALCULATOR .. RUN, { thread = false }))
      local second = sim.requests[2].request
      assert.is_nil(second.thread)
      assert.equal(3, #second.messages)
    end)

    it("goes on without threads where the server has none", function()
      start({ threads = false })
      assert.matches("49403", run(CALCULATOR .. RUN))
      assert.same({ 400, 200, 200 }, {
        sim.requests[1].status,
        sim.requests[2].status,
        sim.requests[3].status,
      })
      assert.is_nil(sim.requests[3].request.thread)
    end)

    it("sends everything once more when the thread was lost", function()
      start({ on_request = function() sim:advance(301) end })
      assert.matches("49403", run(CALCULATOR .. RUN))
      assert.same({ 200, 404, 200 }, {
        sim.requests[1].status,
        sim.requests[2].status,
        sim.requests[3].status,
      })
      assert.same({ type = "create" }, sim.requests[3].request.thread)
      assert.equal(3, #sim.requests[3].request.messages)
    end)

    it("streams each reply, and may start a tool while the reply still comes", function()
      start({ piece = 5 })
      local got = run(CALCULATOR .. [[
        const runner = client.beta.messages.toolRunner({
          ...question, stream: true, runToolsEagerly: true,
        });
        let texts = '', replies = 0;
        for await (const stream of runner) {
          replies++;
          stream.on('text', (delta) => (texts += delta));
          await stream.done();
        }
        return { texts, replies };
      ]])
      assert.equal(2, got.replies)
      assert.matches("49403", got.texts)
    end)

    it("runs several calls of one reply and answers them in one message", function()
      local function call(expression)
        return { type = "tool_use", name = "calculator", input = { expression = expression } }
      end
      start({ script = { { content = { call("1+1"), call("2+2") } }, "Both." } })
      assert.equal("Both.", run(CALCULATOR .. RUN, { thread = false }))
      local results = sim.requests[2].request.messages[3].content
      assert.same({ "2", "4" }, { results[1].content, results[2].content })
    end)

    it("reports a tool that fails as an error to the model", function()
      local call = { type = "tool_use", name = "calculator", input = { expression = "no(" } }
      start({ script = { { content = { call } }, "I see." } })
      assert.equal("I see.", run(CALCULATOR .. RUN, { thread = false }))
      local result = sim.requests[2].request.messages[3].content[1]
      assert.is_true(result.is_error)
      assert.matches("^Error: ", result.content)
    end)

    it("goes on from a summary where it compacts the conversation", function()
      start()
      local got = run(CALCULATOR .. [[
        const runner = client.beta.messages.toolRunner({
          ...question, ...given, betas: ['compact-2026-09-04'],
        });
        const reasons = [];
        for await (const message of runner) {
          if (reasons.length === 0) runner.compactBeforeNextTurn();
          reasons.push(message.stop_reason);
        }
        return { reasons, first: runner.params.messages[0].content[0].type };
      ]], { thread = false })
      assert.same({ "tool_use", "compaction", "end_turn" }, got.reasons)
      assert.equal("compaction", got.first)
      assert.equal("compaction", sim.requests[3].request.messages[1].content[1].type)
    end)

    it("resumes a reply that the API paused", function()
      start({ script = { { content = { "Half" }, stop_reason = "pause_turn" }, "Whole." } })
      assert.equal("Whole.", run(CALCULATOR .. RUN))
      assert.same({}, sim.requests[2].request.messages)
    end)
  end)

  describe("falling back after a refusal", function()
    local ASK_FIRST = [[
      const { betaRefusalFallbackMiddleware, BetaFallbackState } = helper('lib/middleware');
      const own = connect({
        middleware: [betaRefusalFallbackMiddleware([{ model: 'claude-opus-4-8' }])],
      });
      const ask = { model: 'claude-fable-5', max_tokens: 100,
        messages: [{ role: 'user', content: 'Hello' }] };
      const state = { fallbackState: new BetaFallbackState() };
    ]]
    before_each(function()
      start({
        script = function(request)
          if request.model ~= "claude-fable-5" then return "Certainly." end
          local why = { type = "refusal", category = "cyber", explanation = "no" }
          return { content = { "I " }, stop_reason = "refusal", stop_details = why }
        end,
      })
    end)

    it("asks the next model with the credit that the refusal gave", function()
      local got = run(ASK_FIRST .. "return own.beta.messages.create(ask, state);")
      assert.equal("claude-opus-4-8", got.model)
      assert.equal("Certainly.", got.content[#got.content].text)
      assert.matches("^fct_", sim.requests[2].request.fallback_credit_token.token)
    end)

    it("goes on in the same stream, and stays with the model that answered", function()
      local got = run(ASK_FIRST .. [[
        const first = await own.beta.messages.stream(ask, state).finalMessage();
        const second = await own.beta.messages.create(ask, state);
        return { first: first.content.map((block) => block.type), second: second.model };
      ]])
      assert.same({ "text", "fallback", "text" }, got.first)
      assert.equal("claude-opus-4-8", got.second)
      assert.equal(3, #sim.requests)
    end)
  end)

  describe("holding a message thread", function()
    it("sends turn by turn, streamed or not", function()
      start({ script = { "One.", "Two.", "Three." } })
      local got = run([[
        const thread = client.beta.messages.thread({
          model: 'claude-sonnet-5-5', max_tokens: 100, system: 'Be brief.',
        });
        await thread.send({ role: 'user', content: 'a' });
        await thread.stream({ role: 'user', content: 'b' }).finalMessage();
        const third = await thread.send({ role: 'user', content: 'c' });
        return { text: third.content[0].text, length: thread.messages.length };
      ]])
      assert.same({ text = "Three.", length = 6 }, got)
      assert.equal(1, #sim.requests[3].request.messages)
      assert.is_nil(sim.requests[3].request.system)
    end)

    it("is told what threads are not for", function()
      start()
      local problem = failure(ASK .. [[
        await client.beta.messages.create({
          ...ask, thread: { type: 'create' }, context_management: { edits: [] },
          betas: ['message-threads-2026-08-12', 'context-management-2025-06-27'],
        });
      ]])
      assert.same(
        { "ThreadUnsupportedRequestError", 400, "thread_unsupported_request" },
        { problem.name, problem.status, problem.code }
      )
      problem = failure(ASK .. [[
        await client.beta.messages.create({
          ...ask, thread: { type: 'continue', previous_message_id: 'msg_none' },
          betas: ['message-threads-2026-08-12'],
        });
      ]])
      assert.same(
        { "ThreadNotFoundError", 404, "thread_not_found" },
        { problem.name, problem.status, problem.code }
      )
    end)
  end)

  describe("parsing replies", function()
    local FORMAT = [[
      const { jsonSchemaOutputFormat } = helper('helpers/json-schema');
      const format = jsonSchemaOutputFormat({
        type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' } },
        required: ['name', 'age'], additionalProperties: false,
      });
    ]]

    it("gives the object that the schema describes", function()
      start({ script = '{"name":"Ada","age":36}' })
      local got = run(ASK .. FORMAT .. [[
        const message = await client.messages.parse({ ...ask, output_config: { format } });
        return message.parsed_output;
      ]])
      assert.same({ name = "Ada", age = 36 }, got)
      local format = sim.requests[1].request.output_config.format
      assert.equal("json_schema", format.type)
      assert.is_false(format.schema.additionalProperties)
    end)

    it("gives it at the end of a stream, too", function()
      start({ script = '{"name":"Ada","age":36}' })
      local got = run(ASK .. FORMAT .. [[
        const stream = client.messages.stream({ ...ask, output_config: { format } });
        return (await stream.finalMessage()).parsed_output;
      ]])
      assert.equal("Ada", got.name)
    end)

    it("fails on what is no JSON", function()
      start({ script = "I would rather not." })
      local problem = failure(ASK .. FORMAT .. [[
        await client.messages.parse({ ...ask, output_config: { format } });
      ]])
      assert.matches("JSON", problem.message)
    end)
  end)

  describe("asking for models", function()
    it("walks the pages", function()
      start()
      local ids = run([[
        const ids = [];
        for await (const model of client.models.list({ limit: 5 })) ids.push(model.id);
        return ids;
      ]])
      assert.is_true(#ids > 10)
      assert.equal(#sim.requests, math.ceil(#ids / 5))
    end)

    it("gets one with what it can do", function()
      start()
      local model = run("return client.models.retrieve('claude-sonnet-5-5');")
      assert.is_true(model.capabilities.thinking.types.adaptive.supported)
    end)

    it("learns that one does not exist", function()
      start()
      local problem = failure("return client.models.retrieve('claude-none');")
      assert.same({ "NotFoundError", 404, "not_found_error" }, {
        problem.name,
        problem.status,
        problem.type,
      })
    end)
  end)

  describe("sending batches", function()
    local BATCH = [[
      const params = { model: 'claude-sonnet-5-5', max_tokens: 100,
        messages: [{ role: 'user', content: 'Hi' }] };
      const ended = async (batch) => {
        while (batch.processing_status !== 'ended') {
          await new Promise((resolve) => setTimeout(resolve, 5));
          batch = await client.messages.batches.retrieve(batch.id);
        }
        return batch;
      };
    ]]

    it("waits for the end and reads the results, those that failed as well", function()
      start({ script = "ok", batches = { seconds = 0.02 } })
      local got = run(BATCH .. [[
        const requests = [
          { custom_id: 'good', params },
          { custom_id: 'bad', params: { ...params, max_tokens: -1 } },
        ];
        const first = await client.messages.batches.create({ requests });
        const batch = await ended(first);
        const results = {};
        for await (const { custom_id, result } of await client.messages.batches.results(batch.id))
          results[custom_id] = result.message?.content[0].text ?? result.error.error.message;
        const deleted = await client.messages.batches.delete(batch.id);
        return { first, batch, results, deleted };
      ]])
      assert.equal("in_progress", got.first.processing_status)
      assert.same({ 1, 1 }, {
        got.batch.request_counts.succeeded,
        got.batch.request_counts.errored,
      })
      assert.same({
        good = "ok",
        bad = "max_tokens: Input should be greater than or equal to 0",
      }, got.results)
      assert.equal(got.batch.id, got.deleted.id)
    end)

    it("cancels one, and walks the list", function()
      start({ script = "ok", batches = { seconds = 60 } })
      local got = run(BATCH .. [[
        for (let i = 0; i < 3; i++)
          await client.messages.batches.create({ requests: [{ custom_id: 'a', params }] });
        const ids = [];
        for await (const batch of client.messages.batches.list({ limit: 1 })) ids.push(batch.id);
        const canceling = await client.messages.batches.cancel(ids[0]);
        return { ids, canceling, ended: await ended(canceling) };
      ]])
      assert.equal(3, #got.ids)
      assert.equal("canceling", got.canceling.processing_status)
      assert.equal(1, got.ended.request_counts.canceled)
    end)
  end)

  describe("keeping files", function()
    it("uploads one, names it in a message, lists and deletes it", function()
      start({ script = "I read it." })
      local got = run([[
        const { toFile } = Anthropic;
        const file = await client.files.upload({
          file: await toFile(Buffer.from('Milk\nEggs\n'), 'list.txt', { type: 'text/plain' }),
        });
        const message = await client.messages.create({
          model: 'claude-sonnet-5-5', max_tokens: 100,
          messages: [{ role: 'user', content: [
            { type: 'document', source: { type: 'file', file_id: file.id } },
            { type: 'text', text: 'What is on it?' },
          ] }],
        });
        const metadata = await client.files.retrieveMetadata(file.id);
        const ids = [];
        for await (const one of client.files.list()) ids.push(one.id);
        const deleted = await client.files.delete(file.id);
        const gone = await client.files.retrieveMetadata(file.id).catch((error) => error.status);
        return { file, metadata, ids, deleted, gone, text: message.content[0].text };
      ]])
      assert.same(got.file, got.metadata)
      assert.same({ "list.txt", "text/plain", 10 }, {
        got.file.filename,
        got.file.mime_type,
        got.file.size_bytes,
      })
      assert.same({ got.file.id }, got.ids)
      assert.same({ got.file.id, 404, "I read it." }, { got.deleted.id, got.gone, got.text })
    end)

    it("walks the pages of a long list", function()
      start()
      local given = {}
      for i = 1, 5 do
        given[sim:add_file({ filename = i .. ".txt", bytes = "x" })] = true
      end
      local ids = run([[
        const ids = [];
        for await (const file of client.files.list({ limit: 2 })) ids.push(file.id);
        return ids;
      ]])
      assert.equal(5, #ids)
      for _, id in ipairs(ids) do
        assert.is_true(given[id])
      end
    end)

    it("downloads what code wrote, byte for byte", function()
      start()
      local bytes = {}
      for i = 0, 255 do
        bytes[#bytes + 1] = string.char(i)
      end
      local id = sim:add_file({
        filename = "all.bin",
        bytes = table.concat(bytes),
        downloadable = true,
      })
      local got = run(
        "const file = await client.files.download(given);"
          .. "return [...new Uint8Array(await file.arrayBuffer())];",
        id
      )
      assert.equal(256, #got)
      for i = 1, 256 do
        assert.equal(i - 1, got[i])
      end
    end)
  end)

  describe("being refused", function()
    for status, expected in pairs({
      [400] = { "BadRequestError", "invalid_request_error" },
      [401] = { "AuthenticationError", "authentication_error" },
      [402] = { "PaymentRequiredError", "billing_error" },
      [403] = { "PermissionDeniedError", "permission_error" },
      [404] = { "NotFoundError", "not_found_error" },
      [409] = { "ConflictError", "conflict_error" },
      [413] = { "ContentTooLargeError", "request_too_large" },
      [422] = { "UnprocessableEntityError", "invalid_request_error" },
      [429] = { "RateLimitError", "rate_limit_error" },
      [500] = { "InternalServerError", "api_error" },
      [503] = { "ServiceUnavailableError", "api_error" },
      [504] = { "GatewayTimeoutError", "timeout_error" },
      [529] = { "OverloadedError", "overloaded_error" },
    }) do
      it(("with %d throws %s"):format(status, expected[1]), function()
        start({ script = "ok", faults = { { status = status } } })
        local problem = failure(ASK .. "await connect({ maxRetries: 0 }).messages.create(ask);")
        assert.same({ expected[1], status, expected[2] }, {
          problem.name,
          problem.status,
          problem.type,
        })
        assert.matches("^req_", problem.request)
      end)
    end

    it("reads where in the request the mistake is", function()
      start()
      local problem = failure(ASK .. [[
        await client.messages.create({ ...ask, messages: [
          { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'image', source: {} }] },
        ] });
      ]])
      assert.equal(400, problem.status)
      assert.matches("messages.0.content.1.image.source", problem.message, 1, true)
    end)

    it("has a key that is wrong", function()
      start({ key = "the right one" })
      assert.equal("AuthenticationError", failure(ASK .. "await client.messages.create(ask);").name)
    end)
  end)

  describe("retrying", function()
    local SOON = { ["retry-after-ms"] = "5" }

    for _, status in ipairs({ 408, 409, 429, 500, 529 }) do
      it(("asks again after %d"):format(status), function()
        start({ script = "ok", faults = { { status = status, times = 2, headers = SOON } } })
        assert.equal(
          "ok",
          run(ASK .. "return (await client.messages.create(ask)).content[0].text;")
        )
        assert.equal(3, #sim.requests)
      end)
    end

    it("gives up after two", function()
      start({ script = "ok", faults = { { status = 529, times = 3, headers = SOON } } })
      assert.equal("OverloadedError", failure(ASK .. "await client.messages.create(ask);").name)
      assert.equal(3, #sim.requests)
    end)

    it("does not after a mistake of its own, unless told to", function()
      local told = { ["retry-after-ms"] = "5", ["x-should-retry"] = "true" }
      start({ script = "ok", faults = { { status = 400 }, { status = 400, headers = told } } })
      assert.equal("BadRequestError", failure(ASK .. "await client.messages.create(ask);").name)
      assert.equal(1, #sim.requests)
      run(ASK .. "await client.messages.create(ask);")
      assert.equal(3, #sim.requests)
    end)

    it("asks again where a stream is refused before it begins", function()
      start({ script = { { error = { status = 529, headers = SOON } }, "ok" } })
      assert.equal("ok", run(ASK .. "return client.messages.stream(ask).finalText();"))
    end)
  end)
end)
