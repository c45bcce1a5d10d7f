--- Ways to damage bytes: each of them changed.
local M = {}

-- Every bit, then what steers JSON, event streams and HTTP.
local BITS = { 1, 2, 4, 8, 16, 32, 64, 128 }
local PUT = { "\0", '"', "\\", "\n", "\r", "", "twice" }

local WAYS = #BITS + #PUT

local function flip(byte, bit)
  local is_set = math.floor(byte / bit) % 2 == 1
  return string.char(is_set and byte - bit or byte + bit)
end

local function change(bytes, at, way)
  local old = bytes:sub(at, at)
  local new = PUT[way - #BITS]
  if BITS[way] then new = flip(old:byte(), BITS[way]) end
  if new == "twice" then new = old .. old end
  return bytes:sub(1, at - 1) .. new .. bytes:sub(at + 1)
end

--- Calls `check` with the bytes as every change leaves them, or with one of so many, evenly
--- over places and ways.
---@param bytes string
---@param stride integer
---@param is_wanted fun(at: integer): boolean whether the byte there is to be changed
---@param check fun(changed: string, at: integer, way: integer)
function M.each(bytes, stride, is_wanted, check)
  local case = 0
  for at = 1, #bytes do
    for way = 1, is_wanted(at) and WAYS or 0 do
      case = case + 1
      if case % stride == 0 then check(change(bytes, at, way), at, way) end
    end
  end
end

return M
