--- A journal in memory whose methods fail when they are told to.
local claude = require("claude")

local M = {}

--- `storage.fails.append = n`: the next append leaves n bytes and fails; `fails.truncate` and
--- `fails.sync` are true for the same. `storage.full`: every append fails. `storage.gate`: a
--- signal that every sync waits for. `storage.syncs` counts them; `storage.synced` is what the
--- last good one found, in bytes.
---@param bytes string?
---@return claude.JournalStorage
function M.new(bytes)
  local storage = claude.journal.memory(bytes)
  local memory = getmetatable(storage).__index
  storage.syncs, storage.synced, storage.fails = 0, 0, {}
  local function failure(name)
    local how = storage.fails[name]
    storage.fails[name] = nil
    return how
  end
  function storage:append(more)
    local how = failure("append") or self.full and 0
    if not how then return memory.append(self, more) end
    memory.append(self, more:sub(1, how))
    return nil, "No space left on device"
  end
  function storage:truncate(size)
    if failure("truncate") then return nil, "Input/output error" end
    return memory.truncate(self, size)
  end
  function storage:sync()
    self.syncs = self.syncs + 1
    local there = #self:read()
    if self.gate then self.gate:wait_to_the_end() end
    if failure("sync") then return nil, "Input/output error" end
    self.synced = there
    return true
  end
  return storage
end

return M
