--- What the model says, made into a message: thinking signed, text cut where a
--- limit says so, usage counted.
local content = require("claude.simulator.content")
local core = require("claude.core")
local tokens = require("claude.simulator.tokens")

local M = {}

---@class claude.simulator.Reply
---@field id string
---@field model string
---@field content table[]
---@field stop_reason string
---@field stop_sequence? string
---@field stop_details? table
---@field usage table
---@field usage_start table usage as message_start tells it
---@field usage_delta table usage as message_delta tells it
---@field input_transformations? table[]
---@field container? table
---@field context_management? table

--- How the model thinks in answer to a request.
---@param request table
---@param model claude.simulator.Model
---@return "enabled"|"adaptive"|"between_tools"|"disabled"
function M.thinking_type(request, model)
  if request.thinking then return request.thinking.type end
  return model.default == "on" and "adaptive" or "disabled"
end

local function shows_thinking(request, model)
  local display = request.thinking and request.thinking.display or model.display
  return display ~= "omitted"
end

local function copy_of(block)
  if type(block) == "string" then return { type = "text", text = block } end
  local copy = {}
  for name, value in pairs(block) do
    copy[name] = value
  end
  copy.type = copy.type or (copy.name and "tool_use") or (copy.thinking and "thinking") or "text"
  return copy
end

--- Tokens the model wrote for a block.
local function cost(block)
  if block.type == "text" then return tokens.count(block.text) end
  if block.type == "thinking" then return tokens.count(block.thinking) end
  if block.type == "redacted_thinking" then return tokens.count(block.thinking or "") end
  local text = block.input_json or assert(core.encode(block.input or block, { request = true }))
  return tokens.count(text) + 4
end

--- Cuts a block to `limit` tokens; nil when nothing of it is left.
local function cut(block, limit)
  if limit <= 0 then return nil end
  if block.type == "text" then
    block.text = tokens.cut(block.text, limit)
    return block.text ~= "" and block or nil
  end
  if block.type == "thinking" then
    block.thinking = tokens.cut(block.thinking, limit)
    return block
  end
  if block.type ~= "tool_use" then return nil end
  local text = block.input_json or assert(core.encode(block.input, { request = true }))
  block.input_json = tokens.cut(text, limit - 4)
  return limit > 4 and block or nil
end

--- Cuts the text at the first stop sequence; returns the sequence found.
local function stop_at(block, sequences)
  if block.type ~= "text" then return nil end
  local first, which
  for _, sequence in ipairs(sequences) do
    local at = block.text:find(sequence, 1, true)
    if at and (not first or at < first) then
      first, which = at, sequence
    end
  end
  if which then block.text = block.text:sub(1, first - 1) end
  return which
end

---@class claude.simulator.reply.Draft
---@field blocks table[]
---@field output integer tokens so far
---@field thinking integer of which thinking
---@field stop_reason? string when a limit or a stop sequence ended it
---@field stop_sequence? string

