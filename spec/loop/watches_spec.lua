--- Descriptors that the system does not let the blocking driver watch: for want of memory that is
--- tried until it can, for other reasons once.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

local ENOMEM, ENOSPC = 12, 28
local PROGRAM = [[
local claude = require("claude")
local client = claude.new({ api_key = "k", base_url = arg[1], max_retries = 0 })
local stream = client.messages:stream({
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Hi" } },
})
local called, message, text
repeat
  called, message, text = pcall(stream.final_message, stream)
  print(called and (message and message:text() or text) or message)
until called
print(require("claude.loop").engine():counts())
]]

local function is_epoll()
  local descriptor = assert(require("claude.net").poller()):descriptor()
  return descriptor and io.open("/proc/self/fdinfo/" .. descriptor) ~= nil
end

describe("a descriptor that cannot be watched", function()
  if not is_epoll() or (os.getenv("LD_PRELOAD") or "") ~= "" then return end
  local server, shim

  setup(function()
    server, shim = servers.fault_server(), child.temporary()
    local build = "cc -std=c99 -O1 -fPIC -shared -o %s spec/support/failing_epoll.c -ldl"
    assert.equal("", child.run(build:format(shim)).err)
  end)
  teardown(function()
    server:stop()
    os.remove(shim)
  end)

  local function run(why, count)
    local command = "env LD_PRELOAD=%s WHY=%d FAILING=%d timeout 30 %s - %s/ok"
    local result = child.run(command:format(shim, why, count, child.lua, server.url), PROGRAM)
    assert.equal("", result.err)
    return result.out
  end

  it("is watched as soon as there is memory for that", function()
    local failed = ("not enough memory\n"):rep(3)
    assert.equal(failed .. "Hello\n0\t0\n", run(ENOMEM, 3))
  end)

  it("is told of once where there is no room for more of them", function()
    local output = run(ENOSPC, 1)
    assert.equal("a descriptor cannot be watched\nHello\n0\t0\n", output)
  end)
end)
