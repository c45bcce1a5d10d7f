--- A conversation that writes down what happens to it, record by record, and goes on from
--- there after a crash.
---
--- ## What is written
---
--- The first record is the whole conversation, in the sections of claude/conversation/save.lua.
--- Every other says what has changed since the record before. Whatever it was, it is found by
--- comparing the conversation with what was recorded last, so that no change can be forgotten:
---
---   keep       so many messages stay, from the first on; the others leave
---   message    a message more
---   draft      the turn that is being written is given up, with all that is known of calls
---   result     an answer to a call, in place of the one that it had
---   said, instruct   likewise more of the turn that is being written
---   params     all params are given anew, as `param` sections
---   state      in place of the one before
---   call       the tool of a call is about to run: its id and name
---   early      the result of a call whose reply is not whole yet
---
--- so a record costs what is new in it. Opening reads them in turn, and gives the conversation
--- whose dump is that of the moment of the last whole record.
---
--- ## When it is synced
---
--- Before a request goes out (with all that was said and every result), before a reply's end
--- is handed out, before a tool runs, and when its result is there, before anybody is told. What
--- else changes (what is said, undo, …) is written at once, so that it survives the program, and
--- synced with the next of these, or by `chat:sync()`.
---
--- With `eager` a tool runs while its reply arrives. What it did is in the journal before the
--- reply is: if that is never whole, the call belongs to no conversation. Who opens the journal
--- then is warned (`early_call_dropped`), and the model, asked again, makes another call.
---
--- ## When it fails
---
--- What was to rely on the record does not happen. A verb that only changes the conversation
--- takes the change back. Everything else stays as it is in memory, ahead of the journal, and
--- the next record says all of it: to send or run again is the retry.

local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local logs = require("claude.journal.log")
local save = require("claude.conversation.save")
local store = require("claude.conversation.store")
local tables = require("claude.tables")

local put = save.put

local M = {}

---@class claude.Journal
---@field private log claude.JournalLog
---@field name string of the storage, for people
---@field private last claude.Recorded
---@field private early table<string, string> results of calls whose reply is not whole
---@field private stale boolean the records name calls that are no more
local Journal = {}
Journal.__index = Journal

--- What the records say so far.
---@class claude.Recorded
---@field transcript userdata
---@field params string
---@field state string
---@field results table<string, string>
---@field said string[]
---@field instruct string[]

local function silent() end

--- What is returned where something has failed.
---@param problem string?
---@return nil
---@return string
---@return claude.Error
function Journal:failure(problem)
  local text = ("the journal %s: %s"):format(self.name, tostring(problem))
  return errors.fail(errors.new({ kind = "storage", message = text }))
end

---@param params { name: string, json: string }[]
---@return string
local function params_text(params)
  local out = {}
  for _, param in ipairs(params) do
    put(out, "param " .. param.name, param.json)
  end
  return table.concat(out)
end

---@param list string[]
---@return string[]
local function copied(list)
  local copy = {}
  for i, item in ipairs(list) do
    copy[i] = item
  end
  return copy
end

---@param chat claude.Conversation
---@param parts claude.Saved
---@return claude.Recorded
local function recorded(chat, parts)
  return {
    transcript = chat.transcript:fork(),
    params = params_text(parts.params),
    state = parts.state,
    results = tables.merged(chat.draft.results),
    said = copied(chat.draft.content),
    instruct = copied(chat.draft.system),
  }
end

---@param out string[]
---@param chat claude.Conversation
local function put_calls(out, chat)
  for _, json in ipairs(store.calls(chat.begun, chat.draft.results)) do
    put(out, "call", json)
  end
end

---@param list string[]
---@param before string[]
---@return boolean
local function extends(list, before)
  for i, item in ipairs(before) do
    if list[i] ~= item then return false end
  end
  return true
end

---@param draft claude.Draft
---@param last claude.Recorded
---@return boolean
local function draft_extends(draft, last)
  for id in pairs(last.results) do
    if not draft.results[id] then return false end
  end
  return extends(draft.content, last.said) and extends(draft.system, last.instruct)
end

local NO_DRAFT = { results = {}, said = {}, instruct = {} }

---@param out string[]
---@param chat claude.Conversation
---@param last claude.Recorded
---@param anew boolean
local function put_draft(out, chat, last, anew)
  local draft = chat.draft
  if anew or not draft_extends(draft, last) then
    put(out, "draft", "")
    put_calls(out, chat)
    last = NO_DRAFT
  end
  for _, id in ipairs(tables.sorted_names(draft.results)) do
    if draft.results[id] ~= last.results[id] then put(out, "result", draft.results[id]) end
  end
  for i = #last.said + 1, #draft.content do
    put(out, "said", draft.content[i])
  end
  for i = #last.instruct + 1, #draft.system do
    put(out, "instruct", draft.system[i])
  end
end

---@param out string[]
---@param transcript userdata
---@param before userdata
---@return boolean said whether a message of the user's is among the new ones
local function put_messages(out, transcript, before)
  local kept, said = transcript:shared(before), false
  if kept < before:count() then put(out, "keep", tostring(kept)) end
  for i = kept + 1, transcript:count() do
    put(out, "message", transcript:get(i))
    said = said or transcript:role(i) == "user"
  end
  return said
end

-- What the records say of calls that are in the conversation no more is to be given up.
---@param chat claude.Conversation
---@param said boolean
function Journal:_forget_calls(chat, said)
  if next(chat.begun) then
    local open = {}
    for _, call in ipairs(history.open_calls(chat.transcript)) do
      open[call.id] = true
    end
    for id in pairs(chat.begun) do
      local left = not (open[id] or chat.at_work[id])
      self.stale = self.stale or left
      if left or chat.draft.results[id] then chat.begun[id] = nil end
    end
  end
  -- The reply after what the user says has not begun to arrive.
  if said and next(self.early) then
    self.early, self.stale = {}, true
  end
