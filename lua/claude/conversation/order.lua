--- Whether messages that come from elsewhere follow one another as the API wants them.

local history = require("claude.conversation.history")

local M = {}

local THINKING = { thinking = true, redacted_thinking = true }

-- What the API judges when it is sent is no reason not to load: a reply that ends in
-- thinking can still be read, undone and saved.
---@param message table decoded
---@return table
local function without_last_thinking(message)
  local blocks = history.blocks(message)
  local last = #blocks
  while last > 1 and type(blocks[last]) == "table" and THINKING[blocks[last].type] do
    last = last - 1
  end
  if message.role ~= "assistant" or last == #blocks then return message end
  local copy = { role = message.role, content = {} }
  for i = 1, last do
    copy.content[i] = blocks[i]
  end
  return copy
end

--- Checks roles, content and the pairing of tool calls with their results. Calls of the
--- last reply may be open.
---@param messages table[] decoded
---@return claude.Error? err
function M.check(messages)
  local list, open = {}, {}
  for i, message in ipairs(messages) do
    list[i] = without_last_thinking(message)
  end
  local last = messages[#messages]
  if last and last.role == "assistant" then
    for _, call in ipairs(history.calls(last)) do
      open[#open + 1] = { type = "tool_result", tool_use_id = call.id }
    end
  end
  if #open > 0 then list[#list + 1] = { role = "user", content = open } end
  if #list == 0 then return nil end
  return require("claude.check.messages").check({ messages = list }, {})
end

return M
