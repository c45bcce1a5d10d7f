--- Cache breakpoints that the messages of a conversation have of their own.

local history = require("claude.conversation.history")

local M = {}

--- The cache breakpoints of the first messages. Sealed messages do not change: each is
--- looked into once.
---@param chat claude.Conversation
---@param transcript userdata
---@param last integer
---@return claude.CacheMark[]
function M.up_to(chat, transcript, last)
  local all, sealed = {}, chat.transcript:count()
  for i = 1, last do
    local marks = chat.marks[i]
    if not marks then
      local json = transcript:get(i)
      local marked = json:find('"cache_control"', 1, true)
      marks = marked and require("claude.check.cache").marks(history.decode(json), i) or {}
      if i <= sealed and json == chat.transcript:get(i) then chat.marks[i] = marks end
    end
    for _, mark in ipairs(marks) do
      all[#all + 1] = mark
    end
  end
  return all
end

return M
