--- Numbers on the command line, for argparse: what is no such number is
--- refused with the option's name.
local M = {}

local function reader(what, option, takes)
  return function(text)
    local number = tonumber(text)
    if number and takes(number) then return number end
    return nil, ("%s takes %s, not '%s'"):format(option, what, text)
  end
end

--- A converter that takes whole numbers of `lowest` up to `highest`.
---@param option string its name, for the complaint
---@param lowest integer
---@param highest integer|nil
---@return fun(text: string): integer|nil, string|nil
function M.whole(option, lowest, highest)
  local what = ("a whole number of at least %d"):format(lowest)
  if highest then what = ("a whole number from %d to %d"):format(lowest, highest) end
  local most = highest or 2 ^ 53
  local function takes(number) return number >= lowest and number <= most and number % 1 == 0 end
  local read = reader(what, option, takes)
  return function(text)
    local number, why = read(text)
    return number and math.floor(number), why
  end
end

--- A converter that takes seconds, fractions too.
---@param option string its name, for the complaint
---@return fun(text: string): number|nil, string|nil
function M.seconds(option)
  return reader(
    "a number of seconds",
    option,
    function(number) return number >= 0 and number < math.huge end
  )
end

return M
