--- What requests do, for people who look for a fault: `log_level` and `logger` of a client,
--- or ANTHROPIC_LOG. Off unless asked for.
---
--- * error: a call that failed for good
--- * warn: an attempt that failed and is tried again; warnings of the library
--- * info: one line for each exchange: what was asked, status, seconds, request id
--- * debug: headers and bodies as well, the beginnings of long ones
---
--- Nothing secret is in it (claude/redact.lua), nor anything that a terminal would obey.

local errors = require("claude.errors")
local host = require("claude.host")
local redact = require("claude.redact")
local tasks = require("claude.tasks")

---@alias claude.LogLevel "off"|"error"|"warn"|"info"|"debug"

local LEVELS = { off = 0, error = 1, warn = 2, info = 3, debug = 4 }
local OF_HOST = { warn = "warning" }

-- How much of a body is shown, how much more is searched for secrets, and how much of that
-- is never shown: its end may have cut one in two.
local SHOWN, BEYOND, UNSURE = 8 * 1024, 16 * 1024, 4 * 1024

--- What a line of the log is about, already redacted.
---@class claude.LogFields
---@field id? integer number of the exchange in this process
---@field method? string
---@field url? string
---@field attempt? integer 1 for the first
---@field status? integer
---@field seconds? number
---@field request_id? string
---@field headers? table<string, string>
---@field body? string its beginning
---@field bytes? integer length of the whole body
---@field code? string of a warning
---@field err? claude.Error

---@class claude.Log
---@field package level integer
---@field package scrub fun(text: string): string takes the client's secrets out
---@field package write fun(level: string, text: string, fields: claude.LogFields)
local Log = {}
Log.__index = Log
Log.__name = "claude.Log"

local count = 0 -- exchanges of this process

---@param char string
---@return string
local function escaped(char)
  if char == "\n" then return "\\n" end
  if char == "\t" then return "\\t" end
  return ("\\x%02X"):format(char:byte(-1))
end

-- One line that no terminal obeys.
---@param text string
---@return string
local function on_one_line(text)
  return (text:gsub("\r\n", "\n"):gsub("[%z\1-\31\127]", escaped):gsub("\194[\128-\159]", escaped))
end

---@param bytes string
---@param length integer of the whole
---@param scrub fun(text: string): string
---@return string
local function beginning(bytes, length, scrub)
  local text = scrub(bytes)
  local most = length > #bytes and math.max(0, math.min(SHOWN, #text - UNSURE)) or SHOWN
  if #text <= most then return text end
  return text:sub(1, most):gsub("[\192-\255][\128-\191]*$", "") .. "…"
end

--- Whether lines of this level are written.
---@param level claude.LogLevel
---@return boolean
function Log:shows(level) return LEVELS[level] <= self.level end

--- Writes one line, unless the level is above what was asked for.
---@param level claude.LogLevel
---@param text string
---@param fields? claude.LogFields
function Log:line(level, text, fields)
  if self:shows(level) then self.write(level, on_one_line(self.scrub(text)), fields or {}) end
end

