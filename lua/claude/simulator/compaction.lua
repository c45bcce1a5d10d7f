--- Compaction on demand: a summary instead of a reply, and the rules for sending it back.
local content = require("claude.simulator.content")
local faults = require("claude.simulator.faults")
local tokens = require("claude.simulator.tokens")

local M = {}

local BETA = "compact-2026-09-04"

---@class claude.simulator.Compaction
---@field private signed table<string, string> signature -> content
local Compaction = {}
Compaction.__index = Compaction
Compaction.__name = "claude.simulator.Compaction"

local function fault(text, code)
  local result = faults.invalid(text)
  result.details = { error_code = code }
  return result
end

-- What says nothing about a summary, and is refused with it.
local function combined(request)
  local choice = request.tool_choice and request.tool_choice.type
  local given = request.context_management and "context_management"
    or request.stop_sequences and request.stop_sequences[1] and "stop_sequences"
    or request.output_config and request.output_config.format and "output_config.format"
    or (choice == "any" or choice == "tool") and "tool_choice"
  if not given then return nil end
  return faults.invalid(("compaction: cannot be combined with `%s`"):format(given))
end

function Compaction:_block(block, first)
  if not block.signature then return nil end
  if not first then
    return fault("a `compaction` block must come first in messages", "compaction_block_misplaced")
  end
  local text = self.signed[block.signature]
  if not text then
    return fault(
      "the signature of the `compaction` block is invalid",
      "compaction_signature_invalid"
    )
  end
  if text ~= block.content then
    return fault("the content of the `compaction` block was changed", "compaction_content_mismatch")
  end
end

--- Judges a request: the parameter, and blocks that came of it.
---@param request table
---@param beta table<string, boolean>
---@return claude.simulator.Fault?
function Compaction:check(request, beta)
  local problem = request.compaction and combined(request)
  if problem then return problem end
  for at, message in ipairs(request.messages) do
    for index, block in ipairs(content.blocks(message.content)) do
      if block.type == "compaction" then
        if block.signature and not beta[BETA] then
          local place = ("messages.%d.content.%d"):format(at - 1, index - 1)
          return faults.invalid(place .. ".compaction.signature: Extra inputs are not permitted")
        end
        problem = self:_block(block, at == 1 and index == 1)
        if problem then return problem end
      end
    end
  end
end

-- The changes of tools in what is summed up stand in the block.
local function tool_changes(request)
  local list = {}
  for _, message in ipairs(request.messages) do
    local first = message.content[1]
    local told = first and first.type == "compaction" and first.tool_changes or {}
    for _, block in ipairs(message.role == "system" and message.content or told) do
      if block.type ~= "text" then list[#list + 1] = block end
    end
  end
  return list[1] and list or nil
end

--- The turn that a request for a summary is answered with.
---@param request table
---@param prompt integer tokens
---@param ids fun(prefix: string): string
---@return claude.simulator.Turn
function Compaction:turn(request, prompt, ids)
  local text = ("Summary of %d messages (simulated)."):format(#request.messages)
  local asked = request.compaction.instructions
  if asked then text = text .. " Asked for: " .. asked end
  local signature = ids("cmp_")
  self.signed[signature] = text
  local block = { type = "compaction", content = text, signature = signature }
  block.tool_changes = tool_changes(request)
  local spent = { type = "compaction", input_tokens = prompt, output_tokens = tokens.count(text) }
  return {
    content = { block },
    stop_reason = "compaction",
    usage = { input_tokens = 0, output_tokens = 0, iterations = { spent } },
  }
end

---@return claude.simulator.Compaction
function M.new() return setmetatable({ signed = {} }, Compaction) end

return M
