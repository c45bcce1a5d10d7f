--- Runs a host as a child process and watches it.
local uv = require("luv")

local M = {}

local BEAT = 150 -- milliseconds between two looks at it

---@class claude.HostRun
---@field out string what it wrote, both streams
---@field status string "exit 0", "signal 9", "too slow: …"

local function reader(parts)
  local pipe = uv.new_pipe(false)
  local function listen()
    pipe:read_start(function(_, bytes)
      if bytes then
        parts[#parts + 1] = bytes
      else
        pipe:close()
      end
    end)
  end
  return pipe, listen
end

local function every(milliseconds, run)
  local timer = uv.new_timer()
  timer:start(milliseconds, milliseconds, run)
  return function() timer:close() end
end

-- The whole group: a host may have started others.
local function stop_group(pid)
  if pid then uv.kill(-pid, "sigkill") end
end

--- Runs it to its end, at most so many seconds; `look(pid)` is called now and then meanwhile.
---@param command string[]
---@param environment string[] "NAME=value"
---@param seconds number
---@param look fun(pid: integer)
---@return claude.HostRun
function M.run(command, environment, seconds, look)
  local parts, arguments, status = {}, {}, nil
  for i = 2, #command do
    arguments[i - 1] = command[i]
  end
  local out, listen_out = reader(parts)
  local err, listen_err = reader(parts)
  local process, pid
  process, pid = uv.spawn(command[1], {
    args = arguments,
    env = environment,
    stdio = { nil, out, err },
    detached = true,
  }, function(code, signal)
    process:close()
    status = status or signal ~= 0 and "signal " .. signal or "exit " .. code
  end)
  if not process then return { out = "", status = tostring(pid) } end
  listen_out()
  listen_err()
  look(pid) -- it may soon be over
  local stop_looking = every(BEAT, function() look(pid) end)
  local stop_waiting = every(seconds * 1000, function()
    status = ("too slow: stopped after %d s"):format(seconds)
    stop_group(pid)
  end)
  while not (status and process:is_closing() and out:is_closing()) do
    uv.run("once")
  end
  stop_looking()
  stop_waiting()
  stop_group(pid)
  uv.run("nowait")
  return { out = table.concat(parts), status = status }
end

return M
