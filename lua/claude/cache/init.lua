--- The parameter `cache` at work: plans the breakpoints of a request and puts them in.
--- What a conversation has sealed stays without them.

local core = require("claude.core")
local models = require("claude.models")
local plan = require("claude.cache.plan")
local request = require("claude.request")
local rules = require("claude.check.rules")
local settings_module = require("claude.cache.settings")
local tables = require("claude.tables")

local M = {}

---@param params table
---@param client claude.Client
---@return boolean
local function forgets_thinking(params, client)
  local known = models.capabilities(params.model, client.retrieved)
  local thinking = params.thinking
  local thinks = type(thinking) == "table" and thinking.type ~= "disabled"
  return thinks and known ~= nil and known.forgets_thinking == true
end

---@param json string?
---@return any
local function raw(json) return json and assert(core.raw(json)) or nil end

---@param name string
---@param value any
---@return string? json
---@return claude.Error? err
local function member_json(name, value)
  if value == nil then return nil end
  local text, problem, path = core.encode({ [name] = value }, { request = true })
  if not text then return nil, rules.broken("encoding", path ~= "" and path or name, problem) end
  return text:sub(#name + 5, -2)
end

-- The messages one by one: elements is the JSON between the brackets of the list.
---@param elements string
---@return userdata? transcript nil when one is no message: that is the API's to say
local function transcript_of(elements)
  local all, transcript = core.transcript(), core.transcript()
  if not all:append('{"content":[' .. elements .. '],"role":"user"}') then return nil end
  for _, message in ipairs(all:blocks(1)) do
    if not transcript:append(message) then return nil end
  end
  return transcript
end

---@param transcript userdata
---@return claude.CacheMark[]
local function marks_in(transcript)
  local all, check = {}, require("claude.check.cache")
  for i = 1, transcript:count() do
    local json = transcript:get(i)
    local marked = json:find('"cache_control"', 1, true)
    for _, mark in ipairs(marked and check.marks(core.decode(json), i) or {}) do
      all[#all + 1] = mark
    end
  end
  return all
end

---@class claude.Cached a request with its breakpoints
---@field params table
---@field messages userdata|string
---@field marks? table[] for core.body
---@field plan claude.CachePlan
---@field settings claude.CacheSettings
---@field forgets boolean the model forgets the thinking of earlier turns

---@param client claude.Client
---@param params table
---@param given { sealed: table, transcript: userdata?, marks: claude.CacheMark[] }
---@return claude.Cached?
---@return claude.Error? err
local function apply(client, params, given)
  local settings, problem = settings_module.read(params.cache)
  if not settings then return nil, problem end
  local forgets = forgets_thinking(params, client)
  local made, err = plan.make({
    settings = settings,
    sealed = given.sealed,
    transcript = given.transcript,
    marks = given.marks,
    cache_control = params.cache_control,
    forgets = forgets,
  })
  if not made then return nil, err end
  local changed = { tools = raw(made.tools), system = raw(made.system) }
  changed.cache_control = made.cache_control
  return {
    params = tables.merged(params, changed),
    messages = given.transcript,
    marks = made.marks,
    plan = made,
    settings = settings,
    forgets = forgets,
  }
end

--- For `messages:create` and `messages:stream`.
---@param client claude.Client
---@param params table
---@param elements string JSON between the brackets of messages
---@return claude.Cached? cached nil: nothing is planned
---@return claude.Error? err
function M.of_params(client, params, elements)
  local sealed, err = {}
  sealed.tools, err = member_json("tools", request.without_functions(params.tools))
  if err then return nil, err end
  sealed.system, err = member_json("system", params.system)
  if err then return nil, err end
  local transcript = transcript_of(elements)
  local marks = transcript and marks_in(transcript) or {}
  local cached
  cached, err = apply(client, params, { sealed = sealed, transcript = transcript, marks = marks })
  if not cached then return nil, err end
  if cached.settings.diagnostics and params.diagnostics == nil then
    return nil, rules.broken("cache_diagnostics", "cache.diagnostics")
  end
  cached.messages = transcript or elements
  return cached
end

--- For a turn of a conversation, whose tools and system are sealed.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param marks claude.CacheMark[] in its messages
---@return claude.Cached? cached nil: nothing is planned
---@return claude.Error? err
function M.of_turn(chat, turn, marks)
  local cached, err = apply(chat.client, turn.params, {
    sealed = chat.sealed,
    transcript = turn.transcript,
    marks = marks,
  })
  if not cached then return nil, err end
  local id = cached.settings.diagnostics and chat.state.message_id
  if id and cached.params.diagnostics == nil then
    cached.params.diagnostics = { previous_message_id = id }
  end
  return cached
end

return M
