--- Arithmetic in questions: finds it, and works it out where no tool does.
local M = {}

local WORDS = {
  { "%f[%a]multiplied by%f[%A]", "*" },
  { "%f[%a]divided by%f[%A]", "/" },
  { "%f[%a]times%f[%A]", "*" },
  { "%f[%a]plus%f[%A]", "+" },
  { "%f[%a]minus%f[%A]", "-" },
  { "\195\151", "*" },
  { "\195\183", "/" },
  { "\226\136\146", "-" },
  { "\194\183", "*" },
  { "(%d)%s*x%s*(%d)", "%1 * %2" },
  { "%*%*", "^" },
}

--- Operators written as words or signs become ASCII ones; commas between
--- thousands go, each time round the leftmost of every number.
local function plain(text)
  for _, pair in ipairs(WORDS) do
    text = text:gsub(pair[1], pair[2])
  end
  local commas
  repeat
    text, commas = text:gsub("(%d),(%d%d%d)%f[%D]", "%1%2")
  until commas == 0
  return text
end

local function trim(text) return (text:gsub("^[%s%.]+", ""):gsub("[%s%.%+%-%*/%^%%]+$", "")) end

local apply = {
  ["+"] = function(a, b) return a + b end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end,
  ["/"] = function(a, b) return a / b end,
  ["%"] = function(a, b) return a % b end,
  ["^"] = function(a, b) return a ^ b end,
}
local LEVELS = { { ["+"] = true, ["-"] = true }, { ["*"] = true, ["/"] = true, ["%"] = true } }

local parse_level

local function skip(state)
  state.at = state.text:match("^%s*()", state.at)
  return state.text:sub(state.at, state.at)
end

local function parse_atom(state)
  local sign = skip(state)
  if sign == "-" then
    state.at = state.at + 1
    local value = parse_atom(state)
    return value and -value
  end
  if sign == "(" then
    state.at, state.depth = state.at + 1, state.depth + 1
    if state.depth > 100 then return nil end
    local value = parse_level(state, 1)
    if skip(state) ~= ")" then return nil end
    state.at, state.depth = state.at + 1, state.depth - 1
    return value
  end
  local digits, after = state.text:match("^(%d+%.?%d*)()", state.at)
  state.at = after or state.at
  return tonumber(digits)
end

local function parse_power(state)
  local base = parse_atom(state)
  if base and skip(state) == "^" then
    state.at = state.at + 1
    local exponent = parse_power(state)
    return exponent and base ^ exponent
  end
  return base
end

function parse_level(state, level)
  if not LEVELS[level] then return parse_power(state) end
  local value = parse_level(state, level + 1)
  while value and LEVELS[level][skip(state)] do
    local operator = state.text:sub(state.at, state.at)
    state.at = state.at + 1
    local right = parse_level(state, level + 1)
    value = right and apply[operator](value, right)
  end
  return value
end

--- The value of an expression; nil when it is none.
---@param expression string
---@return number|nil
function M.evaluate(expression)
  local state = { text = expression, at = 1, depth = 0 }
  local value = parse_level(state, 1)
  skip(state)
  if state.at <= #expression then return nil end
  return value
end

--- A number as people write it.
---@param value number
---@return string
function M.format(value)
  if value == math.floor(value) and math.abs(value) < 1e15 then return ("%d"):format(value) end
  return (("%.10g"):format(value))
end

local function amount(text) return text and (text:gsub(",", "")) end

--- "Compound interest on $10,000 at 5% for 10 years": what it grows to.
local function compound(text)
  if not text:lower():find("compound", 1, true) then return nil end
  local principal = amount(text:match("%$%s*([%d,]+%.?%d*)") or text:match("on ([%d,]+)"))
  local rate, years = text:match("([%d%.]+)%s*%%"), text:match("(%d+)%s*year")
  if not principal or not tonumber(rate) or not years then return nil end
  local factor = M.format(1 + tonumber(rate) / 100)
  return { expression = ("%s * %s ^ %s"):format(principal, factor, years), less = principal }
end

local function percents(text, found)
  for rate, whole in plain(text):gmatch("([%d%.]+)%s*%%%s*of%s*%$?([%d%.]+)") do
    whole = trim(whole)
    if tonumber(rate) and tonumber(whole) then
      found[#found + 1] = { expression = ("%s * %s / 100"):format(whole, rate) }
    end
  end
end

--- The calculations a text asks for.
---@param text string
---@return { expression: string, less?: string }[] less: then subtract that
function M.find(text)
  local found = { compound(text) }
  if found[1] then return found end
  percents(text, found)
  for stretch in plain(text):gmatch("[%d%(][%d%s%.%+%-%*/%^%%%(%)]*") do
    local expression = trim(stretch)
    if
      expression:find("%d%s*%)*%s*[%+%-%*/%^%%]%s*[%(%-]*%s*%d")
      and M.evaluate(expression)
      and not expression:find("^%d%d%d%d%-%d%d%-%d%d$")
    then
      found[#found + 1] = { expression = expression }
    end
  end
  return found
end

return M
