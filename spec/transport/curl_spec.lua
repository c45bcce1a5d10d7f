-- How an exchange over libcurl judges its limits.
local core = require("claude.core")
local exchanges = require("spec.support.exchange")
local hub = require("claude.loop")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")

local LIMIT = 20 -- seconds; a hang fails the spec instead of the run
local STALLED = 100 -- seconds
local CLOCK_READS = 6 -- more than a look at the limits has

describe("an exchange whose limit is reached while it looks at the clock", function()
  local server, clock
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)
  before_each(function() clock = hub.now end)
  after_each(function() hub.now = clock end)

  -- One whose text was read, and after it a ping lies unread; and when its content came.
  local function exchange_with_an_unread_ping()
    local response, late = core.response({}), clock() + LIMIT
    local options = { url = server.url .. "/pings_in_text/x", response = response }
    options.limits = { stalled = STALLED, idle = 2 * STALLED }
    local exchange = assert(exchanges.start(options))
    local kind, content_at, has_unread, _
    repeat
      assert(clock() < late, "no text came")
      if kind == nil then assert(exchange:wait()) end
      kind = response:next()
    until kind == "text"
    repeat
    until not response:next()
    repeat
      assert(clock() < late, "no ping came")
      tasks.sleep(0.02)
      content_at, _, _, has_unread = select(6, hub.engine():activity(exchange.id))
    until has_unread and exchange.timer
    return exchange, content_at
  end

  it("ends at it or looks again, whenever between two reads of the clock that is", function()
    for reads_before = 0, CLOCK_READS do
      local exchange, content_at = exchange_with_an_unread_ping()
      local timer, reads = exchange.timer, 0
      function hub.now()
        reads = reads + 1
        return content_at + STALLED + (reads > reads_before and 1e-6 or -1e-6)
      end
      timer.run(timer.argument)
      hub.now = clock
      if exchange.failure then
        assert.equal("stalled", exchange.failure.details.limit)
        assert.equal(STALLED, exchange.failure.details.seconds)
      else
        assert.is_truthy(exchange.timer)
      end
      exchange:cancel()
    end
  end)
end)

describe("an exchange over libcurl", function()
  local server, clock, listen
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)
  before_each(function()
    clock, listen = hub.now, hub.listen
  end)
  after_each(function()
    hub.now, hub.listen = clock, listen
  end)

  local function wait_until(condition)
    local late = clock() + LIMIT
    while not condition() do
      assert(clock() < late, "it did not come to this")
      tasks.sleep(0.01)
    end
  end

  local function activity(exchange) return hub.engine():activity(exchange.id) end

  it("ends at its limit, however often there is no memory to say so", function()
    local limits = { first_byte = STALLED }
    local url = server.url .. "/stall_before_headers/x"
    local exchange = assert(exchanges.start({ url = url, limits = limits }))
    local timer = exchange.timer
    wait_until(function() return (activity(exchange)) end)
    function hub.now() return clock() + STALLED end
    local fails = 2
    function hub.listen(...)
      fails = fails - 1
      if fails >= 0 then error("not enough memory", 0) end
      return listen(...)
    end
    for _ = 1, 2 do
      assert.has_error(function() timer.run(timer.argument) end, "not enough memory")
    end
    timer.run(timer.argument)
    hub.now = clock
    local _, _, err = exchange:wait()
    assert.equal("first_byte", err.details.limit)
    exchange:cancel()
  end)

  it("looks again at its limits while it is paused, whichever there are", function()
    for _, limits in ipairs({ { idle = STALLED }, { idle = false, stalled = STALLED } }) do
      local url = server.url .. "/waiting/x"
      local exchange = assert(exchanges.start({ url = url, limits = limits }))
      assert(exchange:wait())
      hub.engine():pause(exchange.id)
      assert.is_true((select(5, activity(exchange))))
      local timer = exchange.timer
      timer.run(timer.argument)
      assert.is_truthy(exchange.timer)
      exchange:cancel()
    end
  end)
end)
