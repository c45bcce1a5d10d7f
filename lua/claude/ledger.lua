--- What was used and what it cost, added up: for a client, for a conversation, and there
--- turn by turn.

local prices = require("claude.prices")
local usage = require("claude.usage")

---@class claude.Usage: claude.Counts
---@field cost? number US dollars; nil when the cost of a request is not known
---@field no_cost? string why there is no cost
---@field models table<string, claude.Usage> the same by model
---@field turns? claude.TurnUsage[] of a conversation, in this process

---@class claude.TurnUsage: claude.Counts
---@field id? string of the message
---@field model? string
---@field cost? number
---@field no_cost? string
---@field cache? claude.CacheReport with the parameter `cache`

---@class claude.Ledger
---@field private total claude.Usage
---@field private by_model table<string, claude.Usage>
---@field private turns? claude.TurnUsage[]
local Ledger = {}
Ledger.__index = Ledger
Ledger.__name = "claude.Ledger"

---@param total claude.Usage
---@param counts claude.Counts
---@param cost number?
---@param why string?
local function add(total, counts, cost, why)
  usage.add(total, counts)
  total.no_cost = total.no_cost or why
  total.cost = not total.no_cost and (total.cost or 0) + (cost or 0) or nil
end

---@return claude.Usage
local function empty()
  local total = usage.zero()
  total.cost = 0
  return total
end

---@param name string?
---@return claude.Usage
function Ledger:_of_model(name)
  name = name or "unknown"
  local total = self.by_model[name] or empty()
  self.by_model[name] = total
  return total
end

---@param entry claude.TurnUsage
---@param parts claude.UsagePart[]
---@param own_prices table?
---@param asked string?
function Ledger:_add_parts(entry, parts, own_prices, asked)
  for i, part in ipairs(parts) do
    -- It is the last that broke off.
    part.counts.incomplete = i == #parts and entry.incomplete or 0
    local cost, why = prices.cost({ part }, own_prices, asked)
    add(self:_of_model(part.model), part.counts, cost, why)
  end
end

---@param entry claude.TurnUsage
---@param parts claude.UsagePart[]
---@param own_prices table?
---@param asked string?
function Ledger:add(entry, parts, own_prices, asked)
  add(self.total, entry, entry.cost, entry.no_cost)
  if #parts == 1 then
    add(self:_of_model(parts[1].model), entry, entry.cost, entry.no_cost)
  else
    self:_add_parts(entry, parts, own_prices, asked)
  end
  if self.turns then self.turns[#self.turns + 1] = entry end
end

local function copied(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, member in pairs(value) do
    copy[name] = copied(member)
  end
  return copy
end

--- What was used so far: a copy.
---@return claude.Usage
function Ledger:usage()
  local result = self:sums()
  result.turns = copied(self.turns)
  return result
end

--- The sums without the turns, for `restore`. Costs the same after many turns as after one.
---@return claude.Usage
function Ledger:sums()
  local result = copied(self.total)
  result.models = copied(self.by_model)
  return result
end

local M = {}

---@param by_turn? boolean whether every turn is kept
---@return claude.Ledger
function M.new(by_turn)
  return setmetatable({ total = empty(), by_model = {}, turns = by_turn and {} or nil }, Ledger)
end

-- What a file says is somebody's word: numbers, or nothing.
---@param saved any
---@return claude.Usage
local function restored(saved)
  local total = empty()
  if type(saved) ~= "table" then return total end
  usage.add(total, usage.restored(saved))
  local known = type(saved.cost) == "number" and saved.cost >= 0
  total.cost = known and saved.cost or nil
  if not known then total.no_cost = tostring(saved.no_cost or "the cost was not saved") end
  return total
end

--- A conversation's ledger that goes on from its saved sums.
---@param sums any
---@return claude.Ledger
function M.restore(sums)
  local ledger = M.new(true)
  if type(sums) ~= "table" then return ledger end
  ledger.total = restored(sums)
  for model, total in pairs(type(sums.models) == "table" and sums.models or {}) do
    if type(model) == "string" then ledger.by_model[model] = restored(total) end
  end
  return ledger
end

---@param parts claude.UsagePart[]
---@return claude.TurnUsage
local function summed(parts)
  if #parts == 1 then return parts[1].counts end
  local entry = usage.zero()
  for _, part in ipairs(parts) do
    usage.add(entry, part.counts)
  end
  return entry
end

-- Weak: what came by a stream is written down then, whoever keeps it later.
local recorded = setmetatable({}, { __mode = "k" })

--- Writes down what a reply used, whole or broken off; nil when none began.
---@param client claude.Client
---@param spec claude.StreamSpec
---@param response table a claude.core response
---@param whole boolean
---@param counted? integer how many of its first iterations were written down before
---@param message? claude.Message the reply, where somebody has read it already
---@return claude.TurnUsage?
function M.record(client, spec, response, whole, counted, message)
  message = message or response:account()
  if type(message) ~= "table" then return nil end
  local asked = spec.frame.params.model
  local parts = usage.parts(message, asked, counted)
  local entry = summed(parts)
  entry.id, entry.model = message.id, message.model
  entry.incomplete = whole and 0 or 1
  entry.cost, entry.no_cost = prices.cost(parts, client.prices, asked)
  recorded[response] = true
  client.ledger:add(entry, parts, client.prices, asked)
  if spec.ledger then spec.ledger:add(entry, parts, client.prices, asked) end
  return entry
end

--- Writes down a reply that a conversation keeps and no stream of this process brought: one
--- of a batch.
---@param chat claude.Conversation
---@param response table a claude.core response
function M.keep(chat, response)
  if recorded[response] then return end
  local spec = { frame = { params = chat.last_params or chat.params }, ledger = chat.ledger }
  M.record(chat.client, spec, response, true)
end

--- What one message cost.
---@param message claude.Message
---@param own_prices? table<string, claude.Price>
---@return number? dollars
---@return string? why there is no cost
function M.cost(message, own_prices)
  return prices.cost(usage.parts(message, message.model), own_prices, message.model)
end

return M
