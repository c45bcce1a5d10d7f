--- What a disk may hold after a crash, by a trace of what was done to it.
---
--- A write or a cut that was synced is there. Of the others any may be missing, whatever came
--- after them, and a write may be there in part: its beginning, its end (with zeros before), or
--- its length only. A name that was not synced may be missing with all of the file. What was
--- pending when a sync failed may be missing for ever: a later sync does not bring it back.

local M = {}

local SECTOR, SMALL = 512, 160

---@class spec.Disk
---@field base string what is surely there
---@field ops { entry: spec.TraceEntry, doomed: boolean?, synced: boolean? }[] in their order
---@field named boolean
---@field synced? boolean that it was, once
local Disk = {}
Disk.__index = Disk

---@param base? string bytes of a file that was there before
---@return spec.Disk
function M.disk(base)
  return setmetatable({ base = base or "", ops = {}, named = base ~= nil }, Disk)
end

---@param bytes string
---@param offset integer
---@param more string
---@return string
local function written(bytes, offset, more)
  local gap = offset - #bytes
  if gap > 0 then bytes = bytes .. ("\0"):rep(gap) end
  return bytes:sub(1, offset) .. more .. bytes:sub(offset + #more + 1)
end

-- The part of a write that has come to the disk.
---@class spec.Part
---@field first integer its first byte
---@field last integer
---@field grown boolean the file is as long as if all had come

---@param bytes string
---@param entry spec.TraceEntry
---@param part? spec.Part in place of the whole
---@return string
local function applied(bytes, entry, part)
  if entry.kind == "write" and part then
    local size = entry.offset + #entry.bytes
    if part.grown and size > #bytes then bytes = bytes .. ("\0"):rep(size - #bytes) end
    return written(bytes, entry.offset + part.first - 1, entry.bytes:sub(part.first, part.last))
  end
  if entry.kind == "write" then return written(bytes, entry.offset, entry.bytes) end
  if entry.size > #bytes then return bytes .. ("\0"):rep(entry.size - #bytes) end
  return bytes:sub(1, entry.size)
end

--- Takes the next entry of a trace.
---@param entry spec.TraceEntry
---@return boolean changed whether what may be on the disk is something else now
function Disk:take(entry)
  if entry.kind == "write" or entry.kind == "cut" then
    self.ops[#self.ops + 1] = { entry = entry }
  elseif entry.kind == "lost" then
    for _, op in ipairs(self.ops) do
      op.doomed = not op.synced or nil
    end
  elseif entry.kind == "sync" then
    self.synced = true
    for _, op in ipairs(self.ops) do
      op.synced = not op.doomed
    end
    while self.ops[1] and self.ops[1].synced do
      self.base = applied(self.base, table.remove(self.ops, 1).entry)
    end
  elseif entry.kind == "folder" then
    self.named = true
  else
    return false
  end
  return true
end

--- What the program sees: everything was done.
---@return string
function Disk:whole()
  local bytes = self.base
  for _, op in ipairs(self.ops) do
    bytes = applied(bytes, op.entry)
  end
  return bytes
end

---@param missing table<integer, boolean> by the number of the operation
---@param torn? integer a write of which there is a part
---@param part? spec.Part
---@return string
function Disk:without(missing, torn, part)
  local bytes = self.base
  for i, op in ipairs(self.ops) do
    if not missing[i] then bytes = applied(bytes, op.entry, i == torn and part or nil) end
  end
  return bytes
end

-- Operations that may be missing.
---@return integer[]
function Disk:uncertain()
  local list = {}
  for i, op in ipairs(self.ops) do
    if not op.synced then list[#list + 1] = i end
  end
  return list
end

---@param list integer[]
---@param bits integer
---@return table<integer, boolean>
local function chosen(list, bits)
  local set = {}
  for _, item in ipairs(list) do
    if bits % 2 == 1 then set[item] = true end
    bits = math.floor(bits / 2)
  end
  return set
end

-- All subsets of a few; none, all, each single one, all but each, and some by chance of many.
---@param list integer[]
---@param dice spec.Dice
---@return table<integer, boolean>[]
local function subsets(list, dice)
  local sets = {}
  if #list <= 5 then
    for bits = 0, 2 ^ #list - 1 do
      sets[#sets + 1] = chosen(list, bits)
    end
    return sets
  end
  local all = 2 ^ #list - 1
  sets[1], sets[2] = chosen(list, 0), chosen(list, all)
  for i = 0, #list - 1 do
    sets[#sets + 1] = chosen(list, 2 ^ i)
    sets[#sets + 1] = chosen(list, all - 2 ^ i)
  end
  for _ = 1, 16 do
    sets[#sets + 1] = chosen(list, dice:number(all))
  end
  return sets
end

-- Where a write may be torn: at each byte of a small one.
---@param entry spec.TraceEntry
---@param dice spec.Dice
---@param thin integer one place of so many
---@return integer[]
local function places(entry, dice, thin)
  local list, size = {}, #entry.bytes
  if size <= SMALL and thin == 1 then
    for at = 1, size - 1 do
      list[at] = at
    end
    return list
  end
  for at = SECTOR - entry.offset % SECTOR, size - 1, SECTOR do
    if thin == 1 or dice:once_in(thin) then list[#list + 1] = at end
  end
  for _ = 1, math.ceil(24 / thin) do
    if size > 1 then list[#list + 1] = dice:number(size - 1) end
  end
  return list
end

-- A sector is written whole: a part may be missing before another, but not within one.
---@param entry spec.TraceEntry
---@param at integer
---@return spec.Part[]
local function parts(entry, at)
  local list = { { first = 1, last = at }, { first = 1, last = at, grown = true } }
  if (entry.offset + at) % SECTOR == 0 then
    list[3] = { first = at + 1, last = #entry.bytes, grown = true }
  end
  return list
end

--- Calls `try` with everything that may be on the disk now.
---@param dice spec.Dice
---@param thin integer 1: everything; else a sample, one of so many
---@param try fun(bytes: string)
function Disk:each(dice, thin, try)
  local list = self:uncertain()
  if not self.named then try("") end
  for _, missing in ipairs(subsets(list, dice)) do
    try(self:without(missing))
  end
  for _, i in ipairs(list) do
    local entry = self.ops[i].entry
    -- The others are there; or those are that came before; or none is.
    local sets = { {}, {}, {} }
    for _, other in ipairs(list) do
      sets[2][other] = other > i or nil
      sets[3][other] = other ~= i or nil
    end
    if entry.kind ~= "write" then sets = {} end
    for n = 1, #list == 1 and #sets > 0 and 1 or #sets do
      for _, at in ipairs(places(entry, dice, thin)) do
        for _, part in ipairs(parts(entry, at)) do
          try(self:without(sets[n], i, part))
        end
      end
    end
  end
end

return M
