--- The project with many streams at once, in tasks of one plain loop.
---
---     lua many.lua BASE-URL STREAMS [HTTP-VERSION [CA-FILE]]
---
--- Prints the bytes of each kind of text, streams that failed, how much memory each stream added
--- (`kb_each`), and, where texts have stamps, how long they took, as JSON.
local claude = require("claude")
local memory = require("spec.bench.clients.memory")
local now = require("claude.net").now
local stamps = require("spec.bench.clients.stamps")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}

local url, streams = arg[1], tonumber(arg[2])
local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
local failed = 0

local client = claude.new({
  api_key = "bench",
  base_url = url,
  http_version = arg[3],
  ca_file = arg[4],
})

local function read()
  local stream = client.messages:stream(PARAMS)
  local kind, text, err = stream:next()
  while kind do
    if bytes[kind] then
      bytes[kind] = bytes[kind] + #text
      stamps.note(text, now() * 1e9)
    end
    kind, text, err = stream:next()
  end
  if err then failed = failed + 1 end
end

assert(client:request("GET", "/received")) -- libcurl is loaded before memory is looked at
local before = memory.now()
claude.loop(function()
  for _ = 1, streams do
    claude.spawn(read)
  end
end)
local REPORT =
  '{"thinking":%d,"text":%d,"input_json":%d,"signature":%d,"failed":%d,"kb_each":%.2f%s}'
print(
  REPORT:format(
    bytes.thinking,
    bytes.text,
    bytes.input_json,
    bytes.signature,
    failed,
    (memory.of("VmHWM") - before) / math.max(streams, 1),
    stamps.report()
  )
)
