--- Asks in the chat's buffer whether a tool may run. Nothing waits but the task.
local tasks = require("claude.tasks")

local M = {}

---@class claude.nvim.Approval
---@field package chat claude.nvim.Chat
---@field package always table<string, true> tools that may always run in this chat
---@field package open? { call: claude.ToolCall, signal: claude.Signal, answer: string? }
local Approval = {}
Approval.__index = Approval
Approval.__name = "claude.nvim.Approval"

---@param chat claude.nvim.Chat
---@return claude.nvim.Approval
function M.new(chat) return setmetatable({ chat = chat, always = {} }, Approval) end

local function decided(self, call)
  local approve = self.chat.options.approve
  if approve == "all" or self.always[call.name] then return true end
  if type(approve) == "function" then return approve(call) end
  return nil
end

local WORDS = { yes = "run it", no = "do not", always = "always run %s" }

local function prompt(keys, name)
  local choices = {}
  for _, answer in ipairs({ "yes", "no", "always" }) do
    if keys[answer] then
      choices[#choices + 1] = ("%s %s"):format(keys[answer], WORDS[answer]:format(name))
    end
  end
  return "  May it run?  " .. table.concat(choices, " · ")
end

--- Whether a call may run; waits for the answer. For `chat:run { approve = … }`.
---@param call claude.ToolCall
---@return boolean approved
---@return string? reason
function Approval:ask(call)
  local known = decided(self, call)
  if known ~= nil then return known, not known and "by the user's settings" or nil end
  local chat, signal = self.chat, tasks.signal()
  self.open = { call = call, signal = signal }
  chat.show:call(call)
  chat.show:say(prompt(chat.options.keys, call.name), "note")
  chat:notice(("%s is called: may it run?"):format(call.name))
  local answered = signal:wait()
  local answer = self.open.answer
  self.open = nil
  if not answered then return false, "stopped by the user" end
  if answer == "always" then self.always[call.name] = true end
  return answer ~= "no", answer == "no" and "by the user" or nil
end

--- Answers the question that is open; tells whether one was.
---@param answer "yes"|"no"|"always"
---@return boolean
function Approval:answer(answer)
  local open = self.open
  if not open or open.answer then return false end
  open.answer = answer
  open.signal:set()
  return true
end

return M
