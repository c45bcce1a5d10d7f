--- What a question asks for, as steps that tools can take.
local arithmetic = require("claude.simulator.arithmetic")

local M = {}

---@class claude.simulator.Task
---@field kind "calculate"|"clock"|"read"
---@field argument? string expression or path
---@field label string what the answer calls it
---@field from? integer the task (place in the list) whose result it needs
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
local function minutes_of(result)
  local hours, minutes = result:match("(%d%d?):(%d%d)")
  if not hours then return nil end
  return ("%d * 60 + %d"):format(tonumber(hours), tonumber(minutes))
end

local function subtract(amount)
  return function(result)
    local number = result:match("%-?%d+%.?%d*")
    return number and ("%s - %s"):format(number, amount)
  end
end

local function add(list, task)
  list[#list + 1] = task
  return #list
end

local function add_reads(list, text, lower)
  local sums = lower:find("add up", 1, true)
    or lower:find("%f[%a]sum%f[%A]")
    or lower:find("%f[%a]total%f[%A]")
  for _, path in ipairs(files(text)) do
    local at = add(list, { kind = "read", argument = path, label = path })
    if sums then
      add(list, {
        kind = "calculate",
        from = at,
        make = sum_of,
        label = "the sum of the numbers in " .. path,
      })
    end
  end
end

--- The steps a question needs, in order.
---@param text string
---@return claude.simulator.Task[]
function M.of(text)
  local list, lower = {}, text:lower()
  if asks_time(lower) then
    local at = add(list, { kind = "clock", label = "the time" })
    if lower:find("minute", 1, true) or lower:find("midnight", 1, true) then
      add(
        list,
        { kind = "calculate", from = at, make = minutes_of, label = "minutes since midnight" }
      )
    end
  end
  add_reads(list, text, lower)
  for _, found in ipairs(arithmetic.find(text)) do
    local at =
      add(list, { kind = "calculate", argument = found.expression, label = found.expression })
    if found.less then
      add(
        list,
        { kind = "calculate", from = at, make = subtract(found.less), label = "the interest" }
      )
    end
  end
  return list
end

return M
