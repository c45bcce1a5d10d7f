--- What a model may say, by chance, and what of it has to enter the conversation: the
--- rows of doc/imperfect-replies.md written a second time, on lists of blocks.
local core = require("claude.core")

local M = {}

-- JSON strings without their quotes: as they stand on the wire.
local TEXTS = {
  "plain words",
  'a\\/b \\u0041 \\n\\t\\"quoted\\"',
  "Grüße, 世界",
  "face \\ud83d\\ude00 and \240\159\152\128",
  " ",
  "\\u0000\\u001f\\u007f\127",
  "\\u2028 \226\128\168 \239\187\191",
  "data: x\\n\\nevent: error\\r\\n",
  '],\\"model\\":{ \\"messages\\":[',
}

local INPUTS = {
  '{"text":"a"}',
  '{ "n": 1.0, "big":12345678901234567890, "m":-0, "e":1E400, "list":[ ], "o":{ } }',
  '{"text":"a\\/b\\u0041\\ud83d\\ude00","b":1,"a":[[],{},[{}]],"nil":null}',
  '{"a":1,"a":2,"\\u0061":3}',
  '{"deep":{"z":1,"y":{"x":[1,2.50,-0.0,1e2]}}}\n',
  "{}",
  "",
  '{"INVALID_JSON":"said by the model"}',
  '{"big":[9223372036854775807,9223372036854775808,-9223372036854775809,9007199254740993]}',
}

-- { input, goes back as INVALID_JSON or, when false, with U+FFFD in place of the half }
local FLAWED = {
  { '{"text":"cut of', true },
  { '{"a":1}}', true },
  { "[1,2]", true },
  { '"text"', true },
  { "nonsense", true },
  { "   ", true },
  { "12345678901234567890123", true },
  { '{"text":"half \\ud83d"}', false },
  { '{"\\udc00":1}', false },
  { '{"cut":"half \\ud83d', true },
}

local WHOLE = { "end_turn", "end_turn", "stop_sequence", "some_new_reason" }
local CUT = { "max_tokens", "model_context_window_exceeded" }

local TOOLS = { "look", "look", "fail", "slow", "human", "unheard_of", "odd" }

--- One block: `start` as it begins on the wire, `deltas` as pieces of the JSON string
--- of `field`, or of the tool input; `raw` what goes back.
local make = {}

