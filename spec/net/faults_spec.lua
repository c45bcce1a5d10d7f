local claude = require("claude")
local hub = require("claude.loop")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")
local with_limit = require("spec.helpers").with_limit

local MESSAGES = { { role = "user", content = "Hi" } }

-- What each fault must come to: the kind of the transport's failure and words of its
-- message (nil: the transport has nothing to say), and how the response itself ended.
local FAULTS = {
  { "a reset before anything is answered", "reset_at_once", kind = "network", retryable = true },
  { "a close before anything is answered", "close_at_once", kind = "network", retryable = true },
  { "a cut in the headers", "cut_in_headers", kind = "network", retryable = true },
  { "a reset in the headers", "reset_in_headers", kind = "network", retryable = true },
  { "a cut before the first chunk", "cut_before_first_chunk", kind = "network", retryable = true },
  { "a cut in a chunk's header", "cut_in_chunk_header", kind = "network", text = "Hello" },
  { "a cut in an event", "cut_in_event", kind = "network", text = "Hello" },
  { "a reset in an event", "reset_in_event", kind = "network", text = "Hello" },
  { "an end of the body in an event", "ended_in_event", response = "incomplete", text = "Hello" },
  { "an empty body with a trailer", "nothing", response = "incomplete" },
  { "a cut before the stop reason", "cut_before_stop_reason", kind = "network", text = "Hello" },
  { "a cut after the stop reason", "cut_after_stop_reason", complete = true, text = "Hello" },
  { "a cut in message_stop", "cut_in_message_stop", complete = true, text = "Hello" },
  { "an answer 429", "error_429", response = "api", status = 429 },
  { "an answer 529", "error_529", response = "api", status = 529 },
  { "an answer 500", "error_500", response = "api", status = 500 },
  { "a proxy's page with status 502", "html_502", response = "api", status = 502 },
  { "a page with status 200", "html_200", status = 200 },
  { "an error event in the stream", "error_event", response = "api", text = "Hello" },
  { "a body shorter than its length", "short_body", kind = "network" },
}

local STALLS = {
  { "no headers", "stall_before_headers", { first_byte = 0.2 }, "first_byte" },
  { "half a header", "stall_in_headers", { idle = 0.2 }, "idle" },
  { "headers without end", "headers_dripped", { idle = 30, headers = 0.3 }, "headers" },
  { "silence in an event", "stall_in_event", { idle = 0.2 }, "idle" },
  { "only pings in a text block", "pings_in_text", { idle = 5, stalled = 0.3 }, "stalled" },
  { "only pings before content", "pings_before_content", { idle = 5, stalled = 0.3 }, "stalled" },
}

for _, driver in ipairs(require("spec.support.drivers")) do
  describe("a fault of the server, driver " .. driver .. ":", function()
    local server
    setup(function()
      hub.use(driver)
      server = servers.fault_server()
    end)
    teardown(function()
      server:stop()
      hub.use("blocking")
    end)

    local function ask(scenario, options)
      options = options or {}
      options.url = server.url .. "/" .. scenario .. "/v1/messages"
      options.body = options.body or "{}"
      return requests.run(options)
    end

    -- Nothing is left of the fault, and the next request succeeds.
    local function check_well(before)
      local seen = ask("ok")
      assert.equal("end", seen.last)
      assert.equal("Hello", seen.text)
      requests.settle()
      assert.is_true(servers.open_descriptors() <= before + 1)
    end

    for _, fault in ipairs(FAULTS) do
      it(fault[1], function()
        ask("ok")
        local before = servers.descriptors_in_use()
        local seen, exchange = ask(fault[2])
        assert.equal(fault.text or "", seen.text)
        if fault.complete then
          assert.is_true(exchange.response:complete())
          assert.equal("end", seen.last)
        else
          assert.is_false(exchange.response:complete() or false)
        end
        if fault.kind then
          assert.equal(fault.kind, seen.err.kind)
          assert.is_true(seen.err.retryable)
          assert.is_truthy(tostring(seen.err):find("curl", 1, true))
        end
        if fault.response then
          assert.equal("error", seen.last)
          assert.equal(fault.response, exchange.response:failure().kind)
        end
        if fault.status then assert.equal(fault.status, exchange.response:status()) end
        check_well(before)
      end)
    end

    for _, stall in ipairs(STALLS) do
      it(stall[1] .. " ends at the limit " .. stall[4], function()
        ask("ok")
        local before = servers.descriptors_in_use()
        local started = hub.now()
        local seen = ask(stall[2], { limits = stall[3] })
        assert.is_true(hub.now() - started < 5)
        assert.equal("timeout", seen.err.kind)
        assert.equal(stall[4], seen.err.details.limit)
        assert.is_truthy(seen.err.message:find(stall[4], 1, true))
        assert.is_true(seen.err.retryable)
        check_well(before)
      end)
    end

    it("a refused connection", function()
      local exchange =
        assert(requests.start({ url = "http://127.0.0.1:1/v1/messages", body = "{}" }))
      local seen = requests.drain(exchange)
      assert.equal("network", seen.err.kind)
      assert.equal(7, seen.err.details.curl_code)
      assert.is_true(seen.err.retryable)
      assert.is_string(seen.err.hint)
    end)

    it("a name that does not exist", function()
      local exchange =
        assert(requests.start({ url = "https://no.such.host.invalid/", body = "{}" }))
      local seen = requests.drain(exchange)
      assert.equal("network", seen.err.kind)
    end)

    for _, scenario in ipairs({ "pings_in_text", "comments_only", "stall_in_event" }) do
      it(scenario .. " ends a loop over deltas in a task", function()
        if not tasks.iterators_can_wait then return end
        local stalled = scenario ~= "stall_in_event"
        local function attempt(limit)
          local client = claude.new({
            api_key = "k",
            base_url = server.url .. "/" .. scenario,
            max_retries = 0,
            limits = { idle = stalled and 60 or limit, stalled = stalled and limit or 60 },
          })
          local texts, began = {}, hub.now()
          local ok, err = pcall(claude.loop, function()
            local params = { model = "claude-opus-4-8", max_tokens = 100, messages = MESSAGES }
            for kind, text in client.messages:stream(params):deltas() do
              if kind == "text" then texts[#texts + 1] = text end
            end
          end)
          assert.is_false(ok)
          local expected = { "timeout", stalled and "stalled" or "idle" }
          assert.same(expected, { err.kind, err.details.limit })
          assert.is_true(hub.now() - began < limit + 5)
          return table.concat(texts) == "Hello"
        end
        with_limit(0.3, attempt)
      end)
    end

    it("pings keep a stream alive that has content to come", function()
      local seen = ask("pings_then_ok", { limits = { idle = 5, stalled = 5 } })
      assert.equal("Hello", seen.text)
      assert.equal("end", seen.last)
    end)

    it("silence longer than idle is forgiven when the bytes were there to be read", function()
      local seen
      with_limit(0.3, function(limit)
        local exchange = assert(requests.start({
          url = server.url .. "/slow_ok/v1/messages",
          body = "{}",
          limits = { idle = limit },
        }))
        if not exchange:wait() then return false end
        -- The program does something else for longer than the limit; the answer has come meanwhile.
        os.execute(("sleep %g"):format(2 * limit))
        seen = requests.drain(exchange)
        return seen.last == "end"
      end)
      assert.equal("Hello", seen.text)
    end)
  end)
end
