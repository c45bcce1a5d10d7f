--- Structured answers: the value of a reply whose request asked for JSON by
--- `output_config.format`, or why it has none.

local core = require("claude.core")
local errors = require("claude.errors")

local M = {}

-- Replies that are not the answer yet.
local NOT_YET = {
  compaction = "the reply is a compaction, not the answer yet",
  pause_turn = "the server paused its tools: the answer is still to come",
  tool_use = "the reply calls tools: the answer comes after their results",
}

local CUT = {
  max_tokens = {
    "the answer was cut off at max_tokens",
    "raise max_tokens: thinking and answer share it",
  },
  model_context_window_exceeded = {
    "the answer was cut off because the context window is full",
    "shorten the history",
  },
}

local REFUSED = "the model refused to answer"
local REFUSED_HINT = "asking the same model again will not help: change the request, or ask"
  .. " another model"
local NO_TEXT = "the reply has no text to read a value from"
local NOT_JSON_HINT = "err.partial:text() has the answer as it came"
local SHOWN = 80 -- bytes of an answer that an error quotes

---@param value any
---@return any
local function decoded(value)
  if core.is_raw(value) then value = core.decode(tostring(value)) end
  if type(value) == "table" and getmetatable(value) == core.object_mt and value[1] then
    return core.decode((core.encode(value))) -- members in an order of the user's
  end
  return value
end

--- Whether a request's parameters ask for JSON.
---@param params table
---@return boolean
function M.is_asked_for(params)
  local config = decoded(params.output_config)
  return type(config) == "table" and config.format ~= nil and config.format ~= core.null
end

--- The text that holds the answer: the last text blocks in a row. What the model said
--- before it called a tool of the server is none of it.
---@param message claude.Message
---@return string
local function answer_text(message)
  local parts, ended = {}, false
  for i = #message.content, 1, -1 do
    local block = message.content[i]
    if block.type == "text" then
      table.insert(parts, 1, block.text)
      ended = true
    elseif ended then
      break
    end
  end
  return table.concat(parts)
end

---@param message claude.Message
---@param fields table
---@return claude.Error
local function failure(message, fields)
  fields.retryable = false
  fields.request_id = message.request_id
  fields.partial = message
  return errors.new(fields)
end

---@param message claude.Message
---@return claude.Error
local function refusal(message)
  local details = message.stop_details
  local why = type(details) == "table" and details.explanation
  return failure(message, {
    kind = "api",
    type = "refusal",
    message = type(why) == "string" and ("%s: %s"):format(REFUSED, why) or REFUSED,
    details = type(details) == "table" and details or nil,
    hint = REFUSED_HINT,
  })
end

-- Not in the middle of a character: errors are shown as text.
---@param text string
---@return string
local function beginning(text)
  if #text <= SHOWN then return text end
  return (core.utf8_scrub(text:sub(1, SHOWN)):gsub("\239\191\189$", "")) .. " …"
end

---@param message claude.Message
---@return claude.Error? err
---@return any value
local function read(message)
  local reason = message.stop_reason
  if reason == "refusal" then return refusal(message) end
  local cut = CUT[reason]
  if cut or NOT_YET[reason] then
    return failure(message, {
      kind = "incomplete",
      type = reason,
      message = cut and cut[1] or NOT_YET[reason],
      hint = cut and cut[2] or nil,
    })
  end
  local text = answer_text(message)
  if text == "" then return failure(message, { kind = "protocol", message = NO_TEXT }) end
  local value, problem = core.decode(text)
  if problem == nil then return nil, value end
  return failure(message, {
    kind = "protocol",
    message = ("the answer is not JSON (%s): %s"):format(problem, beginning(text)),
    hint = NOT_JSON_HINT,
  })
end

--- The value of the answer; `nil, text, err` when it was refused, cut off or is no JSON.
---@param message claude.Message
---@return any value
---@return string? text
---@return claude.Error? err
function M.parse(message)
  local err, value = read(message)
  if err then return errors.fail(err) end
  return value
end

--- Sets `message.parsed` where the request asked for JSON and the reply has it.
---@param message claude.Message
---@param params table of the request
function M.attach(message, params)
  if not M.is_asked_for(params) then return end
  local err, value = read(message)
  if not err then message.parsed = value end
end

--- What a call that asks for the value returns: the message, or why it has no value. One
--- that is not the answer yet is returned as it is.
---@param message? claude.Message
---@param text? string
---@param err? claude.Error
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function M.checked(message, text, err)
  if not message then return nil, text, err end
  if message.parsed ~= nil or NOT_YET[message.stop_reason] then return message end
  return errors.fail((read(message)) --[[@as claude.Error]])
end

--- Raises when the parameters ask for no JSON.
---@param params table
---@param call string
---@param level integer stack level of the caller to blame
function M.check_asked_for(params, call, level)
  if M.is_asked_for(params) then return end
  local form = '%s needs output_config = { format = { type = "json_schema", schema = … } }'
  error(form:format(call), level + 1)
end

return M
