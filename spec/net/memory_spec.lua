local servers = require("spec.support.servers")

local ROOT = debug.getinfo(1, "S").source:match("^@(.*)spec/net/memory_spec%.lua$")

describe("csrc/net in a program without Lua", function()
  it("survives failing allocations and an old libcurl, and keeps changes in order", function()
    local root = ROOT == "" and "." or ROOT
    local program = os.tmpname()
    local command = "cd %s && cc -std=c99 -D_GNU_SOURCE -g -rdynamic -I. -Icsrc -o %s "
      .. "spec/support/net_memory.c csrc/net/*.c csrc/os/*.c csrc/core/*.c "
      .. "$(pkg-config --cflags --libs libcurl) -ldl -lpthread -lm 2>&1"
    local compiler = assert(io.popen(command:format(root, program)))
    local output = compiler:read("*a")
    compiler:close()
    assert.equal("", output)
    local server = servers.fault_server()
    local pipe = assert(io.popen(("timeout 60 %s %s/ok/x 2>&1"):format(program, server.url)))
    output = pipe:read("*a")
    pipe:close()
    server:stop()
    os.remove(program)
    assert.is_truthy(output:find("^%d+ passed, 0 failed\n$"), output)
  end)
end)
