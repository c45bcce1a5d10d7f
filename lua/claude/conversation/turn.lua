--- One turn: the draft becomes messages, the request is checked and framed, and the
--- reply is sealed when it is whole.
---
--- System messages that no reply has followed stand behind what the user says next.
--- Nothing of the conversation changes before the request is known to be sendable,
--- and a reply that fails changes nothing at all.

local begin = require("claude.conversation.begin")
local checks = require("claude.conversation.checks")
local core = require("claude.core")
local errors = require("claude.errors")
local frames = require("claude.conversation.frames")
local headers = require("claude.headers")
local history = require("claude.conversation.history")
local new_draft = require("claude.conversation.draft").new
local sealed_marks = require("claude.conversation.marks")
local stream = require("claude.stream")
local tables = require("claude.tables")
local values = require("claude.check.values")
local wire = require("claude.wire")

local M = {}

local NOT_HERE = { system = true, tools = true, messages = true, stream = true, journal = true }

---@class claude.Turn
---@field transcript userdata with the new messages
---@field given table params as the user wrote them
---@field params table for the model that is asked first
---@field on_binding_error? "error"|"repair"
---@field repair? claude.Repair what was done about a refusal
---@field frame? claude.Frame of the request that was made last
---@field options claude.CallOptions
---@field own_model? boolean the model was named for this turn: no other takes its place
---@field in_batch? boolean it is a request of a batch
---@field stopped integer calls that were answered for the user
---@field cached? claude.Cached what the parameter `cache` has made of it
---@field print? claude.CachePrint with it: what the prefix was

-- Few conversations need any: that part loads when one does.
local function repairs() return require("claude.conversation.repair") end

---@param text string
---@param hint? string
---@return claude.Error
local function invalid(text, hint)
  return errors.new({ kind = "invalid", message = text, hint = hint })
end

--- Raises for params that a single turn cannot change.
---@param overrides? table
---@param level integer stack level of the caller to blame
function M.check_overrides(overrides, level)
  if overrides ~= nil and type(overrides) ~= "table" then
    error("a turn takes a table of params, not a " .. type(overrides), level + 1)
  end
  if overrides then
    wire.check_betas(overrides.betas, level + 1)
    wire.check_policy(overrides.on_binding_error, level + 1)
  end
  for name in pairs(overrides or {}) do
    if NOT_HERE[name] then
      error(("%s is fixed for the whole conversation, not for a turn"):format(name), level + 1)
    end
  end
end

-- What the turn says, else the conversation, else the client.
---@param chat claude.Conversation
---@param overrides? table
---@return "error"|"repair"|nil
local function policy_of(chat, overrides)
  local own = overrides and overrides.on_binding_error
  if own == nil then own = chat.params.on_binding_error end
  if own == nil then own = chat.client.on_binding_error end
  return own
end

--- The params of a turn.
---@param chat claude.Conversation
---@param overrides? table
---@return table
function M.merged_params(chat, overrides)
  local params = tables.merged(chat.params, overrides)
  local id, given = chat.state.container, params.container
  if given == nil then
    params.container = id
  elseif id and values.plain(given) and given.id == nil then
    params.container = tables.merged(given, { id = id })
  end
  -- Said to this library, not to the API.
  params.on_binding_error = nil
  return params
end

---@param chat claude.Conversation
---@param messages claude.NewMessage[]
---@return userdata? transcript
---@return claude.Error? err
local function extended(chat, messages)
  local transcript, problem = history.extended(chat.transcript, messages)
  if not transcript then
    return nil, invalid(problem --[[@as string]])
  end
  local place, count = history.place_of_user(chat.transcript), chat.transcript:count()
  -- What has another number now is looked into anew.
  if place < count and transcript:role(place + 1) == "user" then chat.marks = {} end
  return transcript
end

--- Raises for the fallback models of a turn that is sent later.
---@param chat claude.Conversation
---@param overrides? table
---@param level integer stack level of the caller to blame
function M.check_fallback(chat, overrides, level)
  local given = M.merged_params(chat, overrides)
  if given.fallback_models ~= nil then require("claude.fallback").check(given, level + 1) end
