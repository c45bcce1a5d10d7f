--- The project, asked for many streams at once, in one thread of a plain Lua.
---
---     lua streams.lua BASE-URL STREAMS [CA-FILE [1.1|2]]
---
--- CA-FILE may be "" where there is no TLS. Prints JSON: the bytes of each kind of text, streams
--- that failed, and what paced.lua tells: of the texts each stream still holds all.
local claude = require("claude")
local paced = require("spec.bench.clients.paced")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}

local url, streams, ca_file, version = arg[1], tonumber(arg[2]), arg[3], arg[4]
local failed = 0

local function client_of(base)
  return claude.new({
    api_key = "bench",
    base_url = base,
    ca_file = ca_file ~= "" and ca_file or nil,
    http_version = version,
  })
end

local client = client_of(url)

local function read(number) paced.read(number, client.messages:stream(PARAMS):deltas()) end

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
paced.begin(streams)
claude.loop(read_all)

local REPORT = '{"thinking":%d,"text":%d,"input_json":%d,"signature":%d,"failed":%d,%s}'
local b = paced.bytes
print(REPORT:format(b.thinking, b.text, b.input_json, b.signature, failed, paced.report()))
os.exit(failed == 0 and 0 or 1)
