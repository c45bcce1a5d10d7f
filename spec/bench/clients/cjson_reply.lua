--- Replies as a script without this library puts them together: each line is decoded by lua-cjson,
--- and the parts of a block are joined at its end.
local cjson = require("cjson")

local M = {}

local MEMBERS = {
  thinking_delta = "thinking",
  text_delta = "text",
  input_json_delta = "partial_json",
}

--- The bytes of each kind of text, of all replies.
local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
M.bytes = bytes

--- Called with each delta of thinking and of text.
---@param text string
function M.on_text(text) return text end

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
    if member ~= "partial_json" then M.on_text(delta[member]) end
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

--- Takes pieces that end anywhere: whole lines are read, the rest waits for the next.
---@param state table of a reply; `done` is set at its end
---@return fun(piece: string)
function M.reader(state)
  local rest = ""
  return function(piece)
    local text, from = rest .. piece, 1
    local to = text:find("\n", 1, true)
    while to do
      take_line(state, text:sub(from, to - 1))
      from = to + 1
      to = text:find("\n", from, true)
    end
    rest = text:sub(from)
  end
end

local REPORT = '"thinking":%d,"text":%d,"input_json":%d,"signature":%d'
--- Members of a line of JSON: the bytes of each kind of text.
---@return string
function M.report()
  return REPORT:format(bytes.thinking, bytes.text, bytes.input_json, bytes.signature)
end

return M
