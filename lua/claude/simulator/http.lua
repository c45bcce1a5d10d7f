--- HTTP/1.1 as a server reads and writes it, from bytes to requests.
---
--- No socket and no loop: bytes go in by `feed`, whole requests come out of
--- `next`. What is malformed or too large ends the connection with a status
--- that names the rule; a parser that failed stays failed.
local M = {}

local MAX_HEAD = 64 * 1024
local MAX_BODY = 32 * 1024 * 1024
-- What may be larger, by its path.
local MAX_BODY_OF = {
  ["/v1/files"] = 501 * 1024 * 1024, -- a file, and what stands around it
  ["/v1/messages/batches"] = 256 * 1000 * 1000,
}
local TOKEN = "^[%w!#$%%&'*+%-.^_`|~]+$"

---@class claude.simulator.http.Request
---@field method string
---@field target string the path and query as sent
---@field version string "1.0" or "1.1"
---@field headers table<string, string> by lowercase name; repeated ones joined by ", "
---@field names string[] header names in order, as sent
---@field body string
---@field keep_alive boolean

---@class claude.simulator.http.Parser
local Parser = {}
Parser.__index = Parser
Parser.__name = "claude.simulator.http.Parser"

---@param options? { max_head?: integer, max_body?: integer }
---@return claude.simulator.http.Parser
function M.parser(options)
  options = options or {}
  return setmetatable({
    max_head = options.max_head or MAX_HEAD,
    max_body = options.max_body or MAX_BODY,
    max_body_of = options.max_body and {} or MAX_BODY_OF,
    limit = 0, -- bytes that the body of this request may have
    buffer = "", -- bytes not yet understood
    state = "head", -- head, length, chunk_size, chunk, chunk_end, trailer, failed
    request = nil, -- the request whose body is being read
    parts = {}, -- pieces of its body
    size = 0, -- bytes in parts
    missing = 0, -- bytes still to come of the body or chunk
    failure = nil, -- { status, text } once failed
  }, Parser)
end

---@param bytes string
function Parser:feed(bytes)
  if self.buffer == "" then
    self.buffer = bytes
  else
    self.buffer = self.buffer .. bytes
  end
end

--- Whether a request has begun to arrive and is not whole yet.
---@return boolean
function Parser:is_halfway()
  return self.state ~= "failed" and (self.request ~= nil or self.buffer ~= "")
end

--- Whether a client waits for `100 Continue` before it sends the body; true once per request.
---@return boolean
function Parser:wants_continue()
  local request = self.request
  if not request or request.continued or not request.headers.expect then return false end
  request.continued = true
  return request.headers.expect:lower() == "100-continue" and request.version == "1.1"
end

local function fail(self, status, text)
  self.state = "failed"
  self.failure = { status = status, text = text }
  self.buffer, self.parts, self.request = "", {}, nil
  return nil, self.failure
end

--- One line without its CRLF, or nil; `false` when a line breaks the format.
local function take_line(self, limit)
  local last = self.buffer:find("\n", 1, true)
  if not last then
    if #self.buffer > limit then return false end
    return nil
  end
  if last > limit or self.buffer:sub(last - 1, last - 1) ~= "\r" then return false end
  local line = self.buffer:sub(1, last - 2)
  self.buffer = self.buffer:sub(last + 1)
  return line
end

local function parse_request_line(line)
  local method, target, major, minor = line:match("^(%S+) (%S+) HTTP/(%d)%.(%d)$")
  if not method or not method:find(TOKEN) then return nil, 400, "malformed request line" end
  if major ~= "1" or minor > "1" then return nil, 505, "only HTTP/1.0 and HTTP/1.1 are spoken" end
  if target:find("[%c\127-\255]") then return nil, 400, "malformed request target" end
  if target:find("^https?://") then target = target:match("^https?://[^/?]*(.*)$") end
  if not target:find("^[/*]") then return nil, 400, "malformed request target" end
  return { method = method, target = target, version = major .. "." .. minor }
end

