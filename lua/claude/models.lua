--- What each model takes: thinking types, efforts, limits.
---
--- A small built-in table serves until the API itself has been asked
--- (`client.models:retrieve` or `:list`); its answers then come first. A model that
--- neither knows is never refused for being unknown.

---@class claude.Capabilities
---@field id string the name the table knows it by
---@field thinking? table<string, boolean> thinking type -> accepted; a type not listed is unknown
---@field thinks "off"|"on"|"always" without a `thinking` parameter
---@field display? "omitted"|"summarized" how thinking comes when `display` is not set
---@field efforts? table<string, boolean>|false false: takes no effort; nil: not known
---@field effort? string the default effort
---@field disabled_efforts? table<string, boolean> efforts that go with disabled thinking
---@field max_tokens? integer largest output
---@field batch_max_tokens? integer largest output in a batch with its beta
---@field unlisted? boolean only the API knows it: what it does not say is not known
---@field context? integer
---@field forced_tool? "never"|"without_manual" when tool_choice any/tool is refused
---@field interleaving? "header" manual thinking between tool calls needs the beta header
---@field sampling? "fixed"|"one_of"|"free" temperature, top_p, top_k under the old API version
---@field prefill? boolean takes a last message of the assistant
---@field system_messages? boolean takes messages of role system
---@field effort_loses? "messages"|"all" which caches a change of effort costs
---@field thinking_loses? "messages"|"all" which caches a change of thinking costs
---@field cache_min? integer tokens of the shortest prefix that is cached
---@field forgets_thinking? boolean what was thought in earlier turns leaves the prompt
---@field prefix_bound? boolean signatures seal everything before the block

local tables = require("claude.tables")

local M = {}

--- The beta that lets a batch answer with up to 300,000 tokens.
M.BATCH_OUTPUT_BETA = "output-300k-2026-03-24"
--- The beta with which manual thinking goes on between tool calls.
M.INTERLEAVED_BETA = "interleaved-thinking-2025-05-14"

--- The beta with which a request says what becomes of thinking that does not fit.
M.BINDING_BETA = "thinking-binding-controls-2026-08-01"

local function set(...)
  local members = {}
  for _, name in ipairs({ ... }) do
    members[name] = true
  end
  return members
end

local TYPES = { "adaptive", "between_tools", "disabled", "enabled" }

-- Every type the API knew when this was written is known to be taken or not.
local function thinking(...)
  local given, types = set(...), {}
  for _, name in ipairs(TYPES) do
    types[name] = given[name] or false
  end
  return types
end

local UP_TO_HIGH = set("low", "medium", "high")

-- Generations share most of what they take; a model names what differs.
local CURRENT = {
  thinking = thinking("adaptive"),
  thinks = "always",
  display = "omitted",
  effort = "high",
  max_tokens = 128000,
  context = 1000000,
  sampling = "fixed",
  prefill = false,
  system_messages = true,
  effort_loses = "all",
  thinking_loses = "all",
  cache_min = 512,
}
local SIX = {
  thinking = thinking("adaptive", "enabled", "disabled"),
  thinks = "off",
  display = "summarized",
  efforts = set("low", "medium", "high", "max"),
  effort = "high",
  max_tokens = 128000,
  batch_max_tokens = 300000,
  context = 1000000,
  forced_tool = "without_manual",
  sampling = "one_of",
  prefill = false,
  system_messages = false,
  effort_loses = "all",
  thinking_loses = "messages",
  cache_min = 1024,
}
local MANUAL = {
  thinking = thinking("enabled", "disabled"),
  thinks = "off",
  display = "summarized",
  efforts = false,
  max_tokens = 64000,
  context = 200000,
  forced_tool = "without_manual",
  interleaving = "header",
  sampling = "one_of",
  prefill = true,
  system_messages = false,
  thinking_loses = "messages",
}

local BOUND = tables.merged(CURRENT, { forced_tool = "never", prefix_bound = true })
local FORGETFUL = tables.merged(MANUAL, { forgets_thinking = true })
local DISABLED_TOO = { thinking = thinking("adaptive", "disabled") }

