--- Records in a storage, in the form of csrc/core/journal.h: appended one by one, synced
--- together, read back after a crash.
---
--- * A record is written at once and synced when somebody asks. Who asks while a sync is under
---   way waits for the next one, together with all others who do: ten tools that start at once
---   cost two syncs, not ten.
--- * A record that could not be written whole is cut off again; the log is what it was.
--- * A storage that raises has failed, like one that returns why.
--- * After a sync that failed nobody knows which of the bytes since the last good one are on
---   the disk, and systems forget that they did not write them: a second sync would succeed
---   and mean nothing. So the log is in doubt until `restart` has cut it back to what is known
---   to be there and written everything anew.
--- * What was there when it was opened, and is not known to be on the disk, may have been
---   relied on all the same: it is never cut. It is written once more before the first sync.

local core = require("claude.core")
local errors = require("claude.errors")
local tasks = require("claude.tasks")

---@class claude.JournalLog
---@field in_doubt? string why: a sync failed
---@field cut integer bytes of a torn record that were cut off when it was opened
---@field package storage claude.JournalStorage
---@field package salt string
---@field package size integer bytes of whole records
---@field package mark integer of the last of them: the next one names it
---@field package durable integer bytes that are known to survive
---@field package found integer bytes of whole records that a restart keeps
---@field package found_mark integer of the last of those
---@field package tail? string those of them that are not known to survive
---@field package ragged? boolean something may stand behind the whole records
---@field package syncing? claude.Signal set when the sync that is under way has ended
---@field package closed? boolean
local Log = {}
Log.__index = Log

local M = {}

--- The payload is the whole state; or what has changed since the record before.
M.WHOLE, M.CHANGE = 1, 2

local LONGEST = 2 ^ 30
local CLOSED = "the journal was closed"

local in_use = setmetatable({}, { __mode = "kv" }) -- storage -> its log

-- Nothing secret: the file must differ from others.
---@return string
local function new_salt()
  local text = ("%s %s %s"):format(os.time(), os.clock(), tostring({}))
  return core.sha256(text, true):sub(1, 8)
end

local ODD = "%s must return true, or nil and why it failed, not a %s"

-- What a method of the storage has returned. A count, or whatever else a system call gave,
-- is not taken for success: it may be that of a write that was short, or -1. What raises has
-- failed as well.
---@param name string of the method
---@param called boolean
---@param done any
---@param problem any
---@return true?
---@return string? problem
local function answer(name, called, done, problem)
  if not called then return nil, ("%s raised: %s"):format(name, errors.text_of(done)) end
  if done == true then return true end
  if done then return nil, ODD:format(name, type(done)) end
  if problem == nil then return nil, name .. " failed, and did not say why" end
  return nil, tostring(problem)
end

-- For methods that do not wait.
---@param storage claude.JournalStorage
---@param name string of the method
---@param ... any
---@return true?
---@return string? problem
local function ask(storage, name, ...) return answer(name, pcall(storage[name], storage, ...)) end

---@return true?
---@return string? problem
function Log:_trim()
  self.ragged = true -- also when it raises
  local done, problem = ask(self.storage, "truncate", self.size)
  self.ragged = not done
  return done, problem
end

---@param kind integer
---@param payload string
---@return string
---@return integer mark
function Log:_record(kind, payload)
  local first = self.size == 0 and core.journal_first(self.salt) or ""
  local synced = self.storage.syncs == false and 0 or self.durable
  local offset = self.size + #first
  local head, mark = core.journal_head(self.salt, offset, synced, kind, payload, self.mark)
  return first .. head .. payload, mark
end

-- Whether who opens it later will find it.
---@return true?
---@return string? problem
function Log:_present()
  if not self.storage.present then return true end
  return ask(self.storage, "present")
end

---@param kind integer
---@param payload string
---@return true?
---@return string? problem
function Log:_put(kind, payload)
  if #payload > LONGEST then return nil, "a record holds at most 1 GiB" end
  local present, gone = self:_present()
  if not present then return nil, gone end
  if self.ragged then
    local trimmed, problem = self:_trim()
    if not trimmed then return nil, problem end
  end
  local record, mark = self:_record(kind, payload)
  self.ragged = true -- what fails may leave a part of it
  local added, problem = ask(self.storage, "append", record)
  if not added then
    self:_trim()
    return nil, problem
  end
  self.size, self.mark, self.ragged = self.size + #record, mark, false
  return true
end

--- Adds a record. It is not synced yet.
---@param kind integer
---@param payload string
---@return true?
---@return string? problem
function Log:append(kind, payload)
  if self.closed then return nil, CLOSED end
  if self.in_doubt then return nil, self.in_doubt end
  return self:_put(kind, payload)
end

