--- Evaluates arithmetic that a model wrote. A parser of its own: text from a
--- model is never run as code.
---
---     sum     := product { ("+" | "-") product }
---     product := signed { ("*" | "/" | "%") signed }
---     signed  := ("+" | "-") signed | power
---     power   := atom [ ("^" | "**") signed ]
---     atom    := number | name | name "(" sum { "," sum } ")" | "(" sum ")"
local M = {}

local MAX_LENGTH = 2000
local MAX_DEPTH = 100

local CONSTANTS = { pi = math.pi, e = math.exp(1) }

local function round(x) return math.floor(x + 0.5) end

-- Without an arity: a function of two values, folded over all that are given.
---@type table<string, { arity: integer|nil, call: function }>
local FUNCTIONS = {
  abs = { arity = 1, call = math.abs },
  ceil = { arity = 1, call = math.ceil },
  cos = { arity = 1, call = math.cos },
  exp = { arity = 1, call = math.exp },
  floor = { arity = 1, call = math.floor },
  ln = { arity = 1, call = function(x) return math.log(x) end },
  log = { arity = 1, call = function(x) return math.log(x) end },
  log10 = { arity = 1, call = function(x) return math.log(x) / math.log(10) end },
  max = { call = math.max },
  min = { call = math.min },
  round = { arity = 1, call = round },
  sin = { arity = 1, call = math.sin },
  sqrt = { arity = 1, call = math.sqrt },
  tan = { arity = 1, call = math.tan },
}

-- Where the parser stands: text, position, depth. Trouble is raised as a
-- table, so that it cannot be taken for a mistake in this file.
local function fail(state, text)
  local where = (" at character %d"):format(state.at)
  error({ text = text .. where }, 0)
end

local function skip_spaces(state) state.at = state.text:find("%S", state.at) or #state.text + 1 end

local function take(state, pattern)
  skip_spaces(state)
  local found = state.text:match("^" .. pattern, state.at)
  if found then state.at = state.at + #found end
  return found
end

local parse_sum

local function parse_arguments(state)
  local values = {}
  repeat
    values[#values + 1] = parse_sum(state)
  until not take(state, ",")
  if not take(state, "%)") then fail(state, "expected )") end
  return values
end

local function parse_name(state, name)
  if take(state, "%(") then
    local known = FUNCTIONS[name]
    if not known then fail(state, "unknown function " .. name) end
    local values = parse_arguments(state)
    if known.arity and #values ~= known.arity then
      fail(state, ("%s takes %d value, got %d"):format(name, known.arity, #values))
    end
    local result = known.arity == 1 and known.call(values[1]) or values[1]
    for i = 2, #values do
      result = known.call(result, values[i])
    end
    return result
  end
  if not CONSTANTS[name] then fail(state, "unknown name " .. name) end
  return CONSTANTS[name]
end

local function parse_number(state)
  local digits = take(state, "%d+%.?%d*") or take(state, "%.%d+")
  if not digits then return nil end
  -- Taken only together with its digits: "2e" is 2 and a name.
  local exponent = state.text:match("^[eE][+-]?%d+", state.at) or ""
  state.at = state.at + #exponent
  -- "1." is fine for people and refused by some tonumber.
  local whole, fraction = digits:match "^(%d*)%.?(%d*)$"
  return tonumber(("%s.%s%s"):format(whole == "" and "0" or whole, fraction .. "0", exponent))
end

local function parse_atom(state)
  local number = parse_number(state)
  if number then return number end
  local name = take(state, "%a[%w_]*")
  if name then return parse_name(state, name) end
  if not take(state, "%(") then fail(state, "expected a number") end
  local value = parse_sum(state)
  if not take(state, "%)") then fail(state, "expected )") end
  return value
end

local parse_signed

local function parse_power(state)
  local base = parse_atom(state)
  if take(state, "%^") or take(state, "%*%*") then return base ^ parse_signed(state) end
  return base
end

function parse_signed(state)
  state.depth = state.depth + 1
  if state.depth > MAX_DEPTH then fail(state, "nested too deeply") end
  local value
  if take(state, "%-") then
    value = -parse_signed(state)
  elseif take(state, "%+") then
    value = parse_signed(state)
  else
    value = parse_power(state)
  end
  state.depth = state.depth - 1
  return value
end

local function divide(state, left, right)
  if right == 0 then fail(state, "division by zero") end
  return left / right
end

local function parse_product(state)
  local value = parse_signed(state)
  while true do
    if take(state, "%*") then
      value = value * parse_signed(state)
    elseif take(state, "/") then
      value = divide(state, value, parse_signed(state))
    elseif take(state, "%%") then
      local right = parse_signed(state)
      if right == 0 then fail(state, "division by zero") end
      value = value - math.floor(value / right) * right
    else
      return value
    end
  end
end

function parse_sum(state)
  local value = parse_product(state)
  while true do
    if take(state, "%+") then
      value = value + parse_product(state)
    elseif take(state, "%-") then
      value = value - parse_product(state)
    else
      return value
    end
  end
end

local function parse_all(text)
  local state = { text = text, at = 1, depth = 0 }
  local value = parse_sum(state)
  skip_spaces(state)
  if state.at <= #text then fail(state, "unexpected " .. text:sub(state.at, state.at)) end
  return value
end

--- A number as people write it: whole ones without a fraction.
---@param value number
---@return string
function M.format(value)
  if value % 1 == 0 and math.abs(value) < 2 ^ 53 then return ("%.0f"):format(value + 0) end
  return ("%.15g"):format(value)
end

--- The value of an expression.
---@param expression string
---@return number|nil value, string|nil why_not
function M.evaluate(expression)
  if #expression > MAX_LENGTH then return nil, "the expression is too long" end
  local parsed, value = pcall(parse_all, expression)
  if not parsed then
    if type(value) == "table" then return nil, value.text end
    error(value, 0)
  end
  if value ~= value or value == math.huge or value == -math.huge then
    return nil, "the result is not a finite number"
  end
  return value
end

return M
