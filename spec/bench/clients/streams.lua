--- The project, asked for many streams at once, in one thread of a plain Lua.
---
---     lua streams.lua BASE-URL STREAMS [CA-FILE [1.1|2]]
---
--- CA-FILE may be "" where there is no TLS. Prints JSON: the bytes of each kind of text, streams
--- that failed, kilobytes of memory that each stream took at most, kilobytes of text that each
--- holds, and, of texts that are stamped (spec/bench/stream_server.c), how old they were.
local claude = require("claude")
local hub = require("claude.loop")
local memory = require("spec.bench.clients.memory")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}
local STAMP = "^@(%d%d%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d%d)@"

local url, streams, ca_file, version = arg[1], tonumber(arg[2]), arg[3], arg[4]
local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
local ages, failed = {}, 0

local function client_of(base)
  return claude.new({
    api_key = "bench",
    base_url = base,
    ca_file = ca_file ~= "" and ca_file or nil,
    http_version = version,
  })
end

local client = client_of(url)

-- A stream of many has one in so many of its stamps looked at: that has its price, too.
local EVERY = streams > 1 and 16 or 1

local function note_age(text)
  local seconds, nanoseconds = text:match(STAMP)
  if not seconds then return end
  ages[#ages + 1] = (hub.now() - tonumber(seconds) - tonumber(nanoseconds) / 1e9) * 1e6
end

local function read(number)
  local count = number
  for kind, text in client.messages:stream(PARAMS):deltas() do
    if bytes[kind] then
      bytes[kind] = bytes[kind] + #text
      count = count + 1
      if count % EVERY == 0 then note_age(text) end
    end
  end
end

local function read_all()
  for number = 1, streams do
    claude.spawn(function()
      local ok, problem = pcall(read, number)
      if ok then return end
      failed = failed + 1
      io.stderr:write(tostring(problem), "\n")
    end)
  end
end

-- What must be there before the first stream is no stream's.
local root = url:match("^%l+://[^/]+")
assert(client_of(root .. "/events-30").messages:stream(PARAMS):final_message())
local before = memory.now()
claude.loop(read_all)
local most = memory.of("VmHWM")
table.sort(ages)

local function age(part) return ages[math.max(1, math.floor(#ages * part))] or 0 end

local text = bytes.thinking + bytes.text + bytes.input_json + bytes.signature
local REPORT = '{"thinking":%d,"text":%d,"input_json":%d,"signature":%d,"failed":%d,'
  .. '"kb_per_stream":%.1f,"text_kb":%.2f,"p50_us":%.1f,"p99_us":%.1f}'
print(
  REPORT:format(
    bytes.thinking,
    bytes.text,
    bytes.input_json,
    bytes.signature,
    failed,
    (most - before) / math.max(1, streams),
    text / 1024 / math.max(1, streams),
    age(0.5),
    age(0.99)
  )
)
os.exit(failed == 0 and 0 or 1)
