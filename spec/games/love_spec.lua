-- The example of LÖVE, played in a window that nobody sees.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

describe("examples/love", function()
  local server
  setup(function()
    server = servers.spawn(("exec %s spec/hosts/simulator.lua"):format(child.lua))
    local built = child.run("make -s LUA=luajit modules")
    assert.equal(0, built.status, built.err)
  end)
  teardown(function() server:stop() end)

  local function play(variables)
    return child.run(([[
      eval "$(make -s env LUA=luajit)"
      export EXAMPLE=$PWD/examples/love ANTHROPIC_BASE_URL=%s ANTHROPIC_API_KEY=simulated
      %s timeout 60 xvfb-run -a love spec/games/love
    ]]):format(server.url, variables))
  end

  local function can_play() return servers.has("love") and servers.has("xvfb-run") end

  it("streams an answer, is interrupted, and goes on", function()
    if not can_play() then return pending("love or xvfb-run is not installed") end
    local result = play("")
    assert.matches("answered: .*49403", result.out, 1, false, result.err)
    assert.matches("interrupted: word001 .-– > _", result.out)
    assert.matches("went on: .*2 %+ 3 = 5", result.out)
    assert.equal(0, result.status, result.err)
  end)

  it("shows the failure of a task that nobody waited for", function()
    if not can_play() then return pending("love or xvfb-run is not installed") end
    local result = play("UNLUCKY=1")
    assert.matches("shown: .*main%.lua:%d+: unlucky\nstack traceback:", result.out)
    assert.equal(1, result.status)
  end)
end)
