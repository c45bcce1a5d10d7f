--- The forms in which a secret may turn up: as it is, in base64, in hexadecimal, percent-encoded,
--- by number, reversed, in capitals; and in part, since whoever cuts it leaves a third of it whole.
local core = require("claude.core")

local M = {}

local function hex(text, format)
  return (text:gsub(".", function(char) return format:format(char:byte()) end))
end

-- What base64 makes of it wherever it begins; its ends depend on what stands beside it.
local function in_base64(text)
  local list = {}
  for before = 0, 2 do
    local encoded = core.base64(("x"):rep(before) .. text):gsub("=+$", "")
    list[#list + 1] = encoded:sub(before == 0 and 1 or before + 2, -2)
  end
  return list
end

--- The forms of a secret that are looked for.
---@param secret string at least 24 bytes
---@return string[]
function M.of(secret)
  local third, list = math.floor(#secret / 3), {}
  for i = 0, 2 do
    local part = secret:sub(i * third + 1, i == 2 and -1 or (i + 1) * third)
    list[#list + 1] = part
    for _, encoded in ipairs(in_base64(part)) do
      list[#list + 1] = encoded
    end
    for _, format in ipairs({ "%02x", "%02X", "%%%02x", "%%%02X", "\\u%04x", "\\x%02x" }) do
      list[#list + 1] = hex(part, format)
    end
    list[#list + 1] = part:reverse()
    if part:upper() ~= part then list[#list + 1] = part:upper() end
  end
  return list
end

--- Whether a text holds one of them.
---@param text string
---@param forms string[]
---@return boolean
function M.is_in(text, forms)
  for _, form in ipairs(forms) do
    if text:find(form, 1, true) then return true end
  end
  return false
end

return M
