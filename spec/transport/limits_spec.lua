local limits = require("claude.transport.limits")

-- A stream that has begun and stays silent; times are seconds after its start.
local function activity(fields)
  local all = {
    connected = true,
    sent_at = 1,
    first_byte_at = 2,
    has_head = true,
    heard_at = 2,
    paused = false,
    busy = false,
    content_at = 2,
  }
  for name, value in pairs(fields or {}) do
    all[name] = value
  end
  if all.first_byte_at == 0 then all.has_head = false end
  return all
end

local function soonest(given, fields, max_tokens)
  local at, name = limits.soonest(limits.complete(given, 1), activity(fields), 0, 2, max_tokens)
  return { at, name }
end

describe("the limits on silence", function()
  it("are 10, 600, 660, 120 and 600 seconds when nothing was said", function()
    local not_connected = { connected = false, first_byte_at = 0 }
    assert.same({ 10, "connect" }, soonest(nil, not_connected))
    assert.same({ 601, "first_byte" }, soonest(nil, { first_byte_at = 0 }))
    assert.same({ 661, "headers" }, soonest(nil, { has_head = false, heard_at = 600 }))
    assert.same({ 122, "idle" }, soonest(nil, {}))
    assert.same({ 602, "stalled" }, soonest({ idle = false }, { busy = true }, 128000))
  end)

  it("let headers that are dripped take no longer than all of them may", function()
    local dripped = { has_head = false, heard_at = 1000, content_at = 2 }
    assert.same({ 31, "headers" }, soonest({ headers = 30 }, dripped))
    assert.same({ 91, "headers" }, soonest({ first_byte = 30 }, dripped))
    assert.same({ 1120, "idle" }, soonest({ headers = false }, dripped))
    assert.same({ 1120, "idle" }, soonest({ first_byte = false }, dripped))
    -- Silence in the middle of them ends sooner.
    assert.same({ 122, "idle" }, soonest(nil, { has_head = false }))
    -- One that is shorter than first_byte is the one that counts.
    assert.same({ 6, "headers" }, soonest({ headers = 5 }, { first_byte_at = 0 }))
  end)

  -- Nobody tells when the connection stands.
  it("are looked at in time for the next while there is no connection yet", function()
    local not_yet = { connected = false, first_byte_at = 0 }
    local function looks_at(given) return soonest(given, not_yet) end
    assert.same({ 10, "connect" }, looks_at({ first_byte = false, headers = 30 }))
    assert.same({ 5 }, looks_at({ first_byte = 3, headers = 30 })) -- now is 2
    assert.same({ 5 }, looks_at({ headers = 3 }))
    assert.same({ 5 }, looks_at({ first_byte = false, headers = 3 }))
    assert.same({ 32 }, looks_at({ connect = false, first_byte = false, headers = 30 }))
  end)

  it("let thinking be silent for as long as max_tokens may take", function()
    local pings = { heard_at = 1000 }
    assert.same({ 602, "stalled" }, soonest({ idle = false }, pings, 16000))
    assert.same({ 1802, "stalled" }, soonest({ idle = false }, pings, 64000))
    assert.same({ 3602, "stalled" }, soonest({ idle = false }, pings, 128000))
  end)

  it("wait for who has not read yet what may be content", function()
    local unread = { heard_at = 1000, content_at = -700, has_unread = true }
    assert.same({ 3 }, soonest({ idle = false }, unread)) -- now is 2
    assert.same({ 2 + 0.3 / 10 }, soonest({ idle = false, stalled = 0.3 }, unread))
    unread.has_unread = false
    assert.same({ -100, "stalled" }, soonest({ idle = false }, unread))
    -- Before its time nothing is different.
    local early = { heard_at = 1000, has_unread = true }
    assert.same({ 602, "stalled" }, soonest({ idle = false }, early))
  end)

  it("are what was given, in thinking too", function()
    assert.same({ 32, "stalled" }, soonest({ stalled = 30 }, {}, 128000))
    assert.same({ 9002, "stalled" }, soonest({ stalled = 9000, idle = false }, {}, 16000))
  end)

  it("let nothing wait for an answer behind the call's time_budget", function()
    local function within(seconds, fields)
      local all = limits.complete(nil, 1)
      all.budget = { seconds = seconds, ends_at = seconds }
      local at, name, given = limits.soonest(all, activity(fields), 0, 2)
      return { at, name, given }
    end
    -- However long the request is still being sent.
    assert.same({ 700, "time_budget", 700 }, within(700, { first_byte_at = 0, sent_at = 699 }))
    assert.same({ 601, "first_byte", 600 }, within(700, { first_byte_at = 0, sent_at = 1 }))
    assert.same({ 50, "time_budget", 50 }, within(50, { has_head = false }))
    assert.same({ 122, "idle", 120 }, within(50, {}))
  end)

  it("may be switched off", function()
    local none = { connect = false, first_byte = false, idle = false, stalled = false }
    none.headers = false
    assert.same({}, soonest(none, {}))
    assert.same({}, soonest(none, { first_byte_at = 0 }))
    assert.same({}, soonest(none, { connected = false, first_byte_at = 0 }))
  end)

  it(
    "do not count while nobody wanted to read",
    function() assert.same({}, soonest(nil, { paused = true })) end
  )

  it(
    "know none on the whole exchange",
    function()
      assert.same({ 100120, "idle" }, soonest(nil, { heard_at = 100000, content_at = 100000 }))
    end
  )
end)
