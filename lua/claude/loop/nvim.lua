--- The driver inside Neovim, whose event loop is Neovim's own: it lends a descriptor and a
--- timer. The contract is at the top of claude/loop/init.lua.
---
--- What libuv calls may not touch the editor ("fast events"), so it only schedules; the work
--- is done where Neovim runs any Lua code, and tasks may use all of vim.api. One round of work
--- is scheduled at a time, and nothing is polled until it ran. There is no `run`: waiting
--- would freeze the editor.
---
--- The editor comes first. A round ends after a slice of time, and then rests for a multiple
--- of what it took, so that input is handled and the screen is drawn in between; what arrives
--- meanwhile is read at once in the next round. Where there is little to do, there is no rest
--- to speak of.
local watchers = require("claude.loop.watcher")

local M = { name = "nvim" }

-- How long one round may take, in seconds: what a key may have to wait for.
M.SLICE = 0.002
-- How much longer the editor has then.
M.REST = 3

local LEAST_SLICE = 0.0003 -- seconds, for tasks whose bytes were read when a slice was over

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
  local timer, rest, idle = uv.new_timer(), uv.new_timer(), uv.new_idle()
  local requested = false -- a round is to come
  local working = false -- inside a round: code of a task may drive Neovim's loop by vim.wait
  local closed = false
  local is_soon = false -- ready() was asked for in the next turn of the loop
  local is_due = false -- its time has come
  local awake = 0 -- turns in which the loop must not wait
  local rests_until = 0 -- on the clock of hrtime
  local got, at, last = {}, 1, 0 -- descriptors that are ready and wait for their turn
  local D = { slice = M.SLICE }
  local watcher, text

  -- Goes on where the last round ended, so that nobody waits for those before him for ever.
  local function hand_out(stop)
    if at > last then
      local n
      got, n = watcher.take()
      at, last = 1, 2 * n
    end
    while at < last and not closed do
      local left = (stop - uv.hrtime()) / 1e9
      if left <= 0 then return end
      D.slice = math.max(left, LEAST_SLICE)
      local fd, mask = got[at], got[at + 1]
      at = at + 2
      if watcher.wants(fd) then ready(fd, mask) end
    end
  end

  local function do_round(began)
    local was_due = is_due
    hand_out(began + M.SLICE * 1e9)
    if was_due and is_due and not closed then
      is_due = false
      ready()
    end
  end

  local function work()
    requested = false
    if closed or working then return end -- the outer call goes on
    working = true
    local began = uv.hrtime()
    local ok, problem = pcall(do_round, began)
    working = false
    if closed then return end
    local now = uv.hrtime()
    rests_until = now + M.REST * (now - began)
    watcher.resume() -- what was left is noticed again at once
    if not ok then error(problem, 0) end
  end

  local on_idle

  -- Older versions of libuv run what is due and then still wait for something to happen,
  -- whatever was scheduled by it: not while there is an idle handle.
  local function stay_awake()
    awake = 2
    uv.idle_start(idle, on_idle)
  end

  local function request()
    if requested or closed then return end
    requested = true
    watcher.hold()
    local milliseconds = math.floor((rests_until - uv.hrtime()) / 1e6 + 0.5)
    if milliseconds <= 0 then return vim.schedule(work) end
    uv.update_time()
    uv.timer_start(rest, milliseconds, 0, function()
      vim.schedule(work)
      stay_awake()
    end)
  end

  local function on_time()
    is_soon, is_due = false, true
    request()
  end

  function on_idle()
    awake = awake - 1
    if awake == 0 then uv.idle_stop(idle) end
    if is_soon then on_time() end
  end

  watcher, text = watchers.new(uv, request)
  if not watcher then return nil, text end

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
    for _, handle in ipairs({ timer, rest, idle }) do
      uv.close(handle)
    end
  end

  before_leaving(D.close)
  return D
end

return M
