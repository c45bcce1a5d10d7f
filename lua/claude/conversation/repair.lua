--- What helps when the API refuses thinking blocks of a conversation: the two recipes of
--- its documentation.
---
--- A signature covers its block, and on newer models everything that stood before it. What
--- was changed there, by whomever, is refused with every request from then on.
---
--- * drop_block: the API itself leaves out the blocks that do not fit, and says which.
---   Nothing here changes, so that what fits again later is there.
--- * strip_thinking: every thinking block is taken out of the conversation, once and for all.
---   None or all is what the API takes without a look at what stands before.

local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local models = require("claude.models")
local paths = require("claude.paths")
local tables = require("claude.tables")
local transformations = require("claude.transformations")
local values = require("claude.check.values")

local M = {}

---@class claude.LostBlock
---@field path string such as "messages[2].content[1]"
---@field type? "thinking"|"redacted_thinking"
---@field reason? string why the API left it out

---@class claude.Repair
---@field recipe "drop_block"|"strip_thinking"
---@field error? claude.Error the refusal, where it was repaired by policy
---@field lost claude.LostBlock[] what the model does not see any more; with drop_block once
--- an answer has told

local RECIPES = { drop_block = true, strip_thinking = true }
local THINKING = { thinking = true, redacted_thinking = true }
local TAKES_BINDING = { adaptive = true, enabled = true }
local DROP = { prefix_mismatch_behavior = "drop_block" }

-- The thinking parameter that has the API leave blocks out; nil where there is none.
---@param client claude.Client
---@param params table
---@return table?
local function dropping(client, params)
  local thinking = params.thinking
  if not values.given(thinking) then
    local known = models.capabilities(params.model, client.retrieved)
    local thinks = known ~= nil and known.thinks ~= "off"
    return thinks and { type = "adaptive", block_binding = DROP } or nil
  end
  thinking = values.plain(thinking)
  if not thinking or not TAKES_BINDING[thinking.type] then return nil end
  return tables.merged(thinking, { block_binding = DROP })
end

--- The params of a turn as they are sent in a conversation that was repaired so.
---@param client claude.Client
---@param params table
---@return table
function M.with_drop_block(client, params)
  local thinking = dropping(client, params)
  return thinking and tables.merged(params, { thinking = thinking }) or params
end

