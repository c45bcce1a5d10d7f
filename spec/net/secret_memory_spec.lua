--- What is left of a key in memory: nothing of csrc's, however a transfer ends.
local servers = require("spec.support.servers")

local ROOT = debug.getinfo(1, "S").source:match("^@(.*)spec/net/secret_memory_spec%.lua$")

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

local function can_be_read()
  local memory = io.open("/proc/self/mem", "rb")
  if memory then memory:close() end
  return memory ~= nil
end

describe("a process whose transfers have ended", function()
  if not can_be_read() then
    return it("can be searched", function() pending("there is no /proc/self/mem here") end)
  end

  it("has no copy of the key but those of libcurl, and csrc gives back none", function()
    local root = ROOT == "" and "." or ROOT
    local program = os.tmpname()
    local command = "cd %s && env -u LD_PRELOAD cc -std=c99 -D_GNU_SOURCE -O1 -I. -Icsrc -o %s "
      .. "spec/support/secret_memory.c csrc/net/*.c csrc/os/*.c csrc/core/*.c "
      .. "$(pkg-config --cflags --libs libcurl) -ldl -lpthread -lm"
    assert.equal("", output_of(command:format(root, program)))
    local server = servers.fault_server()
    -- What a sanitizer maps is more than anybody can search.
    local output = output_of(("env -u LD_PRELOAD timeout 60 %s %s"):format(program, server.url))
    server:stop()
    os.remove(program)
    assert.is_truthy(output:find("\n%d+ passed, 0 failed\n$"), output)
    -- The search can tell: libcurl does give some back.
    assert.matches("whole: 0 copies left, 0 given back by csrc, [1-9]%d* by libcurl", output)
  end)
end)
