--- Reads the history of a request once: signatures are checked, tokens counted,
--- cache breakpoints found, and the prefix for the next thinking block is made.
local content = require("claude.simulator.content")
local faults = require("claude.simulator.faults")
local prefixes = require("claude.simulator.prefix")
local rendering = require("claude.simulator.rendering")
local seals = require("claude.simulator.seal")
local tokens = require("claude.simulator.tokens")

local M = {}

---@class claude.simulator.History
---@field prefix claude.simulator.Prefix everything before the reply
---@field tokens integer estimated tokens of the prompt
---@field trail { hash: string, tokens: integer }[] the prompt so far, after each block
---@field marks { at: integer, ttl: string }[] cache breakpoints: places in the trail, in order
---@field said table<string, boolean> what of the prefix was said, after each block
---@field transformations table[] thinking blocks left out, as `input_transformations` tells it

local BINDING = "The block is bound to a different conversation. Remove the block, or set "
  .. '`thinking.block_binding.prefix_mismatch_behavior` to "drop_block" (with the '
  .. "`anthropic-beta: thinking-binding-controls-2026-08-01` header). "
local MODIFIED = "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot "
  .. "be modified. These blocks must remain as they were in the original response."

local FIELD = { thinking = "signature", redacted_thinking = "data" }

--- The messages of the latest assistant turn: first and last index.
local function latest_assistant(messages)
  local last = #messages
  while last > 0 and messages[last].role ~= "assistant" do
    last = last - 1
  end
  local first = last
  while first > 1 and messages[first - 1].role == "assistant" do
    first = first - 1
  end
  return first, last
end

--- Where the open turn begins: after the last user message that holds no tool result.
local function open_turn(messages)
  for index = #messages, 1, -1 do
    local message = messages[index]
    if message.role == "user" then
      local results = false
      for _, block in ipairs(content.blocks(message.content)) do
        if block.type == "tool_result" then results = true end
      end
      if not results then return index end
    end
  end
  return 0
end

--- How the sealed prefix differs from the one that is there; nil when it does not.
local function difference(seal, prefix)
  if seal.system ~= prefix.system then
    return "The system prompt differs from the one it was created with."
  end
  if seal.tools ~= prefix.tools then return "The tools differ from those it was created with." end
  if seal.content ~= prefix.content then
    return "An earlier message differs from the conversation it was created in."
  end
  -- Blocks may be missing from the start: then none, or fewer but unbroken, stand before.
  if prefix.count > seal.count then
    return "A preceding thinking block was not there when it was created."
  end
  if prefix.count > 0 and seal.last ~= prefix.last then
    return "A preceding thinking block is missing."
  end
end

local function bad_signature(block, path, why)
  return faults.invalid(
    ("%s: Invalid `%s` in `%s` block%s"):format(
      path,
      FIELD[block.type],
      block.type,
      why and (". " .. why) or ""
    )
  )
end

local function transformation(path, reason)
  return { type = "thinking_dropped", path = path, reason = reason }
end

local function text_differs(seal, block)
  return block.type == "thinking" and seal.shown and prefixes.short(block.thinking) ~= seal.text
end

--- Judges one thinking block.
---@return claude.simulator.Fault|nil fault
---@return string|nil reason why the block is left out instead
---@return claude.simulator.Seal|nil seal
local function judge(reader, block, path, latest)
  local sealed = block[FIELD[block.type]]
  local seal = reader.sealer:open(block.type, sealed)
  if not seal then
    if reader.foreign == "drop" and seals.is_foreign(sealed) then
      return nil, "organization_binding_mismatch"
    end
    return bad_signature(block, path)
  end
  if seal.group ~= reader.group then return nil, "model_binding_mismatch" end
  if text_differs(seal, block) then
    if latest then return faults.invalid(path .. ": " .. MODIFIED) end
    return bad_signature(block, path)
  end
  local difference_text = reader.binds and difference(seal, reader.prefix)
  if difference_text and reader.drops then return nil, "prefix_binding_mismatch" end
  if latest and seal.within ~= reader.prefix.within then
    return faults.invalid(path .. ": " .. MODIFIED)
  end
  if difference_text then return bad_signature(block, path, BINDING .. difference_text) end
  return nil, nil, seal
