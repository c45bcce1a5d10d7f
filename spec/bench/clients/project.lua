--- The project, asked for streams one after the other.
---
---     lua project.lua WAY BASE-URL REQUESTS
---
--- WAY is how they are read: `deltas`, `message` (whole), `coalesce` or `events`. Prints the
--- bytes of each kind of text, and how many pieces there were, as JSON.
local claude = require("claude")
local counts = require("spec.bench.clients.counts")

local PARAMS = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  messages = { { role = "user", content = "Go on" } },
}

local way, url, requests = arg[1], arg[2], tonumber(arg[3])
local MEMBERS = {
  thinking_delta = "thinking",
  text_delta = "text",
  input_json_delta = "partial_json",
  signature_delta = "signature",
}
local KINDS = { thinking = "thinking", text = "text", partial_json = "input_json" }

local function count_events(stream)
  for event in stream:events() do
    counts.pieces = counts.pieces + 1
    local delta = event.type == "content_block_delta" and event.delta
    local member = delta and MEMBERS[delta.type]
    local kind = member and (KINDS[member] or member)
    if kind then counts.bytes[kind] = counts.bytes[kind] + #delta[member] end
  end
end

-- Of whole messages, each block a piece; of an input what came, and not what it says.
local function count_blocks(stream)
  local bytes = counts.bytes
  for i, block in ipairs(assert(stream:final_message()).content) do
    counts.pieces = counts.pieces + 1
    bytes.thinking = bytes.thinking + #(block.thinking or "")
    bytes.text = bytes.text + #(block.text or "")
    bytes.signature = bytes.signature + #(block.signature or "")
    bytes.input_json = bytes.input_json + #(stream.response:tool_input_raw(i) or "")
  end
end

local WAYS = {
  deltas = counts.read,
  message = count_blocks,
  coalesce = function(stream) counts.read(stream, { coalesce = true }) end,
  events = count_events,
}

local client = claude.new({ api_key = "bench", base_url = url })
for _ = 1, requests do
  WAYS[way](client.messages:stream(PARAMS))
end
print(("{%s}"):format(counts.report()))
