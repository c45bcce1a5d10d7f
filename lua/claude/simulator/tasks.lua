--- What a question asks for, as steps that tools can take.
local arithmetic = require("claude.simulator.arithmetic")

local M = {}

---@class claude.simulator.Task
---@field kind "calculate"|"clock"|"read"
---@field argument? string expression or path
---@field label string what the answer calls it
---@field from? claude.simulator.Task the one whose result it needs
---@field make? fun(result: string): string|nil the argument, from that result

local CLOCK = {
  "%f[%a]time is it%f[%A]",
  "%f[%a]the time%f[%A]",
  "%f[%a]current time%f[%A]",
  "%f[%a]what time%f[%A]",
  "%f[%a]today%f[%A]",
  "%f[%a]date%f[%A]",
  "%f[%a]right now%f[%A]",
  "%f[%a]what day%f[%A]",
  "%f[%a]midnight%f[%A]",
  "%f[%a]which day%f[%A]",
  "%f[%a]what year%f[%A]",
  "%f[%a]clock%f[%A]",
}

local function asks_time(text)
  for _, pattern in ipairs(CLOCK) do
    if text:find(pattern) then return true end
  end
  return false
end

--- File names in a text: words with an ending, or with a slash.
local function files(text)
  local found, seen = {}, {}
  for word in text:gsub("https?://%S+", " "):gmatch("[%w_%-%.~/]+") do
    word = word:gsub("[%.]+$", "")
    local name = word:match("%.%a%w*$") and word:find("^[%w_%-%.~/]*[%w_%-]%.%a%w*$")
      or word:find("^[~%.]?[%w_%-%.]*/[%w_%-%./]+$")
      or word == "README"
      or word == "Makefile"
    if name and not word:find("^%d+/%d+$") and not seen[word] and not word:find("^%a%.%a$") then
      seen[word] = true
      found[#found + 1] = word
    end
  end
  return found
end

--- "1 + 2 + 3" out of a text with numbers in it.
local function sum_of(result)
  local numbers = {}
  for number in result:gmatch("%d+%.?%d*") do
    numbers[#numbers + 1] = (number:gsub("%.$", ""))
  end
  return #numbers > 1 and table.concat(numbers, " + ", 1, math.min(#numbers, 50)) or nil
end

--- Minutes since midnight out of a text with a time in it.
local function minutes_since(result)
  local hours, minutes = result:match("(%d%d?):(%d%d)")
  if not hours then return nil end
  return ("%d * 60 + %d"):format(tonumber(hours), tonumber(minutes))
end

local function minutes_until(result)
  local since = minutes_since(result)
  return since and ("24 * 60 - (%s)"):format(since)
end

local function subtract(amount)
  return function(result)
    local number = result:match("%-?%d+%.?%d*")
    return number and ("%s - %s"):format(number, amount)
  end
end

local function add(list, task)
  list[#list + 1] = task
  return task
end

local function add_reads(list, text, lower)
  local sums = lower:find("add up", 1, true)
    or lower:find("%f[%a]sum%f[%A]")
    or lower:find("%f[%a]total%f[%A]")
  for _, path in ipairs(files(text)) do
    local read = add(list, { kind = "read", argument = path, label = path })
    if sums then
      local label = "the sum of the numbers in " .. path
      add(list, { kind = "calculate", from = read, make = sum_of, label = label })
    end
  end
end

local function add_clock(list, lower)
  if not asks_time(lower) then return end
  local clock = add(list, { kind = "clock", label = "the time" })
  if lower:find("minute", 1, true) or lower:find("midnight", 1, true) then
    local left = lower:find("until midnight", 1, true) or lower:find("to midnight", 1, true)
    add(list, {
      kind = "calculate",
      from = clock,
      make = left and minutes_until or minutes_since,
      label = left and "minutes until midnight" or "minutes since midnight",
    })
  end
end

local function add_calculations(list, text)
  for _, found in ipairs(arithmetic.find(text)) do
    local label = found.expression
    local task = add(list, { kind = "calculate", argument = found.expression, label = label })
    if found.less then
      local make = subtract(found.less)
      add(list, { kind = "calculate", from = task, make = make, label = "the interest" })
    end
  end
end

--- The steps a question needs: what can be looked up first, then calculations.
---@param text string
---@return claude.simulator.Task[]
function M.of(text)
  local all, ordered, lower = {}, {}, text:lower()
  add_clock(all, lower)
  add_reads(all, text, lower)
  add_calculations(all, text)
  for _, task in ipairs(all) do
    if task.kind ~= "calculate" then ordered[#ordered + 1] = task end
  end
  for _, task in ipairs(all) do
    if task.kind == "calculate" then ordered[#ordered + 1] = task end
  end
  return ordered
end

return M