local function pieces(dice, text)
  if dice:once_in(3) then return { text } end
  local list, at = {}, 1
  while at <= #text do
    local last = math.min(#text, at + dice:number(12) - 1)
    -- Neither an escape nor a character may be torn, but a pair of escapes may.
    local tail = text:sub(at, last)
    while last < #text and (tail:find("\\u?%x?%x?%x?$") or text:find("^[\128-\191]", last + 1)) do
      last = last + 1
      tail = text:sub(at, last)
    end
    list[#list + 1] = text:sub(at, last)
    at = last + 1
  end
  return list
end

local function said(dice)
  local parts = {}
  for i = 1, dice:number(3) do
    parts[i] = dice:pick(TEXTS)
  end
  return table.concat(parts, dice:pick({ "", " ", "\\n" }))
end

function make.text(dice)
  local text = said(dice)
  local block = { kind = "text", given = { type = "text" }, text = text }
  if dice:once_in(8) then
    block.text, block.empty = "", true
  end
  if dice:once_in(12) then
    block.text, block.empty, block.half = block.text .. "\\ud83d", nil, true
  end
  if dice:once_in(5) then
    block.citations = {
      '{"type":"char_location","cited_text":"\\u0061\\/","document_index":0,"file_id":null,'
        .. '"document_title": null ,"start_char_index":1.0,"end_char_index":2e0}',
    }
  end
  return block
end

function make.thinking(dice)
  return { kind = "thinking", given = { type = "thinking", thinking = "x" }, text = said(dice) }
end

function make.redacted_thinking()
  return {
    kind = "redacted_thinking",
    given = { type = "redacted_thinking", thinking = "hidden" },
  }
end

function make.tool_use(dice, id)
  local block = { kind = "tool_use", id = id, name = dice:pick(TOOLS) }
  if dice:once_in(6) then
    local flawed = dice:pick(FLAWED)
    block.input, block.flawed, block.invalid = flawed[1], true, flawed[2]
  else
    block.input = dice:pick(INPUTS)
  end
  return block
end

function make.server(dice, id)
  local call = { kind = "server_tool_use", id = "srv" .. id, name = "web_search" }
  call.input = dice:pick({ '{"query":"a\\/b", "n":1.0}', '{ "query" : "世界" }' })
  return call
end

function make.server_result(_, id)
  local raw = '{"type":"web_search_tool_result","tool_use_id":"%s","content":[{"type":'
    .. '"web_search_result","url":"http:\\/\\/a","title":"\\u0061","page_age":null, '
    .. '"encrypted_content" : "" }]}'
  return { kind = "result", start = raw:format(id) }
end

function make.unknown()
  return {
    kind = "future_block",
    start = '{"type":"future_block", '
      .. '"n":1.0,"deep":{"a":[ ],"\\u0061":{ }},"big":123456789012345678901}',
  }
end

local KINDS = { "text", "text", "thinking", "thinking", "redacted_thinking", "tool_use" }

local function add(list, dice, kind, id)
  list[#list + 1] = make[kind](dice, id)
  if kind == "server" then list[#list + 1] = make.server_result(dice, "srv" .. id) end
end

---@class spec.RandomTurn
---@field blocks table[]
---@field stop_reason string
---@field delivery table what goes into the script's turn

local function delivery(dice)
  local how = {
    chunk = dice:pick({ 1, 2, 3, 7, 100, false }) or nil,
    ping_every = dice:once_in(3) and dice:number(4) or nil,
    padding = dice:once_in(3) and dice:number(20) or nil,
  }
  if dice:once_in(9) then
    -- No reset: how much of what came before is still read is not the same every time.
    how.cut = { at_byte = dice:number(4000) }
  elseif dice:once_in(14) then
    how.stream_error = {
      type = dice:pick({ "overloaded_error", "api_error", "invalid_request_error" }),
      after_event = dice:number(12),
    }
  elseif dice:once_in(14) then
    how.error = { status = dice:pick({ 529, 500, 429, 503 }) }
  end
  return how
end

--- A turn by chance of a model that thinks so.
---@param dice spec.Dice
---@param serial integer
---@param mode "enabled"|"adaptive"|"between_tools"|"disabled"
---@param serving? string id of a call of the server's own whose result comes now
---@return spec.RandomTurn
function M.turn(dice, serial, mode, serving)
  local blocks, calls, thinks = {}, false, mode ~= "disabled"
  if mode == "enabled" then add(blocks, dice, "thinking") end
  if serving then blocks[#blocks + 1] = make.server_result(dice, serving) end
  for i = 1, dice:number(6) - 1 do
    local kind = dice:pick(KINDS)
    if dice:once_in(8) then kind = dice:pick({ "server", "unknown" }) end
    if not thinks and kind:find("thinking") then kind = "text" end
    add(blocks, dice, kind, ("toolu_%d_%d"):format(serial, i))
    calls = calls or kind == "tool_use"
  end
  local turn = { blocks = blocks, delivery = delivery(dice) }
  turn.stop_reason = calls and "tool_use" or dice:pick(WHOLE)
  if dice:once_in(9) then turn.stop_reason = dice:pick(CUT) end
  if dice:once_in(20) then turn.stop_reason = "refusal" end
  if not calls and dice:once_in(8) then turn.stop_reason = "pause_turn" end
  if calls or turn.stop_reason == "pause_turn" then
    if dice:once_in(4) then
      blocks[#blocks + 1] = make.server(dice, ("toolu_%d_0"):format(serial))
    end
  end
  return turn
end

local THINKING = { thinking = true, redacted_thinking = true }

--- The script's turn for it: what the simulator has to know to sign and to count.
---@param turn spec.RandomTurn
---@return table
function M.script(turn)
  local said_turn = { content = {}, stop_reason = turn.stop_reason }
  for name, value in pairs(turn.delivery) do
    said_turn[name] = value
  end
  for i, block in ipairs(turn.blocks) do
    local given = block.given
    if block.kind == "thinking" then
      given = { type = "thinking", thinking = core.decode('"' .. block.text .. '"') }
    elseif block.kind == "text" then
      -- Nothing signed may follow it, so any text will do.
      given = { type = "text", text = core.decode('"' .. block.text .. '"') or "half" }
      given.citations = block.citations and { core.decode(block.citations[1]) }
    elseif block.input then
      given = { type = block.kind, id = block.id, name = block.name, input_json = block.input }
      given.input = core.decode(block.input)
      if type(given.input) ~= "table" then given.input = core.object({}) end
    elseif block.start then
      given = core.decode(block.start)
    end
    said_turn.content[i] = given
  end
  return said_turn
end

local function event(data)
  return ("event: %s\ndata: %s\n\n"):format(data:match('"type":"(.-)"'), data)
end

local function delta(index, kind, field, piece)
  return event(
    ('{"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":"%s"}}'):format(
      index,
      kind,
      field,
      piece
    )
  )
end

local PING = 'event: ping\ndata: {"type": "ping"}\n\n'

-- The events of a block as the generator wants them on the wire; sets its `raw`.
local block_events = {}

local CITATION = '{"type":"content_block_delta","index":%d,'
  .. '"delta":{"type":"citations_delta","citation":%s}}'

function block_events.text(add_event, dice, index, block)
  local start = '{"type":"text","text":""%s}'
  add_event.start(start:format(block.citations and ',"citations":[]' or ""))
  for _, citation in ipairs(block.citations or {}) do
    add_event.delta((CITATION):format(index, citation))
  end
  for _, piece in ipairs(pieces(dice, block.text)) do
    add_event.raw(delta(index, "text_delta", "text", piece))
  end
  local text = block.half and block.text:gsub("\\ud83d$", "\\ufffd") or block.text
  local cited = block.citations and (',"citations":[%s]'):format(table.concat(block.citations, ","))
  block.raw = ('{"type":"text","text":"%s"%s}'):format(text, cited or "")
end

function block_events.thinking(add_event, dice, index, block)
  local message = block.message
  add_event.start('{"type":"thinking","thinking":"","signature":""}')
  local text = message.thinking == "" and "" or block.text
  for _, piece in ipairs(pieces(dice, text)) do
    add_event.raw(delta(index, "thinking_delta", "thinking", piece))
  end
  local signature = message.signature
  if dice:once_in(3) then signature = signature:gsub("a", "\\u0061", 2) end
  add_event.raw(delta(index, "signature_delta", "signature", signature))
  block.raw = ('{"type":"thinking","thinking":"%s","signature":"%s"}'):format(text, signature)
end

function block_events.redacted_thinking(add_event, _, _, block)
  block.raw = ('{"type":"redacted_thinking","data":"%s", "more":null}'):format(block.message.data)
  block.raw = block.raw:gsub(', "more":null', "")
  add_event.start(block.raw)
end

function block_events.tool(add_event, dice, index, block)
  local start = '{"type":"%s","id":"%s","name":"%s","input":%s}'
  local function with(input) return start:format(block.kind, block.id, block.name, input) end
  add_event.start(with("{}"))
  local quoted = core.encode(block.input):sub(2, -2)
  for _, piece in ipairs(pieces(dice, quoted)) do
    add_event.raw(delta(index, "input_json_delta", "partial_json", piece))
  end
  local input = block.input == "" and "{}" or block.input
  if block.invalid then
    input = ('{"INVALID_JSON":%s}'):format(core.encode(block.input))
  elseif block.flawed then
    input = input:gsub("\\ud83d", "\\ufffd"):gsub("\\udc00", "\\ufffd")
  end
  block.raw = with(input)
end

function block_events.start(add_event, _, _, block)
  add_event.start(block.start)
  block.raw = block.start
end

--- The events of a signed message, with the bytes the turn wants. Every block of the
--- turn gets the `raw` with which it has to go back.
---@param turn spec.RandomTurn
---@param dice spec.Dice
---@param message table as the simulator built it
---@param events string[] as the simulator wrote them
---@return string[]
function M.events(turn, dice, message, events)
  local out, at, how = { events[1] }, 0, turn.delivery
  local function put(text)
    local blanks = how.padding and dice:number(how.padding) - 1 or 0
    out[#out + 1] = text:sub(1, -4) .. (" "):rep(blanks) .. "}\n\n"
    if how.ping_every and #out % how.ping_every == 0 then out[#out + 1] = PING end
  end
  for i, block in ipairs(turn.blocks) do
    local index = i - 1
    -- The simulator leaves empty text out.
    if not block.empty then
      at = at + 1
      block.message = message.content[at]
    end
    local add_event = {
      raw = function(text) put(text) end,
      delta = function(data) put(event(data)) end,
      start = function(json)
        local form = '{"type":"content_block_start","index":%d,"content_block":%s}'
        put(event(form:format(index, json)))
      end,
    }
    local write = block.start and block_events.start
      or block.input and block_events.tool
      or block_events[block.kind]
    write(add_event, dice, index, block)
    if dice:once_in(15) then
      local form =
        '{"type":"content_block_delta","index":%d,"delta":{"type":"new_delta","a":[1.0]}}'
      add_event.delta(form:format(index))
    end
    if dice:once_in(15) then add_event.delta('{"type":"new_event","a":{ }}') end
    add_event.delta(('{"type":"content_block_stop","index":%d}'):format(index))
  end
  for _, text in ipairs(events) do
    if text:find("^event: message_[ds][et][lo]") and not text:find("^event: message_start") then
      put(text)
    end
  end
  return out
end

local function changes(block) return block.half or block.flawed end

-- The blocks that stay of a whole reply; nil when nothing of it enters.
local function kept_blocks(turn)
  local last = #turn.blocks
  if turn.stop_reason == "refusal" then return {} end
  if turn.stop_reason == CUT[1] or turn.stop_reason == CUT[2] then
    while last > 0 do
      local block = turn.blocks[last]
      local goes = THINKING[block.kind] or block.name or block.empty
      if not goes then break end
      last = last - 1
    end
  end
  local kept = {}
  for i = 1, last do
    if not turn.blocks[i].empty then kept[#kept + 1] = turn.blocks[i] end
  end
  while kept[1] and THINKING[kept[#kept].kind] do
    kept[#kept] = nil
  end
  return kept
end

--- The message that a whole reply of this turn adds; nil when it adds nothing.
---@param turn spec.RandomTurn
---@return string? json
function M.sealed(turn)
  local kept, raws, changed = kept_blocks(turn), {}, false
  for i, block in ipairs(kept) do
    if THINKING[block.kind] and changed then return nil end
    changed = changed or changes(block)
    raws[i] = block.raw
  end
  if #raws == 0 then return nil end
  return ('{"content":[%s],"role":"assistant"}'):format(table.concat(raws, ","))
end

return M