local function keep(draft, block)
  if block.type == "text" and block.text == "" then return end
  local spent = cost(block)
  draft.blocks[#draft.blocks + 1] = block
  draft.output = draft.output + spent
  if content.is_thinking(block) then draft.thinking = draft.thinking + spent end
end

--- Adds one block; false when the reply ends there.
local function add(draft, block, limit, sequences, over)
  draft.stop_sequence = stop_at(block, sequences)
  if draft.output + cost(block) > limit then
    block = cut(block, limit - draft.output)
    draft.stop_reason, draft.stop_sequence = over, nil
  elseif draft.stop_sequence then
    draft.stop_reason = "stop_sequence"
  end
  if block then keep(draft, block) end
  return draft.stop_reason == nil
end

local function draft_of(turn, request, model, prompt)
  local draft = { blocks = {}, output = 0, thinking = 0 }
  local room = model.context - prompt
  local limit, over = request.max_tokens, "max_tokens"
  if room < limit then
    limit, over = room, "model_context_window_exceeded"
  end
  if request.max_tokens == 0 then
    draft.stop_reason = "max_tokens"
    return draft
  end
  local off = M.thinking_type(request, model) == "disabled"
  for _, given in ipairs(turn.content or {}) do
    local block = copy_of(given)
    local wanted = not (off and content.is_thinking(block))
    if wanted and not add(draft, block, limit, request.stop_sequences or {}, over) then break end
  end
  return draft
end

--- The block as a client will hand it back, for the prefix of what follows.
local function as_returned(block)
  local copy = copy_of(block)
  if copy.input_json then copy.input = core.decode(copy.input_json) or core.object({}) end
  copy.input_json = nil
  return content.canonical(assert(core.decode(assert(core.encode(copy, { request = true })))))
end

local function sign(block, prefix, context)
  local shown = block.type == "thinking" and shows_thinking(context.request, context.model)
  local signature, id = context.sealer:sign(
    block.type,
    { shown = shown, group = context.model.group, text = block.thinking or "" },
    prefix
  )
  prefix:thinking(id)
  if block.type == "redacted_thinking" then
    block.thinking, block.data = nil, signature
    return
  end
  if not shown then block.thinking = "" end
  if block.signature ~= false then
    block.signature = signature
  else
    block.signature = nil
  end
end

local function finish_blocks(blocks, context)
  local prefix = context.history.prefix
  prefix:message("assistant")
  local calls = false
  for _, block in ipairs(blocks) do
    if content.is_thinking(block) then
      sign(block, prefix, context)
    else
      if block.type == "tool_use" then
        block.id, calls = block.id or context.ids("toolu_"), true
        if not block.input then block.input = core.object({}) end
      end
      local encoded = as_returned(block)
      if encoded then prefix:block(encoded) end
    end
  end
  return calls
end

local function usage_of(draft, cached, turn)
  local usage = {
    input_tokens = cached.input,
    cache_creation_input_tokens = cached.written,
    cache_read_input_tokens = cached.read,
    cache_creation = {
      ephemeral_5m_input_tokens = cached.written_5m,
      ephemeral_1h_input_tokens = cached.written_1h,
    },
    output_tokens = math.max(draft.output, 1),
    service_tier = "standard",
    inference_geo = "global",
    output_tokens_details = { thinking_tokens = draft.thinking },
  }
  for name, value in pairs(turn.usage or {}) do
    usage[name] = value
  end
  return usage
end

local function pick(usage, names, changes)
  local picked = {}
  for name in names:gmatch("%S+") do
    picked[name] = usage[name]
  end
  for name, value in pairs(changes or {}) do
    picked[name] = value
  end
  return picked
end

---@class claude.simulator.reply.Context
---@field request table
---@field model claude.simulator.Model
---@field history claude.simulator.History
---@field sealer claude.simulator.Sealer
---@field credit? string what became of the request's credit token
---@field stop_details? table
---@field ids fun(prefix: string): string
---@field cached claude.simulator.cache.Account

--- Makes a turn of the script into the message that goes out.
---@param turn claude.simulator.Turn
---@param context claude.simulator.reply.Context
---@return claude.simulator.Reply
function M.build(turn, context)
  local draft = draft_of(turn, context.request, context.model, context.history.tokens)
  local calls = finish_blocks(draft.blocks, context)
  local usage = usage_of(draft, context.cached, turn)
  if context.credit then usage.fallback_credit = { status = context.credit } end
  local changes = context.history.transformations
  return {
    id = turn.id or context.ids("msg_"),
    model = turn.model or context.model.id,
    content = draft.blocks,
    stop_reason = draft.stop_reason or turn.stop_reason or (calls and "tool_use") or "end_turn",
    stop_sequence = draft.stop_sequence or turn.stop_sequence,
    stop_details = context.stop_details or turn.stop_details,
    container = turn.container,
    context_management = turn.context_management,
    usage = usage,
    usage_start = pick(
      usage,
      "input_tokens cache_creation_input_tokens cache_read_input_tokens "
        .. "cache_creation service_tier inference_geo",
      { output_tokens = 1 }
    ),
    usage_delta = pick(
      usage,
      "input_tokens cache_creation_input_tokens cache_read_input_tokens "
        .. "output_tokens output_tokens_details server_tool_use iterations fallback_credit"
    ),
    input_transformations = #changes > 0 and changes or nil,
  }
end

return M