end

---@param chat claude.Conversation
---@param parts claude.Saved
---@return string payload "" when nothing has changed
function Journal:_change(chat, parts)
  local out, last = {}, self.last
  self:_forget_calls(chat, put_messages(out, chat.transcript, last.transcript))
  put_draft(out, chat, last, self.stale)
  local params = params_text(parts.params)
  if params ~= last.params then
    put(out, "params", "")
    out[#out + 1] = params
  end
  if parts.state ~= last.state then put(out, "state", parts.state) end
  return table.concat(out)
end

---@param chat claude.Conversation
---@param warn claude.Warn
---@return string payload
---@return claude.Saved parts
function Journal:_whole(chat, warn)
  local saved = assert(store.saved(chat, warn))
  local out = {}
  save.put_all(out, saved)
  for _, id in ipairs(tables.sorted_names(self.early)) do
    put(out, "early", self.early[id])
  end
  return table.concat(out), saved
end

-- After a failed sync all is written anew.
---@param chat claude.Conversation
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:_restart(chat)
  self:_forget_calls(chat, false)
  local payload, saved = self:_whole(chat, silent)
  local now = recorded(chat, saved)
  local done, problem = self.log:restart(payload)
  if not done then return self:failure(problem) end
  self.last, self.stale = now, false
  return true
end

--- Writes down what has changed, if anything has. It is not synced yet.
---@param chat claude.Conversation
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:note(chat)
  if self.log.in_doubt then return self:_restart(chat) end
  local parts, problem = store.parts(chat, silent)
  if not parts then return self:failure(problem) end
  local payload = self:_change(chat, parts)
  if payload == "" then return true end
  -- Made before: if memory fails, what was written must not be written twice.
  local now = recorded(chat, parts)
  local done
  done, problem = self.log:append(logs.CHANGE, payload)
  if not done then return self:failure(problem) end
  self.last, self.stale = now, false
  return true
end

--- Waits until all that was written down is synced.
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:settle()
  local done, problem = self.log:sync()
  if done then return true end
  return self:failure(problem)
end

--- Both.
---@param chat claude.Conversation
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:sync(chat)
  local done, text, err = self:note(chat)
  if not done then return nil, text, err end
  return self:settle()
end

---@param chat claude.Conversation
---@param name string
---@param json string
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:_add(chat, name, json)
  -- What was changed before comes before it; after a failed sync it is part of the whole.
  local done, text, err = self:note(chat)
  if not done then return nil, text, err end
  local out = {}
  put(out, name, json)
  local problem
  done, problem = self.log:append(logs.CHANGE, table.concat(out))
  if not done then return self:failure(problem) end
  return self:settle()
end

--- A tool is about to run: not before this is on the disk.
---@param chat claude.Conversation
---@param id string
---@param name string
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:begin_call(chat, id, name)
  chat.begun[id] = name
  local json = assert(core.encode({ id = id, name = name }))
  local done, text, err = self:_add(chat, "call", json)
  return done, text, err
end

--- The tool was not called, and will not be, although its call may be in the journal.
---@param chat claude.Conversation
---@param id string
function Journal:give_up_call(chat, id)
  if not chat.begun[id] then return end
  chat.begun[id], self.stale = nil, true
end

--- The result of a call is there, in the draft; of one whose reply is not whole, it is given.
---@param chat claude.Conversation
---@param id string
---@param early? string
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:end_call(chat, id, early)
  if not early then return self:sync(chat) end
  chat.begun[id], self.early[id] = nil, early
  return self:_add(chat, "early", early)
end

--- The first record: the conversation as it is.
---@param chat claude.Conversation
---@return true?
---@return string? text
---@return claude.Error? err
function Journal:begin(chat)
  local payload, saved = self:_whole(chat, chat:_warner())
  self.last = recorded(chat, saved)
  local done, problem = self.log:append(logs.WHOLE, payload)
  if not done then return self:failure(problem) end
  return true
end

--- The conversation is what the records say.
---@param chat claude.Conversation
---@param early table<string, string>
function Journal:resume(chat, early)
  self.last, self.early = recorded(chat, assert(store.parts(chat, silent))), early
end

--- Gives the storage free.
function Journal:close() self.log:close() end

---@param log claude.JournalLog?
---@param name string where it is, for people
---@return claude.Journal
function M.new(log, name)
  return setmetatable({ log = log, name = name, early = {}, stale = false }, Journal)
end

--- What a verb takes back when its change cannot be written down; nil without a journal.
---@param chat claude.Conversation
---@return table?
function M.before(chat)
  if not chat.journal then return nil end
  return {
    transcript = chat.transcript:fork(),
    draft = chat.draft:copy(),
    state = tables.merged(chat.state),
    begun = tables.merged(chat.begun),
    tool_list = chat.tool_list,
    marks = {},
  }
end

--- Writes a verb's change down, or takes it back: also when there is no memory to write it
--- down with.
---@param chat claude.Conversation
---@param before? table
---@return true?
---@return string? text
---@return claude.Error? err
function M.after(chat, before)
  if not before then return true end
  -- Nothing that needs memory comes before the call. Appending never waits: pcall does, on
  -- PUC 5.1, too.
  local called, done, text, err = pcall(chat.journal.note, chat.journal, chat)
  if called and done then return true end
  for name, value in pairs(before) do
    chat[name] = value
  end
  if not called then error(done, 0) end
  return nil, text, err
end

return M
