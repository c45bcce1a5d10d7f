--- A program that has started an MCP server and waits for nothing: says whether anything is
--- left that its loop would wait for.
---
---     lua mcp_idle.lua DRIVER
local claude = require("claude")
local hub = require("claude.loop")

hub.use(arg[1])
local server = claude.mcp({
  command = { arg[-1], (arg[0]:gsub("idle%.lua$", "server.lua")) },
  env = { LUA_PATH = true, LUA_CPATH = true, LD_PRELOAD = true, ASAN_OPTIONS = true },
})
assert(server:start())
claude.loop(function() end)
print(pcall(hub.wait) and "something is left" or "nothing is left")
server:close()
