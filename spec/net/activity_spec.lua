--- What the engine tells of a transfer, for those who judge how long it may be silent.
local core = require("claude.core")
local engines = require("spec.support.engine")
local net = require("claude.net")
local servers = require("spec.support.servers")

local LIMIT = 20 -- seconds; a hang fails the spec instead of the run

describe("engine:activity", function()
  local server, engine, poller, id
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  before_each(function()
    engine, poller = net.engine(), net.poller()
    id = engine:start({ url = server.url .. "/pings_in_text/x", response = core.response({}) })
  end)
  after_each(function()
    engine:cancel(id, "over")
    engine, poller = nil, nil
  end)

  local function turn()
    engines.watch(engine, poller)
    engine:turn(poller, 20)
  end

  local function heard_at() return (select(4, engine:activity(id))) end

  local function turn_until_heard_after(time)
    local late = net.now() + LIMIT
    repeat
      assert(net.now() < late, "nothing was heard")
      turn()
    until heard_at() > time
  end

  it("hears what comes while the news of the bytes before are not taken", function()
    turn_until_heard_after(0)
    turn_until_heard_after(heard_at())
    turn_until_heard_after(heard_at())
  end)

  it("does not hear anything where nothing came", function()
    turn_until_heard_after(0)
    assert.equal(heard_at(), heard_at())
  end)

  -- When content last came, and whether something lies unread.
  local function content()
    local _, _, _, _, _, at, _, _, has_unread = engine:activity(id)
    return at, has_unread
  end

  it("does not take for content what nobody has read: it may be a ping", function()
    local response = core.response({})
    id = engine:start({ url = server.url .. "/pings_in_text/x", response = response })
    local late = net.now() + LIMIT
    repeat
      assert(net.now() < late, "no text came")
      turn()
    until response:next() == "text"
    repeat
      turn()
    until not response:next()
    local at, has_unread = content()
    assert.is_false(has_unread)
    repeat
      assert(net.now() < late, "no ping came")
      turn()
    until select(2, content())
    assert.equal(at, (content()))
    assert.equal("ping", (response:next()))
    assert.same({ at, false }, { content() })
  end)
end)
