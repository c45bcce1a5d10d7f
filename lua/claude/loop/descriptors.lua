--- Descriptors that are not the HTTP engine's, such as the pipes of a child process: what to
--- wait for on each, and whom to tell.

---@class claude.Descriptor
---@field mask integer
---@field listener fun(mask: integer)
---@field refused boolean? the driver cannot watch it

---@class claude.Descriptors
---@field package watched table<integer, claude.Descriptor>
---@field package changes { fd: integer, mask: integer, stopped: fun()? }[] not told yet
---@field package ready table<integer, integer> masks of what nobody has been told of
---@field package any_ready boolean
local Descriptors = {}
Descriptors.__index = Descriptors
Descriptors.__name = "claude.Descriptors"

--- Says what to wait for from now on: 1 read, 2 write, 3 both. `listener(mask)` is called
--- outside tasks, and must not raise or wait.
---@param fd integer
---@param mask integer
---@param listener fun(mask: integer)
function Descriptors:watch(fd, mask, listener)
  local before = self.watched[fd]
  local is_known = before and before.mask == mask and not before.refused
  local entry = { mask = mask, listener = listener }
  -- There may be no memory for what follows: what is told and not watched is left out then.
  if not is_known then self.changes[#self.changes + 1] = { fd = fd, mask = mask } end
  self.watched[fd] = entry
end

--- Waits for nothing on it any more. `stopped` is called once the loop knows: then it may
--- be closed.
---@param fd integer
---@param stopped? fun()
function Descriptors:stop(fd, stopped)
  if not (self.watched[fd] or stopped) then return end
  self.changes[#self.changes + 1] = { fd = fd, mask = 0, stopped = stopped }
  -- Not before: there may be no memory to say so. Lua 5.1 makes room even for nil.
  if self.watched[fd] then self.watched[fd] = nil end
  if self.ready[fd] then self.ready[fd] = nil end
end

--- Whether it is one of these.
---@param fd integer
---@return boolean
function Descriptors:has(fd) return self.watched[fd] ~= nil end

--- Whether the driver watches any.
---@return boolean
function Descriptors:has_any()
  for _, entry in pairs(self.watched) do
    if not entry.refused then return true end
  end
  return false
end

--- It is ready: its listener is told with the next `hand_out`.
---@param fd integer
---@param mask integer
function Descriptors:note(fd, mask)
  self.ready[fd] = mask
  self.any_ready = true
end

--- Tells the listeners of what is ready.
function Descriptors:hand_out()
  if not self.any_ready then return end
  local ready = self.ready
  self.ready, self.any_ready = {}, false
  for fd, mask in pairs(ready) do
    local entry = self.watched[fd]
    if entry then entry.listener(mask) end
  end
end

--- Tells the driver what changed, in order. What found no memory on its way is told again.
---@param driver claude.Driver
function Descriptors:tell(driver)
  while self.changes[1] do
    local change = self.changes[1]
    if change.mask == 0 or self.watched[change.fd] then driver.watch(change.fd, change.mask) end
    if change.stopped then change.stopped() end
    table.remove(self.changes, 1)
  end
end

--- Leaves out the change that is next: the driver cannot do it.
function Descriptors:skip()
  local change = table.remove(self.changes, 1)
  local entry = change and change.mask ~= 0 and self.watched[change.fd]
  if entry then entry.refused = true end
end

--- Another driver knows of nothing yet: it is to be told everything.
---@return boolean whether there is anything
function Descriptors:tell_again()
  for fd, entry in pairs(self.watched) do
    self.changes[#self.changes + 1] = { fd = fd, mask = entry.mask }
    entry.refused = nil
  end
  return self.changes[1] ~= nil
end

local M = {}

---@return claude.Descriptors
function M.new()
  return setmetatable({ watched = {}, changes = {}, ready = {}, any_ready = false }, Descriptors)
end

return M
