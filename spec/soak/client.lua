--- The process whose memory is looked at: makes REQUESTS requests and prints, some 60 times
--- on the way, how many were made, its resident bytes, the bytes of the Lua heap and its
--- descriptors.
---
---     lua spec/soak/client.lua URL REQUESTS HOST [LEAK]
---
--- HOST: plain (blocking calls), tasks (eight tasks of claude.loop) or luv (the same in luv's
--- loop). LEAK plants one, so that the rule that finds it can be tested: lua, c or descriptor.
local url, wanted, host, leak = arg[1], tonumber(arg[2]), arg[3], arg[4]

if host == "luv" then require("claude.loop").use("luv") end

local claude = require("claude")
local core = require("claude.core")
local descriptors = require("spec.hosts.descriptors")
local mix = require("spec.soak.mix")
local servers = require("spec.support.servers")

local SAMPLES, TASKS = 60, 8

local client = claude.new({ api_key = "soak", base_url = url, on_warning = function() end })

-- 100 bytes a request in Lua's heap or in the core's, where Lua does not see them; or a file
-- for every hundred requests.
local LEAK_SIZE = tonumber(arg[5]) or 100
local kept, count = {}, 0
local transcript = core.transcript()
local PLANTED = {
  lua = function() kept[#kept + 1] = ("%d"):format(#kept) .. ("x"):rep(LEAK_SIZE) end,
  c = function()
    assert(transcript:append('{"role":"user","content":"' .. ("x"):rep(LEAK_SIZE) .. '"}'))
  end,
  descriptor = function()
    count = count + 1
    if count % 100 == 0 then kept[#kept + 1] = assert(io.open("/dev/null")) end
  end,
}

local function plant(requests)
  for _ = 1, leak and requests or 0 do
    PLANTED[leak]()
  end
end

-- Compiled traces are in LuaJIT's heap, more of them the longer a program runs, and no data.
local forget_traces = package.loaded.jit and package.loaded.jit.flush or function() end

local function sample(requests)
  forget_traces()
  collectgarbage()
  collectgarbage()
  local heap = collectgarbage("count") * 1024
  print(("%d %d %d %d"):format(requests, servers.resident(), heap, descriptors.count()))
end

local function rounds_at_once()
  local tasks, requests = {}, 0
  for i = 1, TASKS do
    tasks[i] = claude.spawn(mix.round, client)
  end
  for i = 1, TASKS do
    requests = requests + assert(tasks[i]:wait())
  end
  return requests
end

local function work()
  local step = host == "plain" and function() return mix.round(client) end or rounds_at_once
  local made, due = 0, 0
  while made < wanted do
    local requests = step()
    plant(requests)
    made = made + requests
    if made >= due then
      sample(made)
      due = due + wanted / SAMPLES
    end
  end
  client:close()
  sample(made)
end

-- Whatever else is under way: what fails has failed.
local function work_or_die()
  local ok, text = require("claude.tasks").call(work)
  if ok then return end
  io.stderr:write(tostring(text), "\n")
  os.exit(1)
end

if host == "plain" then
  work_or_die()
elseif host == "tasks" then
  claude.loop(work_or_die)
else
  claude.spawn(work_or_die)
  require("luv").run()
end
