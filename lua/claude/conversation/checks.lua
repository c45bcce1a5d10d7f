--- Whether a turn can be sent: what is refused before anything of the conversation changes.

local check = require("claude.check")
local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local sealed_marks = require("claude.conversation.marks")
local tables = require("claude.tables")

local M = {}

-- A reply that the server, or we, may go on from without anything new.
local PAUSED = { pause_turn = true, compaction = true }

local NOTHING = "there is nothing to send: the last reply is complete"
local NOTHING_YET = "there is nothing to send yet"
local SAY = 'say something first: chat:user "…"'
local SYSTEM_ALONE = "a system message follows a user turn, and there is none"

---@param text string
---@param hint? string
---@return claude.Error
local function invalid(text, hint)
  return errors.new({ kind = "invalid", message = text, hint = hint })
end

--- Whether a reply is due to what is sealed: nothing new has to be said for it.
---@param chat claude.Conversation
---@return boolean
function M.awaits_reply(chat)
  local count = chat.transcript:count()
  if count == 0 then return false end
  if chat.transcript:role(count) ~= "assistant" then return true end
  return chat.state.kept or PAUSED[chat.state.stop_reason] or false
end

--- That the model has something to answer.
---@param chat claude.Conversation
---@param draft claude.Draft
---@param messages claude.NewMessage[] what it becomes
---@return claude.Error?
function M.something_to_send(chat, draft, messages)
  if #messages > 0 then
    local reply = history.open_reply(chat.transcript)
    local alone = #messages == #draft.system
    if alone and reply and not history.ends_in_server_result(chat.transcript, reply) then
      return invalid(SYSTEM_ALONE, SAY)
    end
    return nil
  end
  if chat.transcript:count() == 0 then return invalid(NOTHING_YET, SAY) end
  return not M.awaits_reply(chat) and invalid(NOTHING, SAY) or nil
end

---@param err claude.Error
---@param hidden integer messages that were left out at the front
---@return claude.Error
local function with_true_numbers(err, hidden)
  local function renumbered(i) return ("messages[%d]"):format(tonumber(i) + hidden) end
  if err.path then err.path = err.path:gsub("^messages%[(%d+)%]", renumbered) end
  return err
end

-- Earlier system messages stay, whichever model the turn goes to.
---@param transcript userdata
---@param first integer where the open turn begins
---@param context claude.CheckContext
---@return claude.Error?
local function check_system_before(transcript, first, context)
  local known = context.capabilities
  if not known or known.system_messages ~= false then return nil end
  local i = transcript:first("system")
  if not i or i >= first then return nil end
  local path = ("messages[%d]"):format(i)
  return require("claude.check.rules").broken("system_model", path, context.model)
end

-- Conversations -> what their tools and system say, which are the same in every request. Checks
-- change nothing in it.
local sealed_values = setmetatable({}, { __mode = "k" })

---@param chat claude.Conversation
---@param name "system"|"tools"
---@return any decoded, for the checks
local function decoded(chat, name)
  local json = chat.sealed[name]
  if not json then return nil end
  local kept = sealed_values[chat] or {}
  sealed_values[chat] = kept
  local one = kept[name]
  if not one or one.json ~= json then
    one = { json = json, value = core.decode(json) }
    kept[name] = one
  end
  return one.value
end

--- The request as it would go out, by the rules for every request. Of what is sealed only
--- the open turn is looked at: the rest was checked when it was sent.
---@param chat claude.Conversation
---@param turn claude.Turn
---@return claude.Error?
function M.request(chat, turn)
  local checked = tables.merged(turn.params)
  checked.system, checked.tools = decoded(chat, "system"), decoded(chat, "tools")
  local hidden, first
  checked.messages, hidden, first = history.open_turn(turn.transcript)
  local context = require("claude.messages").check_context(chat.client, turn.params, {
    options = turn.options,
    endpoint = turn.in_batch and "batch" or nil,
    stream = not turn.in_batch and turn.params.max_tokens ~= 0,
    -- A summary may be asked for behind any reply.
    paused = PAUSED[chat.state.stop_reason] or turn.params.compaction ~= nil,
    -- What was given at the beginning was written by hand, perhaps.
    came_whole = chat.last_params ~= nil or chat.state.stop_reason ~= nil,
    marks_before = sealed_marks.up_to(chat, turn.transcript, first - 1),
  })
  local _, err = check.params(checked, context)
  if err then return with_true_numbers(err, hidden) end
  return check_system_before(turn.transcript, first, context)
end

--- What a change of thinking since the request before would break; warns of what it costs.
---@param chat claude.Conversation
---@param params table
---@param transcript userdata with the new messages
---@return claude.Error?
function M.change(chat, params, transcript)
  local before = chat.last_params
  if not before then return nil end
  local change = require("claude.check.change")
  if not change.is_any(before, params) then return nil end
  -- Whether the last reply is not at its end yet.
  local in_turn = history.is_in_turn(transcript)
  local warning, err = change.thinking(before, params, { in_turn = in_turn })
  if warning then chat.client:warn("thinking_changed", warning, warning) end
  return err
end

return M
