--- Who waits is told what to wait for: engine:tell, and the driver that waits by itself.
local core = require("claude.core")
local hub = require("claude.loop")
local net = require("claude.net")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")
local tasks = require("claude.tasks")
local uv = require("luv")

local LIMIT = 20 -- seconds; a hang fails the spec instead of the run
-- poll(2) is given any number, and takes it for a descriptor.
local CAN_REFUSE = net.poller():descriptor() ~= nil

local function is_open(fd) return uv.fs_fstat(fd) ~= nil end

-- The number that the next descriptor has.
local function lowest_free()
  local fd = assert(uv.fs_open("Makefile", "r", 0))
  uv.fs_close(fd)
  return fd
end

describe("what libcurl waits for", function()
  local server, engine, poller, late
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)
  before_each(function()
    engine, poller, late = net.engine(), net.poller(), net.now() + LIMIT
  end)

  local function turn()
    assert(net.now() < late, "it never comes")
    engine:turn(poller, 20)
  end

  -- Transfers whose connections are to be watched, and nobody has been told so.
  local function begin(count)
    local ids, responses = {}, {}
    for i = 1, count do
      responses[i] = core.response({})
      local url = server.url .. "/stall_in_event/x"
      ids[i] = assert(engine:start({ url = url, response = responses[i], proxy = "" }))
    end
    local _, before = engine:counts()
    while select(2, engine:counts()) < before + count do
      turn()
    end
    return ids, responses
  end

  local function read(response)
    while response:unread() == 0 do
      assert.equal(0, select("#", engine:tell(poller)))
      turn()
    end
  end

  it("is nothing where there is no transfer", function()
    assert.equal(0, select("#", engine:tell(poller)))
    assert.equal(0, poller:wait(0))
  end)

  it("is what a poller waits for that was told", function()
    local ids, responses = begin(2)
    read(responses[1])
    read(responses[2])
    engine:cancel(ids[1], "enough")
    engine:cancel(ids[2], "enough")
    assert.equal(0, select("#", engine:tell(poller)))
    assert.equal(0, poller:wait(0))
  end)

  it("is closed when all was told, and not before", function()
    local fd = lowest_free()
    local ids, responses = begin(1)
    read(responses[1])
    engine:cancel(ids[1], "enough")
    assert.is_true(is_open(fd))
    assert.same({ fd, 0 }, { engine:change() })
    assert.is_true(is_open(fd))
    assert.equal(0, select("#", engine:tell(poller)))
    assert.is_false(is_open(fd))
  end)

  if CAN_REFUSE then
    it("and cannot be watched is named, and what follows is told by the next call", function()
      local fd = lowest_free()
      local first, responses = begin(1)
      read(responses[1])
      local other = lowest_free()
      local second = begin(1)
      uv.fs_close(other)
      assert.equal(other, uv.fs_open("Makefile", "r", 0)) -- libcurl will close it
      engine:cancel(first[1], "enough")
      local refused, mask, no_memory = engine:tell(poller)
      assert.same({ other, true, false }, { refused, mask > 0, no_memory })
      assert.is_true(is_open(fd))
      assert.equal(0, select("#", engine:tell(poller)))
      assert.is_false(is_open(fd))
      engine:cancel(second[1], "enough")
      assert.equal(0, select("#", engine:tell(poller)))
    end)
  end
end)

-- Calls of whatever waits, while `fn` runs.
local function count_waits(fn)
  local waits, undo = 0, {}
  for methods, names in pairs({
    [getmetatable(hub.engine()).__index] = { "turn", "read" },
    [getmetatable(net.poller()).__index] = { "wait" },
  }) do
    for _, name in ipairs(names) do
      local real = methods[name]
      undo[#undo + 1] = function() methods[name] = real end
      methods[name] = real
        and function(...)
          waits = waits + 1
          return real(...)
        end
    end
  end
  local ok, err = pcall(fn)
  for _, put_back in ipairs(undo) do
    put_back()
  end
  assert(ok, err)
  return waits
end

describe("a program without an event loop", function()
  local NOTHING = "nothing is left to wait for"
  local server
  setup(function()
    hub.use("blocking")
    server = servers.fault_server()
  end)
  teardown(function() server:stop() end)

  local function assert_nothing_is_left()
    local ok, text = pcall(hub.wait)
    assert.is_false(ok)
    assert.equal(NOTHING, text:sub(1, #NOTHING))
  end

  it("that sleeps is not woken up", function()
    requests.run({ url = server.url .. "/ok/x", body = "{}" })
    requests.settle()
    local waits = count_waits(function() tasks.sleep(0.2) end)
    assert.is_true(waits >= 1 and waits <= 2, waits)
  end)

  it("that sleeps is not woken up for a stream that waits, either", function()
    local exchange = requests.start({ url = server.url .. "/stall_in_event/x", body = "{}" })
    assert(exchange:wait())
    local before = hub.now()
    local waits = count_waits(function() tasks.sleep(0.2) end)
    exchange:cancel()
    assert.is_true(hub.now() - before >= 0.2)
    assert.is_true(waits <= 4, waits) -- what is left of the beginning may come
  end)

  it("that waits for nothing is told so", function()
    requests.settle()
    assert_nothing_is_left()
    requests.run({ url = server.url .. "/ok/x", body = "{}" })
    requests.settle()
    assert_nothing_is_left()
  end)

  if CAN_REFUSE then
    it("does not wait for what cannot be watched", function()
      requests.settle()
      local fd = assert(uv.fs_open("Makefile", "r", 0))
      local function watch()
        hub.watch(fd, 1, function() end)
      end
      for _ = 1, 2 do
        assert.has_error(watch, "a descriptor cannot be watched")
        assert_nothing_is_left()
      end
      hub.unwatch(fd)
      assert_nothing_is_left()
      uv.fs_close(fd)
    end)
  end
end)
