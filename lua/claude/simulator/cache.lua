--- The prompt cache: what of a prompt was written before and is read now.
---
--- An entry is there from the moment its response begins, and lives on from each time it
--- is read.
local M = {}

local SECONDS = { ["5m"] = 300, ["1h"] = 3600 }
local SWEEP = 1000 -- new entries after which those that expired are dropped
local LOOK_BACK = 20 -- blocks before a breakpoint in which an earlier one is found

---@class claude.simulator.cache.Account tokens of one prompt
---@field input integer neither read from the cache nor written to it
---@field read integer
---@field written integer
---@field written_5m integer
---@field written_1h integer

---@class claude.simulator.cache.Entry
---@field from number when its response begins
---@field expires number
---@field ttl string

---@class claude.simulator.Cache
---@field entries table<string, claude.simulator.cache.Entry> by the hash of what they hold
local Cache = {}
Cache.__index = Cache
Cache.__name = "claude.simulator.Cache"

---@param now fun(): number seconds
---@return claude.simulator.Cache
function M.new(now) return setmetatable({ now = now, entries = {}, new = 0 }, Cache) end

function Cache:_sweep()
  local now = self.now()
  for hash, entry in pairs(self.entries) do
    if entry.expires < now then self.entries[hash] = nil end
  end
end

---@param hash string
---@param now number
---@return claude.simulator.cache.Entry?
function Cache:_living(hash, now)
  local entry = self.entries[hash]
  if entry and entry.expires < now then
    self.entries[hash], entry = nil, nil
  end
  return entry and entry.from <= now and entry or nil
end

--- The last place in the trail that is still cached, as the marks find it: each
--- looks at its own place and at those before it, so many blocks back. 0: none.
function Cache:_longest(trail, marks, now)
  local best = 0
  for _, mark in ipairs(marks) do
    for at = mark.at, math.max(1, mark.at - LOOK_BACK), -1 do
      if self:_living(trail[at].hash, now) then
        best = math.max(best, at)
        break
      end
    end
  end
  return best
end

--- Reading makes an entry live on; a longer time that it was written with stays.
function Cache:_keep(hash, ttl, from)
  local entry = self.entries[hash]
  if not entry then
    entry = { from = from, ttl = ttl, expires = from }
    self.entries[hash], self.new = entry, self.new + 1
    if self.new % SWEEP == 0 then self:_sweep() end
  end
  if SECONDS[ttl] > SECONDS[entry.ttl] then entry.ttl = ttl end
  entry.expires = math.max(entry.from, from) + SECONDS[entry.ttl]
end

--- Accounts for one prompt and remembers its breakpoints.
---@param history claude.simulator.History
---@param shortest integer tokens below which nothing is cached
---@param delay number seconds until the response begins
---@return claude.simulator.cache.Account
function Cache:account(history, shortest, delay)
  local now, marks, trail = self.now(), {}, history.trail
  for _, mark in ipairs(history.marks) do
    if trail[mark.at].tokens >= shortest then marks[#marks + 1] = mark end
  end
  local found = self:_longest(trail, marks, now)
  local at = found > 0 and trail[found].tokens or 0
  local account = { read = at, written = 0, written_5m = 0, written_1h = 0 }
  if found > 0 then self:_keep(trail[found].hash, "5m", now) end
  for _, mark in ipairs(marks) do
    local place = trail[mark.at]
    self:_keep(place.hash, mark.ttl, now + delay)
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