---@param found table<string, string>
---@return string
local function header_text(found)
  local lines = {}
  for name, value in pairs(found) do
    lines[#lines + 1] = name .. ": " .. value
  end
  table.sort(lines)
  return table.concat(lines, "; ")
end

---@param exchange claude.Exchange
---@param what string
---@param headers table<string, string>
function Log:_headers(exchange, what, headers)
  local about = exchange.logged
  local text = ("#%d %s headers: %s"):format(about.id, what, header_text(headers))
  self:line("debug", text, { id = about.id, headers = headers })
end

---@param exchange claude.Exchange
---@param what string
---@param bytes string
---@param length integer
function Log:_body(exchange, what, bytes, length)
  local id = exchange.logged.id
  local body = beginning(bytes, length, exchange.scrub)
  -- Lua 5.1 formats texts only up to a zero byte.
  local text = ("#%d %s body (%d bytes): "):format(id, what, length) .. body
  self:line("debug", text, { id = id, body = body, bytes = length })
end

---@param list { [1]: string, [2]: string }[]
---@param scrub fun(text: string): string
---@return table<string, string>
local function request_headers(list, scrub)
  local found = {}
  for _, header in ipairs(list) do
    local name = header[1]:lower()
    found[name] = redact.is_shown(name) and scrub(header[2]) or redact.MARK
  end
  return found
end

-- Nothing of a body that is read from elsewhere as it goes out.
---@param body any
---@return string? bytes
---@return integer? length of the whole
local function beginning_of(body)
  if type(body) == "string" then return body:sub(1, SHOWN + BEYOND), #body end
  if type(body) ~= "userdata" then return nil end
  local known, bytes = pcall(function() return body:read(0, SHOWN + BEYOND) end)
  if known and type(bytes) == "string" then return bytes, body:length() end
end

--- A request goes out.
---@param exchange claude.Exchange
---@param spec claude.WireSpec
---@param asked claude.TransportOptions
function Log:sent(exchange, spec, asked)
  count = count + 1
  exchange.logged = {
    id = count,
    method = asked.method,
    url = exchange.scrub(asked.url),
    attempt = (spec.attempt or 0) + 1,
  }
  if not self:shows("debug") then return end
  self:_headers(exchange, "request", request_headers(asked.headers, exchange.scrub))
  local bytes, length = beginning_of(asked.body)
  if bytes then self:_body(exchange, "request", bytes, length) end
end

---@param response userdata
---@param scrub fun(text: string): string
---@return table<string, string>
local function response_headers(response, scrub)
  local found = {}
  for name, value in pairs(require("claude.headers").redacted(response:headers())) do
    found[scrub(name)] = scrub(value)
  end
  return found
end

---@param exchange claude.Exchange
---@return claude.LogFields fields
local function outcome_of(exchange)
  local about, response = exchange.logged, exchange.response
  local request_id = response:header("request-id")
  return {
    id = about.id,
    method = about.method,
    url = about.url,
    attempt = about.attempt,
    status = response:status(),
    seconds = tasks.now() - exchange.timings.start,
    request_id = request_id and exchange.scrub(request_id),
  }
end

--- The head of an answer is there, or all of it. Told once.
---@param exchange claude.Exchange
function Log:answered(exchange)
  local about, response = exchange.logged, exchange.response
  if not about or about.answered or not response:status() then return end
  about.answered = true
  local fields = outcome_of(exchange)
  local text = ("#%d %s %s: %d, %.3f s, request %s"):format(
    fields.id,
    fields.method,
    fields.url,
    fields.status,
    fields.seconds,
    fields.request_id or "without id"
  )
  self:line("info", text, fields)
  if not self:shows("debug") then return end
  self:_headers(exchange, "response", response_headers(response, exchange.scrub))
  local body = response:body()
  if response:finished() and body ~= "" then
    self:_body(exchange, "response", body:sub(1, SHOWN + BEYOND), #body)
  end
end

--- A stream has ended well: the message that it made.
---@param exchange claude.Exchange
function Log:complete(exchange)
  local response = exchange.response
  if not exchange.logged or not self:shows("debug") then return end
  if not response:is_event_stream() then return end
  local json = response:message_json() or ""
  self:_body(exchange, "message", json:sub(1, SHOWN + BEYOND), #json)
end

--- Middleware answered by itself.
---@param request claude.Request
---@param status integer
---@param scrub fun(text: string): string
function Log:answered_by_middleware(request, status, scrub)
  local text = ("%s %s: %d, answered by middleware"):format(request.method, request.path, status)
  self:line("info", scrub(text), { method = request.method, status = status })
end

--- An attempt failed and another follows.
---@param err claude.Error
---@param number integer of the attempt, from 0
---@param seconds number until the next
function Log:retrying(err, number, seconds)
  local text = ("attempt %d failed, another follows in %.3g s: "):format(number + 1, seconds)
  self:line("warn", text .. tostring(err), { err = err, attempt = number + 1, seconds = seconds })
end

--- A call failed for good.
---@param err claude.Error
function Log:failed(err)
  local level = err.kind == "cancelled" and "info" or "error"
  self:line(level, tostring(err), { err = err })
end

local function to_host(level, text) host.log(OF_HOST[level] or level, text) end

-- A logger that fails must not take the request with it.
---@param logger function
---@param scrub fun(text: string): string
---@return function
local function guarded(logger, scrub)
  local told = false
  return function(level, text, fields)
    local ran, raised = pcall(logger, level, text, fields)
    if ran or told then return end
    told = true
    host.log("error", "the logger raised: " .. scrub(errors.text_of(raised)))
  end
end

local M = {}

--- Whether this is the name of a level.
---@param level any
---@return boolean
function M.is_level(level) return LEVELS[level] ~= nil end

--- Nil where nothing is to be logged.
---@param level claude.LogLevel
---@param logger? fun(level: claude.LogLevel, text: string, fields: claude.LogFields)
---@param scrub fun(text: string): string
---@return claude.Log?
function M.new(level, logger, scrub)
  if level == "off" then return nil end
  local write = logger and guarded(logger, scrub) or to_host
  return setmetatable({ level = LEVELS[level], write = write, scrub = scrub }, Log)
end

return M
