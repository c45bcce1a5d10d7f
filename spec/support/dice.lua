--- Chance that is the same on every Lua: a small generator of its own.
local M = {}

---@class spec.Dice
local Dice = {}
Dice.__index = Dice

---@param seed integer
---@return spec.Dice
function M.new(seed)
  local dice = setmetatable({ state = seed % 2147483646 + 1 }, Dice)
  for _ = 1, 5 do
    dice:number(2)
  end
  return dice
end

--- A number from 1 to `most`.
---@param most integer
---@return integer
function Dice:number(most)
  self.state = self.state * 16807 % 2147483647
  return math.floor(self.state / 2147483647 * most) + 1
end

--- Whether something happens that happens once in `times`.
---@param times integer
---@return boolean
function Dice:once_in(times) return self:number(times) == 1 end

---@param list any[]
---@return any
function Dice:pick(list) return list[self:number(#list)] end

return M
