--- The driver for programs without an event loop: waits by itself, and only when asked.
--- The contract is at the top of claude/loop/init.lua.
local net = require("claude.c_part")("claude.net")

local M = { name = "blocking" }

---@param _ claude.Ready
---@param take claude.Take
---@return claude.Driver?
---@return string? text why there is none
function M.new(_, take)
  local poller, text = net.poller()
  if not poller then return nil, text end
  local D = { poller = poller, run = take }

  function D.watch(fd, mask)
    local is_watched, problem = D.poller:watch(fd, mask)
    if not is_watched then error(problem, 0) end -- as it is: that there is no memory is told again
  end

  -- The parent's poller would go on telling of the parent's connections.
  function D.forked() D.poller = assert(net.poller()) end

  return D
end

return M
