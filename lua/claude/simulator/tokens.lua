--- A deterministic estimate of tokens: about four bytes each.
local M = {}

local BYTES = 4

---@param text string
---@return integer
function M.count(text) return math.floor((#text + BYTES - 1) / BYTES) end

--- The longest beginning of `text` of at most `limit` tokens, cut between characters.
---@param text string
---@param limit integer
---@return string
function M.cut(text, limit)
  local last = limit * BYTES
  if #text <= last then return text end
  -- Step back over continuation bytes: the cut must not split a character.
  while last > 0 and text:find("^[\128-\191]", last + 1) do
    last = last - 1
  end
  return text:sub(1, last)
end

--- Tokens of a content block as it stands in a prompt; `encoded` is its JSON.
---@param encoded string
---@return integer
function M.of_json(encoded) return M.count(encoded) + 2 end

return M
