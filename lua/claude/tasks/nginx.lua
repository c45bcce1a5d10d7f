--- nginx with the Lua module (OpenResty): its light threads, semaphores and sockets. The
--- contracts are in claude/tasks/hosted.lua and claude/transport/socket.lua.
local semaphores = require("ngx.semaphore")
local ngx = rawget(_G, "ngx")

local M = { name = "nginx", duplex = true }

-- Where the Lua module lets code wait. Elsewhere a timer has to do the work.
local WAITS = {
  access = true,
  content = true,
  preread = true,
  rewrite = true,
  server_rewrite = true,
  ssl_cert = true,
  ssl_client_hello = true,
  ssl_session_fetch = true,
  timer = true,
}

local LONGEST = 1e6 -- seconds: nginx counts milliseconds in 32 bits

local TIMER = "hand the work to a timer: claude.spawn(function() … end) does, and so does "
  .. "ngx.timer.at(0, function(premature) … end)"
local WORKER = "requests can be made once the workers run: in init_worker_by_lua begin with "
  .. "claude.spawn(function() … end) or ngx.timer.at(0, …)"

--- Why nothing can wait here; nil where it can.
---@return string? problem
---@return string? hint
function M.problem()
  local phase = ngx.get_phase()
  if WAITS[phase] then return nil end
  local text = ("nginx cannot wait for anything in the phase %s"):format(phase)
  return text, phase == "init" and WORKER or TIMER
end

local round_began, told = 0, 0 -- seconds; what nginx says changes only with a round, or by us

--- Seconds. nginx keeps the time at which its round of events began: the work since then counts
--- as well.
---@return number
function M.now()
  local kept = ngx.now()
  if kept ~= told then round_began = kept end
  ngx.update_time()
  told = ngx.now()
  return told
end

local ROUND = 0.003 -- seconds of a round after which others come first
local REST = 0.001 -- seconds, the shortest that nginx can wait
local LONGEST_REST = 0.05 -- seconds, of one who gives way

--- nginx goes through the events of a round one after the other: where many streams have news at
--- once, a request that comes meanwhile waits for all of them. So who comes late in a long
--- round waits for another; not for ever, since all rounds may be long.
function M.give_way()
  local now = M.now()
  local latest = now + LONGEST_REST
  while now - round_began >= ROUND and now < latest do
    ngx.sleep(REST)
    now = M.now()
  end
end

local OUTSIDE = {} -- stands for the coroutine where code runs in none, as in log_by_lua

---@return any
function M.running() return (coroutine.running()) or OUTSIDE end

-- nginx without OpenResty's patches writes a warning of every ngx.sleep(0).
local function in_turn(turn, fn)
  turn:wait(LONGEST)
  fn()
end

local function soon(fn)
  local turn = semaphores.new(0)
  local handle = ngx.thread.spawn(in_turn, turn, fn)
  turn:post()
  return handle
end

local function in_timer(premature, fn) fn(premature) end

--- Runs `fn()` soon: in a light thread of the request, or in a timer where there are none.
--- `fn(true)`: the worker ends before the timer's time has come.
---@param fn fun(ending: boolean?)
---@return any? handle
---@return string? text
function M.spawn(fn)
  if WAITS[ngx.get_phase()] then return soon(fn) end
  local possible, set, text = pcall(ngx.timer.at, 0, in_timer, fn)
  if possible and set then return false end -- it leaves nothing to give back
  return nil, ("nginx starts no timer: %s"):format(tostring(possible and text or set))
end

--- Runs `fn(argument)` now, up to where it waits.
---@param fn function
---@param argument any
---@return any handle
function M.fork(fn, argument) return ngx.thread.spawn(fn, argument) end

--- Ends a light thread where it waits, and the connection it waits for; of one that has
--- ended it frees what nginx keeps until somebody asks. Only its parent can; in phases without
--- light threads nginx raises.
---@param handle any
function M.kill(handle)
  if handle then pcall(ngx.thread.kill, handle) end
end

M.join = M.kill

---@class claude.NginxSemaphore: claude.Semaphore
local Semaphore = {}
Semaphore.__index = Semaphore

function Semaphore:post() self.sem:post() end

---@param seconds number?
---@return boolean
function Semaphore:wait(seconds)
  repeat
    local posted, text = self.sem:wait(math.min(seconds or LONGEST, LONGEST))
    if posted then return true end
  until seconds and seconds <= LONGEST or text ~= "timeout"
  return false
end

---@return claude.Semaphore
function M.semaphore() return setmetatable({ sem = assert(semaphores.new(0)) }, Semaphore) end

--- See claude/transport/cosocket.lua.
---@param options table
---@return table? socket
---@return string? text
---@return string? word
---@return string? hint
function M.connect(options) return require("claude.transport.cosocket").connect(options) end

--- What nginx.conf decides, and no request.
---@param options claude.TransportOptions
---@return string? problem
---@return string? hint
function M.refuse(options)
  if options.ca_file or options.ca_path then
    local option = options.ca_file and "ca_file" or "ca_path"
    local text = option .. ": in nginx the configuration names the certificates that are trusted"
    return text, "leave it out, and write lua_ssl_trusted_certificate FILE; into nginx.conf"
  end
  if options.http_version == "2" then
    return 'http_version: nginx\'s sockets speak HTTP/1.1 here, not "2"', "leave it out"
  end
end

return M
