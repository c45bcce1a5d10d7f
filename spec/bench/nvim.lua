--- `make bench-nvim`: how long a key takes in Neovim while chats are being answered.
---
--- A Neovim with the plugin runs the chats; a second one types into it over its socket and
--- waits until each key has arrived; a server of its own paces the streams.
local nvim = require("spec.support.nvim")
local servers = require("spec.support.servers")

local SECONDS = tonumber(os.getenv("BENCH_SECONDS")) or 4 -- of each measurement
local TURNS = 3 -- how often all are made: what else the machine does should meet them alike
local RATE = 100 -- events a second of one stream
local BURST = 20000
local TEXT = "some more text\n" -- of one event

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

local function percentile(sorted, share) return sorted[math.max(1, math.ceil(#sorted * share))] end

local function report(name, times, more)
  table.sort(times)
  local p50, p99 = percentile(times, 0.5), percentile(times, 0.99)
  local form = "%-30s p50 %5.1f   p99 %5.1f   longest %5.1f ms%s"
  print(form:format(name, p50, p99, times[#times], more or ""))
  return p99
end

-- Types while so many chats are being answered; tells what was shown meanwhile, too.
local function measure(n)
  if n == 0 then return type_for(SECONDS), 0 end
  editor:lua("streams.begin(...)", n, url(RATE, SECONDS + 6))
  editor:wait_for("return streams.busy() == ... and streams.written() > 0", n)
  os.execute("sleep 1")
  local before = editor:lua("return streams.written()")
  local times = type_for(SECONDS)
  assert(editor:lua("return streams.busy()") == n, "the streams ended too early")
  local bytes = editor:lua("return streams.written()") - before
  editor:lua("streams.clear()")
  return times, bytes / #TEXT / SECONDS
end

local LOADS = {
  { name = "idle", streams = 0 },
  { name = "20 streams", streams = 20 },
  { name = "100 streams", streams = 100 },
}

local function measure_loads()
  for _ = 1, TURNS do
    for _, load in ipairs(LOADS) do
      local times, shown = measure(load.streams)
      load.times, load.shown = load.times or {}, (load.shown or 0) + shown / TURNS
      for _, time in ipairs(times) do
        load.times[#load.times + 1] = time
      end
    end
  end
end

local function report_loads()
  local idle
  for _, load in ipairs(LOADS) do
    local more = load.streams > 0 and ("   at %.0f events/s"):format(load.shown)
    local p99 = report(load.name, load.times, more)
    idle = idle or p99
    if load.streams > 0 then print(("%-30s p99 %+.1f ms"):format("  against idle", p99 - idle)) end
  end
end

local function measure_burst()
  editor:lua("streams.watch() streams.begin(...)", 1, url(0, BURST))
  local times = type_for(3)
  editor:wait_for("return streams.busy() == 0 and streams.written() > ...", BURST * #TEXT)
  local stall = editor:lua("return streams.longest()")
  editor:lua("streams.clear()")
  report(("a burst of %d events"):format(BURST), times)
  print(("%-30s %.1f ms"):format("  longest stall of the loop", stall))
end

nvim.build()
editor, typist = start(), start()
local version = editor:lua("local v = vim.version() return { v.major, v.minor, v.patch }")
print(("Neovim %s; a key's round trip:"):format(table.concat(version, ".")))
measure_loads()
report_loads()
measure_burst()
editor:stop()
typist:stop()
server:stop()
