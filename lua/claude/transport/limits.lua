--- The limits on silence, and when each would be reached. None is on the whole exchange.
---
--- * connect: from the start until the connection stands (10 s).
--- * first_byte: from the last byte of the request until the first of the answer (600 s).
--- * headers: from the last byte of the request until status and headers have ended (60 s more
---   than first_byte): against a server that drips them, byte by byte.
--- * idle: no byte at all (120 s), counted only while we were willing to read.
--- * stalled: bytes, but only pings, or less than 1 KiB of a body that is no stream: 600 s while
---   a text or tool block is open, else the larger of that and 3600 s × max_tokens / 128000,
---   because long thinking that is not displayed is silent but for pings. A number that was
---   given holds for both.
---
--- A call's `time_budget` is a point in time: status and headers must be there by then, however
--- much of the request is still on its way.
local M = {}

---@class claude.Limits seconds; false: no limit
---@field connect? number|false
---@field first_byte? number|false
---@field headers? number|false
---@field idle? number|false
---@field stalled? number|false

M.DEFAULTS = { connect = 10, first_byte = 600, headers = 660, idle = 120, stalled = 600 }

local FOR_HEADERS = M.DEFAULTS.headers - M.DEFAULTS.first_byte -- seconds behind the first byte
local SECONDS_PER_TOKEN = 3600 / 128000
local LOOK_AGAIN, PART = 1, 0.1 -- seconds, or so much of a short limit, until somebody has read

--- Fills in the defaults; raises at `level` for what is no limit.
---@param given claude.Limits?
---@param level integer
---@return claude.Limits limits with `stalled_grows`: whether max_tokens may stretch `stalled`
function M.complete(given, level)
  local limits = {}
  for name, seconds in pairs(M.DEFAULTS) do
    limits[name] = seconds
  end
  for name, seconds in pairs(given or {}) do
    if M.DEFAULTS[name] == nil then
      error(
        ("limits.%s: there are connect, first_byte, headers, idle and stalled"):format(
          tostring(name)
        ),
        level + 1
      )
    end
    local is_time = type(seconds) == "number" and seconds > 0
    if seconds ~= false and not is_time then
      error(("limits.%s: a positive number of seconds or false expected"):format(name), level + 1)
    end
    limits[name] = seconds
  end
  if not given or given.headers == nil then
    limits.headers = limits.first_byte and limits.first_byte + FOR_HEADERS
  end
  limits.stalled_grows = not given or given.stalled == nil
  return limits
end

--- Those that hold where nothing was given; not to be changed.
M.STANDARD = M.complete(nil, 1)

--- The time that a call has left, for all of its attempts.
---@class claude.TimeBudget
---@field seconds number as it was given
---@field ends_at number on the clock of claude.tasks.now

---@class claude.Activity
---@field connected boolean
---@field sent_at number
---@field first_byte_at number 0: nothing came
---@field has_head boolean status and headers have ended
---@field heard_at number
---@field paused boolean
---@field busy boolean a text or tool block is open
---@field content_at number? when something other than pings was last seen
---@field has_unread boolean? nobody has looked yet whether all that came is pings

local function stalled_after(limits, activity, max_tokens)
  if activity.busy or not max_tokens or not limits.stalled_grows then return limits.stalled end
  return math.max(limits.stalled, max_tokens * SECONDS_PER_TOKEN)
end

local function reached(limits, name, from)
  local seconds = limits[name]
  if seconds then return from + seconds, name, seconds end
end

-- A list of at, name and seconds, and three more, of which the earlier counts.
local function earlier(at, name, seconds, other_at, other_name, other_seconds)
  if other_at and (not at or other_at < at) then return other_at, other_name, other_seconds end
  return at, name, seconds
end

local function reached_before_head(limits, activity)
  local waits = activity.first_byte_at == 0
  local from = waits and activity.sent_at or activity.heard_at
  local at, name, seconds = reached(limits, waits and "first_byte" or "idle", from)
  at, name, seconds = earlier(at, name, seconds, reached(limits, "headers", activity.sent_at))
  local budget = limits.budget
  if not budget then return at, name, seconds end
  return earlier(at, name, seconds, budget.ends_at, "time_budget", budget.seconds)
end

local function reached_in_body(limits, activity, max_tokens, now)
  local at, name, seconds = reached(limits, "idle", activity.heard_at)
  if not (limits.stalled and activity.content_at) then return at, name, seconds end
  local patience = stalled_after(limits, activity, max_tokens)
  local stalled_at = activity.content_at + patience
  if not (activity.has_unread and stalled_at <= now) then
    return earlier(at, name, seconds, stalled_at, "stalled", patience)
  end
  -- A ping as a rule; if it is more, its reader is late, and not the server.
  return earlier(at, name, seconds, now + math.min(LOOK_AGAIN, patience * PART))
end

--- Which limit is reached first if nothing more happens, and when; nil if none. A time
--- without a name is one to look again.
---@param limits claude.Limits with `budget`, a claude.TimeBudget, where there is one
---@param activity claude.Activity
---@param started_at number
---@param now number
---@param max_tokens integer?
---@return number? at
---@return string? name
---@return number? seconds
function M.soonest(limits, activity, started_at, now, max_tokens)
  if not activity.connected then
    local at, name, seconds = reached(limits, "connect", started_at)
    -- Nobody tells when the connection stands: look again in time for the next limit.
    local again = now + math.min(limits.first_byte or math.huge, limits.headers or math.huge)
    if again < (at or math.huge) then return again end
    return at, name, seconds
  end
  if not activity.has_head then return reached_before_head(limits, activity) end
  if activity.paused then return nil end
  return reached_in_body(limits, activity, max_tokens, now)
end

return M
