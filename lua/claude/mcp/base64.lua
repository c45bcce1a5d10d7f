--- Bytes out of base64, as servers send texts in it now and then.

local M = {}

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local VALUES = { [("="):byte()] = 0 }
for i = 1, #ALPHABET do
  VALUES[ALPHABET:byte(i)] = i - 1
end

---@param four string
---@return string three
local function decoded(four)
  local a, b, c, d = four:byte(1, 4)
  local bits = ((VALUES[a] * 64 + VALUES[b]) * 64 + VALUES[c]) * 64 + VALUES[d]
  local high = (bits - bits % 65536) / 65536
  local middle = (bits % 65536 - bits % 256) / 256
  return string.char(high, middle, bits % 256)
end

--- The bytes; nil where the text is not base64.
---@param text string
---@return string? bytes
function M.decode(text)
  text = text:gsub("%s", "")
  local padding = #text:sub(-3):match("=*$")
  if #text % 4 ~= 0 or padding > 2 or not text:find("^[%w+/]*=*$") then return nil end
  local bytes = text:gsub("....", decoded)
  return bytes:sub(1, #bytes - padding)
end

return M
