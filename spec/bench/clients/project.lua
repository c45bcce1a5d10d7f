--- The project, asked for streams one after the other.
---
---     lua project.lua WAY BASE-URL REQUESTS
---
--- WAY is how they are read: `deltas`, `coalesce` or `events`. Prints the bytes of each kind of
--- text, and how many pieces there were, as JSON.
local claude = require("claude")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}

local way, url, requests = arg[1], arg[2], tonumber(arg[3])
local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
local pieces = 0

local function add(kind, sum)
  if bytes[kind] then bytes[kind] = bytes[kind] + sum end
end

-- Pieces of one kind follow each other: a table is touched only where the kind changes, so that
-- counting costs next to nothing.
local function count(stream, options)
  local now, sum, number = nil, 0, 0
  for kind, text in stream:deltas(options) do
    number = number + 1
    if kind ~= now then
      add(now, sum)
      now, sum = kind, 0
    end
    if text then sum = sum + #text end
  end
  add(now, sum)
  pieces = pieces + number
end

local MEMBERS = {
  thinking_delta = "thinking",
  text_delta = "text",
  input_json_delta = "partial_json",
  signature_delta = "signature",
}
local KINDS = { thinking = "thinking", text = "text", partial_json = "input_json" }

local function count_events(stream)
  for event in stream:events() do
    pieces = pieces + 1
    local delta = event.type == "content_block_delta" and event.delta
    local member = delta and MEMBERS[delta.type]
    if member then add(KINDS[member] or member, #delta[member]) end
  end
end

local WAYS = {
  deltas = count,
  coalesce = function(stream) count(stream, { coalesce = true }) end,
  events = count_events,
}

local client = claude.new({ api_key = "bench", base_url = url })
for _ = 1, requests do
  WAYS[way](client.messages:stream(PARAMS))
end
local REPORT = '{"pieces":%d,"thinking":%d,"text":%d,"input_json":%d,"signature":%d}'
print(REPORT:format(pieces, bytes.thinking, bytes.text, bytes.input_json, bytes.signature))
