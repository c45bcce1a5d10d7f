--- By how many bytes a process grows at most while it takes in or sends something large: a
--- process of its own, where nothing else holds memory and nothing waits to be collected.
---
---     growth.of("results", url, "10000")      of a batch of 10,000
---     growth.of("lines", url, PATH)           of a download that is read by lines
---     growth.of("upload", url, FILE)          through client.files
---     growth.of("download", url, ID, FILE)
---     growth.of("slow", url, STREAMS)         of floods that are read event by event, slowly
---     growth.of("stopped", url, STREAMS)      of floods that nobody reads on
---
---     growth.of("dropped", url, WHAT, COUNT)  of replies of 1 MB that are dropped beside a heap
---                                             of 35 MB, "read" or "unread"
---     growth.of("aged", url, COUNT)           of replies of 1 MB that were there for a while, and
---                                             are dropped beside a small heap
---
--- With GROWTH_CA=FILE it speaks HTTP/2 over TLS.
--- Run as a program, it does what it is told and prints the number.
local child = require("spec.support.child")
local servers = require("spec.support.servers")

local M = {}

local run = {} -- each calls `look` now and then

function run.results(client, look, count)
  local seen = 0
  for entry in client.messages.batches:results("b_" .. count) do
    seen = seen + 1
    assert(type(entry.result.message.id) == "string")
    if seen % 500 == 0 then look() end
  end
  assert(seen == tonumber(count), seen)
end

function run.lines(client, look, path)
  local request = { method = "GET", path = path }
  local body = assert(require("claude.download").open(client, request))
  while body:read_line() do
    if body.lines % 500 == 0 then look() end
  end
  assert(body.lines == tonumber(path:match("(%d+)/%d+$")), body.lines)
end

function run.upload(client, look, path)
  local sent = assert(client.files:upload({ path = path, on_progress = look }))
  local file = assert(io.open(path, "rb"))
  assert(sent.size_bytes == file:seek("end"))
  file:close()
end

function run.download(client, look, id, path)
  assert(client.files:download(id, path, { on_progress = look }))
end

-- spec/bench/server.c then sends as fast as it is read.
local FLOOD = {
  model = "claude-opus-4-8",
  max_tokens = 8000,
  messages = { { role = "user", content = "Go on and on." } },
  metadata = { user_id = "flood" },
}

local function open_floods(client, count)
  local streams = {}
  for i = 1, count do
    streams[i] = client.messages:stream(FLOOD)
    repeat
      local kind, text = assert(streams[i]:next())
    until kind == "text" and #text == 1000
  end
  return streams
end

local SLOW_EVENTS, PAUSE = 100, 0.005

-- One after the other asks for one event; meanwhile all may send.
function run.slow(client, look, count)
  local claude = require("claude")
  claude.loop(function()
    local streams = open_floods(client, tonumber(count))
    for _ = 1, SLOW_EVENTS do
      for _, stream in ipairs(streams) do
        assert(stream:next() == "text")
      end
      claude.sleep(PAUSE)
      look()
    end
    for _, stream in ipairs(streams) do
      stream:cancel()
    end
  end)
end

-- The program reads something else for a while.
function run.stopped(client, look, count)
  local streams = open_floods(client, tonumber(count))
  for _ = 1, 200 do
    assert(client.messages:count_tokens({ model = FLOOD.model, messages = FLOOD.messages }))
    look()
  end
  for _, stream in ipairs(streams) do
    assert(stream:next() == "text") -- goes on where it was
    stream:cancel()
  end
end

-- So much that the collector thinks it has time.
local function large_heap()
  local heap = {}
  while collectgarbage("count") < 35 * 1024 do
    heap[#heap + 1] = { ("%d"):format(#heap), #heap }
  end
  return heap
end

local BODY = '{"type":"message","role":"assistant","content":[{"type":"text","text":"%s"}],'
  .. '"stop_reason":"end_turn","usage":{}}'

-- The bytes are the core's: for Lua each reply is a few words.
function run.dropped(_, look, what, count)
  local core = require("claude.core")
  local heap, body = large_heap(), BODY:format(("x"):rep(1e6))
  for _ = 1, tonumber(count) do
    local response = core.response()
    assert(response:feed(body))
    if what == "read" then
      response:finish()
      while response:next() do
      end
      assert(response:complete())
    end
    look()
  end
  assert(#heap > 0)
end

-- Young rubbish ages what is there: a generational collector then leaves that alone.
function run.aged(_, look, count)
  local core = require("claude.core")
  local body = BODY:format(("x"):rep(1e6))
  for _ = 1, tonumber(count) do
    local response = core.response()
    assert(response:feed(body))
    for _ = 1, 20000 do
      assert({ {} })
    end
    response:finish()
    while response:next() do
    end
    look()
  end
end

local function nothing() end

local function count_tokens(client)
  assert(client.messages:count_tokens({ model = FLOOD.model, messages = FLOOD.messages }))
end

-- What the first request and the first file load is no matter of size.
local SMALL = {
  results = function(client) run.results(client, nothing, "1000") end,
  lines = function(client) run.lines(client, nothing, "/lines/2000/1000") end,
  upload = function(client) assert(client.files:upload({ bytes = "small", filename = "a" })) end,
  download = function(client, _, path) assert(client.files:download("file_100", path)) end,
  dropped = function(client) return client end,
  aged = function(client) return client end,
  slow = count_tokens,
  stopped = count_tokens,
}

local function main(what, url, ...)
  local ca_file = os.getenv("GROWTH_CA")
  local client = require("claude").new({
    api_key = "k",
    base_url = url,
    ca_file = ca_file,
    http_version = ca_file and "2" or nil,
  })
  SMALL[what](client, ...)
  collectgarbage()
  local before, most = servers.resident(), 0
  run[what](client, function() most = math.max(most, servers.resident() - before) end, ...)
  print(("%.0f"):format(most))
end

---@param ... string
---@return number bytes
function M.of(...)
  local words = { child.lua, "spec/support/growth.lua" }
  for _, word in ipairs({ ... }) do
    words[#words + 1] = child.quote(word)
  end
  local result = child.run(table.concat(words, " "))
  return assert(tonumber(result.out), result.err)
end

if arg and arg[0] and arg[0]:find("growth%.lua$") then main(...) end

return M
