-- max_concurrency: how many requests of one client may be under way at once.
local claude = require("claude")
local helpers = require("spec.helpers")
local hub = require("claude.loop")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")

local wait_until, with_limit = helpers.wait_until, helpers.with_limit

local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 8000,
  messages = { { role = "user", content = "Hi" } },
}

for _, driver in ipairs(require("spec.support.drivers")) do
  describe("max_concurrency, driver " .. driver .. ":", function()
    local server
    setup(function()
      hub.use(driver)
      server = servers.fault_server()
    end)
    teardown(function()
      server:stop()
      hub.use("blocking")
    end)

    local function client_of(scenario, most, options)
      options = options or {}
      options.api_key, options.max_retries, options.max_concurrency = "k", 0, most
      options.base_url = server.url .. "/" .. scenario
      return claude.new(options)
    end

    -- What was read to its end may still be waiting for the end of its connection's answer.
    local function becomes_free(client)
      local stop = tasks.now() + 30
      while client.places.taken > 0 and tasks.now() < stop do
        tasks.sleep(0.005)
      end
      return client.places.taken == 0
    end

    it("holds back what is too much, and serves who waits in order", function()
      local client, most, ended, begun = client_of("slow_ok", 2), 0, 0, {}
      tasks.loop(function()
        for i = 1, 6 do
          claude.spawn(function()
            local stream = client.messages:stream(PARAMS)
            assert(stream:next())
            begun[#begun + 1] = i
            assert(stream:final_message())
            ended = ended + 1
          end)
        end
        while ended < 6 do
          most = math.max(most, (hub.engine():counts()))
          tasks.sleep(0.005)
        end
      end)
      assert.equal(2, most)
      -- Two at once: which of them answers first is chance.
      for i = 1, 6, 2 do
        assert.equal(2 * i + 1, begun[i] + begun[i + 1])
      end
    end)

    it("counts no time while a request waits for its place", function()
      with_limit(0.3, function(limit)
        local holder, fine = client_of("stall_in_event", 1), 0
        local client = client_of("ok", 1, { limits = { connect = limit, first_byte = limit } })
        client.places = holder.places
        tasks.loop(function()
          local stream = holder.messages:stream(PARAMS)
          assert(stream:next())
          for _ = 1, 3 do
            claude.spawn(function()
              if client.messages:create(PARAMS) then fine = fine + 1 end
            end)
          end
          tasks.sleep(2 * limit)
          stream:cancel()
        end)
        return fine == 3
      end)
    end)

    it("holds for every call of the client, and outside tasks", function()
      local client = client_of("slow_ok", 1)
      local stream = client.messages:stream(PARAMS)
      assert(client.messages:create(PARAMS))
      assert.equal("Hello", assert(stream:final_message()):text())
    end)

    it("gives the place of a request that failed to the next", function()
      for _, scenario in ipairs({ "error_529", "cut_in_event", "reset_at_once" }) do
        local client = client_of(scenario, 1)
        for _ = 1, 3 do
          assert.is_nil((client.messages:create(PARAMS)))
        end
        assert.is_nil((client.models:retrieve("x")))
        assert.is_nil((client.models:retrieve("x")))
      end
    end)

    it("gives the place of a request that could not begin to the next", function()
      local client = client_of("ok", 1)
      for _ = 1, 3 do
        local _, _, err = client.messages:create(PARAMS, { headers = { bad = "a\1b" } })
        assert.equal("invalid", err.kind)
      end
      assert(client.messages:create(PARAMS))
    end)

    it("lets nobody wait longer than the call's time_budget, and then sends nothing", function()
      local client = client_of("stall_in_event", 1)
      tasks.loop(function()
        local stream = client.messages:stream(PARAMS)
        assert(stream:next())
        for _, ask in ipairs({
          function(options) return client.messages:create(PARAMS, options) end,
          function(options) return client.models:retrieve("x", options) end,
          function(options) return client.files:open("x", options) end,
        }) do
          local _, text, err = ask({ time_budget = 0.02 })
          assert.same({ "timeout", "place", true }, { err.kind, err.details.limit, err.retryable })
          assert.matches("nothing was sent", text)
        end
        stream:cancel()
      end)
      assert.is_true(becomes_free(client))
      local another = client.messages:stream(PARAMS, { time_budget = 60 })
      assert(another:next())
      another:cancel()
      assert.is_true(becomes_free(client))
    end)

    it("holds no place for a body whose reader may be the one that waits for it", function()
      local client = client_of("flood", 1)
      local body = assert(client:request("GET", "/v1/x", { stream = true }))
      assert(body:read())
      assert(client.messages:create(PARAMS))
      assert(client.messages:create(PARAMS))
      assert.is_true(body.response:unread() < 4e6, "9 MB would be all of it")
      body:close()
      assert.is_true(becomes_free(client))
    end)

    it("lets who waits be cancelled: the stream, or its task", function()
      local holder, client = client_of("stall_in_event", 1), client_of("ok", 1)
      client.places = holder.places
      tasks.loop(function()
        local first = holder.messages:stream(PARAMS)
        assert(first:next())
        local stream = client.messages:stream(PARAMS)
        local reader = claude.spawn(function() return stream:final_message() end)
        local task = claude.spawn(function() return client.messages:create(PARAMS) end)
        local last = claude.spawn(function() return client.messages:create(PARAMS) end)
        wait_until(function() return client.places.line.count == 3 end)
        stream:cancel()
        task:cancel()
        assert.equal("cancelled", select(3, reader:wait()).kind)
        assert.equal("cancelled", select(3, task:wait()).kind)
        first:cancel()
        assert(last:wait())
      end)
    end)

    it("takes the place of a stream that was dropped", function()
      local client = client_of("stall_in_event", 1)
      local stream = client.messages:stream(PARAMS)
      assert(stream:next())
      stream = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      local other = client.messages:stream(PARAMS)
      assert(other:next())
      other:cancel()
    end)

    it("gives no place to who could not wait for one", function()
      local client = client_of("slow_ok", 1)
      tasks.loop(function()
        local stream = client.messages:stream(PARAMS)
        local co = coroutine.create(function() return client.messages:create(PARAMS) end)
        assert.is_false((coroutine.resume(co)))
        assert(stream:final_message())
        assert(claude.spawn(function() return client.messages:create(PARAMS) end):wait(30))
      end)
      assert.is_true(becomes_free(client))
    end)

    it("gives no place to a protected call that cannot wait on PUC 5.1", function()
      local client = client_of("slow_ok", 1)
      tasks.loop(function()
        local stream = client.messages:stream(PARAMS)
        pcall(function() return client.messages:create(PARAMS) end)
        stream:cancel()
        assert(claude.spawn(function() return client.messages:create(PARAMS) end):wait(30))
      end)
      assert.is_true(becomes_free(client))
    end)

    it("holds no place for a request that waits to be tried again", function()
      local client = client_of("error_event_first", 1, { limits = { idle = 60 } })
      client.max_retries = 1
      tasks.loop(function()
        local task = claude.spawn(function() return client.messages:create(PARAMS) end)
        local other = client_of("ok")
        other.places = client.places
        assert(other.messages:create(PARAMS))
        assert.equal("overloaded_error", select(3, task:wait()).type)
      end)
      assert.is_true(becomes_free(client))
    end)

    it("takes in a long reply that nobody reads while its reader waits for a place", function()
      local client = client_of("flood", 1)
      local stream = client.messages:stream(PARAMS)
      assert(stream:next())
      assert(client.messages:create(PARAMS))
      assert(stream:final_message())
      tasks.loop(function()
        stream = client.messages:stream(PARAMS)
        assert(claude.spawn(function() return client.messages:create(PARAMS) end):wait())
        assert(stream:final_message())
      end)
    end)

    it("takes in a long reply that was dropped and not collected", function()
      local client = client_of("flood", 1)
      local dropped
      tasks.loop(function()
        claude.spawn(function()
          local stream = client.messages:stream(PARAMS)
          assert(stream:next())
          dropped = stream
        end)
        wait_until(function() return dropped end)
        assert(client.messages:create(PARAMS))
      end)
      dropped:cancel()
    end)

    it("must be an integer from 1", function()
      for _, wrong in ipairs({ 0, 1.5, -1, 0 / 0, "2" }) do
        local ok, text = pcall(claude.new, { api_key = "k", max_concurrency = wrong })
        assert.is_false(ok)
        assert.is_truthy(text:find("max_concurrency", 1, true))
      end
    end)
  end)
end

-- As finalizers do: they run in the middle of anything.
describe("places that come back while another is given to who waits", function()
  local signal = getmetatable(tasks.signal())
  local set, is_awaited = signal.set, signal.is_awaited
  after_each(function()
    signal.set, signal.is_awaited = set, is_awaited
  end)

  for _, method in ipairs({ "set", "is_awaited" }) do
    it("go to the next in line: in signal:" .. method, function()
      local places, got, exchanges = require("claude.places").new(2), {}, { {}, {} }
      for _, exchange in ipairs(exchanges) do
        assert(places:try())
        places:keep_for(exchange)
      end
      for i = 1, 3 do
        claude.spawn(function()
          assert(places:take({}))
          got[#got + 1] = i
        end)
      end
      wait_until(function() return places.line.count == 3 end)
      local before = signal[method]
      signal[method] = function(self)
        signal[method] = before
        exchanges[2].on_end()
        return before(self)
      end
      exchanges[1].on_end()
      wait_until(function() return #got == 2 end)
      table.sort(got)
      assert.same({ { 1, 2 }, 2 }, { got, places.taken })
      places:leave()
      wait_until(function() return #got == 3 end)
      assert.same({ { 1, 2, 3 }, 2 }, { got, places.taken })
    end)
  end
end)

describe("places of a host's coroutines", function()
  after_each(function() tasks.use(nil) end)

  it("are waited for no longer when the time is up between two looks at the clock", function()
    local clock = 0
    local function now()
      clock = clock + 0.6
      return clock
    end
    tasks.use(setmetatable({ now = now }, { __index = require("spec.support.coroutine_host") }))
    local places = require("claude.places").new(1)
    assert(places:try())
    local taken, err = places:take({ time_budget = 0.5 }, 0.5)
    assert.is_nil(taken)
    assert.equal("timeout", err.kind)
    assert.same({ 0, 1 }, { places.line.count, places.taken })
  end)
end)