end

local function add_mark(reader, control)
  if not control or #reader.trail == 0 then return end
  reader.marks[#reader.marks + 1] = { at = #reader.trail, ttl = control.ttl or "5m" }
end

--- A stretch of the prompt: counted, and part of what the cache compares.
local function add_text(reader, encoded)
  reader.tokens = reader.tokens + tokens.of_json(encoded)
  reader.cache = prefixes.short(reader.cache .. encoded)
  reader.trail[#reader.trail + 1] = { hash = reader.cache, tokens = reader.tokens }
end

local function read_thinking(reader, block, path, at)
  local latest = at >= reader.latest_first and at <= reader.latest_last
  local fault, reason, seal = judge(reader, block, path, latest)
  if fault then return fault end
  if reason then
    reader.transformations[#reader.transformations + 1] = transformation(path, reason)
    return
  end
  reader.prefix:thinking(seal.id)
  if not reader.keeps and at < reader.open then return end
  add_text(reader, block.type == "thinking" and block.thinking .. seal.id or block.data)
end

--- The breakpoint of a block, or of a part of a tool result.
local function control_of(block)
  if block.cache_control then return block.cache_control end
  if block.type ~= "tool_result" or type(block.content) ~= "table" then return nil end
  for _, part in ipairs(block.content) do
    if part.cache_control then return part.cache_control end
  end
end

local function read_message(reader, message, at)
  reader.prefix:message(message.role)
  reader.cache = prefixes.short(reader.cache .. message.role)
  for index, block in ipairs(content.blocks(message.content)) do
    if content.is_thinking(block) then
      local path = ("messages.%d.content.%d"):format(at - 1, index - 1)
      local fault = read_thinking(reader, block, path, at)
      if fault then return fault end
    else
      local encoded = content.canonical(block)
      if encoded then
        reader.prefix:block(encoded)
        reader.said[reader.prefix.content] = true
        add_text(reader, encoded)
      end
      add_mark(reader, control_of(block))
    end
  end
end

--- What the model sees of the parameters at this place.
local function add_setting(reader, text) reader.cache = prefixes.short(reader.cache .. text) end

--- Tools that are loaded later stand outside the prefix.
local function read_prompt(reader, request, settings)
  add_setting(reader, settings.tools)
  for _, tool in ipairs(request.tools or {}) do
    if tool.defer_loading ~= true then
      add_text(reader, content.canonical(tool))
      add_mark(reader, tool.cache_control)
    end
  end
  add_setting(reader, settings.system)
  for _, block in ipairs(content.blocks(request.system)) do
    add_text(reader, content.canonical(block) or "")
    add_mark(reader, block.cache_control)
  end
  add_setting(reader, settings.messages)
end

---@class claude.simulator.history.Options
---@field sealer claude.simulator.Sealer
---@field model claude.simulator.Model
---@field strict boolean the sealed prefix is checked on every model
---@field foreign "refuse"|"drop" what becomes of signatures that the real API made

---@param request table a decoded body whose shape is right
---@param options claude.simulator.history.Options
---@return claude.simulator.History|nil history
---@return claude.simulator.Fault|nil fault
function M.read(request, options)
  local binding = (request.thinking or {}).block_binding or {}
  local reader = {
    sealer = options.sealer,
    foreign = options.foreign,
    prefix = prefixes.new(request),
    group = prefixes.short(options.model.group),
    binds = options.strict or options.model.binds,
    drops = binding.prefix_mismatch_behavior == "drop_block",
    keeps = options.model.keeps_thinking,
    tokens = 3,
    cache = "",
    trail = {},
    marks = {},
    said = {},
    transformations = {},
    open = open_turn(request.messages),
  }
  reader.latest_first, reader.latest_last = latest_assistant(request.messages)
  read_prompt(reader, request, rendering.of(request, options.model))
  for at, message in ipairs(request.messages) do
    local fault = read_message(reader, message, at)
    if fault then return nil, fault end
  end
  add_mark(reader, request.cache_control)
  return reader
end

return M
