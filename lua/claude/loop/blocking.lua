--- The driver for programs without an event loop: waits by itself, and only when asked.
--- The contract is at the top of claude/loop/init.lua.
local net = require("claude.c_part")("claude.net")

local M = { name = "blocking" }

---@param ready claude.Ready
---@param take claude.Take
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready, take)
  local poller, text = net.poller()
  if not poller then return nil, text end
  local watched = {} -- descriptors, as a set
  local count = 0
  local due -- when ready() was asked for, on the clock of net.now

  local D = {}

  function D.watch(fd, mask)
    assert(poller:watch(fd, mask))
    local wanted, before = mask ~= 0 or nil, watched[fd]
    watched[fd] = wanted
    if wanted ~= before then count = count + (wanted and 1 or -1) end
  end

  function D.timer(ms) due = ms >= 0 and net.now() + ms / 1000 or nil end

  local function time_left()
    if not due then return -1 end
    return math.max(0, math.ceil((due - net.now()) * 1000))
  end

  -- The parent's poller would go on telling of the parent's connections.
  function D.forked()
    poller = assert(net.poller())
    watched, count, due = {}, 0, nil
  end

  function D.run(wait)
    if wait and count == 0 and not due then return false end
    -- Whatever happened, what was due by then is done, too.
    if take(poller, wait and time_left() or 0) > 0 then return true end
    if due and net.now() >= due then
      due = nil
      ready()
    end
    return true
  end

  return D
end

return M
