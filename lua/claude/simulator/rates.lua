--- Rate limits: how many requests and tokens a minute there may be, as buckets that fill
--- up all the time. What was used is taken out once it is known, so that the last request
--- may take more than was left.
local M = {}

local MINUTE = 60
local NAMES = { "requests", "tokens", "input_tokens", "output_tokens" }

---@class claude.simulator.RateLimits a minute; what is absent has no limit
---@field requests? integer
---@field tokens? integer input and output together
---@field input_tokens? integer those that were read from the cache do not count
---@field output_tokens? integer

---@class claude.simulator.Rates
---@field private now fun(): number seconds
---@field private buckets table<string, { limit: integer, level: number }>
---@field private filled_at number
local Rates = {}
Rates.__index = Rates
Rates.__name = "claude.simulator.Rates"

--- What is wrong with limits as an option.
---@param limits any
---@return string? problem
function M.problem(limits)
  if limits == nil then return nil end
  if type(limits) ~= "table" then return "rate_limits is a table, not a " .. type(limits) end
  local known = {}
  for _, name in ipairs(NAMES) do
    known[name] = true
  end
  for name, limit in pairs(limits) do
    if not known[name] then
      return ("rate_limits has no field %s; it has %s"):format(
        tostring(name),
        table.concat(NAMES, ", ")
      )
    end
    if type(limit) ~= "number" or limit < 1 or limit % 1 ~= 0 then
      return ("rate_limits.%s must be an integer from 1"):format(name)
    end
  end
end

---@param limits claude.simulator.RateLimits
---@param now fun(): number seconds
---@return claude.simulator.Rates
function M.new(limits, now)
  local buckets = {}
  for name, limit in pairs(limits) do
    buckets[name] = { limit = limit, level = limit }
  end
  return setmetatable({ now = now, buckets = buckets, filled_at = now() }, Rates)
end

function Rates:_fill()
  local now = self.now()
  local passed = now - self.filled_at
  self.filled_at = now
  for _, bucket in pairs(self.buckets) do
    bucket.level = math.min(bucket.limit, bucket.level + passed * bucket.limit / MINUTE)
  end
end

---@param bucket { limit: integer, level: number }
---@param level number
---@return integer seconds until it is that full
local function seconds_until(bucket, level)
  return math.max(0, math.ceil((level - bucket.level) * MINUTE / bucket.limit))
end

--- Lets a request in, or tells what it is over.
---@return claude.simulator.Fault? fault
function Rates:admit()
  self:_fill()
  for _, name in ipairs(NAMES) do
    local bucket = self.buckets[name]
    if bucket and bucket.level < 1 then
      local message = "This request would exceed the rate limit for your organization of %d %s"
        .. " per minute. Please try again later."
      return {
        status = 429,
        message = message:format(bucket.limit, (name:gsub("_", " "))),
        headers = { ["retry-after"] = tostring(math.max(1, seconds_until(bucket, 1))) },
      }
    end
  end
  self:_take("requests", 1)
end

function Rates:_take(name, amount)
  local bucket = self.buckets[name]
  if bucket then bucket.level = bucket.level - amount end
end

--- Takes out what a message used.
---@param usage table as the API tells it
function Rates:used(usage)
  local input = usage.input_tokens + usage.cache_creation_input_tokens
  self:_take("input_tokens", input)
  self:_take("output_tokens", usage.output_tokens)
  self:_take("tokens", input + usage.output_tokens)
end

--- The headers that tell of it, in order.
---@return { [1]: string, [2]: string }[]
function Rates:headers()
  self:_fill()
  local list = {}
  for _, name in ipairs(NAMES) do
    local bucket = self.buckets[name]
    if bucket then
      local prefix = ("anthropic-ratelimit-%s-"):format((name:gsub("_", "-")))
      local full_at = os.time() + seconds_until(bucket, bucket.limit)
      local remaining = math.max(0, math.floor(bucket.level))
      list[#list + 1] = { prefix .. "limit", ("%d"):format(bucket.limit) }
      list[#list + 1] = { prefix .. "remaining", ("%d"):format(remaining) }
      list[#list + 1] = { prefix .. "reset", os.date("!%Y-%m-%dT%H:%M:%SZ", full_at) }
    end
  end
  return list
end

return M
