--- A host whose sockets are real: an adapter of claude.tasks like spec/support/scripted_socket,
--- over luv's TCP. Whoever waits for a socket runs luv's loop: made for main programs, and for
--- one exchange at a time.
local base = require("spec.support.coroutine_host")
local uv = require("luv")

local M = setmetatable({ name = "luv_sockets" }, { __index = base })

local Socket = {}
Socket.__index = Socket

local LIMIT = 60000 -- milliseconds; a hang is an error

local function wait_for(condition)
  local timer, is_late = uv.new_timer(), false
  timer:start(LIMIT, 0, function() is_late = true end)
  while not condition() and not is_late do
    uv.run("once")
  end
  timer:close()
  assert(condition(), "nothing came in time")
end

function Socket:send(bytes)
  local done, problem
  self.tcp:write(bytes, function(err)
    done, problem = true, err
  end)
  wait_for(function() return done end)
  if problem then return nil, problem end
  return true
end

function Socket:receive()
  wait_for(function() return self.pieces[1] or self.ended end)
  if not self.pieces[1] then return nil, self.ended end
  return table.remove(self.pieces, 1)
end

function Socket:close()
  if not self.tcp:is_closing() then self.tcp:close() end
end

-- None is kept: every exchange has a connection of its own.
Socket.keep = Socket.close

---@param options table
function M.connect(options)
  local tcp, done, problem = uv.new_tcp(), false, nil
  local socket = setmetatable({ tcp = tcp, pieces = {}, reused = false }, Socket)
  tcp:connect(options.host, options.port, function(err)
    done, problem = true, err
  end)
  wait_for(function() return done end)
  if problem then
    socket:close()
    return nil, problem, "connect"
  end
  tcp:read_start(function(err, bytes)
    if bytes then
      socket.pieces[#socket.pieces + 1] = bytes
    else
      socket.ended = err or "closed"
    end
  end)
  return socket
end

return M
