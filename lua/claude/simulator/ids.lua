--- Identifiers that look like the API's and depend on the seed alone.
local core = require("claude.core")

local M = {}

local DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

--- Turns hexadecimal digits into `length` letters of an id.
local function letters(hex, length)
  local found = {}
  for i = 1, length do
    local value = tonumber(hex:sub(2 * i - 1, 2 * i), 16) % #DIGITS + 1
    found[i] = DIGITS:sub(value, value)
  end
  return table.concat(found)
end

---@param seed string
---@return fun(prefix: string): string next id with that prefix
function M.generator(seed)
  local count = 0
  return function(prefix)
    count = count + 1
    return prefix .. "01" .. letters(core.sha256(seed .. "\0" .. prefix .. count), 22)
  end
end

return M
