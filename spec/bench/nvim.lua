--- `make bench-nvim`: how long a key takes in Neovim while chats are being answered.
---
--- A Neovim with the plugin runs the chats; a second one types into it over its socket and
--- waits until each key has arrived; a server of its own paces the streams.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local SECONDS = tonumber(os.getenv("BENCH_SECONDS")) or 8
local RATE = 100 -- events a second of one stream
local BURST = 20000

local INIT = [[
package.path = %q .. "/?.lua;" .. package.path
FOLDER = vim.fn.stdpath("data") .. "/chats"
streams = require("spec.bench.nvim.streams")
keys = require("spec.bench.nvim.keys")
]]

local function start()
  local pipe = assert(io.popen("pwd"))
  local here = pipe:read("*l")
  pipe:close()
  return nvim.start({ init = INIT:format(here) })
end

local server = servers.spawn(("exec %s spec/bench/paced_server.lua"):format(servers.LUA))
local editor, typist

local function type_for(seconds)
  return typist:lua("return keys.measure(...)", editor.folder .. "/socket", seconds)
end

local function url(rate, amount) return ("%s/%d/%d"):format(server.url, rate, amount) end

local function report(name, keys, more)
  local form = "%-36s p50 %5.1f   p99 %5.1f   longest %5.1f ms%s"
  print(form:format(name, keys[1], keys[2], keys[3], more or ""))
end

local function measure_idle()
  local keys = type_for(SECONDS)
  report("idle", keys)
  return keys
end

local function measure_streams(n)
  editor:lua("streams.begin(...)", n, url(RATE, SECONDS + 5))
  editor:wait_for("return streams.busy() == ... and streams.written() > 0", n)
  os.execute("sleep 1")
  local before = editor:lua("return streams.written()")
  local keys = type_for(SECONDS)
  assert(editor:lua("return streams.busy()") == n, "the streams ended too early")
  local bytes = editor:lua("return streams.written()") - before
  local name = ("%d streams, %d events/s"):format(n, n * RATE)
  report(name, keys, ("   (%.0f events/s shown)"):format(bytes / #"some more text\n" / SECONDS))
  editor:lua("streams.clear()")
  return keys
end

local function measure_burst()
  editor:lua("streams.watch() streams.begin(...)", 1, url(0, BURST))
  local keys = type_for(3)
  editor:wait_for("return streams.busy() == 0")
  editor:wait_for("return streams.written() > ...", BURST * #"some more text\n")
  local stall = editor:lua("return streams.longest()")
  report(("a burst of %d events"):format(BURST), keys)
  print(("%-36s %.1f ms"):format("the longest stall in it", stall))
  editor:lua("streams.clear()")
end

nvim.build()
editor, typist = start(), start()
local version = editor:lua("local v = vim.version() return { v.major, v.minor, v.patch }")
print(("Neovim %s; round trips of keys:"):format(table.concat(version, ".")))
local idle = measure_idle()
for _, n in ipairs({ 20, 100 }) do
  local keys = measure_streams(n)
  print(("%-36s p99 %+.1f ms"):format("  against idle", keys[2] - idle[2]))
end
measure_burst()
editor:stop()
typist:stop()
server:stop()
