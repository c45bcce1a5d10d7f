--- The driver over libuv, for programs whose event loop is luv's.
--- The contract is at the top of claude/loop/init.lua.
local watchers = require("claude.loop.watcher")

local M = { name = "luv" }

local BEAT = 200 -- milliseconds

---@param ready fun(fd: integer?, mask: integer?)
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready)
  local uv = require("luv")
  local timer, idle, beat = uv.new_timer(), uv.new_idle(), uv.new_timer()
  local waiting = false -- inside D.run(true)

  -- "once" runs due timers and then still blocks for the next event, unless told to stop.
  local function happened(fd, mask)
    ready(fd, mask)
    if waiting then uv.stop() end
  end

  local watcher, text
  watcher, text = watchers.new(uv, function()
    local got, n = watcher.take()
    for i = 1, 2 * n, 2 do
      if watcher.wants(got[i]) then happened(got[i], got[i + 1]) end
    end
  end)
  if not watcher then return nil, text end

  local D = { watch = watcher.watch }

  -- A timer of 0 ms that is set inside a timer's callback comes before any input, in some
  -- versions of libuv, and so for ever: what is to be soon is done once per round instead.
  local function soon()
    uv.timer_stop(timer)
    uv.idle_start(idle, function()
      uv.idle_stop(idle)
      happened()
    end)
  end

  function D.timer(ms)
    if ms == 0 then return soon() end
    uv.idle_stop(idle)
    uv.timer_stop(timer)
    if ms < 0 then return end
    uv.update_time() -- the loop's clock stands still while Lua code runs
    uv.timer_start(timer, ms, 0, function() happened() end)
  end

  function D.sync(fd, done)
    uv.fs_fdatasync(fd, function(problem)
      done(problem)
      happened()
    end)
  end

  function D.run(wait)
    if wait and not uv.loop_alive() then return false end
    if not wait then
      uv.run("nowait")
      return true
    end
    waiting = true
    -- A signal does not end uv.run: call into Lua now and then, so that Ctrl-C has its effect.
    uv.timer_start(beat, BEAT, BEAT, uv.stop)
    uv.run("once")
    uv.timer_stop(beat)
    waiting = false
    return true
  end

  function D.close()
    watcher.close()
    uv.close(timer)
    uv.close(idle)
    uv.close(beat)
    uv.run("nowait") -- luv 1.44 crashes at exit if the loop never ran after a close
  end

  return D
end

return M