local BUILT_IN = {
  ["claude-fable-5-2"] = BOUND,
  ["claude-mythos-5-2"] = BOUND,
  ["claude-fable-5-1"] = BOUND,
  ["claude-mythos-5-1"] = BOUND,
  ["claude-haiku-5-5"] = tables.merged(CURRENT, {
    thinking = DISABLED_TOO.thinking,
    thinks = "on",
    effort = "medium",
    disabled_efforts = UP_TO_HIGH,
    prefix_bound = true,
  }),
  ["claude-sonnet-5-5"] = tables.merged(BOUND, {
    thinking = thinking("adaptive", "between_tools"),
    thinks = "on",
    batch_max_tokens = 300000,
  }),
  ["claude-opus-5-5"] = tables.merged(BOUND, { effort = "medium", batch_max_tokens = 300000 }),
  ["claude-opus-5"] = tables.merged(CURRENT, {
    thinking = DISABLED_TOO.thinking,
    thinks = "on",
    disabled_efforts = UP_TO_HIGH,
    batch_max_tokens = 300000,
  }),
  ["claude-sonnet-5"] = tables.merged(CURRENT, {
    cache_min = 1024,
    thinking = DISABLED_TOO.thinking,
    thinks = "on",
    batch_max_tokens = 300000,
    system_messages = false,
  }),
  ["claude-fable-5"] = CURRENT,
  ["claude-mythos-5"] = CURRENT,
  ["claude-opus-4-8"] = tables.merged(CURRENT, {
    cache_min = 1024,
    thinking = DISABLED_TOO.thinking,
    thinks = "off",
    batch_max_tokens = 300000,
  }),
  ["claude-opus-4-7"] = tables.merged(CURRENT, {
    cache_min = 2048,
    thinking = DISABLED_TOO.thinking,
    thinks = "off",
    batch_max_tokens = 300000,
    system_messages = false,
  }),
  ["claude-opus-4-6"] = tables.merged(SIX, { cache_min = 4096 }),
  ["claude-sonnet-4-6"] = tables.merged(SIX, { interleaving = "header" }),
  ["claude-mythos-preview"] = tables.merged(CURRENT, {
    cache_min = 2048,
    thinking = thinking("adaptive", "enabled"),
    forced_tool = "without_manual",
    system_messages = false,
  }),
  ["claude-opus-4-5"] = tables.merged(MANUAL, {
    cache_min = 4096,
    efforts = UP_TO_HIGH,
    effort = "high",
    effort_loses = "all",
  }),
  ["claude-sonnet-4-5"] = tables.merged(FORGETFUL, { cache_min = 1024 }),
  ["claude-haiku-4-5"] = tables.merged(FORGETFUL, { interleaving = false, cache_min = 4096 }),
  ["claude-opus-4-1"] = tables.merged(FORGETFUL, { max_tokens = 32000 }),
  ["claude-opus-4-0"] = tables.merged(FORGETFUL, { max_tokens = 32000, sampling = "free" }),
  ["claude-sonnet-4-0"] = tables.merged(FORGETFUL, { sampling = "free" }),
}
-- The first ones of the generation had dated names without the zero.
local ALIAS = { ["claude-opus-4"] = "claude-opus-4-0", ["claude-sonnet-4"] = "claude-sonnet-4-0" }

for name, model in pairs(BUILT_IN) do
  BUILT_IN[name] = tables.merged(model, { id = name })
end

--- The name without date, platform prefix and platform suffix.
---@param model string
---@return string
function M.base_name(model)
  if BUILT_IN[model] then return model end
  local name = model:match("anthropic[./](claude%-.*)$") or model
  name = name:gsub("%-v%d+:%d+$", ""):gsub("%-v%d+$", "")
  name = name:gsub("@%w+$", ""):gsub("%-%d%d%d%d%d%d%d%d$", ""):gsub("%-latest$", "")
  return ALIAS[name] or name
end

---@param supported any a table of `{ [name] = { supported = boolean } }`
---@return table<string, boolean>?
local function supported_names(supported)
  if type(supported) ~= "table" then return nil end
  local names = {}
  for name, entry in pairs(supported) do
    if type(entry) == "table" and type(entry.supported) == "boolean" then
      names[name] = entry.supported
    end
  end
  return next(names) and names or nil
end

---@param capabilities table
---@param known claude.Capabilities
local function apply_capabilities(capabilities, known)
  local types = type(capabilities.thinking) == "table" and capabilities.thinking.types
  for name, taken in pairs(supported_names(types) or {}) do
    known.thinking[name] = taken
  end
  local effort = capabilities.effort
  if type(effort) ~= "table" then return end
  if effort.supported == false then
    known.efforts = false
  else
    known.efforts = supported_names(effort) or known.efforts
  end
end

--- Capabilities as the API's model object has them, over what the table knows.
---@param info table a decoded model object of GET /v1/models
---@param known? claude.Capabilities
---@return claude.Capabilities
local function merged(info, known)
  local result = tables.merged(known or { thinks = "off", unlisted = true }, { id = info.id })
  result.thinking = tables.merged(known and known.thinking or {}, {})
  if type(info.max_tokens) == "number" then result.max_tokens = info.max_tokens end
  if type(info.max_input_tokens) == "number" then result.context = info.max_input_tokens end
  if type(info.capabilities) == "table" then apply_capabilities(info.capabilities, result) end
  return result
end

--- What a model takes, or nil when nothing is known about it.
---@param model any
---@param retrieved? table<string, table> model objects by id, as the API gave them
---@return claude.Capabilities?
function M.capabilities(model, retrieved)
  if type(model) ~= "string" then return nil end
  local known = BUILT_IN[M.base_name(model)]
  local info = retrieved and retrieved[model]
  if info then return merged(info, known) end
  return known
end

---@param members table<string, boolean>?
---@return string[] sorted names whose value is true
function M.names(members)
  local names = {}
  for name, taken in pairs(members or {}) do
    if taken then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Every model of the built-in table, sorted.
---@return string[]
function M.known() return tables.sorted_names(BUILT_IN) end

return M
