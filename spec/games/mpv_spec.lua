-- The example of mpv, in a player without picture and sound.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

describe("examples/mpv", function()
  local server
  setup(function()
    server = servers.spawn(("exec %s spec/hosts/simulator.lua"):format(child.lua))
    local built = child.run("make -s LUA=lua5.2 modules")
    assert.equal(0, built.status, built.err)
  end)
  teardown(function() server:stop() end)

  local function play(options)
    return child.run(([[
      eval "$(make -s env LUA=lua5.2)"
      export ANTHROPIC_BASE_URL=%s ANTHROPIC_API_KEY=simulated
      timeout 30 mpv --no-config --vo=null --ao=null %s
    ]]):format(server.url, options))
  end

  it("explains what is playing, as often as the key is pressed", function()
    if not servers.has("mpv") then return pending("mpv is not installed") end
    local result = play([[--force-media-title='127 * 389' --script=examples/mpv/claude.lua \
      --script=spec/games/mpv.lua av://lavfi:testsrc]])
    assert.equal(0, result.status, result.out .. result.err)
    local _, count = result.out:gsub("%[claude%] What is this: 127 %* 389%? .-49403", "")
    assert.equal(2, count, result.out)
  end)

  it("logs the failure of a task that nobody waited for", function()
    if not servers.has("mpv") then return pending("mpv is not installed") end
    local result = play("--script=spec/games/unlucky.lua av://lavfi:testsrc=duration=1")
    assert.matches("unlucky%.lua:%d+: unlucky", result.out .. result.err)
  end)
end)
