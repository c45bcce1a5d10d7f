-- The benchmark of `make bench-conversations`, small enough for every run.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

local HERE = "spec/bench"

if child.run("uname").out ~= "Linux\n" then return end -- the server is written for epoll

describe("many conversations in one thread", function()
  local program, server
  setup(function()
    program = child.temporary()
    local built =
      child.run(("cc -std=c99 -D_GNU_SOURCE -O2 -o %s %s/server.c"):format(program, HERE))
    assert.equal("", built.err)
    server = servers.spawn(("exec %s 5"):format(program))
  end)
  teardown(function()
    server:stop()
    os.remove(program)
  end)

  it("with a tool that waits, all end with the same bytes", function()
    local result = child.run(
      ("timeout 120 %s %s/conversations.lua %s 200 2"):format(child.lua, HERE, server.url)
    )
    assert.same({ 0, "" }, { result.status, result.err })
    assert.matches("conversations 200, turns 2, requests 800\n", result.out)
    assert.matches("memory per conversation %d+%.%d kB", result.out)
  end)
end)
