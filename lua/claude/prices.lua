--- What tokens cost, in US dollars.
---
--- The table below has what was known when this was written; `claude.new { prices = … }`
--- adds to it and overrides it. Where a price is not known there is no cost, and a text
--- that says which: never a guess, and never 0.

local models = require("claude.models")
local usage_module = require("claude.usage")

local M = {}

--- Prices of one model, in dollars per million tokens; web searches per thousand. What is
--- left out of the cache's three follows from `input`.
---@class claude.Price
---@field input? number
---@field output? number
---@field cache_read? number 0.1 times input; on Fable and Mythos from 5.1 it has to be given
---@field cache_write_5m? number 1.25 times input
---@field cache_write_1h? number 2 times input
---@field web_search? number per 1,000 searches
---@field batch? claude.Price for the service tier of that name; so are priority, fast, us, …

local READ, WRITE_5M, WRITE_1H = 0.1, 1.25, 2
local MILLION, THOUSAND = 1e6, 1e3

-- On these reading costs less than elsewhere, and how much is not known.
local CHEAP_READS = {
  ["claude-fable-5-1"] = true,
  ["claude-fable-5-2"] = true,
  ["claude-mythos-5-1"] = true,
  ["claude-mythos-5-2"] = true,
}

local BUILT_IN = {
  ["claude-fable-5-2"] = { input = 8, output = 40 },
  ["claude-mythos-5-2"] = { input = 8, output = 40 },
  ["claude-fable-5-1"] = { input = 10, output = 50 },
  ["claude-mythos-5-1"] = { input = 10, output = 50 },
  ["claude-opus-5-5"] = { input = 4, output = 20 },
  ["claude-sonnet-5-5"] = { input = 2, output = 10 },
}

local FIELDS = {
  input = true,
  output = true,
  cache_read = true,
  cache_write_5m = true,
  cache_write_1h = true,
  web_search = true,
}

---@param price any
---@param path string
---@param level integer
local function check_price(price, path, level)
  if type(price) ~= "table" then error(path .. " must be a table of prices", level + 1) end
  for name, value in pairs(price) do
    local place = path .. "." .. tostring(name)
    if FIELDS[name] then
      if type(value) ~= "number" or value < 0 or value - value ~= 0 then
        error(place .. " must be a number of dollars from 0", level + 1)
      end
    elseif type(value) == "table" and type(name) == "string" then
      check_price(value, place, level + 1)
    else
      error(place .. " is no price that there is", level + 1)
    end
  end
end

--- Raises when a table of prices by model is none.
---@param prices any
---@param level integer stack level to blame
function M.check(prices, level)
  if type(prices) ~= "table" then
    error("claude.new: prices must be a table of prices by model", level + 1)
  end
  for model, price in pairs(prices) do
    if type(model) ~= "string" then
      error("claude.new: prices must be a table of prices by model", level + 1)
    end
    check_price(price, ("claude.new: prices[%q]"):format(model), level + 1)
  end
end

---@param model any
---@param prices table<string, claude.Price>
---@return claude.Price? price
---@return string? name
local function price_of(model, prices)
  if type(model) ~= "string" then return nil end
  local name = models.base_name(model)
  local known, given = BUILT_IN[name], prices[model] or prices[name]
  if not (known and given) then return given or known, name end
  local price = {}
  for _, source in ipairs({ known, given }) do
    for field, value in pairs(source) do
      price[field] = value
    end
  end
  return price, name
end

local STANDARD = { standard = true, global = true, not_available = true, [""] = true }

---@param value any of a member that is priced apart
---@return boolean
local function is_standard(value) return type(value) ~= "string" or STANDARD[value] ~= nil end