end

-- What the blocks of a conversation need in every request that holds them.
---@param transcript userdata
---@param params table
---@return string[]
local function history_betas(transcript, params)
  local betas = {}
  if params.compaction ~= nil or history.begins_with_compaction(transcript) then
    betas[1] = "compact-2026-09-04"
  end
  if not transcript:first("system") then return betas end
  local changes = require("claude.conversation.tool_changes")
  return headers.union(betas, changes.betas(transcript))
end

---@param chat claude.Conversation
---@param turn claude.Turn
---@return claude.Frame?
---@return claude.Error? err
local function framed(chat, turn)
  local params = turn.params
  if params.cache then
    local marks = sealed_marks.up_to(chat, turn.transcript, turn.transcript:count())
    local cached, err = require("claude.cache").of_turn(chat, turn, marks)
    if err then return nil, err end
    turn.cached = cached
    params = cached and cached.params or params
  end
  if chat.state.drop_block then params = repairs().with_drop_block(chat.client, params) end
  -- Filling the cache writes nothing, so there is nothing to stream.
  local options = {
    stream = not turn.in_batch and params.max_tokens ~= 0,
    betas = headers.union(turn.options.betas, history_betas(turn.transcript, turn.params)),
  }
  return frames.of(chat, params, options)
end

---@param chat claude.Conversation
---@param turn claude.Turn
---@return claude.Turn?
---@return claude.Error? err
local function prepare(chat, turn)
  if chat.draft.problem then return nil, chat.draft.problem end
  local problem = wire.policy_problem(turn.on_binding_error)
  if problem then return nil, invalid(problem) end
  local calls = history.calls_to_answer(chat.transcript)
  local draft = chat.draft:copy()
  turn.stopped = draft:stop(calls, chat:_warner(), chat.begun)
  local messages = draft:messages(calls)
  local err = checks.something_to_send(chat, draft, messages)
  if err then return nil, err end
  turn.transcript, err = extended(chat, messages)
  return turn.transcript and turn, err
end

--- Tells what was left out or changed when a reply was sealed.
---@param chat claude.Conversation
---@param changes { rule: string, index: integer?, text: string }[]
function M.tell_changes(chat, changes)
  for _, change in ipairs(changes) do
    local place = change.index and (" (block %d of the reply)"):format(change.index) or ""
    chat.client:warn(change.rule, change.text .. place)
  end
end

---@param value any
---@param name string
---@return string? text
local function text_in(value, name)
  local text = type(value) == "table" and value[name]
  return type(text) == "string" and text or nil
end

-- What the next request may have to name: the message, and where the server's code ran,
-- for it goes on there.
---@param chat claude.Conversation
---@param head table the message without its blocks
---@param sealed boolean
function M.note_state(chat, head, sealed)
  -- A reply that adds nothing leaves open what was open before: sending again is the retry.
  local before = chat.state
  local state = sealed and { stop_reason = text_in(head, "stop_reason") } or before
  state.fallback = before.fallback
  state.message_id = text_in(head, "id") or before.message_id
  state.container = text_in(head.container, "id") or before.container
  state.drop_block = before.drop_block
  chat.state = state
end

local WITHOUT_ID = "a tool_use without an id cannot be answered, and its tool does not run"
  .. " (block %d of the reply)"

---@param chat claude.Conversation whose last message is the reply
local function tell_calls_without_id(chat)
  local reply = history.decode(chat.transcript:get(chat.transcript:count()))
  for _, index in ipairs(history.calls_without_id(reply)) do
    chat.client:warn("call_without_id", WITHOUT_ID:format(index))
  end
end

--- What comes before a request: all that it holds is in the journal, on the disk. For
--- `before` of a claude.StreamSpec; nil without a journal.
---@param chat claude.Conversation
---@return (fun(): claude.Error?)?
function M.recording(chat)
  local journal = chat.journal
  if not journal then return nil end
  return function()
    local _, _, err = journal:sync(chat)
    return err
  end
