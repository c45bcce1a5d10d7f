-- The simulator takes any key and anybody's word: nothing but this machine may reach it.
local child = require("spec.support.child")
local environment = require("spec.support.environment")
local servers = require("spec.support.servers")
local simulator = require("claude.simulator")
local uv = require("luv")

-- Addresses of this machine that others may know it by.
local function other_addresses()
  local list = {}
  for _, interface in pairs(uv.interface_addresses()) do
    for _, address in ipairs(interface[1] and interface or { interface }) do
      local is_v4 = address.ip and address.ip:find("^%d+%.")
      if is_v4 and not address.internal then list[#list + 1] = address.ip end
    end
  end
  return list
end

-- Whether somebody answers there.
local function answers(address, port)
  local socket, failure, done = uv.new_tcp(), nil, false
  socket:connect(address, port, function(problem)
    failure, done = problem, true
  end)
  for _ = 1, 1000 do
    if done then break end
    uv.run("nowait")
    uv.sleep(5)
  end
  socket:close()
  uv.run("nowait")
  assert(done, "neither refused nor connected")
  return failure == nil
end

describe("the simulator", function()
  local sim
  after_each(function()
    environment.restore()
    if sim then sim:close() end
    sim = nil
  end)

  it("listens on 127.0.0.1, whatever the environment says", function()
    environment.set({ HOST = "0.0.0.0", BIND = "0.0.0.0", ANTHROPIC_BASE_URL = "http://0.0.0.0" })
    sim = assert(simulator.start())
    assert.equal("127.0.0.1", sim.server.listener:getsockname().ip)
    assert.is_true(answers("127.0.0.1", sim.port))
    for _, address in ipairs(other_addresses()) do
      assert.is_false(answers(address, sim.port), address)
    end
  end)

  it("takes no other address", function()
    for _, name in ipairs({ "host", "address", "bind", "interface", "ip" }) do
      assert.error_matches(
        function() simulator.start({ [name] = "0.0.0.0" }) end,
        "simulator.start: " .. name .. " is no option: it listens on 127.0.0.1 only"
      )
    end
    for _, port in ipairs({ "0.0.0.0:80", -1, 65536, 0 / 0 }) do
      assert.error_matches(function() simulator.start({ port = port }) end, "port must be a number")
    end
  end)

  it("takes none as an option of the command", function()
    for _, option in ipairs({ "--host", "--bind", "--address" }) do
      local form = "%s bin/lua-claude simulate %s 0.0.0.0 -- true"
      local result = child.run(form:format(servers.LUA, option))
      assert.equal(2, result.status)
      assert.matches("unknown option '" .. option:gsub("%-", "%%-"), result.err)
    end
  end)
end)

describe("the library's sources", function()
  it("listen in one place, and name one address there", function()
    local files = child.run("grep -rlE ':listen\\(|:bind\\(' lua plugin bin || true").out
    assert.equal("lua/claude/simulator/server.lua\n", files)
    local calls = child.run("grep -hoE ':bind\\([^)]*\\)' lua/claude/simulator/server.lua").out
    assert.equal(':bind("127.0.0.1", options.port)\n', calls)
    local c = child.run("grep -rnE '\\b(listen|bind|accept4?)\\(' csrc || true").out
    assert.equal("", c)
  end)
end)
