--- Cuts the texts out of a stream of event_stream.c as JSON spells them, as cut.c does: decodes
--- nothing and checks nothing.
local M = {}

local byte, find, sub = string.byte, string.find, string.sub

local TO_LETTER = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
  .. '"delta":{"type":"'
local LETTER = #TO_LETTER + 1 -- of the kind's name, the second one

-- Where in a frame the text begins, by that letter.
local TEXT = {}
for kind, member in pairs({
  thinking = "thinking",
  text = "text",
  input_json = "partial_json",
  signature = "signature",
}) do
  TEXT[byte(kind, 2)] = #(TO_LETTER .. kind .. '_delta","' .. member .. '":"')
end

local QUOTE, C, D, LONGEST = 34, 99, 100, 1024

--- Takes pieces that end anywhere.
---@param take fun(text: string)
---@return fun(piece: string)
function M.reader(take)
  local rest = ""

  local function cut(bytes, at, last)
    if byte(bytes, at + 7) ~= C or byte(bytes, at + 21) ~= D then return end
    while byte(bytes, last) ~= QUOTE do
      last = last - 1
    end
    take(sub(bytes, at + TEXT[byte(bytes, at + LETTER)], last - 1))
  end

  -- The frame that began in the piece before; where in this one the next begins.
  local function cut_rest(piece)
    local joined = rest .. sub(piece, 1, LONGEST)
    local last = find(joined, "\n\n", 1, true)
    if not last then return nil end
    cut(joined, 1, last)
    return last + 2 - #rest
  end

  return function(piece)
    local at = cut_rest(piece)
    if not at then
      rest = rest .. piece
      return
    end
    local last = find(piece, "\n\n", at, true)
    while last do
      cut(piece, at, last)
      at = last + 2
      last = find(piece, "\n\n", at, true)
    end
    rest = sub(piece, at)
  end
end

return M
