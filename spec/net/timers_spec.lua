--- What libcurl is to look at beside descriptors. It goes through the timers of all transfers in
--- each event of one, so that a stream that waits has none.
local claude = require("claude")
local core = require("claude.core")
local engines = require("spec.support.engine")
local hub = require("claude.loop")
local net = require("claude.net")
local servers = require("spec.support.servers")

local LIMIT = 20 -- seconds; a hang fails the spec instead of the run
local OWN_LIMIT = 300 * 1000 -- milliseconds that libcurl gives a connection by itself
local BRIEF = 1000 -- milliseconds: the timers of a connection that begins are shorter
local NONE = -1
local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Go on" } },
}

local function is_brief(milliseconds) return milliseconds >= 0 and milliseconds < BRIEF end

describe("a stream that waits", function()
  local server, late
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)
  before_each(function() late = net.now() + LIMIT end)

  local function turn(engine, poller)
    assert(net.now() < late, "libcurl goes on looking")
    engines.watch(engine, poller)
    engine:turn(poller, 20)
    while engine:next() do
    end
  end

  -- Milliseconds until libcurl wants to be called, when the first piece has come and the
  -- beginning is over.
  local function wait_of_engine(slow_connect)
    local engine, poller = net.engine(), net.poller()
    local response = core.response({})
    local url = server.url .. "/pings_in_text/x"
    local id = engine:start({ url = url, response = response, slow_connect = slow_connect })
    repeat
      turn(engine, poller)
    until response:next() == "text"
    while is_brief(engine:timeout()) do
      turn(engine, poller)
    end
    local wait = engine:timeout()
    engine:cancel(id, "over")
    return wait
  end

  -- The same of the engine that all clients share.
  local function wait_of_client(limits)
    local client = claude.new({ api_key = "k", base_url = server.url .. "/pings_in_text" })
    local stream = client.messages:stream(PARAMS, { limits = limits })
    assert(stream:next())
    while is_brief(hub.engine():timeout()) do
      assert(net.now() < late, "libcurl goes on looking")
      claude.sleep(0.02)
    end
    local wait = hub.engine():timeout()
    stream:cancel()
    return wait
  end

  it("has no timer in libcurl", function()
    assert.equal(NONE, wait_of_engine(false))
    assert.equal(NONE, wait_of_client(nil))
    assert.equal(NONE, wait_of_client({ connect = 299 }))
  end)

  it("has one beyond libcurl's own limit where it may have taken long to connect", function()
    assert.is_true(wait_of_engine(true) > OWN_LIMIT)
    assert.is_true(wait_of_client({ connect = 300 }) > OWN_LIMIT)
    assert.is_true(wait_of_client({ connect = false }) > OWN_LIMIT)
  end)
end)
