--- A server that sends faster than its answer is read: what lies unread is bounded, for each
--- stream (doc/reliability.md has the numbers). Each number is that of a process of its own.
local child = require("spec.support.child")
local growth_of = require("spec.support.growth").of
local servers = require("spec.support.servers")

if child.run("uname").out ~= "Linux\n" then return end -- the server is written for epoll

local MIB = 1024 * 1024
local BOUND = 3 * MIB -- for a stream over HTTP/1.1
local BOUND_HTTP2 = 40 * MIB -- libcurl lets the server send 32 MiB ahead
local NOISE = 4 * MIB -- of the process: libraries, allocator

describe("a server that sends without end", function()
  local program, server
  setup(function()
    program = child.temporary()
    local built =
      child.run(("cc -std=c99 -D_GNU_SOURCE -O2 -o %s spec/bench/server.c"):format(program))
    assert.equal("", built.err)
    server = servers.spawn(("exec %s 0"):format(program))
  end)
  teardown(function()
    server:stop()
    os.remove(program)
  end)

  for _, streams in ipairs({ 1, 20 }) do
    it(("does not fill the memory of a slow reader of %d streams"):format(streams), function()
      local growth = growth_of("slow", server.url, tostring(streams))
      assert.is_true(growth < streams * BOUND + NOISE, growth)
    end)

    it(("waits while nobody reads %d streams, and goes on then"):format(streams), function()
      local growth = growth_of("stopped", server.url, tostring(streams))
      assert.is_true(growth < streams * BOUND + NOISE, growth)
    end)
  end

  it("waits over HTTP/2, too, at the end of its window", function()
    local certificates = servers.certificates()
    local front = servers.tls_front(certificates, server)
    local environment = "GROWTH_CA=" .. child.quote(certificates .. "/ca.pem") .. " "
    local command = environment
      .. ("%s spec/support/growth.lua stopped %s 1"):format(child.lua, front.url)
    local result = child.run(command)
    front:stop()
    os.execute("rm -r " .. child.quote(certificates))
    local growth = tonumber(result.out)
    assert.is_true(growth ~= nil and growth < BOUND_HTTP2 + NOISE, result.out .. result.err)
  end)
end)
