--- What the cache did for a turn, beside what was to be expected of it.
---
--- Every request's prefix is remembered as hashes: tools, system, each message with all
--- before it, and the parameters that models render into the prompt. Where less was read
--- than the request before had left in the cache, that tells why.

local core = require("claude.core")
local models = require("claude.models")
local usage = require("claude.usage")
local values = require("claude.check.values")

local M = {}

local SECONDS = { ["5m"] = 300, ["1h"] = 3600 }

---@class claude.CacheReport
---@field identical? boolean whether the bytes of tools, system and messages that the request
--- before had sent were sent again; nil: there was none before
---@field changed? string[] what was not: "tools", "system", "messages", or a parameter that
--- the cache depends on: "model", "thinking", "effort", "format", "tool_choice", "speed",
--- "images", and what the API did: "compaction", "context_management", "input_transformations"
---@field path? string the first message that differs, such as "messages[3]"
---@field hashes { tools: string, system: string, messages: string } of the bytes that were sent;
--- messages: each with all before it; nil outside of conversations
---@field expected integer tokens that should have been read, at least
---@field read integer tokens that were
---@field written integer
---@field miss? "changed"|"expired"|"short"|"unexplained" why less was read, or nothing cached
---@field text? string the same in words
---@field diagnosis? string what the API found changed, such as "tools_changed"

---@class claude.CachePrint what a request's prefix was
---@field parts table<string, string>
---@field chain string[] by message: a hash of all up to there
---@field count integer messages
---@field at integer seconds, as os.time has them
---@field seconds integer what was written lives so long
---@field cached? integer tokens that the cache had after it
---@field turn_cached? integer the same at the first request of its turn
---@field begins boolean whether it begins a turn, where the model forgets what it thought

-- In the order in which they are told.
local PARTS = {
  "model",
  "tools",
  "system",
  "thinking",
  "effort",
  "format",
  "speed",
  "tool_choice",
  "images",
  "compaction",
  "input_transformations",
}
local BYTES = { tools = true, system = true, messages = true }

---@param value any
---@return string
local function written(value)
  if value == nil then return "" end
  return (core.encode(value, { request = true }) or tostring(value))
end

---@param params table
---@return string
local function thinking_of(params)
  local thinking = values.plain(params.thinking)
  if not thinking then return written(params.thinking) end
  -- display may be switched freely.
  return ("%s %s"):format(tostring(thinking.type), tostring(thinking.budget_tokens))
end

---@param params table
---@param client claude.Client
---@return table<string, string>
local function params_of(params, client)
  local known = models.capabilities(params.model, client.retrieved)
  local output = values.plain(params.output_config) or {}
  -- Writing the default is the same as leaving it out.
  local effort = output.effort or known and known.effort
  return {
    model = tostring(params.model),
    thinking = thinking_of(params),
    effort = tostring(effort),
    format = written(output.format),
    speed = tostring(params.speed),
    tool_choice = written(params.tool_choice),
  }
end

-- The plain search, which is quick, leaves little to the other one.
---@param json string
---@param kind string
---@return boolean
local function has_block(json, kind)
  local name = '"' .. kind .. '"'
  return json:find(name, 1, true) ~= nil and json:find('"type"%s*:%s*' .. name) ~= nil
end

-- Sealed messages never change: each is hashed once.
---@param chat claude.Conversation
---@return string[]
local function extended_chain(chat)
  local chain, transcript = chat.marks.chain or {}, chat.transcript
  chat.marks.chain = chain
  for i = #chain + 1, transcript:count() do
    local json = transcript:get(i)
    chain[i] = core.sha256((chain[i - 1] or "") .. core.sha256(json))
    if not chain.image and has_block(json, "image") then chain.image = i end
    -- What stands before it leaves the prompt.
    if has_block(json, "compaction") then chain.compaction = i end
  end
  return chain
end

--- Takes the print of a request whose messages are sealed.
---@param chat claude.Conversation
---@param turn claude.Turn
---@return claude.CachePrint
function M.print(chat, turn)
  local history = require("claude.conversation.history")
  local chain, count = extended_chain(chat), chat.transcript:count()
  local parts = params_of(turn.params, chat.client)
  parts.tools = core.sha256(chat.sealed.tools or "")
  parts.system = core.sha256(chat.sealed.system or "")
  parts.images = tostring(chain.image ~= nil)
  parts.compaction = tostring(chain.compaction)
  local cached = turn.cached
  return {
    parts = parts,
    chain = chain,
    count = count,
    at = os.time(),
    seconds = SECONDS[cached.plan.ttl] or SECONDS["5m"],
    begins = cached.forgets and history.begins_turn(history.decode(chat.transcript:get(count))),
  }
