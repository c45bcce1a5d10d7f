--- A finished journal cut at each byte, with each byte changed, and with something behind it.
---
--- A cut leaves what the conversation was at its last whole record. A change is an error that
--- names the record, and leaves the journal alone; but in what was written since the last sync
--- that a later record tells of: that may be torn, and goes, with a warning.
local claude = require("claude")
local core = require("claude.core")
local scenario = require("spec.kill.scenario")
local states = require("spec.kill.states")
local tellers = require("spec.kill.tellers")

local M = {}

---@class spec.Damage
---@field crashes spec.Crashes
---@field run spec.KillRun
---@field bytes string of a whole journal
---@field records { offset: integer, synced: integer, last: integer }[]
local Damage = {}
Damage.__index = Damage

---@param bytes string
---@return spec.Opened
function Damage:open(bytes) return self.crashes:open(bytes) end

-- The last record that is whole in so many bytes; 0: none is.
---@param size integer
---@return integer
function Damage:whole_in(size)
  local number = 0
  while self.records[number + 1] and self.records[number + 1].last <= size do
    number = number + 1
  end
  return number
end

-- What the conversation was after so many records.
---@param number integer
---@return spec.Opened
function Damage:version(number)
  return self:open(number == 0 and "" or self.bytes:sub(1, self.records[number].last))
end

---@param what string
---@param bytes string
---@param number integer of the record up to which it is good
function Damage:expect_version(what, bytes, number)
  local opened, expected = self:open(bytes), self:version(number)
  local problem = opened.problem
  if not problem and opened.key ~= expected.key then
    problem = ("it is not what it was after %d records"):format(number)
  end
  self.run:damaged(what, problem)
end

--- Cut after every so manieth byte.
---@param stride integer
function Damage:cuts(stride)
  for size = 0, #self.bytes, stride do
    local what = ("cut after %d bytes"):format(size)
    self:expect_version(what, self.bytes:sub(1, size), self:whole_in(size))
  end
end

-- Whether a record behind the byte says that it was on the disk.
---@param record { offset: integer }
---@return boolean
function Damage:is_known(record)
  local last = self.records[#self.records]
  return last.synced > record.offset
end

-- It does not open, says where, and leaves the bytes as they are.
---@param what string
---@param bytes string
---@param offset? integer
function Damage:expect_error(what, bytes, offset)
  local storage = claude.journal.memory(bytes)
  local chat, text, err = scenario.open(self.crashes.client, storage, tellers.to_list({}))
  local problem
  if chat then
    problem = "it opens"
    chat:close()
  elseif err.kind ~= "storage" then
    problem = "the error is of kind " .. err.kind
  elseif not text:find(("(at byte %s"):format(offset or ""), 1, true) then
    problem = ("the error does not name byte %s: %s"):format(offset or "", text)
  elseif storage:read() ~= bytes then
    problem = "it was changed"
  end
  self.run:damaged(what, problem)
end

--- Every so manieth byte changed.
---@param stride integer
function Damage:flips(stride)
  local dice = self.run.dice
  for at = 1, #self.bytes, stride do
    local change = dice:number(255)
    local changed = string.char((self.bytes:byte(at) + change) % 256)
    local bytes = self.bytes:sub(1, at - 1) .. changed .. self.bytes:sub(at + 1)
    local what = ("byte %d changed by %d"):format(at - 1, change)
    local before = self:whole_in(at - 1)
    local record = self.records[before + 1]
    if at <= self.records[1].offset then
      self:expect_error(what, bytes)
    elseif self:is_known(record) then
      self:expect_error(what, bytes, record.offset)
    else
      self:expect_version(what, bytes, before)
    end
  end
end

---@param dice spec.Dice
---@param size integer
---@return string
local function garbage(dice, size)
  local bytes = {}
  for i = 1, size do
    bytes[i] = string.char(dice:number(256) - 1)
  end
  return table.concat(bytes)
end

--- Something behind the end, which is no record of this journal.
---@param count integer
---@param other string another journal
function Damage:appended(count, other)
  local dice, all = self.run.dice, #self.records
  for i = 1, count do
    local record = dice:pick(self.records)
    local more = dice:pick({
      garbage(dice, dice:number(600)),
      ("\0"):rep(dice:number(5000)),
      self.bytes:sub(record.offset + 1, record.last),
      other,
      other:sub(dice:number(#other)),
      (core.journal_head("another!", #self.bytes, 0, 2, "draft 0\n\n", 0)) .. "draft 0\n\n",
    })
    self:expect_version(("%d bytes more (%d)"):format(#more, i), self.bytes .. more, all)
  end
end

--- Files that are nobody's, or another's.
function Damage:strangers()
  for _, bytes in ipairs({
    "hello",
    "lua-claude conversation 1\n",
    "lua-claude journal 2 0123456789abcdef\n",
    ("\0"):rep(100) .. "somebody's",
    ("\0"):rep(40000) .. "\1CD001",
    ("\255"):rep(1000),
    "LUA-CLAUDE JOURNAL 1 0123456789ABCDEF\n",
  }) do
    self:expect_error(("a file that begins with %q"):format(bytes:sub(1, 30)), bytes)
  end
  for _, size in ipairs({ 0, 1, 37, 38, 39, 512, 4096, 100000 }) do
    self:expect_version(size .. " zeros", ("\0"):rep(size), 0)
  end
end

---@param crashes spec.Crashes
---@param run spec.KillRun
---@param entries spec.TraceEntry[] of a run without a failure
---@return spec.Damage
function M.new(crashes, run, entries)
  local disk = states.disk()
  for _, entry in ipairs(entries) do
    disk:take(entry)
  end
  local bytes = disk:whole()
  local records = assert(core.journal_read(bytes))
  for i, record in ipairs(records) do
    record.last = records[i + 1] and records[i + 1].offset or #bytes
  end
  return setmetatable({ crashes = crashes, run = run, bytes = bytes, records = records }, Damage)
end

return M
