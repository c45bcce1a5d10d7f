--- What a program with many transfers holds beside them.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

-- By how much the heap grows at most while strings are made that nobody keeps. Each transfer has
-- something that stays, as a stream has; none of them gets as far as to connect.
local CHURN = [[
collectgarbage("generational")
local core, engine = require("claude.core"), require("claude.net").engine()
local kept, least, most = {}, math.huge, 0
for number = 1, 200 do
  local response, own = core.response(), {}
  for i = 1, 500 do own[i] = { i } end
  assert(engine:start({ url = "http://127.0.0.1:1/", response = response }))
  kept[number] = { response, own }
end
for i = 1, 500000 do
  assert(("x"):rep(30) .. i)
  local now = collectgarbage("count")
  least, most = math.min(least, now), math.max(most, now)
end
print(most / least)
]]

-- Bytes of Lua for each of the streams that wait, each in a task, for more than their beginning.
local WAITING = [[
local claude = require("claude")
local STREAMS = 100
local PARAMS = {
  model = "claude-opus-4-8",
  max_tokens = 100,
  messages = { { role = "user", content = "Go on" } },
}
local client = claude.new({ api_key = "k", base_url = arg[1] })
local begun, before = 0, nil
-- A program has calls and variables of its own.
local function look_at(...)
  local a, b, c, d, e, f = 1, 2, 3, 4, 5, 6
  for _, text in ... do
    if text == "lo" then begun = begun + 1 end -- the last that comes
  end
  return a, b, c, d, e, f
end
local function read()
  local a, b, c, d, e, f = 1, 2, 3, 4, 5, 6
  look_at(client.messages:stream(PARAMS):deltas())
  return a, b, c, d, e, f
end
local function begin(count)
  for _ = 1, count do claude.spawn(function() assert(pcall(read)) end) end
  while begun < count do claude.sleep(0.01) end
  begun = 0
  for _ = 1, 2 do -- collects everything, and makes no stack smaller
    collectgarbage("incremental")
    collectgarbage("generational")
  end
  return collectgarbage("count") * 1024
end
claude.loop(function()
  before = begin(1) -- all that is loaded when it is first needed
  print((begin(STREAMS) - before) / STREAMS)
  os.exit(true)
end)
]]

-- The requests that fail in other words than the first: none can be connected. A finalizer waits
-- meanwhile, which runs when the collector begins anew.
local WAITING_FINALIZER = [[
collectgarbage("generational")
local claude = require("claude")
local client = claude.new({ api_key = "k", base_url = "http://127.0.0.1:1", max_retries = 0 })
local params = { model = "m", max_tokens = 1, messages = { { role = "user", content = "Hi" } } }
local waited, streams, others = 0, {}, 0
local bait = setmetatable({}, { __gc = function()
  claude.sleep(0.05)
  waited = waited + 1
end })
collectgarbage()
for i = 1, 60 do
  if i == 40 then bait = nil end
  streams[i] = client.messages:stream(params)
end
local _, _, first = streams[1]:final_message()
for i = 2, 60 do
  local _, _, err = streams[i]:final_message()
  if err.hint ~= first.hint then others = others + 1 end
end
print(first.hint ~= nil, waited, others)
]]

describe("a stream that waits in a task", function()
  if _VERSION < "Lua 5.4" then return end -- sizes are those of Lua 5.4

  it("holds little of Lua, and no large stack", function()
    local server = servers.fault_server()
    local url = child.quote(server.url .. "/waiting")
    local result = child.run(("%s - %s"):format(child.lua, url), WAITING)
    server:stop()
    local bytes = tonumber(result.out)
    assert.is_true(bytes ~= nil and bytes < 6500, result.out .. result.err)
  end)
end)

describe("a generational collector", function()
  if _VERSION < "Lua 5.4" then return end -- there is none before

  it("looks at what is young as often among many transfers", function()
    local result = child.run(child.lua .. " -", CHURN)
    local growth = tonumber(result.out)
    assert.is_true(growth ~= nil and growth < 1.5, result.out .. result.err)
  end)

  it("takes no news from a transfer when it begins anew, whatever finalizers do", function()
    local result = child.run(child.lua .. " -", WAITING_FINALIZER)
    assert.equal("true\t1\t0\n", result.out, result.err)
  end)
end)
