--- Points in time as headers write them, as seconds since 1970.

local M = {}

local MONTHS = {}
for number, name in ipairs({
  "Jan",
  "Feb",
  "Mar",
  "Apr",
  "May",
  "Jun",
  "Jul",
  "Aug",
  "Sep",
  "Oct",
  "Nov",
  "Dec",
}) do
  MONTHS[name] = number
end

-- Days since 1970 by the civil calendar, years counted from March.
---@param year integer
---@param month integer
---@param day integer
---@return integer
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365
    + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100)
    + day_of_year
  return era * 146097 + day_of_era - 719468
end

-- What was asked for last: an answer's dates are nearly always those of one day.
local known = { year = 0, month = 0, day = 0, days = 0 }

---@param year integer
---@param month integer
---@param day integer
---@return integer
local function days_to(year, month, day)
  if known.day ~= day or known.month ~= month or known.year ~= year then
    known = { year = year, month = month, day = day, days = days_of(year, month, day) }
  end
  return known.days
end

---@param year string|number
---@param month integer
---@param day string
---@param clock string "08:49:37"
---@return number?
local function seconds_of(year, month, day, clock)
  local hour, minute, second = clock:match("^(%d%d):(%d%d):(%d%d%.?%d*)$")
  if not hour then return nil end
  local days = days_to(tonumber(year), month, tonumber(day))
  return ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60 + tonumber(second)
end

-- A year of two digits is the nearest one: at most fifty years ahead.
---@param digits string
---@param now number
---@return integer
local function full_year(digits, now)
  local this_year = tonumber(os.date("!%Y", now))
  local year = this_year - this_year % 100 + tonumber(digits)
  return year > this_year + 50 and year - 100 or year
end

--- A date as HTTP writes it, in any of the three forms that it asks to understand:
--- "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
--- "Sun Nov  6 08:49:37 1994".
---@param text string
---@param now? number
---@return number? seconds
function M.http(text, now)
  local day, name, year, clock = text:match("^%a+, (%d+)[ -](%a+)[ -](%d%d%d?%d?) (%S+) GMT$")
  if not day then
    name, day, clock, year = text:match("^%a+ (%a+) +(%d+) (%S+) (%d%d%d%d)$")
  end
  local month = MONTHS[name]
  if not month or #year == 3 then return nil end
  if #year == 2 then year = full_year(year, now or os.time()) end
  return seconds_of(year, month, day, clock)
end

--- A date of RFC 3339, such as "2026-11-26T08:49:37Z" or "2026-11-26T08:49:37.5+01:00".
---@param text string
---@return number? seconds
function M.rfc3339(text) return require("claude.core").rfc3339(text) end

-- What was read last: the answers of one second have the same.
local last_text, last_date

--- When an answer was sent, by the clock of who sent it: what else it dates is told
--- by that clock, and this machine's may be wrong.
---@param text? string its header "date"
---@return number seconds
function M.of_answer(text)
  if not text then return os.time() end
  if text ~= last_text then
    last_text, last_date = text, M.http(text)
  end
  return last_date or os.time()
end

return M
