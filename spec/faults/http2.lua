--- HTTP/2 as far as the fault server needs it: frames out as they are told, and of what comes
--- in the requests' bodies. Header fields that come are not read (they are packed), those that
--- go out are not packed.
local wire = require("spec.faults.wire")

local M = {}

local PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
local DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
local WINDOW_UPDATE, CONTINUATION = 8, 9
local END_STREAM, ACK, END_HEADERS = 1, 1, 4

local function number(value, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(value % 256) .. text
    value = math.floor(value / 256)
  end
  return text
end

local function frame(kind, flags, stream, payload)
  return number(#payload, 3) .. string.char(kind, flags) .. number(stream, 4) .. payload
end

local function short(text) return string.char(#text) .. text end

-- ":status: 200" has a number of its own; "content-type" is the name number 31.
local function head(content_type)
  return "\136\15\16" .. short(content_type) .. "\0" .. short("request-id") .. short("req_fault")
end
local STREAM_TYPE, JSON_TYPE = "text/event-stream", "application/json"

--- The frames of a step, by its name, for a stream's id.
local STEPS = {}
M.STEPS = STEPS

function STEPS.head(id) return frame(HEADERS, END_HEADERS, id, head(STREAM_TYPE)) end
function STEPS.json_head(id) return frame(HEADERS, END_HEADERS, id, head(JSON_TYPE)) end
function STEPS.open(id) return frame(DATA, 0, id, wire.OPEN) end
function STEPS.whole(id) return frame(DATA, END_STREAM, id, wire.WHOLE) end
function STEPS.json(id) return frame(DATA, END_STREAM, id, wire.JSON) end
function STEPS.half_frame(id) return frame(DATA, 0, id, wire.WHOLE):sub(1, 40) end
function STEPS.end_stream(id) return frame(DATA, END_STREAM, id, "") end
function STEPS.rst_internal_error(id) return frame(RST_STREAM, 0, id, number(2, 4)) end
function STEPS.rst_refused_stream(id) return frame(RST_STREAM, 0, id, number(7, 4)) end
function STEPS.goaway_refused() return frame(GOAWAY, 0, 0, number(0, 4) .. number(0, 4)) end
function STEPS.goaway_error(id) return frame(GOAWAY, 0, 0, number(id, 4) .. number(2, 4)) end
function STEPS.goaway_gentle(id) return frame(GOAWAY, 0, 0, number(id, 4) .. number(0, 4)) end
function STEPS.data_of_nobody() return frame(DATA, 0, 0, "x") end
function STEPS.header_without_end(id) return frame(HEADERS, 0, id, head(STREAM_TYPE)) end
function STEPS.more_header(id)
  local field = "\0" .. short("x-more") .. string.char(100) .. ("x"):rep(100)
  return frame(CONTINUATION, 0, id, field:rep(100))
end

local Http2 = {}
Http2.__index = Http2

---@param connection spec.FaultConnection for sending and waiting
---@param state { armed: table? }
---@return table http2
function M.new(connection, state)
  return setmetatable({ connection = connection, state = state, rest = "", bodies = {} }, Http2)
end

local GOOD_STREAM, GOOD_JSON = { "head", "whole" }, { "json_head", "json" }

local function steps_for(armed, body)
  local streams = body:find('"stream":true', 1, true) ~= nil
  if not (armed and armed.frames) then return streams and GOOD_STREAM or GOOD_JSON end
  return not streams and armed.frames_json or armed.frames
end

-- Names of frames become bytes; what is no name of one is a verb of the connection's.
local function bytes_of(steps, id)
  local played = {}
  for i, step in ipairs(steps) do
    local make = STEPS[step]
    played[i] = make and make(id) or step
  end
  return played
end

function Http2:answer(id)
  local steps = steps_for(self.state.armed, self.bodies[id])
  self.bodies[id] = nil
  self.connection:play(bytes_of(steps, id))
end

-- The connection may always have more; a stream stays at what it had where it is to stall.
function Http2:give_window(id, size)
  if size == 0 then return end
  local update = number(size, 4)
  self.connection:send(frame(WINDOW_UPDATE, 0, 0, update))
  if self.state.armed and self.state.armed.long then return end
  self.connection:send(frame(WINDOW_UPDATE, 0, id, update))
end

function Http2:take(kind, flags, id, payload)
  if kind == SETTINGS and flags % 2 == 0 then
    self.connection:send(frame(SETTINGS, ACK, 0, ""))
  elseif kind == PING and flags % 2 == 0 then
    self.connection:send(frame(PING, ACK, 0, payload))
  elseif kind == HEADERS or kind == DATA then
    if kind == DATA then self:give_window(id, #payload) end
    local body = self.bodies[id] or ""
    self.bodies[id] = kind == DATA and body .. payload or body
    if flags % 2 == END_STREAM then self:answer(id) end
  end
end

--- Takes bytes that came.
---@param bytes string
function Http2:read(bytes)
  self.rest = self.rest .. bytes
  if not self.greeted then
    if #self.rest < #PREFACE then return end
    assert(self.rest:sub(1, #PREFACE) == PREFACE, "no HTTP/2")
    self.rest, self.greeted = self.rest:sub(#PREFACE + 1), true
    self.connection:send(frame(SETTINGS, 0, 0, ""))
  end
  while #self.rest >= 9 do
    local a, b, c, kind, flags, _, s2, s3, s4 = self.rest:byte(1, 9)
    local length = a * 65536 + b * 256 + c
    if #self.rest < 9 + length then return end
    local payload = self.rest:sub(10, 9 + length)
    self.rest = self.rest:sub(10 + length)
    self:take(kind, flags, s2 * 65536 + s3 * 256 + s4, payload)
  end
end

return M
