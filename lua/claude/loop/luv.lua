--- The driver over libuv, for programs whose event loop is luv's (or Neovim's).
--- The contract is at the top of claude/loop/init.lua.
---
--- libuv watches one descriptor: that of a poller of our own, which watches all the others.
--- (luv writes "EBADF" to standard error whenever a connection that it polls itself is reset
--- or refused, and polling a descriptor that was closed aborts the whole process.)
local net = require("claude.net")

local M = { name = "luv" }

local EVENTS = { "r", "w", "rw" }
local BEAT = 200 -- milliseconds

-- How to watch where the poller has no descriptor of its own: a handle for each.
local function watch_each(uv, happened)
  local polls = {}

  local function stop(fd)
    local poll = polls[fd]
    if not poll then return end
    polls[fd] = nil
    uv.poll_stop(poll)
    uv.close(poll)
  end

  local function mask_of(err, events)
    if err then return 5 end
    return (events:find("[rd]") and 1 or 0) + (events:find("w", 1, true) and 2 or 0)
  end

  local function watch(fd, mask)
    if mask == 0 then return stop(fd) end
    local poll = polls[fd] or assert(uv.new_poll(fd))
    polls[fd] = poll
    assert(uv.poll_start(poll, EVENTS[mask], function(err, events)
      if polls[fd] == poll then happened(fd, mask_of(err, events)) end
    end))
  end

  local function close()
    for fd in pairs(polls) do
      stop(fd)
    end
  end

  return watch, close
end

local function watch_together(uv, poller, happened)
  local watched, count = {}, 0
  local poll = assert(uv.new_poll(poller:descriptor()))

  local function hand_out()
    local got, n = {}, poller:wait(0)
    for i = 1, n do
      got[2 * i - 1], got[2 * i] = poller:event(i)
    end
    for i = 1, 2 * n, 2 do
      if watched[got[i]] then happened(got[i], got[i + 1]) end
    end
  end

  -- Without anything to watch the handle must not keep the program's loop alive.
  local function watch(fd, mask)
    assert(poller:watch(fd, mask))
    local wanted = mask ~= 0 or nil
    if wanted == watched[fd] then return end
    watched[fd] = wanted
    count = count + (wanted and 1 or -1)
    if wanted and count == 1 then assert(uv.poll_start(poll, "r", hand_out)) end
    if count == 0 then uv.poll_stop(poll) end
  end

  return watch, function() uv.close(poll) end
end

---@param ready fun(fd: integer?, mask: integer?)
---@return claude.Driver?
---@return string? text why there is none
function M.new(ready)
  local uv = require("luv")
  local poller, text = net.poller()
  if not poller then return nil, text end
  local timer, idle, beat = uv.new_timer(), uv.new_idle(), uv.new_timer()
  local waiting = false -- inside D.run(true)

  -- "once" runs due timers and then still blocks for the next event, unless told to stop.
  local function happened(fd, mask)
    ready(fd, mask)
    if waiting then uv.stop() end
  end

  local watch, close
  if poller:descriptor() then
    watch, close = watch_together(uv, poller, happened)
  else
    watch, close = watch_each(uv, happened)
  end

  local D = { watch = watch }

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
    close()
    uv.close(timer)
    uv.close(idle)
    uv.close(beat)
    uv.run("nowait") -- luv 1.44 crashes at exit if the loop never ran after a close
  end

  return D
end

return M
