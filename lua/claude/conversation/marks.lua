--- Cache breakpoints that the messages of a conversation have of their own.

local history = require("claude.conversation.history")

local M = {}

local NONE = {} -- not to be changed

---@param transcript userdata
---@param number integer of a message
---@return claude.CacheMark[]
local function marks_in(transcript, number)
  if not transcript:contains(number, '"cache_control"') then return NONE end
  return require("claude.check.cache").marks(history.decode(transcript:get(number)), number)
end

---@class claude.FoundMarks the breakpoints of the first messages that were looked into
---@field looked_into integer how many
---@field with_marks integer[] numbers of those that have any, in order
---@field by_number table<integer, claude.CacheMark[]>

-- Sealed messages do not change: each is looked into once.
---@param chat claude.Conversation
---@param transcript userdata
---@param last integer
---@return claude.FoundMarks
local function extended(chat, transcript, last)
  local known = chat.marks.found or { looked_into = 0, with_marks = {}, by_number = {} }
  chat.marks.found = known
  local sealed = math.min(chat.transcript:shared(transcript), last)
  for i = known.looked_into + 1, sealed do
    local marks = marks_in(transcript, i)
    if marks[1] then
      known.with_marks[#known.with_marks + 1], known.by_number[i] = i, marks
    end
    known.looked_into = i
  end
  return known
end

---@param all claude.CacheMark[]
---@param marks claude.CacheMark[]
local function add(all, marks)
  for _, mark in ipairs(marks) do
    all[#all + 1] = mark
  end
end

--- The cache breakpoints of the first messages.
---@param chat claude.Conversation
---@param transcript userdata
---@param last integer
---@return claude.CacheMark[]
function M.up_to(chat, transcript, last)
  local all, known = {}, extended(chat, transcript, last)
  for _, i in ipairs(known.with_marks) do
    if i <= last then add(all, known.by_number[i]) end
  end
  for i = known.looked_into + 1, last do
    add(all, marks_in(transcript, i))
  end
  return all
end

--- What a fork knows of the messages that it shares.
---@param chat claude.Conversation
---@return claude.FoundMarks?
function M.copied(chat)
  local known = chat.marks.found
  if not known then return nil end
  local with_marks, by_number = {}, {}
  for k, i in ipairs(known.with_marks) do
    with_marks[k], by_number[i] = i, known.by_number[i]
  end
  return { looked_into = known.looked_into, with_marks = with_marks, by_number = by_number }
end

return M