end

-- The first message of the request before that is not the same now.
---@param before claude.CachePrint
---@param now claude.CachePrint
---@return integer?
local function first_difference(before, now)
  local last = before.count
  if before.chain[last] == now.chain[last] then return nil end
  for i = 1, last do
    if before.chain[i] ~= now.chain[i] then return i end
  end
  return nil
end

---@param before claude.CachePrint
---@param now claude.CachePrint
---@return string[] changed
---@return integer? message
local function compare(before, now)
  local changed = {}
  for _, name in ipairs(PARTS) do
    if before.parts[name] ~= now.parts[name] then changed[#changed + 1] = name end
  end
  local message = first_difference(before, now)
  if message then changed[#changed + 1] = "messages" end
  return changed, message
end

---@param changed string[]
---@return boolean
local function is_identical(changed)
  for _, name in ipairs(changed) do
    if BYTES[name] then return false end
  end
  return true
end

-- What is in the cache for this request. A model that forgets the thinking of earlier turns
-- finds again what stood before the last turn's first reply.
---@param before claude.CachePrint
---@param now claude.CachePrint
---@return integer
local function left_by(before, now)
  return (now.begins and before.turn_cached or not now.begins and before.cached) or 0
end

-- Whether the API cut something out of the prompt on its way to the model.
---@param head table the message without its blocks
---@return boolean
local function was_edited(head)
  local context = values.plain(head.context_management)
  local applied = context and values.plain(context.applied_edits)
  return applied ~= nil and applied[1] ~= nil
end

-- What the API says of it.
---@param head table
---@return string?
local function diagnosis_in(head)
  local told = values.plain(head.diagnostics)
  local reason = told and values.plain(told.cache_miss_reason)
  return reason and type(reason.type) == "string" and reason.type or nil
end

---@param report claude.CacheReport
---@param why "changed"|"expired"|"short"|"unexplained"
---@param text string
local function miss(report, why, text)
  report.miss, report.text = why, text
end

---@param report claude.CacheReport
---@param before claude.CachePrint
---@param now claude.CachePrint
---@param left integer
local function judge(report, before, now, left)
  local text = ("%d tokens were read from the cache, which had %d"):format(report.read, left)
  local age = now.at - before.at
  if #report.changed > 0 then
    local what = table.concat(report.changed, ", ")
    if report.path then what = what .. (" (from %s on)"):format(report.path) end
    if report.read < left then miss(report, "changed", ("%s: %s changed"):format(text, what)) end
  elseif age > before.seconds then
    local long = ("%s: the request before is %d seconds ago"):format(text, age)
    if report.read < left then miss(report, "expired", long) end
  else
    report.expected = left
    local same = text .. ", and the prefix is the same, byte for byte"
    if report.diagnosis then same = same .. "; the API says " .. report.diagnosis end
    if report.read < left then miss(report, "unexplained", same) end
  end
end

-- Nothing was read, and nothing written: as a rule the prompt is too short.
---@param report claude.CacheReport
---@param counts claude.Counts
---@param client claude.Client
---@param asked string
---@param plan claude.CachePlan
local function judge_nothing(report, counts, client, asked, plan)
  local known = models.capabilities(asked, client.retrieved)
  local shortest, tokens = known and known.cache_min, usage.prompt(counts)
  local whole = plan.cache_control ~= nil
  if not shortest then
    local text = "nothing was cached: the prompt of %d tokens may be shorter than what %s caches"
    return miss(report, "short", text:format(tokens, asked))
  end
  if tokens < shortest then
    local text = "nothing was cached: the prompt has %d tokens, and %s caches from %d on"
    return miss(report, "short", text:format(tokens, asked, shortest))
  end
  if not whole then
    local text = "nothing was cached: what has a breakpoint is shorter than the %d tokens from"
      .. " which on %s caches"
    return miss(report, "short", text:format(shortest, asked))
  end
  local text = "nothing was cached, though %s caches from %d tokens on, and the prompt has %d"
  miss(report, "unexplained", text:format(asked, shortest, tokens))
end

local ASK = "; cache = { diagnostics = true } has the API tell what it found different"

-- A change of these has a warning of its own, or was asked for.
local TOLD = { thinking = true, effort = true, compaction = true, context_management = true }

---@param client claude.Client
---@param report claude.CacheReport
---@param asked string the model
---@param asks boolean whether the API is asked for diagnostics
local function tell(client, report, asked, asks)
  if report.miss == "short" then client:warn("cache_short", report.text, asked) end
  if report.miss == "unexplained" then
    client:warn("cache_miss", report.text .. (asks and "" or ASK))
  end
  if report.miss ~= "changed" then return end
  for _, name in ipairs(report.changed) do
    if not TOLD[name] then return client:warn("cache_miss", report.text) end
  end
end

---@param counts claude.Counts
---@return claude.CacheReport
local function report_of(counts)
  return {
    read = counts.cache_read_input_tokens,
    written = counts.cache_creation_input_tokens,
    expected = 0,
  }
end

-- What the model used that took over from others, if one did.
---@param head table the message without its blocks
---@return table?
local function of_fallback(head)
  local told = values.plain(head.usage)
  local iterations = told and values.plain(told.iterations) or {}
  local last = iterations[#iterations]
  return type(last) == "table" and last.type == "fallback_message" and last or nil
end

-- The model that was asked, or the one that took over.
---@param params table
---@param head table the message without its blocks
---@return string
local function answering(params, head)
  local took_over = of_fallback(head)
  return tostring(took_over and took_over.model or params.model)
end

-- Whether there is no breakpoint at all, planned or the user's own.
---@param plan claude.CachePlan
---@return boolean
local function is_empty(plan) return plan.ttl == nil end

--- Reports on a reply of `messages:create` or `messages:stream`, and warns where nothing was
--- cached.
---@param client claude.Client
---@param cached claude.Cached
---@param entry claude.TurnUsage
---@param head table the message without its blocks
function M.request(client, cached, entry, head)
  if is_empty(cached.plan) then return end
  local counts, asked = usage.of_answer(head), answering(cached.params, head)
  local report = report_of(counts)
  entry.cache = report
  if report.read == 0 and report.written == 0 then
    judge_nothing(report, counts, client, asked, cached.plan)
    tell(client, report, asked, true)
  end
end

---@param chat claude.Conversation
---@param now claude.CachePrint
---@param report claude.CacheReport
local function remember(chat, now, report)
  local before = chat.print
  now.cached = report.read + report.written
  now.turn_cached = now.begins and now.cached or before and before.turn_cached
  chat.print = now
end

---@param report claude.CacheReport
---@param before claude.CachePrint
---@param now claude.CachePrint
---@param head table the message without its blocks
local function look_back(report, before, now, head)
  local message
  report.changed, message = compare(before, now)
  report.path = message and ("messages[%d]"):format(message)
  report.identical = is_identical(report.changed)
  if was_edited(head) then report.changed[#report.changed + 1] = "context_management" end
  judge(report, before, now, left_by(before, now))
end

--- Reports on a turn's reply, and warns of what was not to be expected.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param entry claude.TurnUsage
---@param head table the message without its blocks
function M.turn(chat, turn, entry, head)
  if is_empty(turn.cached.plan) then return end
  local counts = usage.of_answer(head)
  local before, now, report = chat.print, turn.print, report_of(counts)
  entry.cache, report.diagnosis = report, diagnosis_in(head)
  local parts = now.parts
  report.hashes = { tools = parts.tools, system = parts.system, messages = now.chain[now.count] }
  -- All have refused: the next turn goes to the first again, and to what that has cached.
  if head.stop_reason == "refusal" and of_fallback(head) then return end
  -- Known with the reply only: thinking that the model cannot read, turn after turn.
  parts.input_transformations = written(head.input_transformations)
  if before then look_back(report, before, now, head) end
  local asked = answering(turn.params, head)
  if not report.miss and report.read == 0 and report.written == 0 then
    judge_nothing(report, counts, chat.client, asked, turn.cached.plan)
  end
  remember(chat, now, report)
  tell(chat.client, report, asked, turn.cached.settings.diagnostics)
end

return M
