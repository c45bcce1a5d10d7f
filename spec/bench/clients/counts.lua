--- The bytes of each kind of text that streams of the project hand out.
local M = {}

local bytes = { thinking = 0, text = 0, input_json = 0, signature = 0 }
M.bytes = bytes
M.pieces = 0

local function add(kind, sum)
  if bytes[kind] then bytes[kind] = bytes[kind] + sum end
end

--- Reads a stream's deltas to the end. Pieces of one kind follow each other: a table is touched
--- only where the kind changes, so that counting costs next to nothing.
---@param stream claude.Stream
---@param options? table of `deltas`
function M.read(stream, options)
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
  M.pieces = M.pieces + number
end

local REPORT = '"pieces":%d,"thinking":%d,"text":%d,"input_json":%d,"signature":%d'

--- Members of a line of JSON.
---@return string
function M.report()
  local b = bytes
  return REPORT:format(M.pieces, b.thinking, b.text, b.input_json, b.signature)
end

return M