end

--- What the end of a reply waits for, for `settle` of a claude.StreamSpec.
---@param chat claude.Conversation
---@return (fun(): claude.Error?)?
function M.settling(chat)
  local journal = chat.journal
  if not journal then return nil end
  return function()
    local _, _, err = journal:settle()
    return err
  end
end

--- A reply is in the conversation: nobody is told before it is in the journal. Where that
--- fails the reply stays, and the error has it.
---@param chat claude.Conversation
---@param reply claude.Stream
---@return claude.Error?
function M.record_reply(chat, reply)
  if not chat.journal then return nil end
  local _, _, err = chat.journal:sync(chat)
  if err then err.partial = require("claude.message").view(reply.response) end
  return err
end

-- The reply is whole: its bytes enter the conversation.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param reply claude.Stream
---@return claude.Error?
local function seal(chat, turn, reply)
  local added, changes, has_unnamed_call = reply.response:seal("whole", chat.transcript)
  if added == nil then return invalid("the reply cannot be sealed: " .. changes) end
  local head = reply.response:head()
  M.note_state(chat, head, added)
  local err = M.record_reply(chat, reply)
  if turn.repair then repairs().note_lost(turn.repair, reply.response) end
  M.tell_changes(chat, changes)
  if turn.print and reply.used then
    require("claude.cache.watch").turn(chat, turn, reply.used, head)
  end
  if added and has_unnamed_call then tell_calls_without_id(chat) end
  return err
end

--- One request of a turn, whose messages are known.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param params table
---@param more claude.FallbackMore
---@return claude.Plan?
---@return claude.Error? err
function M.hop_of(chat, turn, params, more)
  local hop = tables.merged(turn, { params = params })
  -- What was repaired is no longer as it came, and the API's to judge.
  local err = not turn.repair and checks.request(chat, hop) or nil
  if err then return nil, err end
  hop.frame, err = framed(chat, hop)
  if not hop.frame then return nil, err end
  turn.frame, turn.cached = hop.frame, hop.cached
  local parts = { hop.frame.before, turn.transcript, hop.frame.after }
  if more.continuation then
    parts = { hop.frame.before, turn.transcript, ",", more.continuation, hop.frame.after }
  end
  return {
    frame = hop.frame,
    body = core.body(parts, hop.cached and hop.cached.marks),
    options = turn.options,
    ledger = chat.ledger,
  }
end

-- What the next request is compared with is the one that was answered.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param params table of the model that has answered
local function note_answering(chat, turn, params)
  turn.params = params
  if turn.print then turn.print = require("claude.cache.watch").print(chat, turn) end
end

-- What the stream is opened with, other models behind it included.
---@param chat claude.Conversation
---@param turn claude.Turn prepared
---@return claude.Plan?
---@return claude.Error? err
local function plan_of(chat, turn)
  if turn.given.fallback_models == nil then return M.hop_of(chat, turn, turn.params, {}) end
  return require("claude.fallback").plan(chat.client, turn.given, {
    model = not turn.own_model and chat.state.fallback or nil,
    build = function(params, more) return M.hop_of(chat, turn, params, more) end,
    accepted = function(model, params)
      if not turn.own_model then chat.state.fallback = model end
      chat.last_params = begin.copied(params)
      note_answering(chat, turn, params)
    end,
  })
end

-- The params for the model that is asked first.
---@param chat claude.Conversation
---@param given table
---@param own_model boolean
---@param level integer
---@return table
local function first_params(chat, given, own_model, level)
  if given.fallback_models == nil then return given end
  local fallback = require("claude.fallback")
  fallback.check(given, level + 1)
  local before = not own_model and chat.state.fallback or nil
  local index = fallback.index_of(given.fallback_models, before)
  return fallback.params(chat.client, given, index)
end

