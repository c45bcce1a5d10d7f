--- `diagnostics` of a message: where its prompt departs from that of an earlier one.
local core = require("claude.core")

local M = {}

local MOST = 10000 -- messages that are remembered

---@class claude.simulator.diagnosis.Prompt what is remembered of a request
---@field model string
---@field system string hash
---@field tools string hash
---@field content string hash of everything said, without thinking

---@class claude.simulator.Diagnosis
---@field prompts table<string, claude.simulator.diagnosis.Prompt> by the id of the reply
---@field order string[] a ring of the ids
---@field at integer the newest of them
local Diagnosis = {}
Diagnosis.__index = Diagnosis
Diagnosis.__name = "claude.simulator.Diagnosis"

---@return claude.simulator.Diagnosis
function M.new() return setmetatable({ prompts = {}, order = {}, at = 0 }, Diagnosis) end

--- What a request asked with; taken before the reply is made.
---@param history claude.simulator.History
---@param model string
---@return claude.simulator.diagnosis.Prompt
function M.prompt(history, model)
  local prefix = history.prefix
  return {
    model = model,
    system = prefix.system,
    tools = prefix.tools,
    content = prefix.content,
  }
end

---@param id string of the reply
---@param prompt claude.simulator.diagnosis.Prompt
function Diagnosis:remember(id, prompt)
  self.at = self.at % MOST + 1
  local oldest = self.order[self.at]
  if oldest then self.prompts[oldest] = nil end
  self.order[self.at], self.prompts[id] = id, prompt
end

---@param before claude.simulator.diagnosis.Prompt?
---@param prompt claude.simulator.diagnosis.Prompt
---@param said table<string, boolean> hashes of what is said now, after each block
---@return string? reason
local function reason_of(before, prompt, said)
  if not before then return "previous_message_not_found" end
  if before.model ~= prompt.model then return "model_changed" end
  if before.tools ~= prompt.tools then return "tools_changed" end
  if before.system ~= prompt.system then return "system_changed" end
  return not said[before.content] and "messages_changed" or nil
end

--- The member `diagnostics`; nil when the request does not ask for it.
---@param request table
---@param prompt claude.simulator.diagnosis.Prompt
---@param history claude.simulator.History
---@return any
function Diagnosis:of(request, prompt, history)
  local id = request.diagnostics and request.diagnostics.previous_message_id
  if not id then return nil end
  local reason = reason_of(self.prompts[id], prompt, history.said)
  return reason and { cache_miss_reason = { type = reason } } or core.null
end

return M