local function parse_header(request, line)
  local name, value = line:match("^([^:]*):[ \t]*(.-)[ \t]*$")
  if not name or not name:find(TOKEN) then return "malformed header line" end
  if value:find("[%z\1-\8\10-\31\127]") then return "control character in header " .. name end
  local key = name:lower()
  local before = request.headers[key]
  if before and (key == "host" or key == "transfer-encoding") then
    return "repeated header " .. name
  end
  if before and key == "content-length" and before ~= value then
    return "conflicting content-length headers"
  end
  if before and key ~= "content-length" then value = before .. ", " .. value end
  request.headers[key] = value
  request.names[#request.names + 1] = name
end

local function keeps_alive(request)
  local connection = (request.headers.connection or ""):lower()
  if connection:find("close", 1, true) then return false end
  return request.version == "1.1" or connection:find("keep-alive", 1, true) ~= nil
end

--- Parses the head; returns the request, or nil, status and text.
local function parse_head(head)
  local first, rest = head:match("^(.-)\r\n(.*)$")
  local request, status, text = parse_request_line(first)
  if not request then return nil, status, text end
  request.headers, request.names = {}, {}
  for line in rest:gmatch("(.-)\r\n") do
    local problem = parse_header(request, line)
    if problem then return nil, 400, problem end
  end
  if request.version == "1.1" and not request.headers.host then
    return nil, 400, "missing Host header"
  end
  request.keep_alive = keeps_alive(request)
  return request
end

--- Decides how the body is framed; returns status and text of a problem.
local function expect_body(self, request)
  self.limit = self.max_body_of[request.target:match("^[^?]*")] or self.max_body
  local encoding, length = request.headers["transfer-encoding"], request.headers["content-length"]
  if encoding then
    if length then return 400, "both content-length and transfer-encoding" end
    if encoding:lower() ~= "chunked" then return 501, "unsupported transfer-encoding" end
    self.state = "chunk_size"
    return
  end
  if length and not length:find("^%d+$") then return 400, "malformed content-length" end
  self.missing = tonumber(length or 0)
  if #(length or "") > 15 or self.missing > self.limit then return 413, "body too large" end
  self.state = "length"
end

local function read_head(self)
  local start = self.buffer:match("^[\r\n]*()") -- blank lines before a request are tolerated
  if start > 1 then self.buffer = self.buffer:sub(start) end
  local _, last = self.buffer:find("\r\n\r\n", 1, true)
  if (last or #self.buffer) > self.max_head then
    return fail(self, 431, "request head too large")
  end
  local bare = self.buffer:find("[^\r]\n")
  if bare and (not last or bare < last) then return fail(self, 400, "bare line feed in head") end
  if not last then return nil end
  local request, status, text = parse_head(self.buffer:sub(1, last - 2))
  if not request then return fail(self, status, text) end
  self.buffer = self.buffer:sub(last + 1)
  self.parts, self.size, self.request = {}, 0, request
  status, text = expect_body(self, request)
  if status then return fail(self, status, text) end
  return true
end

--- Moves up to `missing` bytes into the body; true when none is missing.
local function read_bytes(self)
  local piece = self.buffer
  if #piece > self.missing then piece = piece:sub(1, self.missing) end
  if piece ~= "" then self.parts[#self.parts + 1] = piece end
  self.buffer = self.buffer:sub(#piece + 1)
  self.size, self.missing = self.size + #piece, self.missing - #piece
  return self.missing == 0
end

local function finish(self)
  local request = self.request
  request.body = table.concat(self.parts)
  self.parts, self.request, self.state = {}, nil, "head"
  return request
end

local read = { head = read_head }

function read.length(self)
  if read_bytes(self) then return finish(self) end
end

function read.chunk_size(self)
  local line = take_line(self, 1024)
  if line == nil then return nil end
  local digits = line and line:match("^(%x+)[ \t]*$") or line and line:match("^(%x+)[ \t]*;")
  if not digits or #digits > 8 then return fail(self, 400, "malformed chunk size") end
  self.missing = tonumber(digits, 16)
  if self.size + self.missing > self.limit then return fail(self, 413, "body too large") end
  self.state = self.missing == 0 and "trailer" or "chunk"
  return true
end

function read.chunk(self)
  if not read_bytes(self) then return nil end
  self.state = "chunk_end"
  return true
end

function read.chunk_end(self)
  local line = take_line(self, 2)
  if line == nil then return nil end
  if line ~= "" then return fail(self, 400, "chunk longer than its size") end
  self.state = "chunk_size"
  return true
end

function read.trailer(self)
  local line = take_line(self, 8192)
  if line == nil then return nil end
  if line == false then return fail(self, 400, "malformed trailer") end
  if line == "" then return finish(self) end
  return true
end

--- The next whole request; nil when more bytes are needed; nil and the failure
--- `{ status, text }` when the bytes are no HTTP that this server takes.
---@return claude.simulator.http.Request|nil request
---@return { status: integer, text: string }|nil failure
function Parser:next()
  if self.failure then return nil, self.failure end
  while true do
    local done, failure = read[self.state](self)
    if failure or done == nil then return nil, failure end
    if done ~= true then return done end
  end
end

M.reasons = {
  [200] = "OK",
  [400] = "Bad Request",
  [401] = "Unauthorized",
  [402] = "Payment Required",
  [403] = "Forbidden",
  [404] = "Not Found",
  [405] = "Method Not Allowed",
  [408] = "Request Timeout",
  [409] = "Conflict",
  [413] = "Payload Too Large",
  [422] = "Unprocessable Entity",
  [429] = "Too Many Requests",
  [431] = "Request Header Fields Too Large",
  [500] = "Internal Server Error",
  [501] = "Not Implemented",
  [502] = "Bad Gateway",
  [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
  [505] = "HTTP Version Not Supported",
  [529] = "Overloaded",
}

--- The bytes of a response head.
---@param status integer
---@param headers { [1]: string, [2]: string }[]
---@return string
function M.head(status, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, M.reasons[status] or "Status") }
  for _, header in ipairs(headers) do
    lines[#lines + 1] = header[1] .. ": " .. tostring(header[2]):gsub("[%c]", " ")
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

--- One chunk of a chunked body; the empty string ends the body.
---@param bytes string
---@return string
function M.chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end

return M