---@param chat claude.Conversation
---@param turn claude.Turn
local function commit(chat, turn)
  if turn.stopped > 0 then
    local text = "%d open tool calls were answered with is_error: nobody had answered them"
    chat.client:warn("calls_stopped", text:format(turn.stopped))
  end
  chat.transcript, chat.draft = turn.transcript, new_draft()
  -- A copy: tables inside params may be changed before the next turn.
  chat.last_params = begin.copied(turn.params)
end

-- Forward, for a turn that is sent again.
local spec_of

-- What is sent instead, by policy, when the API refuses thinking; nil: nothing.
---@param chat claude.Conversation
---@param turn claude.Turn
---@param err claude.Error
---@return claude.StreamSpec?
---@return fun()? tell
local function recovered(chat, turn, err)
  local repairable = err.type == "binding_error" or err.type == "signature_error"
  if not repairable or turn.on_binding_error ~= "repair" then return nil end
  local repair = repairs().by_policy(chat, turn.params, err)
  if not repair then return nil end
  turn.repair, turn.transcript = repair, chat.transcript
  local plan = plan_of(chat, turn)
  if not plan then return nil end
  return spec_of(chat, turn, plan), function() repairs().tell(chat, repair) end
end

---@param chat claude.Conversation
---@param turn claude.Turn whose messages are sealed
---@param plan claude.Plan
---@return claude.StreamSpec
function spec_of(chat, turn, plan)
  if turn.cached then turn.print = require("claude.cache.watch").print(chat, turn) end
  plan.before, plan.settle = M.recording(chat), M.settling(chat)
  plan.on_end = function(reply) return seal(chat, turn, reply) end
  plan.recover = function(err) return recovered(chat, turn, err) end
  return plan
end

-- The turn and the first of its requests, checked and framed.
---@param chat claude.Conversation
---@param turn claude.Turn
---@return claude.Plan?
---@return claude.Error? err
local function planned(chat, turn)
  local ready, err = prepare(chat, turn)
  if not ready then return nil, err end
  local plan
  plan, err = plan_of(chat, turn)
  if plan then err = checks.change(chat, turn.params, turn.transcript) end
  if err then return nil, err end
  return plan
end

--- The turn as one request of a batch.
---@param chat claude.Conversation
---@param options claude.CallOptions
---@return { json: string, params: table, betas: string[], taken: fun() }? request to call
--- `taken` once the batch was created: what the user said is then sealed
---@return claude.Error? err
function M.in_batch(chat, options)
  if chat:is_busy() then return nil, invalid("a reply to the conversation is arriving") end
  local params = M.merged_params(chat)
  if params.fallback_models then
    -- Nobody is there to ask another model; the one that took over before is asked.
    local fallback = require("claude.fallback")
    local index = fallback.index_of(params.fallback_models, chat.state.fallback)
    params = fallback.patched(chat.client, params, index)
  end
  local turn = { given = params, params = params, options = options, in_batch = true }
  local plan, err = planned(chat, turn)
  local record = plan and M.recording(chat)
  if record then err = record() end
  if not plan or err then return nil, err end
  return {
    json = plan.body:tostring(),
    params = turn.params,
    betas = plan.frame.betas,
    taken = function()
      commit(chat, turn)
      chat:_note()
    end,
  }
end

--- Sends the turn. A turn that cannot be sent is a stream that fails at its first step.
---@param chat claude.Conversation
---@param overrides? table
---@param options? claude.CallOptions
---@param level integer stack level of the caller to blame
---@return claude.Stream
function M.stream(chat, overrides, options, level)
  M.check_overrides(overrides, level + 1)
  local given = M.merged_params(chat, overrides)
  local own_model = overrides ~= nil and overrides.model ~= nil
  local turn = {
    given = given,
    own_model = own_model,
    params = first_params(chat, given, own_model, level + 1),
    options = wire.check_options(options, level + 1),
    on_binding_error = policy_of(chat, overrides),
  }
  local plan, err = planned(chat, turn)
  if not plan then return stream.open(chat.client, { err = err }) end
  commit(chat, turn)
  return stream.open(chat.client, spec_of(chat, turn, plan))
end

return M
