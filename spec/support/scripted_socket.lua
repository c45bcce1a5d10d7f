--- A host whose sockets say what they are told to: an adapter of claude.tasks over
--- spec/support/coroutine_host.lua.
---
---     local host = scripted.host({ { "HTTP/1.1 200 OK\r\n", 0.01, "…", "closed" }, … })
---
--- Each connection plays a script of its own: texts are received, numbers are waited for,
--- "closed" and "reset" end it, "silence" is for ever, `refused = word` is no connection.
local base = require("spec.support.coroutine_host")

local M = {}

local ENDS = { closed = "closed", reset = "connection reset by peer" }

local Socket = {}
Socket.__index = Socket

function Socket:send(bytes)
  if self.script.deaf then return nil, "broken pipe" end
  self.sent = self.sent .. bytes
  return true
end

-- The next piece, after what stands before it was waited for.
function Socket:piece()
  local step = self.script[self.at]
  self.at = self.at + 1
  if step == nil or step == "silence" then
    base.semaphore():wait()
  elseif type(step) == "number" then
    base.semaphore():wait(step)
    return self:piece()
  elseif ENDS[step] then
    self.at = self.at - 1
    return nil, ENDS[step]
  end
  return step
end

function Socket:receive() return self:piece() end

function Socket:keep() self.kept = true end

function Socket:close() self.closed = true end

-- Gives no byte more than it is told to, and takes "line" for a line with its end.
local function receive_wanted(self, wanted)
  while true do
    local place = wanted == "line" and select(2, self.rest:find("\n", 1, true))
    if wanted ~= "line" and #self.rest > 0 then place = math.min(wanted, #self.rest) end
    if place then
      local bytes = self.rest:sub(1, place)
      self.rest = self.rest:sub(place + 1)
      return bytes
    end
    local piece, text = self:piece()
    if not piece then return nil, text end
    self.rest = self.rest .. piece
  end
end

---@param scripts table[] one for each connection; the last serves all that follow
---@param fields? table of the adapter
---@return table host with `sockets`, those that were made
function M.host(scripts, fields)
  local host = setmetatable({ name = "scripted", sockets = {} }, { __index = base })
  for name, value in pairs(fields or {}) do
    host[name] = value
  end
  function host.connect(options)
    local script = scripts[math.min(#host.sockets + 1, #scripts)]
    local socket = setmetatable({
      script = script,
      options = options,
      reused = script.reused or false,
      at = 1,
      sent = "",
      rest = "",
    }, Socket)
    if host.says_how_much then socket.receive = receive_wanted end
    host.sockets[#host.sockets + 1] = socket
    if script.refused then return nil, "as the script says", script.refused, script.hint end
    return socket
  end
  return host
end

return M
