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
local function read()
  for _, text in client.messages:stream(PARAMS):deltas() do
    if text == "lo" then begun = begun + 1 end -- the last that comes
  end
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

describe("a stream that waits in a task", function()
  if _VERSION < "Lua 5.4" then return end -- sizes are those of Lua 5.4

  it("holds little of Lua, and no large stack", function()
    local server = servers.fault_server()
    local url = child.quote(server.url .. "/waiting")
    local result = child.run(("%s - %s"):format(child.lua, url), WAITING)
    server:stop()
    local bytes = tonumber(result.out)
    assert.is_true(bytes ~= nil and bytes < 6900, result.out .. result.err)
  end)
end)

describe("a generational collector", function()
  if _VERSION < "Lua 5.4" then return end -- there is none before

  it("looks at what is young as often among many transfers", function()
    local result = child.run(child.lua .. " -", CHURN)
    local growth = tonumber(result.out)
    assert.is_true(growth ~= nil and growth < 1.5, result.out .. result.err)
  end)
end)
