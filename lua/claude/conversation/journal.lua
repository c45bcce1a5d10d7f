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
local replay = require("claude.conversation.replay")
local save = require("claude.conversation.save")
local store = require("claude.conversation.store")
local tables = require("claude.tables")

local put = save.put

local M = {}

---@class claude.Journal
---@field private log claude.JournalLog
---@field private name string of the storage, for people
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

---@param problem string?
---@return nil
---@return string
---@return claude.Error
function Journal:_failure(problem)
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
  if not done then return self:_failure(problem) end
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
  if not parts then return self:_failure(problem) end
  local payload = self:_change(chat, parts)
  if payload == "" then return true end
  -- Made before: if memory fails, what was written must not be written twice.
  local now = recorded(chat, parts)
  local done
  done, problem = self.log:append(logs.CHANGE, payload)
  if not done then return self:_failure(problem) end
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
  return self:_failure(problem)
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
  if not done then return self:_failure(problem) end
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
  -- It does not run then.
  if not done then chat.begun[id] = nil end
  return done, text, err
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

--- Gives the storage free.
function Journal:close() self.log:close() end

local LOST = "%s had begun to run, and its call was not taken into the conversation:"
  .. " the program ended before the reply was whole"

-- Calls that began while their reply arrived, and were lost with it.
---@param client claude.Client
---@param saved claude.Replayed
---@param transcript userdata
local function tell_lost_calls(client, saved, transcript)
  if not saved.fresh then return end
  local open = {}
  for _, call in ipairs(history.open_calls(transcript)) do
    open[call.id] = true
  end
  for id, name in pairs(saved.begun) do
    if not open[id] then client:warn("early_call_dropped", LOST:format(name)) end
  end
end

---@param storage claude.JournalStorage
---@param log claude.JournalLog
---@return claude.Journal
local function new_journal(storage, log)
  local name = type(storage) == "table" and rawget(storage, "path") or "in a storage of your own"
  return setmetatable({
    log = log,
    name = core.utf8_scrub(tostring(name)),
    early = {},
    stale = false,
  }, Journal)
end

---@param journal claude.Journal
---@param chat claude.Conversation
---@return true?
---@return string? text
---@return claude.Error? err
local function begin_journal(journal, chat)
  local payload, saved = journal:_whole(chat, chat:_warner())
  journal.last = recorded(chat, saved)
  local done, problem = journal.log:append(logs.WHOLE, payload)
  if not done then return journal:_failure(problem) end
  return true
end

local CHANGED = "system is not what the journal began with: the model keeps seeing that"

---@param client claude.Client
---@param journal claude.Journal
---@param saved claude.Replayed
---@param given table fields of a conversation that would begin now
---@return table? fields
---@return string? problem
local function restored(client, journal, saved, given)
  local fields, problem = store.restored(client, saved, given.tool_list, {})
  if not fields then return nil, problem end
  tell_lost_calls(client, saved, fields.transcript)
  journal.early = saved.early
  if given.sealed.system and given.sealed.system ~= fields.sealed.system then
    client:warn("system_changed", CHANGED, journal.name)
  end
  return fields
end

---@param journal claude.Journal
---@param records claude.JournalRecord[]
---@param client claude.Client
---@param given table
---@param make fun(client: claude.Client, fields: table): claude.Conversation
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
local function attached(journal, records, client, given, make)
  local saved, problem = replay.read(records)
  local fields = given
  if saved then
    fields, problem = restored(client, journal, saved, given)
  end
  if problem then return journal:_failure(problem) end
  local chat = make(client, fields)
  local done, text, err
  if saved then
    journal.last = recorded(chat, assert(store.parts(chat, silent)))
    chat.params = tables.merged(chat.params, given.params)
    done, text, err = journal:note(chat)
  else
    done, text, err = begin_journal(journal, chat)
  end
  if not done then return nil, text, err end
  chat.journal = journal
  return chat
end

local CUT = "the last record of the journal %s was not whole: %d bytes were cut off"

---@param journal any
---@param level integer
---@return claude.JournalStorage? storage
---@return string? text
---@return claude.Error? err
local function storage_of(journal, level)
  if type(journal) == "string" then return require("claude.journal.file").open(journal, nil, 1) end
  local places = require("claude.journal")
  for _, name in ipairs(places.METHODS) do
    if type(journal) ~= "table" or type(journal[name]) ~= "function" then
      local text = "client:conversation: journal must be a path or a storage with a method %s"
      error(text:format(name), level + 1)
    end
  end
  return journal
end

---@param client claude.Client
---@param journal string|claude.JournalStorage
---@param level integer stack level of the caller to blame
---@param attach function gives the conversation of a journal and its records
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
local function opened(client, journal, level, attach)
  local storage, text, err = storage_of(journal, level + 1)
  if not storage then return nil, text, err end
  local log, records = logs.open(storage)
  local self = new_journal(storage, log --[[@as claude.JournalLog]])
  if not log then
    if type(journal) == "string" then storage:close() end
    return self:_failure(records --[[@as string]])
  end
  local chat
  chat, text, err = attach(self, records --[[@as claude.JournalRecord[] ]])
  if not chat then
    log:close()
    return nil, text, err
  end
  if log.cut > 0 then client:warn("journal_cut", CUT:format(self.name, log.cut)) end
  return chat
end

--- A conversation with a journal: the one that is there, or a new one.
---@param client claude.Client
---@param journal string|claude.JournalStorage
---@param given table fields of a conversation that would begin now
---@param make fun(client: claude.Client, fields: table): claude.Conversation
---@param level integer stack level of the caller to blame
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function M.open(client, journal, given, make, level)
  local chat, text, err = opened(
    client,
    journal,
    level + 1,
    function(self, records) return attached(self, records, client, given, make) end
  )
  return chat, text, err
end

local TAKEN = "a conversation is in it already: client:conversation{ journal = … } opens it"

--- Begins a journal with a conversation that was loaded.
---@param client claude.Client
---@param journal string|claude.JournalStorage
---@param fields table of the conversation
---@param make fun(client: claude.Client, fields: table): claude.Conversation
---@param level integer stack level of the caller to blame
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function M.begin(client, journal, fields, make, level)
  local chat, text, err = opened(client, journal, level + 1, function(self, records)
    if records[1] then return self:_failure(TAKEN) end
    return attached(self, records, client, fields, make)
  end)
  return chat, text, err
end

-- From here on: what verbs of a conversation do with it.

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
  }
end

--- Writes a verb's change down, or takes it back.
---@param chat claude.Conversation
---@param before? table
---@return true?
---@return string? text
---@return claude.Error? err
function M.after(chat, before)
  if not before then return true end
  local done, text, err = chat.journal:note(chat)
  if done then return true end
  for name, value in pairs(before) do
    chat[name] = value
  end
  chat.marks = {}
  return nil, text, err
end

return M
