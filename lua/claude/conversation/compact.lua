--- Compaction on demand: the model sums up what was said, and the summary takes its place.
---
--- This is the one verb that gives up what was sealed. The block that comes is signed, and
--- goes first in every request from then on.

local checks = require("claude.conversation.checks")
local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local new_draft = require("claude.conversation.draft").new
local stream = require("claude.stream")
local tables = require("claude.tables")
local turn = require("claude.conversation.turn")
local values = require("claude.check.values")
local wire = require("claude.wire")

local M = {}

---@class claude.CompactOptions
---@field instructions? string what the summary should keep, in place of the API's own prompt
---@field max_tokens? integer for thinking and summary together; else the conversation's

---@param text string
---@param hint string
---@return claude.Error
local function invalid(text, hint)
  return errors.new({ kind = "invalid", message = text, hint = hint })
end

--- Raises when the options are wrong.
---@param options any
---@param what string
---@param level integer stack level of the caller to blame
function M.check(options, what, level)
  if options == nil then return end
  if type(options) ~= "table" then
    error(("%s takes a table of options, not a %s"):format(what, type(options)), level + 1)
  end
  for name, value in pairs(options) do
    local kind = name == "instructions" and "string" or name == "max_tokens" and "number"
    if not kind then
      error(("%s: there is no option %s"):format(what, tostring(name)), level + 1)
    end
    if type(value) ~= kind then
      error(("%s: %s must be a %s, not a %s"):format(what, name, kind, type(value)), level + 1)
    end
  end
end

-- The conversation's params without those that have no meaning here, which the API refuses.
---@param chat claude.Conversation
---@param options claude.CompactOptions
---@return table
local function params_for(chat, options)
  local params = tables.merged(turn.merged_params(chat), {
    compaction = { type = "summarize", instructions = options.instructions },
    max_tokens = options.max_tokens,
  })
  for _, name in ipairs({ "context_management", "stop_sequences", "fallback_models" }) do
    params[name] = nil
  end
  local choice = values.plain(params.tool_choice)
  if choice and (choice.type == "any" or choice.type == "tool") then params.tool_choice = nil end
  local config = values.plain(params.output_config)
  if config and config.format ~= nil then
    config = tables.merged(config)
    config.format = nil
    params.output_config = next(config) and config or nil
  end
  return params
end

-- What was said, the results of tools included; what the user says next comes behind.
---@param chat claude.Conversation
---@return userdata? transcript
---@return claude.Error? err
local function said(chat)
  if #chat:pending() > 0 then
    return nil, invalid("calls of the last reply have no answer", "answer them: chat:answer(…)")
  end
  local calls = history.open_calls(chat.transcript)
  local results = new_draft()
  results.results = chat.draft.results
  local transcript = chat.transcript:fork()
  for _, message in ipairs(results:messages(calls)) do
    local added, problem = transcript:append(message)
    if not added then return nil, invalid(problem, "see the message") end
  end
  if transcript:count() == 0 then
    return nil, invalid("there is nothing to sum up", "chat:send() first")
  end
  return transcript
end

---@param reply claude.Stream
---@return boolean
local function has_summary(reply)
  local message = core.decode(reply.response:message_json() or "null")
  for _, block in ipairs(message and message.content or {}) do
    if block.type == "compaction" and block.content ~= nil and block.content ~= "" then
      return true
    end
  end
  return false
end

-- The summary takes the place of what was said, the results of tools included.
---@param chat claude.Conversation
---@param reply claude.Stream
---@param awaited boolean whether a reply was due to what was summed up
---@return claude.Error?
local function replace(chat, reply, awaited)
  local json, changes = reply.response:seal()
  if not json or not has_summary(reply) then
    local reason = tostring(reply.response:stop_reason())
    local text = "no summary came (stop_reason %s): the conversation stays as it was"
    return errors.new({ kind = "incomplete", message = text:format(reason), retryable = false })
  end
  local transcript = core.transcript()
  local added, problem = transcript:append(json)
  if not added then
    return invalid("the summary cannot be sealed: " .. problem, "see the message")
  end
  chat.transcript, chat.draft.results, chat.marks = transcript, {}, {}
  chat.state = tables.merged(chat.state, { stop_reason = awaited and "compaction" or "end_turn" })
  chat.state.kept, chat.print = nil, nil
  local err = turn.record_reply(chat, reply)
  turn.tell_changes(chat, changes)
  return err
end

--- Asks for a summary. What is wrong comes with the stream's first step.
---@param chat claude.Conversation
---@param options? claude.CompactOptions
---@param call_options? claude.CallOptions
---@param level integer stack level of the caller to blame
---@return claude.Stream
function M.stream(chat, options, call_options, level)
  call_options = wire.check_options(call_options, level + 1)
  local transcript, err = said(chat)
  local plan
  if transcript then
    local asked = { transcript = transcript, options = call_options }
    plan, err = turn.hop_of(chat, asked, params_for(chat, options or {}), {})
  end
  if not plan then return stream.open(chat.client, { err = err }) end
  local awaited = transcript:role(transcript:count()) ~= "assistant" or checks.awaits_reply(chat)
  plan.before, plan.settle = turn.recording(chat), turn.settling(chat)
  plan.on_end = function(reply) return replace(chat, reply, awaited) end
  return stream.open(chat.client, plan)
end

return M
