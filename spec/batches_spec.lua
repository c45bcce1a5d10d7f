--- Message batches: what goes out, and what comes back.
local api = require("spec.support.api_server")
local batch_requests = require("claude.batch_requests")
local claude = require("claude")
local core = require("claude.core")
local growth_of = require("spec.support.growth").of
local helpers = require("spec.helpers")
local servers = require("spec.support.servers")

local function params(changes)
  local result = {
    model = "claude-opus-4-8",
    max_tokens = 100,
    messages = { { role = "user", content = "Hi" } },
  }
  for name, value in pairs(changes or {}) do
    result[name] = value
  end
  return result
end

local function request(id, changes) return { custom_id = id, params = params(changes) } end

local BATCH = { id = "msgbatch_1", type = "message_batch", processing_status = "in_progress" }

local function created(id)
  return api.json(200, { id = id, type = "message_batch", processing_status = "in_progress" })
end

describe("messages.batches:", function()
  local server, warnings
  setup(function() require("claude.loop").use("luv") end)
  teardown(function() require("claude.loop").use("blocking") end)
  before_each(function() warnings = {} end)
  after_each(function()
    if server then server:close() end
    server = nil
  end)

  local function batches_for(answers, options)
    server = api.start(answers)
    local given = {
      api_key = "k",
      base_url = server.url,
      max_retries = 0,
      on_warning = function(text, code) warnings[#warnings + 1] = { code = code, text = text } end,
    }
    for name, value in pairs(options or {}) do
      given[name] = value
    end
    return claude.new(given).messages.batches
  end

  -- With small batches for the time of a call.
  local function with_limits(limits, fn)
    local before = batch_requests.LIMITS
    batch_requests.LIMITS = limits
    local outcome = { pcall(fn) }
    batch_requests.LIMITS = before
    if not outcome[1] then error(outcome[2], 0) end
  end

  local function ids_sent(i)
    local ids = {}
    for k, item in ipairs(server.requests[i].json.requests) do
      ids[k] = item.custom_id
    end
    return ids
  end

  describe("create", function()
    it("sends a list of requests, each as messages:create writes it", function()
      local batches = batches_for({ created("msgbatch_1") })
      local batch = assert(batches:create({
        requests = {
          request("a", { metadata = {}, stream = false }),
          { custom_id = "b-_9", params = claude.json('{ "model" : "x" }') },
        },
      }))
      assert.same(BATCH, batch)
      assert.equal("POST", server.requests[1].method)
      assert.equal("/v1/messages/batches", server.requests[1].path)
      assert.equal(
        '{"requests":[{"custom_id":"a","params":{"max_tokens":100,"messages":[{"content":"Hi",'
          .. '"role":"user"}],"metadata":{},"model":"claude-opus-4-8"}},'
          .. '{"custom_id":"b-_9","params":{ "model" : "x" }}]}',
        server.requests[1].body
      )
    end)

    it("takes an iterator, and anything that can be called", function()
      local i = 0
      local function next_request()
        i = i + 1
        return i <= 3 and request("r" .. i) or nil
      end
      local callable = setmetatable({}, { __call = next_request })
      for _, source in ipairs({ next_request, callable }) do
        i = 0
        local batches = batches_for({ created("msgbatch_1") })
        assert(batches:create({ requests = source }))
        assert.same({ "r1", "r2", "r3" }, ids_sent(1))
        server:close()
      end
    end)

    it("fails where the iterator does, and creates nothing of what it had given", function()
      local own = require("claude.errors").new({ kind = "network", message = "gone" })
      for _, case in ipairs({
        { "disk error", nil, "invalid", "disk error" },
        { tostring(own), own, "network", "gone" },
      }) do
        local batches = batches_for({ api.json(200, { id = "never" }) })
        local requests = { request("a") }
        local batch, text, err = batches:create({
          requests = function()
            local item = table.remove(requests)
            if item then return item end
            return nil, case[1], case[2]
          end,
        })
        assert.is_nil(batch)
        assert.truthy(text:find(case[4], 1, true), text)
        assert.equal(case[3], err.kind)
        assert.equal(0, #server.requests)
      end
    end)

    it("sends blocks of earlier answers as their bytes", function()
      local raw = '{"type":"text", "text":"caf\\u00e9"}'
      local response = core.response()
      response:feed_header("content-type: application/json")
      response:feed('{"type":"message","role":"assistant","content":[' .. raw .. "]}")
      response:finish()
      local message = require("claude.message").view(response)
      local batches = batches_for({ created("msgbatch_1") })
      assert(batches:create({
        requests = {
          request("a", {
            messages = {
              { role = "user", content = "?" },
              message,
              { role = "user", content = "!" },
            },
          }),
        },
      }))
      assert.truthy(server.requests[1].body:find(raw, 1, true))
    end)

    it("names the betas of the batch, of its requests and of the client", function()
      local batches = batches_for({ created("msgbatch_1") }, { betas = { "a" } })
      local one = request("one", { betas = { "c" } })
      assert(batches:create({ requests = { one }, betas = { "b" } }, { betas = { "d" } }))
      local names = {}
      for name in server.requests[1].headers["anthropic-beta"]:gmatch("[^,]+") do
        names[#names + 1] = name
      end
      table.sort(names)
      assert.same({ "a", "b", "c", "d" }, names)
      assert.is_nil(server.requests[1].body:find("betas", 1, true))
    end)

    it("lets a model write 300,000 tokens where the beta is named", function()
      local batches = batches_for({ created("msgbatch_1") })
      local long = { request("a", { max_tokens = 300000 }) }
      local _, _, err = batches:create({ requests = long })
      assert.same({ "max_tokens_batch", "requests[1].params.max_tokens" }, { err.rule, err.path })
      assert.equal(0, #server.requests)
      assert(batches:create({ requests = long, betas = { "output-300k-2026-03-24" } }))
      assert.equal("output-300k-2026-03-24", server.requests[1].headers["anthropic-beta"])
    end)

    it("splits at so many requests, in order, and returns every batch", function()
      with_limits({ requests = 2, bytes = 1e6 }, function()
        local batches = batches_for({ created("m1"), created("m2"), created("m3") })
        local list, told = {}, {}
        for i = 1, 5 do
          list[i] = request("r" .. i)
        end
        local all = {
          assert(batches:create({
            requests = list,
            on_batch = function(batch) told[#told + 1] = batch.id .. " " .. #server.requests end,
          })),
        }
        assert.same({ "m1", "m2", "m3" }, { all[1].id, all[2].id, all[3].id })
        assert.same({ "m1 1", "m2 2", "m3 3" }, told)
        assert.same({ "r1", "r2" }, ids_sent(1))
        assert.same({ "r3", "r4" }, ids_sent(2))
        assert.same({ "r5" }, ids_sent(3))
        assert.equal("batch_split", warnings[1].code)
        assert.matches("the 5 requests .- 3 were created %(m1, m2, m3%)", warnings[1].text)
      end)
    end)

    it("splits at so many bytes, and never sends more", function()
      with_limits({ requests = 100, bytes = 500 }, function()
        local batches = batches_for({ created("m") })
        local list = {}
        for i = 1, 20 do
          list[i] = request("r" .. i, { system = ("x"):rep(7 * i) })
        end
        local all = { assert(batches:create({ requests = list })) }
        local count = 0
        for i = 1, #all do
          assert.is_true(#server.requests[i].body <= 500)
          count = count + #ids_sent(i)
        end
        assert.equal(20, count)
        local _, _, err =
          batches:create({ requests = { request("r", { system = ("x"):rep(400) }) } })
        assert.same({ "batch_request_size", "requests[1]" }, { err.rule, err.path })
      end)
    end)

    it("fits exactly as many bytes as there may be", function()
      with_limits({ requests = 100, bytes = 1e6 }, function()
        local batches = batches_for({ created("m") })
        assert(batches:create({ requests = { request("a"), request("b") } }))
        local bytes = #server.requests[1].body
        batch_requests.LIMITS.bytes = bytes
        assert.equal(1, select("#", batches:create({ requests = { request("a"), request("b") } })))
        batch_requests.LIMITS.bytes = bytes - 2
        assert.equal(2, select("#", batches:create({ requests = { request("a"), request("b") } })))
      end)
    end)

    it("has what was created in the error when a later batch fails", function()
      with_limits({ requests = 2, bytes = 1e6 }, function()
        local batches = batches_for({
          created("m1"),
          api.failure(429, "rate_limit_error", "too many"),
        })
        local list = { request("a"), request("b"), request("c") }
        local batch, text, err = batches:create({ requests = list })
        assert.is_nil(batch)
        assert.matches("the first 2 requests are in m1", text)
        assert.same({ "rate_limit_error", 2, "m1" }, { err.type, err.taken, err.batches[1].id })
        list[4] = request("a")
        err = select(3, batches_for({ created("m1") }):create({ requests = list }))
        assert.same({ "batch_id_twice", "m1" }, { err.rule, err.batches[1].id })
      end)
    end)

    local refused = {
      {
        "a custom_id that is missing",
        { params = params() },
        "field_type",
        "requests[1].custom_id",
      },
      { "a custom_id with a dot", request("a.b"), "batch_id", "requests[1].custom_id" },
      { "a custom_id too long", request(("x"):rep(65)), "batch_id", "requests[1].custom_id" },
      { "no params", { custom_id = "a" }, "field_type", "requests[1].params" },
      {
        "another member",
        { custom_id = "a", params = params(), model = "x" },
        "batch_member",
        "requests[1].model",
      },
      { "a request that is none", "x", "field_type", "requests[1]" },
      {
        "a stream",
        request("a", { stream = true }),
        "batch_field",
        "requests[1].params.stream",
      },
      {
        "max_tokens = 0",
        request("a", { max_tokens = 0 }),
        "batch_field",
        "requests[1].params.max_tokens",
      },
      {
        "fallbacks",
        request("a", { fallbacks = "default" }),
        "batch_field",
        "requests[1].params.fallbacks",
      },
      { "speed", request("a", { speed = "fast" }), "batch_field", "requests[1].params.speed" },
      {
        "what messages:create refuses",
        request("a", { max_tokens = 1e9 }),
        "max_tokens_batch",
        "requests[1].params.max_tokens",
      },
      {
        "what cannot be written",
        request("a", { metadata = { a = print } }),
        "encoding",
        "requests[1].params.metadata.a",
      },
    }
    for _, case in ipairs(refused) do
      it("refuses " .. case[1] .. ", naming the request", function()
        local batches = batches_for({ created("m") })
        local batch, _, err = batches:create({ requests = { case[2] } })
        assert.is_nil(batch)
        assert.same({ "invalid", case[3], case[4] }, { err.kind, err.rule, err.path })
        assert.equal(0, #server.requests)
      end)
    end

    it("refuses the same custom_id twice, and an empty batch", function()
      local batches = batches_for({ created("m") })
      local _, text, err = batches:create({ requests = { request("a"), request("a") } })
      assert.same({ "batch_id_twice", "requests[2].custom_id" }, { err.rule, err.path })
      assert.matches("request 1", text)
      _, _, err = batches:create({ requests = function() end })
      assert.equal("batch_empty", err.rule)
    end)

    it("is not tried again when it may have been created, and says so", function()
      local unknown = { { hang_up = true }, api.failure(500, "api_error", "oops") }
      for _, answer in ipairs(unknown) do
        local batches = batches_for({ answer, created("m") }, { max_retries = 2 })
        local _, text, err = batches:create({ requests = { request("a") } })
        assert.is_false(err.retryable)
        assert.matches("may have been created", text)
        assert.equal(1, #server.requests)
        server:close()
      end
    end)

    it("is tried again when it was not created", function()
      local safe = {
        api.failure(529, "overloaded_error", "later", { ["retry-after-ms"] = "1" }),
        api.failure(429, "rate_limit_error", "later", { ["retry-after-ms"] = "1" }),
        api.failure(500, "api_error", "again", {
          ["x-should-retry"] = "true",
          ["retry-after-ms"] = "1",
        }),
      }
      for _, answer in ipairs(safe) do
        local batches = batches_for({ answer, created("m") }, { max_retries = 2 })
        assert.equal("m", assert(batches:create({ requests = { request("a") } })).id)
        assert.equal(2, #server.requests)
        server:close()
      end
    end)

    it("raises at the caller's line for wrong calls", function()
      local batches = batches_for({ created("m") })
      local cases = {
        { "takes a table", function() batches:create(1) end },
        { "takes a table such as { requests", function() batches:create({ {} }) end },
        { "requests must be a list", function() batches:create({}) end },
        { "without gaps", function() batches:create({ requests = { [2] = {} } }) end },
        { "no parameter model", function() batches:create({ requests = {}, model = "x" }) end },
        { "on_batch must be", function() batches:create({ requests = {}, on_batch = 1 }) end },
        { "betas must be", function() batches:create({ requests = {}, betas = "x" }) end },
        { "with a colon", function() batches.create({ requests = {} }) end },
        { "with a colon", function() batches.retrieve("x") end },
        { "takes the id", function() batches:retrieve("..") end },
        { "takes the id", function() batches:results("") end },
        { "takes the id", function() batches:cancel("a;b") end },
        { "takes the id", function() batches:wait({}) end },
        { "no option often", function() batches:wait("x", { often = 1 }) end },
        { "interval must be", function() batches:wait("x", { interval = 0 }) end },
        { "no option nonsense", function() batches:delete("x", { nonsense = 1 }) end },
      }
      for _, case in ipairs(cases) do
        local ok, message = pcall(case[2])
        assert.is_false(ok)
        assert.matches(case[1], message)
        assert.matches("^spec/batches_spec.lua:", message)
      end
    end)

    it("takes time in proportion to the requests", function()
      with_limits({ requests = 1e6, bytes = 1e9 }, function()
        helpers.grows_linearly(500, function(n)
          local writer = batch_requests.writer(claude.new({ api_key = "k" }), {}, {})
          local body = batch_requests.body({})
          for i = 1, n do
            body:add(assert(writer:write(request("r" .. i))))
          end
          body:finish()
        end)
      end)
    end)
  end)

  describe("one batch", function()
    it("is retrieved, cancelled and deleted by its id, which is escaped", function()
      local batches = batches_for({ api.json(200, BATCH, { ["request-id"] = "req_1" }) })
      local batch = assert(batches:retrieve("msgbatch_1"))
      assert.same(BATCH, batch)
      assert.equal("req_1", claude.response(batch).request_id)
      assert(batches:cancel("msgbatch_1"))
      assert(batches:delete("msg/batch_1"))
      local seen = {}
      for i, asked in ipairs(server.requests) do
        seen[i] = asked.method .. " " .. asked.path
      end
      assert.same({
        "GET /v1/messages/batches/msgbatch_1",
        "POST /v1/messages/batches/msgbatch_1/cancel",
        "DELETE /v1/messages/batches/msg%2Fbatch_1",
      }, seen)
    end)

    it("is waited for, ever less often or as often as told", function()
      local ended = { id = "m", processing_status = "ended" }
      local batches = batches_for({
        api.json(200, BATCH),
        api.failure(529, "overloaded_error", "later"),
        api.json(200, BATCH),
        api.json(200, ended),
      })
      local looks = {}
      local batch = assert(batches:wait("m", {
        interval = 0.001,
        on_poll = function(seen, err) looks[#looks + 1] = seen and seen.id or err.type end,
      }))
      assert.same(ended, batch)
      assert.same({ "msgbatch_1", "overloaded_error", "msgbatch_1", "m" }, looks)
    end)

    it("is waited for no longer than told", function()
      local batches = batches_for({ api.json(200, BATCH) })
      local batch, text, err = batches:wait("m", { interval = 0.001, timeout = 0.02 })
      assert.is_nil(batch)
      assert.equal("timeout", err.kind)
      assert.matches("it goes on", text)
    end)

    it("is waited for until a failure that does not pass", function()
      local batches = batches_for({ api.failure(404, "not_found_error", "gone") })
      assert.equal(404, select(3, batches:wait("m")).status)
      server:close()
      batches = batches_for({ api.failure(529, "overloaded_error", "no") })
      assert.equal(529, select(3, batches:wait("m", { interval = 0.001 })).status)
      assert.equal(10, #server.requests)
    end)

    it("is waited for in a task that can be cancelled", function()
      local batches = batches_for({ api.json(200, BATCH) })
      claude.loop(function()
        local task = claude.spawn(function() return select(3, batches:wait("m")) end)
        helpers.wait_until(function() return server.requests[1] end)
        task:cancel()
        assert.equal("cancelled", task:wait().kind)
      end)
    end)
  end)

  describe("results", function()
    local COUNTS = { processing = 0, succeeded = 1, errored = 1, canceled = 1, expired = 1 }
    local ENDED = {
      id = "m",
      processing_status = "ended",
      results_url = "https://elsewhere.example/results",
      request_counts = COUNTS,
    }
    local MESSAGE = '{"type":"message","id":"msg_1","role":"assistant","model":"m","content":'
      .. '[{"type":"thinking","thinking":"", "signature":"c2ln"},{"text":"caf\\u00e9","type":'
      .. '"text"},{"type":"tool_use","id":"t","name":"n","input":{"n":12345678901234567890}}],'
      .. '"stop_reason":"tool_use","usage":{"output_tokens":1},"new":1.0}'
    local ERROR = '{"type":"error","error":{"type":"invalid_request_error","message":"no"},'
      .. '"request_id":"req_9"}'
    local LINES = {
      '{"custom_id":"a","result":{"type":"succeeded","message":' .. MESSAGE .. "}}\n",
      '{"custom_id":"b","result":{"type":"errored","error":' .. ERROR .. "}}\n",
      '{"custom_id":"c","result":{"type":"canceled"}}\r\n\n',
      '{"custom_id":"d","result":{"type":"expired"}}',
    }

    local function answers(body)
      local lines = { pieces = body or LINES, headers = { ["request-id"] = "req_lines" } }
      return { api.json(200, ENDED), lines }
    end

    it("come one by one, of all four kinds", function()
      local batches = batches_for(answers())
      local seen = {}
      for entry in batches:results("m") do
        seen[#seen + 1] = entry.custom_id .. " " .. entry.result.type
      end
      assert.same({ "a succeeded", "b errored", "c canceled", "d expired" }, seen)
      assert.equal("/v1/messages/batches/m/results", server.requests[2].path)
      assert.equal("application/binary", server.requests[2].headers.accept)
    end)

    it("have messages with their exact bytes, which go out again as they are", function()
      local batches = batches_for(answers())
      local message = batches:results("m"):next().result.message
      assert.equal("café", message:text())
      assert.equal("12345678901234567890", tostring(message.content[3].input.n))
      local raw = require("claude.message").raw_of
      assert.equal('{"text":"caf\\u00e9","type":"text"}', raw(message.content[2]))
      local elements = require("claude.request").encode_messages({ message })
      assert.truthy(elements:find('"thinking":"", "signature":"c2ln"}', 1, true))
      assert.truthy(elements:find('{"n":12345678901234567890}', 1, true))
      assert.equal("req_lines", claude.response(message).request_id)
    end)

    it("have the API's error, and what it means", function()
      local results = batches_for(answers()):results("m")
      results:next()
      local entry = results:next()
      assert.equal("invalid_request_error", entry.result.error.error.type)
      assert.same({ "api", "no", "req_9", false }, {
        entry.err.kind,
        entry.err.message,
        entry.err.request_id,
        entry.err.retryable,
      })
    end)

    it("have the type of an error that stands by itself, too", function()
      local bare = '{"custom_id":"a","result":{"type":"errored","error":'
        .. '{"type":"overloaded_error","message":"busy"}}}'
      local entry = batches_for(answers({ bare })):results("m")()
      assert.same(
        { "overloaded_error", "busy", true },
        { entry.err.type, entry.err.message, entry.err.retryable }
      )
    end)

    it("are asked of the client's own server, whatever the batch says", function()
      local batches = batches_for(answers())
      assert(batches:results("m"):next())
      assert.equal(2, #server.requests)
    end)

    it("are none before the batch has ended, and when it is too late", function()
      local _, text, err = batches_for({ api.json(200, BATCH) }):results("m"):next()
      assert.equal("invalid", err.kind)
      assert.matches("it is in_progress", text)
      server:close()
      local archived = { id = "m", processing_status = "ended" }
      _, text = batches_for({ api.json(200, archived) }):results("m"):next()
      assert.matches("29 days", text)
    end)

    it("raise in a loop what their step function returns", function()
      local batches = batches_for({ api.failure(404, "not_found_error", "gone") })
      local ok, err = pcall(function()
        for _ in batches:results("m") do
          error("there is none", 0)
        end
      end)
      assert.is_false(ok)
      assert.equal("not_found_error", err.type)
    end)

    it("that are fewer than the batch says are incomplete", function()
      local results = batches_for(answers({ LINES[1] })):results("m")
      assert(results:next())
      local _, text, err = results:next()
      assert.equal("incomplete", err.kind)
      assert.matches("1 of 4 results came", text)
    end)

    it("tell which line is no result, and go on behind it", function()
      local results =
        batches_for(answers({ LINES[3], '{"custom_id":"x","res\n', LINES[4] })):results("m")
      assert(results:next())
      local _, text, err = results:next()
      assert.same({ "protocol", '{"custom_id":"x","res' }, { err.kind, err.body })
      assert.matches("line 3 is not the result", text)
      assert.equal("d", assert(results:next()).custom_id)
    end)

    it("tell of a message that is none", function()
      local none = '{"custom_id":"a","result":{"type":"succeeded","message":[]}}'
      local _, text = batches_for(answers({ none })):results("m"):next()
      assert.matches("its message is no object", text)
    end)

    it("keep members and kinds that nobody knew", function()
      local line = '{"custom_id":"x","result":{"type":"postponed","until":1},"more":[2]}\n'
      local entry = batches_for(answers({ line })):results("m"):next()
      assert.same(
        { custom_id = "x", result = { type = "postponed", ["until"] = 1 }, more = { 2 } },
        entry
      )
    end)

    it("end when they are closed", function()
      local results = batches_for(answers()):results("m")
      assert(results:next())
      results:close()
      assert.equal("cancelled", select(3, results:next()).kind)
    end)

    it("refuse a line over the limit", function()
      local batches = batches_for(answers(), { max_line_bytes = 100 })
      assert.matches("max_line_bytes", select(2, batches:results("m"):next()))
    end)

    it("leave the only place of a client to the requests that are made for each", function()
      local lines = answers()
      lines[3] = api.json(200, { input_tokens = 1 })
      server = api.start(lines)
      local client = claude.new({ api_key = "k", base_url = server.url, max_concurrency = 1 })
      for _ in client.messages.batches:results("m") do
        assert(client.messages:count_tokens(params()))
      end
      assert.equal(6, #server.requests)
    end)

    it("come in a task while others go on", function()
      local batches = batches_for(answers())
      claude.loop(function()
        local results = batches:results("m")
        local count = 0
        while results:next() do
          count = count + 1
        end
        assert.equal(4, count)
      end)
    end)
  end)
end)

describe("a conversation in a batch", function()
  local simulator = require("claude.simulator")
  local sim, client
  before_each(function()
    sim = assert(simulator.start({ batches = { seconds = 0 } }))
    client = claude.new({ api_key = "k", base_url = sim.url, on_warning = function() end })
  end)
  after_each(function() sim:close() end)

  local function chat_with(question, more)
    local options = {
      model = "claude-sonnet-5-5",
      max_tokens = 2000,
      thinking = { type = "adaptive", display = "summarized" },
    }
    for name, value in pairs(more or {}) do
      options[name] = value
    end
    local chat = client:conversation(options)
    chat:user(question)
    return chat
  end

  local function answer_to(chat)
    local batches = client.messages.batches
    local batch = assert(batches:create({ requests = { { custom_id = "c", params = chat } } }))
    assert(batches:wait(batch.id))
    return assert(batches:results(batch.id):next()).result.message
  end

  it("is sealed once it is created, takes its reply, and goes on with exact bytes", function()
    local chat = chat_with("What is 127 * 389?")
    local reply = answer_to(chat)
    assert.equal(1, #chat:messages())
    assert(chat:keep(reply))
    chat:user("And 2 * 3?")
    -- The simulator refuses thinking that is not as it was signed, or behind another prefix.
    assert.matches("6", assert(chat:send()):text())
    local sent = sim.requests[#sim.requests].body
    assert.truthy(sent:find(require("claude.message").raw_of(reply.content[1]), 1, true))
  end)

  it("can be saved meanwhile, and taken up in another process", function()
    local chat = chat_with("What is 2 * 3?")
    local batches = client.messages.batches
    local id = assert(batches:create({ requests = { { custom_id = "c", params = chat } } })).id
    local dump = assert(chat:dump())
    local later = claude.new({ api_key = "k", base_url = sim.url, on_warning = function() end })
    local again = assert(later:load(dump))
    assert(later.messages.batches:wait(id))
    assert(again:keep(assert(later.messages.batches:results(id):next()).result.message))
    again:user("And 3 * 3?")
    assert.matches("9", assert(again:send()):text())
  end)

  it("runs the tools that its reply calls", function()
    local tool = claude.tool({
      name = "calculator",
      description = "Evaluates arithmetic",
      input_schema = {
        type = "object",
        properties = { expression = { type = "string" } },
        required = { "expression" },
      },
      run = function() return "49403" end,
    })
    local chat = chat_with("What is 127 * 389?", { tools = { tool } })
    assert(chat:keep(answer_to(chat)))
    assert.equal("calculator", chat:pending()[1].name)
    assert.matches("49403", assert(chat:run():final_message()):text())
  end)

  it("is as it was when the batch was not created", function()
    local chat = chat_with("Hello")
    local list = { { custom_id = "c", params = chat }, { custom_id = "c", params = chat } }
    local _, _, err = client.messages.batches:create({ requests = list })
    assert.equal("batch_id_twice", err.rule)
    assert.equal(0, tonumber(tostring(chat):match("(%d+) messages")))
    assert(chat:send())
  end)

  it("is refused by path when there is nothing to send", function()
    local chat = client:conversation({ model = "claude-sonnet-5-5", max_tokens = 100 })
    local list = { { custom_id = "c", params = chat } }
    local _, _, err = client.messages.batches:create({ requests = list })
    assert.equal("requests[1].params", err.path)
    assert.matches("nothing to send", err.message)
  end)

  it("adds nothing when the reply was refused", function()
    sim:close()
    sim = assert(simulator.start({
      batches = { seconds = 0 },
      script = { { content = {}, stop_reason = "refusal" } },
    }))
    client = claude.new({ api_key = "k", base_url = sim.url, on_warning = function() end })
    local chat = chat_with("Hello")
    local kept, text = chat:keep(answer_to(chat))
    assert.is_nil(kept)
    assert.matches("adds nothing", text)
    assert.equal(1, #chat:messages())
  end)
end)

describe("the results of a large batch", function()
  local server, batches
  setup(function()
    server = servers.lines_server()
    batches = claude.new({ api_key = "k", base_url = server.url }).messages.batches
  end)
  teardown(function() server:stop() end)

  local function read(count)
    local seen = 0
    for entry in batches:results("b_" .. count) do
      seen = seen + 1
      assert.is_string(entry.result.message.id)
    end
    assert.equal(count, seen)
  end

  it("take the memory of a small one's", function()
    local growth = growth_of("results", server.url, "10000")
    assert.is_true(growth < 12e6, growth)
  end)

  it("take time in proportion to their number", function() helpers.grows_linearly(1000, read) end)
end)
