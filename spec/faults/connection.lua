--- A connection of the fault server: reads HTTP/1.1 requests and plays steps.
---
--- A step is text, which is sent; a number of seconds to wait; or a verb: "close" and "reset"
--- end the connection, "hang" says nothing more, "ping" sends pings for ever, "drip" the bytes
--- of its text one by one, "times" its text so many times, "flood" 9 MB that are counted,
--- "drop_next" closes when the next request comes, "mark" is counted, "under" sends bytes
--- below TLS. Without an
--- end the connection is kept.
local wire = require("spec.faults.wire")

---@class spec.FaultConnection
---@field link table write(bytes, after), close(), reset(), is_closing(), under(bytes)
---@field package answer fun(self, head: string, body: string)
local Connection = {}
Connection.__index = Connection

local FLOOD_PIECE = 60000

---@param uv table luv
---@param link table
---@param stats table numbers that are counted
---@param answer fun(connection: spec.FaultConnection, head: string, body: string)
---@return spec.FaultConnection
function Connection.new(uv, link, stats, answer)
  local fields = { uv = uv, link = link, stats = stats, answer = answer, parts = {}, size = 0 }
  return setmetatable(fields, Connection)
end

--- Sends, or finds the connection closed; then goes on.
---@param bytes string
---@param after? fun()
function Connection:send(bytes, after)
  after = after or function() end
  if self.link:is_closing() then return after() end
  self.link:write(bytes, after)
end

---@param seconds number
---@param fn fun()
function Connection:later(seconds, fn)
  local timer = self.uv.new_timer()
  timer:start(math.floor(seconds * 1000), 0, function()
    timer:close()
    fn()
  end)
end

local VERBS = {}
function VERBS.close(self) self.link:close() end
function VERBS.reset(self) self.link:reset() end
function VERBS.hang() end
function VERBS.drop_next(self) self.drop = true end

function VERBS.ping(self)
  if self.link:is_closing() then return end
  self:send(wire.chunk(wire.PING))
  self:later(0.05, function() VERBS.ping(self) end)
end

function VERBS.drip(self, step, go_on, i)
  i = i or 1
  if self.link:is_closing() then return end
  self:send(step[2]:sub(i, i), function()
    self:later(step[3], function() VERBS.drip(self, step, go_on, i % #step[2] + 1) end)
  end)
end

function VERBS.times(self, step, go_on, left)
  left = left or step[3]
  if left == 0 or self.link:is_closing() then return go_on() end
  self:send(step[2], function() VERBS.times(self, step, go_on, left - 1) end)
end

-- As fast as the reader takes it; `flooded` counts what was taken.
function VERBS.flood(self, _, _, left)
  left = left or 150
  if self.link:is_closing() then return end
  if left == 0 then return self:send(wire.chunk(wire.REST) .. wire.LAST_CHUNK) end
  self:send(wire.chunk(wire.text_delta(("x"):rep(FLOOD_PIECE))), function()
    self.stats.flooded = self.stats.flooded + FLOOD_PIECE
    VERBS.flood(self, nil, nil, left - 1)
  end)
end

-- Tells the control door that it came so far.
function VERBS.mark(self, _, go_on)
  self.stats.marks = self.stats.marks + 1
  go_on()
end

function VERBS.under(self, step, go_on)
  if not self.link:is_closing() then self.link:under(step[2]) end
  go_on()
end

-- Texts that stand side by side go out at once: no pause of this process is between them.
local function joined(steps)
  local list = {}
  for _, step in ipairs(steps) do
    if type(step) == "string" and type(list[#list]) == "string" then
      list[#list] = list[#list] .. step
    else
      list[#list + 1] = step
    end
  end
  return list
end

--- Plays the steps from the i-th on.
---@param steps table
---@param i? integer
function Connection:play(steps, i)
  if not i then return self:play(joined(steps), 1) end
  local step = steps[i]
  if step == nil then return end
  -- Whoever waits for a mark must not wait for what nobody can receive any more.
  if self.link:is_closing() and not (type(step) == "table" and step[1] == "mark") then
    return self:play(steps, i + 1)
  end
  local function go_on() self:play(steps, i + 1) end
  if type(step) == "string" then
    self:send(step, go_on)
  elseif type(step) == "number" then
    self:later(step, go_on)
  else
    VERBS[step[1]](self, step, go_on)
  end
end

--- Takes bytes that came; each whole request among them is answered.
---@param bytes string
function Connection:read(bytes)
  self.parts[#self.parts + 1] = bytes
  self.size = self.size + #bytes
  while self.size >= (self.wanted or 1) do
    local all = table.concat(self.parts)
    self.parts = { all }
    local head_end = select(2, all:find("\r\n\r\n", 1, true))
    if not head_end then return end
    local head = all:sub(1, head_end)
    local length = tonumber(head:lower():match("\r\ncontent%-length:%s*(%d+)")) or 0
    self.wanted = head_end + length
    if self.size >= self.wanted then self:take_request(all, head, head_end) end
  end
end

function Connection:take_request(all, head, head_end)
  local body = all:sub(head_end + 1, self.wanted)
  self.parts, self.size = { all:sub(self.wanted + 1) }, self.size - self.wanted
  self.wanted = nil
  self:answer(head, body)
end

return Connection
