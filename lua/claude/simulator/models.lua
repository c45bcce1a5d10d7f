--- The models the simulator plays: what each takes and how it behaves.
local core = require("claude.core")

local M = {}

---@class claude.simulator.Model
---@field id string
---@field name string display name
---@field alias? string another id that resolves to this one
---@field created string RFC 3339
---@field context integer tokens of prompt and reply together
---@field max_output integer
---@field max_batch_output? integer in a batch, with the beta for it
---@field thinking table<string, boolean> types of `thinking` it takes
---@field default "on"|"off" whether it thinks when `thinking` is absent
---@field always_on boolean thinking cannot be switched off
---@field display "summarized"|"omitted"
---@field efforts string[] empty: takes no effort
---@field effort? string the default
---@field forced boolean tool_choice any/tool is taken at all
---@field thinking_early boolean the thinking setting stands before the tools in the prompt
---@field effort_early boolean the effort likewise
---@field cache_min integer shortest prefix that is cached
---@field binds boolean signatures also bind what stands before the block
---@field keeps_thinking boolean thinking of earlier turns stays in the prompt
---@field prefill boolean a final assistant message is taken
---@field interleaves boolean manual thinking interleaves under the beta header
---@field system_messages boolean role "system" inside messages
---@field group string models whose thinking blocks it can read
---@field sampling "free"|"fixed" whether temperature may be set at all (2023-06-01)
---@field lifecycle string
---@field retires_at? string
---@field line string

local function set(names)
  local found = {}
  for name in names:gmatch("%S+") do
    found[name] = true
  end
  return found
end

