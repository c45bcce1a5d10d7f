local core = require("claude.core")
local engines = require("spec.support.engine")
local hub = require("claude.loop")
local net = require("claude.net")
local requests = require("spec.support.exchange")
local servers = require("spec.support.servers")

local MEGABYTE = ("0123456789abcdef"):rep(65536)

for _, driver in ipairs(require("spec.support.drivers")) do
  describe("a body from a file, driver " .. driver .. ":", function()
    local server, path
    setup(function()
      hub.use(driver)
      server = servers.fault_server()
    end)
    teardown(function()
      server:stop()
      hub.use("blocking")
    end)
    before_each(function() path = os.tmpname() end)
    after_each(function() os.remove(path) end)

    local function write(bytes)
      local file = assert(io.open(path, "wb"))
      file:write(bytes)
      file:close()
    end

    local function received()
      local exchange = assert(requests.start({ url = server.url .. "/last_body" }))
      requests.drain(exchange)
      local body = exchange.response:body()
      exchange:close()
      return body
    end

    it("arrives as it is, between what stands around it", function()
      write(MEGABYTE .. "end")
      local body = core.body({ "<", assert(core.open_file(path)), ">" })
      local seen = requests.run({ url = server.url .. "/ok/x", body = body })
      assert.equal("Hello", seen.text)
      assert.is_true(received() == "<" .. MEGABYTE .. "end>")
    end)

    it("tells how much of it was sent, in the one who waits", function()
      write(MEGABYTE:rep(3))
      local told, here = {}, coroutine.running()
      local seen = requests.run({
        url = server.url .. "/ok/x",
        body = core.body({ assert(core.open_file(path)) }),
        on_sent = function(bytes)
          assert(coroutine.running() == here)
          told[#told + 1] = bytes
        end,
      })
      assert.equal("Hello", seen.text)
      assert.is_true(#told > 3)
      for i = 2, #told do
        assert.is_true(told[i] > told[i - 1])
      end
      assert.is_true(told[#told] <= 3 * #MEGABYTE)
    end)

    it("fails for good when the file is no longer what it was", function()
      write(MEGABYTE:rep(2))
      local body = core.body({ assert(core.open_file(path)) })
      write(MEGABYTE .. "half")
      local seen, exchange = requests.run({ url = server.url .. "/ok/x", body = body })
      local err = seen.err or exchange.failure
      assert.equal("invalid", err.kind)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find("it became shorter while it was sent", 1, true), err.message)
      requests.settle()
    end)

    it("fails for good when the file was closed", function()
      write("abc")
      local file = assert(core.open_file(path))
      local body = core.body({ file })
      file:close()
      local seen, exchange = requests.run({ url = server.url .. "/ok/x", body = body })
      local err = seen.err or exchange.failure
      assert.equal("the file could not be sent: it is closed", err.message)
      requests.settle()
    end)
  end)
end

describe("engine:turn", function()
  local server
  setup(function() server = servers.fault_server() end)
  teardown(function() server:stop() end)

  -- Turns until the whole body was taken, or the transfer has ended.
  local function turns_until_sent(engine, poller, id, bytes)
    local turns, sent, late = 0, 0, net.now() + 60
    engine:socket_action(-1)
    while sent and sent < bytes do
      assert(net.now() < late, "it was not sent")
      engines.watch(engine, poller)
      engine:turn(poller, 1000)
      turns, sent = turns + 1, (select(8, engine:activity(id)))
    end
    return turns
  end

  it("goes on with an upload as long as there is nothing to tell", function()
    local engine, poller, body = net.engine(), net.poller(), core.body({ MEGABYTE:rep(32) })
    local response = core.response({})
    local id = engine:start({ url = server.url .. "/ok/x", response = response, body = body })
    local turns = turns_until_sent(engine, poller, id, #body)
    -- libcurl takes no more than 256 KiB at once.
    assert.is_true(turns < 64, turns .. " turns")
    engine:cancel(id, "over")
  end)
end)
