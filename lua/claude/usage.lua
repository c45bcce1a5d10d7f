--- What a message says it used, as numbers that can be added up.
---
--- The names are the API's, and `thinking_tokens` beside them, which are part of
--- `output_tokens`. `input_tokens` are those that were neither read from the cache nor
--- written to it.

local tables = require("claude.tables")

local M = {}

---@class claude.Counts
---@field requests integer
---@field incomplete integer of these, replies that broke off: what they had told is counted
---@field input_tokens integer
---@field output_tokens integer thinking included
---@field thinking_tokens integer
---@field cache_read_input_tokens integer
---@field cache_creation_input_tokens integer
---@field cache_creation { ephemeral_5m_input_tokens: integer, ephemeral_1h_input_tokens: integer }
---@field server_tool_use table<string, integer> web_search_requests, web_fetch_requests, …

local PLAIN = {
  "requests",
  "incomplete",
  "input_tokens",
  "output_tokens",
  "thinking_tokens",
  "cache_read_input_tokens",
  "cache_creation_input_tokens",
}
local NESTED = { "cache_creation", "server_tool_use" }
local FIVE, HOUR = "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"

-- What most replies have: one table for all of them, for every turn is kept. Not to be changed.
local NOTHING_WRITTEN = { [FIVE] = 0, [HOUR] = 0 }
local NO_SEARCHES = { web_search_requests = 0, web_fetch_requests = 0 }

-- Written out, as is what every reply goes through: loops over names cost ten times as much.
---@return claude.Counts
function M.zero()
  return {
    requests = 0,
    incomplete = 0,
    input_tokens = 0,
    output_tokens = 0,
    thinking_tokens = 0,
    cache_read_input_tokens = 0,
    cache_creation_input_tokens = 0,
    cache_creation = { [FIVE] = 0, [HOUR] = 0 },
    server_tool_use = { web_search_requests = 0, web_fetch_requests = 0 },
  }
end

---@param value any
---@return integer
local function number(value)
  local counts = type(value) == "number" and value >= 0 and value < math.huge
  return counts and value or 0
end

---@param value any
---@return table
local function object(value) return type(value) == "table" and value or {} end

-- Streams tell the total again at their end, and not how it splits: a total that has grown
-- belongs to the one time to live there is. Of two, nobody knows.
---@param creation table
---@param total integer
---@return table by_ttl
local function split(creation, total)
  if total == 0 then return NOTHING_WRITTEN end
  local five, hour = number(creation[FIVE]), number(creation[HOUR])
  if five + hour ~= total then
    local one = (five > 0) ~= (hour > 0)
    five, hour = one and five > 0 and total or 0, one and hour > 0 and total or 0
  end
  return { [FIVE] = five, [HOUR] = hour }
end

---@param value any
---@return table<string, integer>
local function tool_counts(value)
  if type(value) ~= "table" then return NO_SEARCHES end
  local counts = { web_search_requests = 0, web_fetch_requests = 0 }
  for name, count in pairs(value) do
    if type(name) == "string" and type(count) == "number" then counts[name] = number(count) end
  end
  return counts
end

--- The numbers of one `usage`, or of one of its iterations. Null and what is missing are 0.
---@param usage any
---@return claude.Counts
function M.read(usage)
  usage = object(usage)
  local created = number(usage.cache_creation_input_tokens)
  return {
    requests = 1,
    incomplete = 0,
    input_tokens = number(usage.input_tokens),
    output_tokens = number(usage.output_tokens),
    thinking_tokens = number(object(usage.output_tokens_details).thinking_tokens),
    cache_read_input_tokens = number(usage.cache_read_input_tokens),
    cache_creation_input_tokens = created,
    cache_creation = split(object(usage.cache_creation), created),
    server_tool_use = tool_counts(usage.server_tool_use),
  }
end

--- Counts that were saved, with what is no number as 0.
---@param saved table
---@return claude.Counts
function M.restored(saved)
  local counts = M.zero()
  for _, name in ipairs(PLAIN) do
    counts[name] = number(saved[name])
  end
  for _, group in ipairs(NESTED) do
    for name, count in pairs(object(saved[group])) do
      if type(name) == "string" then counts[group][name] = number(count) end
    end
  end
  return counts
end

