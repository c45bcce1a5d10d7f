--- The way of a script without this library: LuaSocket asks, each line is decoded by lua-cjson, and
--- the parts of a block are joined at its end.
---
---     lua cjson.lua URL REQUESTS
---
--- Prints the bytes of each kind of text, as JSON.
local cjson = require("cjson")
local http = require("socket.http")
local ltn12 = require("ltn12")

local BODY = '{"model":"claude-sonnet-4-6","max_tokens":16000,"stream":true,'
  .. '"messages":[{"role":"user","content":"Go on"}]}'
local MEMBERS = {
  thinking_delta = "thinking",
  text_delta = "text",
  input_json_delta = "partial_json",
}

local url, requests = arg[1], tonumber(arg[2])
local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }

-- What an event does to the message that is put together.
local takes = {}

function takes.message_start(state, event) state.message = event.message end

function takes.content_block_start(state, event)
  state.block, state.parts = event.content_block, {}
end

function takes.content_block_delta(state, event)
  local delta = event.delta
  local member = MEMBERS[delta.type]
  if member then
    state.parts[#state.parts + 1] = delta[member]
  elseif delta.type == "signature_delta" then
    state.block.signature = delta.signature
    bytes.signature = bytes.signature + #delta.signature
  end
end

function takes.content_block_stop(state)
  local block, whole = state.block, table.concat(state.parts)
  if block.type == "tool_use" then
    block.input = cjson.decode(whole)
    bytes.input_json = bytes.input_json + #whole
  else
    block[block.type] = whole
    bytes[block.type] = bytes[block.type] + #whole
  end
  table.insert(state.message.content, block)
end

function takes.message_delta(state, event) state.message.stop_reason = event.delta.stop_reason end

function takes.message_stop(state) state.done = true end

local function take_line(state, line)
  if line:sub(1, 6) ~= "data: " then return end
  local event = cjson.decode(line:sub(7))
  local take = takes[event.type]
  if take then take(state, event) end
end

-- A sink for pieces that end anywhere: whole lines are taken, the rest waits for the next.
local function lines_of(state)
  local rest = ""
  return function(piece)
    if not piece then return 1 end
    local text, from = rest .. piece, 1
    local to = text:find("\n", 1, true)
    while to do
      take_line(state, text:sub(from, to - 1))
      from = to + 1
      to = text:find("\n", from, true)
    end
    rest = text:sub(from)
    return 1
  end
end

for _ = 1, requests do
  local state = {}
  local ok, status = http.request({
    url = url,
    method = "POST",
    headers = {
      ["content-type"] = "application/json",
      ["content-length"] = tostring(#BODY),
      ["anthropic-version"] = "2023-06-01",
      ["x-api-key"] = "bench",
    },
    source = ltn12.source.string(BODY),
    sink = lines_of(state),
  })
  assert(ok and status == 200 and state.done, status)
end
local REPORT = '{"thinking":%d,"text":%d,"input_json":%d,"signature":%d}'
print(REPORT:format(bytes.thinking, bytes.text, bytes.input_json, bytes.signature))
