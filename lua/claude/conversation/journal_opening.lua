--- Opens the journal of a conversation: what is there already, or a new one.

local core = require("claude.core")
local history = require("claude.conversation.history")
local journals = require("claude.conversation.journal")
local logs = require("claude.journal.log")
local replay = require("claude.conversation.replay")
local store = require("claude.conversation.store")
local tables = require("claude.tables")
local tasks = require("claude.tasks")

local M = {}

local LOST = "%s had begun to run, and its call was not taken into the conversation:"
  .. " the program ended before the reply was whole"

-- Calls that began while their reply arrived, and were lost with it; whether they came to
-- their end or not.
---@param client claude.Client
---@param saved claude.Replayed
---@param transcript userdata
local function tell_lost_calls(client, saved, transcript)
  local open = {}
  for _, call in ipairs(history.open_calls(transcript)) do
    open[call.id] = true
  end
  for id, name in pairs(saved.latest) do
    if not open[id] then client:warn("early_call_dropped", LOST:format(name)) end
  end
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
  if problem then return journal:failure(problem) end
  local chat = make(client, fields)
  local done, text, err
  if saved then
    journal:resume(chat, saved.early)
    chat.params = tables.merged(chat.params, given.params)
    done, text, err = journal:note(chat)
  else
    done, text, err = journal:begin(chat)
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

---@param storage claude.JournalStorage
---@return string
local function name_of(storage)
  local path = type(storage) == "table" and rawget(storage, "path")
  return type(path) == "string" and (core.utf8_scrub(path)) or "in a storage of your own"
end

local function protected(fn)
  if tasks.can_protect() then return pcall(fn) end
  return true, fn()
end

-- What raises, a storage or on_warning, must leave nothing locked.
---@param log claude.JournalLog
---@param fn fun(): claude.Conversation?, string?, claude.Error?
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
local function or_closed(log, fn)
  local called, chat, text, err = protected(fn)
  if called and chat then return chat end
  pcall(log.close, log)
  if not called then error(chat, 0) end
  return nil, text, err
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
  local self = journals.new(log, name_of(storage))
  if not log then
    if type(journal) == "string" then storage:close() end
    return self:failure(records --[[@as string]])
  end
  return or_closed(log, function()
    local chat, problem, failure = attach(self, records --[[@as claude.JournalRecord[] ]])
    if chat and log.cut > 0 then client:warn("journal_cut", CUT:format(self.name, log.cut)) end
    return chat, problem, failure
  end)
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
    if records[1] then return self:failure(TAKEN) end
    return attached(self, records, client, fields, make)
  end)
  return chat, text, err
end

return M
