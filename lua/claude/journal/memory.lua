--- A journal in memory.

---@class claude.MemoryJournal: claude.JournalStorage
---@field private pieces string[]
local Memory = {}
Memory.__index = Memory
Memory.__name = "claude.MemoryJournal"

---@return string
function Memory:read()
  self.pieces = { table.concat(self.pieces) }
  return self.pieces[1]
end

---@param bytes string
---@return true
function Memory:append(bytes)
  self.pieces[#self.pieces + 1] = bytes
  return true
end

---@param size integer
---@return true
function Memory:truncate(size)
  self.pieces = { self:read():sub(1, size) }
  return true
end

---@return true
function Memory:sync() return self ~= nil end

function Memory:close() self:read() end

local M = {}

---@param bytes string
---@return claude.MemoryJournal
function M.new(bytes) return setmetatable({ pieces = { bytes } }, Memory) end

return M