-- What the request had that is priced apart: batch, priority, fast, a region.
---@param usage table
---@return string[]
local function variants(usage)
  local found = {}
  for _, name in ipairs({ "service_tier", "speed", "inference_geo" }) do
    if not is_standard(usage[name]) then found[#found + 1] = usage[name] end
  end
  return found
end

---@param usage table
---@return boolean
local function has_variants(usage)
  return not (
    is_standard(usage.service_tier)
    and is_standard(usage.speed)
    and is_standard(usage.inference_geo)
  )
end

---@param price claude.Price
---@param name string of the model
---@param usage table
---@return claude.Price? price
---@return string? why
local function rate(price, name, usage)
  if not has_variants(usage) then return price end
  local found = variants(usage)
  local one = #found == 1 and price[found[1]]
  if type(one) == "table" then return one end
  local what = table.concat(found, " and ")
  return nil, ("the price of %s with %s is not known"):format(name, what)
end

---@param input number?
---@param factor number
---@return number?
local function times(input, factor) return input and input * factor end

local READS = "cache reads"
local WRITES_5M, WRITES_1H = "cache writes for 5 minutes", "cache writes for an hour"
local UNSPLIT = "cache writes whose time to live was not told"

-- The sum so far and one more: nil, and what has no price, once there is some of that.
---@param dollars number?
---@param missing string?
---@param count number
---@param price number?
---@param what string
---@return number? dollars
---@return string? missing
local function plus(dollars, missing, count, price, what)
  if count <= 0 or not dollars then return dollars, missing end
  if not price then return nil, what end
  return dollars + count * price
end

---@param counts claude.Counts
---@param price claude.Price
---@param name string
---@return number? dollars
---@return string? missing what has no price
local function sum(counts, price, name)
  local by_ttl, input = counts.cache_creation, price.input
  local five, hour = by_ttl.ephemeral_5m_input_tokens, by_ttl.ephemeral_1h_input_tokens
  local searches = counts.server_tool_use.web_search_requests
  local dollars, missing = plus(0, nil, counts.input_tokens / MILLION, input, "input")
  dollars, missing = plus(dollars, missing, counts.output_tokens / MILLION, price.output, "output")
  if counts.cache_read_input_tokens > 0 then
    local read = price.cache_read or not CHEAP_READS[name] and times(input, READ) or nil
    dollars, missing = plus(dollars, missing, counts.cache_read_input_tokens / MILLION, read, READS)
  end
  if counts.cache_creation_input_tokens > 0 or five > 0 or hour > 0 then
    local write_5m = price.cache_write_5m or times(input, WRITE_5M)
    local write_1h = price.cache_write_1h or times(input, WRITE_1H)
    dollars, missing = plus(dollars, missing, five / MILLION, write_5m, WRITES_5M)
    dollars, missing = plus(dollars, missing, hour / MILLION, write_1h, WRITES_1H)
    dollars, missing = plus(dollars, missing, usage_module.unsplit(counts), nil, UNSPLIT)
  end
  return plus(dollars, missing, searches / THOUSAND, price.web_search, "web searches")
end

---@param part claude.UsagePart
---@param prices table<string, claude.Price>
---@param asked string?
---@return number? dollars
---@return string? why not
local function cost_of_part(part, prices, asked)
  local price, name = price_of(part.model, prices)
  -- Another server may call the model otherwise than it was asked for.
  if not price and asked and prices[asked] then
    price, name = prices[asked], asked
  end
  if not price then return nil, ("the price of %s is not known"):format(tostring(part.model)) end
  local chosen, why = rate(price, name, part.usage)
  if not chosen then return nil, why end
  local dollars, missing = sum(part.counts, chosen, name --[[@as string]])
  if dollars then return dollars end
  return nil, ("the price of %s of %s is not known"):format(missing, name)
end

--- What a message cost.
---@param parts claude.UsagePart[] of claude.usage.parts
---@param prices? table<string, claude.Price> the user's own
---@param asked? string the model that was asked
---@return number? dollars
---@return string? why there is no cost
function M.cost(parts, prices, asked)
  local dollars = 0
  for _, part in ipairs(parts) do
    local cost, why = cost_of_part(part, prices or {}, asked)
    if not cost then return nil, why end
    dollars = dollars + cost
  end
  return dollars
end

return M
