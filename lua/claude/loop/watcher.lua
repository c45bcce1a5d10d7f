--- Watches descriptors with libuv, for the drivers of luv and Neovim.
---
--- libuv watches one descriptor: that of a poller of our own, which watches all the others.
--- (luv writes "EBADF" to standard error whenever a connection that it polls itself is reset
--- or refused, and polling a descriptor that was closed aborts the whole process.) Where the
--- poller has no descriptor (poll(2)), libuv watches each by itself.
---
--- `noticed()` is called inside libuv when something is ready: then `take` it, or `hold` and
--- take it later. What is ready and not taken would be noticed again and again.

---@class claude.Watcher
---@field watch fun(fd: integer, mask: integer) 0 stop, 1 read, 2 write, 3 both
---@field take fun(): integer[], integer what is ready, as fd, mask, fd, mask, …, and how many
---@field wants fun(fd: integer): boolean whether it is being watched
---@field hold fun() notices nothing until `resume`
---@field resume fun()
---@field close fun()

local M = {}

local EVENTS = { "r", "w", "rw" }

---@param uv table
---@param poller userdata
---@param noticed fun()
---@return claude.Watcher
local function watch_together(uv, poller, noticed)
  local watched, count, held = {}, 0, false
  local poll = assert(uv.new_poll(poller:descriptor()))
  local W = {}

  local function start() assert(uv.poll_start(poll, "r", noticed)) end

  -- Without anything to watch the handle must not keep the program's loop alive.
  function W.watch(fd, mask)
    local is_watched, problem = poller:watch(fd, mask)
    if not is_watched then error(problem, 0) end
    local wanted = mask ~= 0 or nil
    if wanted == watched[fd] then return end
    watched[fd] = wanted
    count = count + (wanted and 1 or -1)
    if held then return end
    if wanted and count == 1 then start() end
    if count == 0 then uv.poll_stop(poll) end
  end

  function W.take()
    local got, n = {}, poller:wait(0)
    for i = 1, n do
      got[2 * i - 1], got[2 * i] = poller:event(i)
    end
    return got, n
  end

  function W.wants(fd) return watched[fd] ~= nil end

  function W.hold()
    held = true
    uv.poll_stop(poll)
  end

  function W.resume()
    held = false
    if count > 0 then start() end
  end

  function W.close() uv.close(poll) end

  return W
end

local function mask_of(err, events)
  if err then return 5 end
  return (events:find("[rd]") and 1 or 0) + (events:find("w", 1, true) and 2 or 0)
end

---@param uv table
---@param noticed fun()
---@return claude.Watcher
local function watch_each(uv, noticed)
  local polls, masks = {}, {}
  local found, n, held = {}, 0, false
  local W = {}

  local function start(fd)
    local poll = polls[fd]
    assert(uv.poll_start(poll, EVENTS[masks[fd]], function(err, events)
      if polls[fd] ~= poll then return end
      found[2 * n + 1], found[2 * n + 2], n = fd, mask_of(err, events), n + 1
      noticed()
    end))
  end

  function W.watch(fd, mask)
    local poll = polls[fd]
    if mask == 0 then
      polls[fd], masks[fd] = nil, nil
      if poll then
        uv.poll_stop(poll)
        uv.close(poll)
      end
      return
    end
    polls[fd], masks[fd] = poll or assert(uv.new_poll(fd)), mask
    if not held then start(fd) end
  end

  function W.take()
    local got, count = found, n
    found, n = {}, 0
    return got, count
  end

  function W.wants(fd) return polls[fd] ~= nil end

  function W.hold()
    held = true
    for _, poll in pairs(polls) do
      uv.poll_stop(poll)
    end
  end

  function W.resume()
    held = false
    for fd in pairs(polls) do
      start(fd)
    end
  end

  function W.close()
    for fd in pairs(polls) do
      W.watch(fd, 0)
    end
  end

  return W
end

---@param uv table libuv's functions: luv, or vim.loop
---@param noticed fun() called inside libuv when something is ready
---@return claude.Watcher?
---@return string? text why there is none
function M.new(uv, noticed)
  local poller, text = require("claude.c_part")("claude.net").poller()
  if not poller then return nil, text end
  if poller:descriptor() then return watch_together(uv, poller, noticed) end
  return watch_each(uv, noticed)
end

return M