-- A message without its thinking; nil when nothing is left of it.
---@param transcript userdata
---@param i integer
---@param lost claude.LostBlock[]
---@return string? json
local function without_thinking(transcript, i, lost)
  local json = transcript:get(i)
  if transcript:role(i) ~= "assistant" then return json end
  local message, kept, before = history.decode(json), {}, #lost
  for k, raw in ipairs(transcript:blocks(i)) do
    local kind = type(message.content[k]) == "table" and message.content[k].type
    if THINKING[kind] then
      lost[#lost + 1] = { path = ("messages[%d].content[%d]"):format(i, k), type = kind }
    else
      kept[#kept + 1] = assert(core.raw(raw))
    end
  end
  if #lost == before then return json end
  message.content = kept
  return kept[1] and assert(core.encode(message, { request = true }))
end

---@param chat claude.Conversation
---@return userdata transcript
---@return claude.LostBlock[] lost
local function stripped(chat)
  local transcript, lost = core.transcript(), {}
  for i = 1, chat.transcript:count() do
    local json = without_thinking(chat.transcript, i, lost)
    if json then assert(transcript:append(json)) end
  end
  return transcript, lost
end

---@param text string
---@param hint string
---@return claude.Error
local function refusal(text, hint)
  return errors.new({ kind = "invalid", message = text, hint = hint })
end

-- Manual thinking wants its block at the front of an open turn.
---@param chat claude.Conversation
---@param params table
---@return claude.Error?
local function strip_problem(chat, params)
  local thinking = values.plain(params.thinking)
  if not thinking or thinking.type ~= "enabled" then return nil end
  if not history.is_in_turn(chat.transcript) then return nil end
  local text = "strip_thinking: with a thinking budget the reply whose tool calls are open"
    .. " must begin with its thinking"
  return refusal(text, "take the turn back with chat:undo() first")
end

local APPLY = {}

---@param chat claude.Conversation
---@param params table of the turn
---@return claude.LostBlock[]? lost
---@return claude.Error? err
function APPLY.drop_block(chat, params)
  if not dropping(chat.client, params) then
    local text = "drop_block goes with thinking of type adaptive or enabled, which this is not"
    return nil, refusal(text, 'use recipe = "strip_thinking"')
  end
  chat.state.drop_block = true
  return {}
end

---@param chat claude.Conversation
---@param params table of the turn
---@return claude.LostBlock[]? lost
---@return claude.Error? err
function APPLY.strip_thinking(chat, params)
  local err = strip_problem(chat, params)
  if err then return nil, err end
  local transcript, lost = stripped(chat)
  chat.transcript, chat.marks = transcript, {}
  return lost
end

---@param chat claude.Conversation
---@param params table
---@param recipe "drop_block"|"strip_thinking"
---@param refused? claude.Error
---@return claude.Repair?
---@return claude.Error? err
local function apply(chat, params, recipe, refused)
  local lost, err = APPLY[recipe](chat, params)
  if not lost then return nil, err end
  local repair = { recipe = recipe, error = refused, lost = lost }
  local changed = recipe == "drop_block" or lost[1] ~= nil
  if changed then chat.repairs[#chat.repairs + 1] = repair end
  return repair
end

--- Applies a recipe; without one, the first that is possible. Raises for a recipe that
--- there is not.
---@param chat claude.Conversation
---@param options? { recipe: string? }
---@param level integer stack level of the caller to blame
---@return claude.Repair?
---@return claude.Error? err
function M.by_hand(chat, options, level)
  if options ~= nil and type(options) ~= "table" then
    error("chat:repair takes a table of options, not a " .. type(options), level + 1)
  end
  for name in pairs(options or {}) do
    if name ~= "recipe" then
      error("chat:repair: there is no option " .. tostring(name), level + 1)
    end
  end
  local recipe = options and options.recipe
  if recipe ~= nil and not RECIPES[recipe] then
    error('chat:repair: recipe must be "drop_block" or "strip_thinking"', level + 1)
  end
  local possible = dropping(chat.client, chat.params) and "drop_block" or "strip_thinking"
  return apply(chat, chat.params, recipe or possible)
end

--- What the policy "repair" does about a refusal: what has not been tried yet and may help.
---@param chat claude.Conversation
---@param params table of the turn
---@param err claude.Error
---@return claude.Repair? nil: nothing helps
function M.by_policy(chat, params, err)
  if err.type == "binding_error" and not chat.state.drop_block then
    local repair = apply(chat, params, "drop_block", err)
    if repair then return repair end
  end
  local repair = apply(chat, params, "strip_thinking", err)
  return repair and repair.lost[1] and repair or nil
end

local TOLD = {
  drop_block = "from now on the API leaves out what does not fit (drop_block)",
  strip_thinking = "it was taken out of the conversation (strip_thinking): ",
}

--- Warns of a repair by policy, with what is lost as far as that is known.
---@param chat claude.Conversation
---@param repair claude.Repair
function M.tell(chat, repair)
  local places = {}
  for i, block in ipairs(repair.lost) do
    places[i] = block.path
  end
  local done = TOLD[repair.recipe] .. table.concat(places, ", ")
  local text = "thinking was refused (%s); %s"
  chat.client:warn("binding_repaired", text:format(tostring(repair.error.message), done))
end

--- What an answer tells of the blocks that drop_block cost.
---@param repair claude.Repair
---@param response table
function M.note_lost(repair, response)
  if repair.recipe ~= "drop_block" then return end
  for _, item in ipairs(transformations.of(response)) do
    if item.type == "thinking_dropped" then
      local path = paths.from_api(tostring(item.path))
      repair.lost[#repair.lost + 1] = { path = path, reason = item.reason }
    end
  end
end

return M