--- Tokens that were written to the cache for a time that nobody told.
---@param counts claude.Counts
---@return integer
function M.unsplit(counts)
  local by_ttl = counts.cache_creation
  return counts.cache_creation_input_tokens - by_ttl[FIVE] - by_ttl[HOUR]
end

--- All tokens of the prompt.
---@param counts claude.Counts
---@return integer
function M.prompt(counts)
  return counts.input_tokens + counts.cache_read_input_tokens + counts.cache_creation_input_tokens
end

---@param total table<string, integer>
---@param more table<string, integer>
local function add_group(total, more)
  for name, count in pairs(more) do
    total[name] = (total[name] or 0) + count
  end
end

--- Adds `more` to `total`.
---@param total claude.Counts
---@param more claude.Counts
function M.add(total, more)
  total.requests = total.requests + more.requests
  total.incomplete = total.incomplete + more.incomplete
  total.input_tokens = total.input_tokens + more.input_tokens
  total.output_tokens = total.output_tokens + more.output_tokens
  total.thinking_tokens = total.thinking_tokens + more.thinking_tokens
  total.cache_read_input_tokens = total.cache_read_input_tokens + more.cache_read_input_tokens
  total.cache_creation_input_tokens = total.cache_creation_input_tokens
    + more.cache_creation_input_tokens
  if more.cache_creation ~= NOTHING_WRITTEN then
    add_group(total.cache_creation, more.cache_creation)
  end
  if more.server_tool_use ~= NO_SEARCHES then
    add_group(total.server_tool_use, more.server_tool_use)
  end
end

---@class claude.UsagePart what one model did for a message
---@field model? string
---@field counts claude.Counts
---@field usage table as the API has it

-- What is told of each, by the name that the counts have for it.
local BY_ITERATION =
  { thinking_tokens = "output_tokens_details", server_tool_use = "server_tool_use" }
-- What has a price of its own, and is told once.
local VARIANTS = { "service_tier", "speed", "inference_geo" }

---@param iterations table[]
---@param name string
---@return boolean
local function is_told_by(iterations, name)
  for _, one in ipairs(iterations) do
    if type(one[name]) == "table" then return true end
  end
  return false
end

---@param one table
---@param usage table of the message
---@return table
local function with_variants(one, usage)
  local whole = tables.merged(one)
  for _, name in ipairs(VARIANTS) do
    if whole[name] == nil then whole[name] = usage[name] end
  end
  return whole
end

-- Compactions and fallbacks are requests of their own, with what the top level leaves out.
---@param iterations table[]
---@param asked string? the model that was asked
---@param usage table of the message
---@return claude.UsagePart[]
local function by_iteration(iterations, asked, usage)
  local parts, top = {}, M.read(usage)
  for i, one in ipairs(iterations) do
    local counts = M.read(one)
    counts.requests = i == 1 and 1 or 0
    for name, told in pairs(BY_ITERATION) do
      -- Else it is told once for all of them.
      if i == 1 and not is_told_by(iterations, told) then counts[name] = top[name] end
    end
    local own = one.type == "message" or one.type == "compaction"
    local model = type(one.model) == "string" and one.model or own and asked or nil
    parts[i] = { model = model, counts = counts, usage = with_variants(one, usage) }
  end
  return parts
end

--- What a message used, by the models that worked on it: one part, or one for each of its
--- iterations, whose sum is what is billed.
---@param message table with `model` and `usage`
---@param asked string? the model that was asked
---@param counted? integer how many of its first iterations were counted before
---@return claude.UsagePart[]
function M.parts(message, asked, counted)
  local usage = object(message.usage)
  if type(usage.iterations) == "table" then
    local iterations = {}
    for i, one in ipairs(usage.iterations) do
      if type(one) == "table" and i > (counted or 0) then iterations[#iterations + 1] = one end
    end
    if #iterations > 0 then return by_iteration(iterations, asked or message.model, usage) end
  end
  return { { model = message.model, counts = M.read(usage), usage = usage } }
end

--- What the prompt was that the reply answers: where other models had refused before, that
--- of the one which took over.
---@param message table
---@return claude.Counts
function M.of_answer(message)
  local usage = object(message.usage)
  local iterations = object(usage.iterations)
  local last = object(iterations[#iterations])
  return M.read(last.type == "fallback_message" and last or usage)
end

return M
