--- lua-cjson on the lines of a stream that are in memory: what the core is compared with.
---
---     lua decode.lua STREAM_SERVER PATH REPEATS
---
--- Prints the bytes of each kind of text, as JSON.
local cjson = require("cjson")

local MEMBERS = {
  thinking_delta = "thinking",
  text_delta = "text",
  input_json_delta = "partial_json",
  signature_delta = "signature",
}

local lines = {}
local pipe = assert(io.popen(("%s events %s"):format(arg[1], arg[2])))
for line in pipe:lines() do
  if line:sub(1, 6) == "data: " then lines[#lines + 1] = line:sub(7) end
end
pipe:close()

local bytes = { thinking = 0, text = 0, partial_json = 0, signature = 0 }
for _ = 1, tonumber(arg[3]) do
  for _, line in ipairs(lines) do
    local event = cjson.decode(line)
    local member = event.type == "content_block_delta" and MEMBERS[event.delta.type]
    if member then bytes[member] = bytes[member] + #event.delta[member] end
  end
end
local REPORT = '{"thinking":%d,"text":%d,"input_json":%d,"signature":%d}'
print(REPORT:format(bytes.thinking, bytes.text, bytes.partial_json, bytes.signature))