local function list(names)
  local found = {}
  for name in names:gmatch("%S+") do
    found[#found + 1] = name
  end
  return found
end

local ALL_EFFORTS = "low medium high xhigh max"

-- One row per model. Left out: a default that most models share (below).
local ROWS = {
  {
    id = "claude-fable-5-2",
    name = "Claude Fable 5.2",
    created = "2026-11-09",
    thinking = "adaptive",
    group = "5-2",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-mythos-5-2",
    name = "Claude Mythos 5.2",
    created = "2026-11-09",
    thinking = "adaptive",
    group = "5-2",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-haiku-5-5",
    name = "Claude Haiku 5.5",
    created = "2026-10-07",
    thinking = "adaptive disabled",
    effort = "medium",
    binds = true,
    cache_min = 512,
  },
  {
    id = "claude-sonnet-5-5",
    name = "Claude Sonnet 5.5",
    created = "2026-09-28",
    thinking = "adaptive between_tools",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-opus-5-5",
    name = "Claude Opus 5.5",
    created = "2026-09-22",
    thinking = "adaptive",
    effort = "medium",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-fable-5-1",
    name = "Claude Fable 5.1",
    created = "2026-09-01",
    thinking = "adaptive",
    group = "5-1",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-mythos-5-1",
    name = "Claude Mythos 5.1",
    created = "2026-09-01",
    thinking = "adaptive",
    group = "5-1",
    binds = true,
    forced = false,
    cache_min = 512,
  },
  {
    id = "claude-opus-5",
    name = "Claude Opus 5",
    created = "2026-07-24",
    thinking = "adaptive disabled",
    cache_min = 512,
  },
  {
    id = "claude-sonnet-5",
    name = "Claude Sonnet 5",
    created = "2026-06-30",
    thinking = "adaptive disabled",
    system_messages = false,
  },
  {
    id = "claude-fable-5",
    name = "Claude Fable 5",
    created = "2026-06-09",
    thinking = "adaptive",
    cache_min = 512,
  },
  {
    id = "claude-mythos-5",
    name = "Claude Mythos 5",
    created = "2026-06-09",
    thinking = "adaptive",
    cache_min = 512,
  },
  {
    id = "claude-opus-4-8",
    name = "Claude Opus 4.8",
    created = "2026-05-28",
    thinking = "adaptive disabled",
    default = "off",
  },
  {
    id = "claude-opus-4-7",
    name = "Claude Opus 4.7",
    created = "2026-04-14",
    thinking = "adaptive disabled",
    default = "off",
    cache_min = 2048,
    system_messages = false,
  },
  {
    id = "claude-opus-4-6",
    name = "Claude Opus 4.6",
    created = "2026-02-04",
    thinking = "adaptive enabled disabled",
    default = "off",
    thinking_early = false,
    display = "summarized",
    efforts = "low medium high max",
    cache_min = 4096,
    system_messages = false,
    sampling = "free",
  },
  {
    id = "claude-sonnet-4-6",
    name = "Claude Sonnet 4.6",
    created = "2026-02-17",
    thinking = "adaptive enabled disabled",
    default = "off",
    thinking_early = false,
    display = "summarized",
    efforts = "low medium high max",
    interleaves = true,
    system_messages = false,
    sampling = "free",
  },
  {
    id = "claude-mythos-preview",
    name = "Claude Mythos Preview",
    created = "2026-04-07",
    thinking = "adaptive enabled",
    cache_min = 2048,
    system_messages = false,
  },
  {
    id = "claude-opus-4-5-20251101",
    alias = "claude-opus-4-5",
    name = "Claude Opus 4.5",
    created = "2025-11-24",
    thinking = "enabled disabled",
    default = "off",
    thinking_early = false,
    display = "summarized",
    efforts = "low medium high",
    context = 200000,
    max_output = 64000,
    cache_min = 4096,
    prefill = true,
    interleaves = true,
    system_messages = false,
    sampling = "free",
  },
  {
    id = "claude-sonnet-4-5-20250929",
    alias = "claude-sonnet-4-5",
    name = "Claude Sonnet 4.5",
    created = "2025-09-29",
    thinking = "enabled disabled",
    default = "off",
    thinking_early = false,
    effort_early = false,
    display = "summarized",
    efforts = "",
    context = 200000,
    max_output = 64000,
    prefill = true,
    interleaves = true,
    keeps_thinking = false,
    system_messages = false,
    sampling = "free",
    lifecycle = "deprecated",
    retires_at = "2026-11-30T00:00:00Z",
  },
  {
    id = "claude-haiku-4-5-20251001",
    alias = "claude-haiku-4-5",
    name = "Claude Haiku 4.5",
    created = "2025-10-15",
    thinking = "enabled disabled",
    default = "off",
    thinking_early = false,
    effort_early = false,
    display = "summarized",
    efforts = "",
    context = 200000,
    max_output = 64000,
    cache_min = 4096,
    prefill = true,
    keeps_thinking = false,
    system_messages = false,
    sampling = "free",
  },
}

-- Models that write longer answers in batches.
local LONG_IN_BATCHES = set([[claude-sonnet-5-5 claude-opus-5-5 claude-opus-5 claude-sonnet-5
  claude-opus-4-8 claude-opus-4-7 claude-opus-4-6 claude-sonnet-4-6]])

local DEFAULTS = {
  default = "on",
  display = "omitted",
  efforts = ALL_EFFORTS,
  effort = "high",
  context = 1000000,
  max_output = 128000,
  forced = true,
  thinking_early = true,
  effort_early = true,
  cache_min = 1024,
  binds = false,
  keeps_thinking = true,
  prefill = false,
  interleaves = false,
  system_messages = true,
  sampling = "fixed",
  lifecycle = "active",
}

local function build(row)
  local model =
    { thinking = set(row.thinking), group = row.id, line = row.id:match("^claude%-(%a+)") }
  for name, value in pairs(DEFAULTS) do
    model[name] = value
  end
  for name, value in pairs(row) do
    if name ~= "thinking" then model[name] = value end
  end
  model.efforts = list(model.efforts)
  model.always_on = not model.thinking.disabled and not model.thinking.between_tools
  model.max_batch_output = LONG_IN_BATCHES[row.id] and 300000 or nil
  model.created = row.created .. "T00:00:00Z"
  return model
end

---@type claude.simulator.Model[] newest first, as the API lists them
M.all = {}
local by_id = {}
for index, row in ipairs(ROWS) do
  local model = build(row)
  M.all[index] = model
  by_id[model.id] = model
  if model.alias then by_id[model.alias] = model end
end

---@param id string an id or alias
---@return claude.simulator.Model|nil
function M.find(id) return by_id[id] end

local function supported(yes) return { supported = yes and true or false } end

local function effort_info(model)
  local info = supported(#model.efforts > 0)
  local takes = set(table.concat(model.efforts, " "))
  for level in ALL_EFFORTS:gmatch("%a+") do
    info[level] = supported(takes[level])
  end
  return info
end

local function thinking_info(model)
  local types = {}
  for _, name in ipairs({ "adaptive", "between_tools", "disabled", "enabled" }) do
    types[name] = supported(model.thinking[name])
  end
  return { supported = true, types = types }
end

--- The model as `GET /v1/models/{id}` shows it.
---@param model claude.simulator.Model
---@return table
function M.info(model)
  return {
    type = "model",
    id = model.id,
    display_name = model.name,
    created_at = model.created,
    max_input_tokens = model.context,
    max_tokens = model.max_output,
    lifecycle = model.lifecycle,
    retires_at = model.retires_at or core.null,
    line = model.line,
    capabilities = {
      batch = supported(true),
      citations = supported(true),
      code_execution = supported(true),
      context_management = {
        supported = true,
        clear_thinking_20251015 = supported(true),
        clear_tool_uses_20250919 = supported(true),
        compact_20260112 = supported(true),
      },
      effort = effort_info(model),
      image_input = supported(true),
      pdf_input = supported(true),
      structured_outputs = supported(true),
      thinking = thinking_info(model),
    },
  }
end

return M
