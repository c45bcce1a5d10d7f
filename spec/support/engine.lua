--- Drives an engine of claude.net in specs.
local M = {}

--- Has the poller watch what the engine wants watched.
---@param engine claude.net.Engine
---@param poller claude.net.Poller
function M.watch(engine, poller)
  local fd, mask = engine:change()
  while fd do
    assert(poller:watch(fd, mask))
    fd, mask = engine:change()
  end
end

return M