---@param syncing claude.Signal of those who wait for it
---@return true?
---@return string? problem
function Log:_sync_storage(syncing)
  self.syncing = syncing -- not before: there may be no memory even to call this
  local storage, tail = self.storage, self.tail
  if tail and tail ~= "" and storage.rewrite then
    local done, problem = ask(storage, "rewrite", self.found - #tail, tail)
    if not done then return nil, problem end
  end
  return answer("sync", true, storage:sync())
end

local NOT_SYNCED = "it could not be synced"

---@param goal integer
---@param mark integer
function Log:_note_synced(goal, mark)
  self.tail = nil
  self.durable = math.max(self.durable, goal)
  if goal > self.found then
    self.found, self.found_mark = goal, mark
  end
end

---@param syncing claude.Signal of those who wait for it
---@param goal integer
---@param mark integer
---@param called boolean
---@param done any
---@param problem any
function Log:_synced(syncing, goal, mark, called, done, problem)
  if self.syncing == syncing then self.syncing = nil end
  if called and done then
    self:_note_synced(goal, mark)
    return syncing:set()
  end
  self.in_doubt = NOT_SYNCED -- before anything that needs memory
  syncing:set()
  if not called then problem = select(2, answer("sync", false, done)) end
  self.in_doubt = ("%s: %s"):format(NOT_SYNCED, problem)
end

-- In a task of its own, which alone may wait and raise on PUC 5.1. Whatever happens to the one
-- that asks, all hear how it ended.
---@param log claude.JournalLog
---@param syncing claude.Signal
---@param goal integer
---@param mark integer
local function start_sync(log, syncing, goal, mark)
  log.syncing = syncing
  local function on_end(outcome)
    if not outcome.ok then return log:_synced(syncing, goal, mark, false, outcome.raised) end
    log:_synced(syncing, goal, mark, true, outcome[1], outcome[2])
  end
  local task = tasks.spawn_under(nil, log._sync_storage, log, syncing)
  task.on_end = on_end
  local outcome = task:result() -- says, too, that somebody looks
  if outcome then on_end(outcome) end -- the host starts none
end

-- What is raised, as that there is no memory, must leave nobody waiting.
function Log:_sync_now()
  local goal, mark = self.size, self.mark
  if self.storage.check then self.storage:check() end
  local syncing = tasks.signal()
  if tasks.can_protect() then
    return self:_synced(syncing, goal, mark, pcall(self._sync_storage, self, syncing))
  end
  local started, raised = pcall(start_sync, self, syncing, goal, mark)
  if not started then return self:_synced(syncing, goal, mark, false, raised) end
  syncing:wait_to_the_end()
end

--- Waits until every record so far is synced.
---@return true?
---@return string? problem
function Log:sync()
  local goal = self.size
  local present, gone = self:_present()
  if not (present or self.closed) then return nil, gone end
  while self.durable < goal and not self.in_doubt and not self.closed do
    if self.syncing then
      self.syncing:wait_to_the_end()
    else
      self:_sync_now()
    end
  end
  if self.closed then return nil, CLOSED end
  if self.durable >= goal then return true end
  return nil, self.in_doubt
end

--- Writes everything anew behind what is known to be on the disk.
---@param payload string the whole state
---@return true?
---@return string? problem
function Log:restart(payload)
  if self.closed then return nil, CLOSED end
  self.size, self.mark = self.found, self.found_mark
  local done, problem = self:_trim()
  if done then
    done, problem = self:_put(M.WHOLE, payload)
  end
  if done then self.in_doubt = nil end
  return done, problem
end

--- Gives the storage free. May be called again.
function Log:close()
  if self.closed then return end
  self.closed = true
  in_use[self.storage] = nil
  self.storage:close()
end

---@class claude.JournalRecord
---@field kind integer
---@field payload string
---@field offset integer
---@field synced integer

-- As far as records say it, which were written later.
---@param records claude.JournalRecord[]
---@return integer bytes
local function known_to_survive(records)
  local durable = 0
  for _, record in ipairs(records) do
    durable = math.max(durable, record.synced)
  end
  return durable
end

---@param storage claude.JournalStorage
---@return claude.JournalLog? log
---@return claude.JournalRecord[]|string records or what is wrong
local function read(storage)
  local called, bytes, problem = pcall(storage.read, storage)
  if not called then return nil, "read raised: " .. errors.text_of(bytes) end
  if not bytes then return nil, tostring(problem or "it cannot be read") end
  if type(bytes) ~= "string" then
    return nil, "read must return the bytes as a string, not a " .. type(bytes)
  end
  local records, info, offset = core.journal_read(bytes)
  if not records then return nil, ("%s (at byte %d)"):format(info, offset) end
  local kept = info.kept
  local durable = math.min(known_to_survive(records), kept)
  local log = {
    storage = storage,
    salt = info.salt or new_salt(),
    size = kept,
    mark = info.mark,
    found = kept,
    found_mark = info.mark,
    cut = #bytes - kept,
    durable = durable,
    tail = bytes:sub(durable + 1, kept),
  }
  return setmetatable(log, Log), records
end

--- Opens a storage: what is torn at its end is cut off.
---@param storage claude.JournalStorage
---@return claude.JournalLog? log
---@return claude.JournalRecord[]|string records or what is wrong
function M.open(storage)
  if in_use[storage] then return nil, "another conversation has it open" end
  local log, records = read(storage)
  if not log then return nil, records end
  if log.cut > 0 then
    local trimmed, problem = log:_trim()
    if not trimmed then return nil, problem end
  end
  in_use[storage] = log
  return log, records
end

return M
