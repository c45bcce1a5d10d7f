--- The prompt cache: what of a prompt was written before and is read now.
local M = {}

local SECONDS = { ["5m"] = 300, ["1h"] = 3600 }
local LOOK_BACK = 20 -- blocks before a breakpoint in which an earlier one is found

---@class claude.simulator.cache.Account tokens of one prompt
---@field input integer neither read from the cache nor written to it
---@field read integer
---@field written integer
---@field written_5m integer
---@field written_1h integer

---@class claude.simulator.Cache
local Cache = {}
Cache.__index = Cache
Cache.__name = "claude.simulator.Cache"

---@param now fun(): number seconds
---@return claude.simulator.Cache
function M.new(now) return setmetatable({ now = now, entries = {} }, Cache) end

--- The last place in the trail that is still cached, as the marks find it: each
--- looks at its own place and at those before it, so many blocks back. 0: none.
local function longest(self, trail, marks, now)
  local best = 0
  for _, mark in ipairs(marks) do
    for at = mark.at, math.max(1, mark.at - LOOK_BACK), -1 do
      local expires = self.entries[trail[at].hash]
      if expires and expires >= now then
        best = math.max(best, at)
        break
      end
    end
  end
  return best
end

--- Accounts for one prompt and remembers its breakpoints.
---@param history claude.simulator.History
---@param shortest integer tokens below which nothing is cached
---@return claude.simulator.cache.Account
function Cache:account(history, shortest)
  local now, marks, trail = self.now(), {}, history.trail
  for _, mark in ipairs(history.marks) do
    if trail[mark.at].tokens >= shortest then marks[#marks + 1] = mark end
  end
  local found = longest(self, trail, marks, now)
  local at = found > 0 and trail[found].tokens or 0
  local account = { read = at, written = 0, written_5m = 0, written_1h = 0 }
  for _, mark in ipairs(marks) do
    local place = trail[mark.at]
    self.entries[place.hash] = now + (SECONDS[mark.ttl] or SECONDS["5m"])
    if place.tokens > at then
      local field = mark.ttl == "1h" and "written_1h" or "written_5m"
      account[field] = account[field] + place.tokens - at
      account.written = account.written + place.tokens - at
      at = place.tokens
    end
  end
  account.input = history.tokens - at
  return account
end

return M
