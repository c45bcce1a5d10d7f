--- The driver inside Neovim, whose event loop is Neovim's own: it lends a descriptor and a
--- timer. The contract is at the top of claude/loop/init.lua.
---
--- What libuv calls may not touch the editor ("fast events"), so it only schedules; the work
--- is done where Neovim runs any Lua code, and tasks may use all of vim.api. One call is
--- scheduled at a time, and nothing is polled until it ran. There is no `run`: waiting would
--- freeze the editor.
---
--- The work comes in slices, between which the editor takes its input and draws.
local watchers = require("claude.loop.watcher")

local M = { name = "nvim" }

-- How long one slice of work may take, in seconds: what a key has to wait for, now and then.
M.SLICE = 0.002

-- Neovim ends its loop when it leaves, and nothing of ours may be in it then.
local function before_leaving(close)
  local function listen()
    vim.api.nvim_create_autocmd("VimLeavePre", { callback = close, once = true })
  end
  if vim.in_fast_event() then return vim.schedule(listen) end
  listen()
end

---@param ready fun(fd: integer?, mask: integer?)
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready)
  local uv = vim.uv or vim.loop
  local timer, idle = uv.new_timer(), uv.new_idle()
  local scheduled = false -- a call of `work` is outstanding
  local working = false -- inside `work`: code of a task may drive Neovim's loop by vim.wait
  local closed = false
  local is_soon = false -- ready() was asked for in the next round of the loop
  local is_due = false -- its time has come
  local awake = 0 -- rounds in which the loop must not wait
  local got, at, last = {}, 1, 0 -- descriptors that are ready and wait for their turn
  local watcher, text, work

  local function schedule()
    if scheduled or closed then return end
    scheduled = true
    watcher.hold()
    vim.schedule(work)
  end

  watcher, text = watchers.new(uv, schedule)
  if not watcher then return nil, text end

  -- Goes on where the last slice ended, so that nobody waits for those before him for ever.
  local function hand_out(stop)
    if at > last then
      local n
      got, n = watcher.take()
      at, last = 1, 2 * n
    end
    while at < last and uv.hrtime() < stop and not closed do
      local fd, mask = got[at], got[at + 1]
      at = at + 2
      if watcher.wants(fd) then ready(fd, mask) end
    end
  end

  function work()
    scheduled = false
    if closed or working then return end -- the outer call goes on
    working = true
    hand_out(uv.hrtime() + M.SLICE * 1e9)
    if is_due and not closed then
      is_due = false
      ready()
    end
    working = false
    if not closed then watcher.resume() end -- what was left is noticed again at once
  end

  local function on_time()
    is_soon, is_due = false, true
    schedule()
  end

  local function on_idle()
    awake = awake - 1
    if awake == 0 then uv.idle_stop(idle) end
    if is_soon then on_time() end
  end

  -- Older versions of libuv run what is due and then still wait for something to happen,
  -- whatever was scheduled by it: not while there is an idle handle.
  local function stay_awake()
    awake = 2
    uv.idle_start(idle, on_idle)
  end

  local D = { slice = M.SLICE }

  function D.watch(fd, mask)
    if not closed then watcher.watch(fd, mask) end
  end

  function D.timer(ms)
    if closed then return end
    is_soon, is_due = ms == 0, false
    uv.timer_stop(timer)
    if is_soon then return stay_awake() end
    if ms < 0 then return end
    uv.update_time() -- the loop's clock stands still while Lua code runs
    uv.timer_start(timer, ms, 0, function()
      on_time()
      stay_awake()
    end)
  end

  function D.close()
    if closed then return end
    closed = true
    watcher.close()
    uv.close(timer)
    uv.close(idle)
  end

  before_leaving(D.close)
  return D
end

return M
