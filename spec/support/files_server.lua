--- A server for files of any size that keeps none of them. What is uploaded must be the bytes
--- of `M.pattern` from the beginning on: they are compared as they come, and the answer to
--- `POST /v1/files` tells how many were right. `GET /v1/files/file_N/content` gives N bytes of
--- the pattern, no faster than they are read. The key "refused" is refused as soon as it has
--- come; `GET /taken` tells how much of that request's body came nevertheless. As a program it
--- prints its port and its process id, and serves until it is killed or its parent is gone.
local M = {}

local PERIOD = 65521 -- a prime: no buffer's size is a multiple of it

local letters = {}
for i = 1, PERIOD do
  letters[i] = string.char((i * i + i * 7) % 256)
end
local TWICE = table.concat(letters):rep(2)

--- The bytes at an offset, at most a period of them.
---@param offset integer
---@param count integer
---@return string
function M.pattern(offset, count)
  local at = offset % PERIOD
  return TWICE:sub(at + 1, at + math.min(count, PERIOD))
end

--- How many bytes of the file at a path are those of the pattern, from the beginning on.
---@param path string
---@return integer
function M.right_in(path)
  local file, right = assert(io.open(path, "rb")), 0
  while true do
    local bytes = file:read(PERIOD)
    if not bytes or bytes ~= M.pattern(right, #bytes) then break end
    right = right + #bytes
  end
  file:close()
  return right
end

--- Writes a file of so many bytes of the pattern.
---@param path string
---@param size integer
function M.write(path, size)
  local file = assert(io.open(path, "wb"))
  local written = 0
  while written < size do
    local bytes = M.pattern(written, size - written)
    assert(file:write(bytes))
    written = written + #bytes
  end
  file:close()
end

local Upload = {}
Upload.__index = Upload

-- The form around the file: its first part up to an empty line, and a tail.
local FORM_HEAD = "^%-%-(%S+)\r\n.-\r\n\r\n()"

local function upload_of(head)
  local length = tonumber(head:lower():match("\r\ncontent%-length:%s*(%d+)"))
  return setmetatable({ left = length, head = "", right = 0, size = nil }, Upload)
end

function Upload:take(bytes)
  self.left = self.left - #bytes
  if not self.size then
    self.head = self.head .. bytes
    local mark, at = self.head:match(FORM_HEAD)
    if not mark then return end
    bytes = self.head:sub(at)
    self.size = self.left + #bytes - #("\r\n--" .. mark .. "--\r\n")
  end
  bytes = bytes:sub(1, math.max(0, self.size - self.right))
  for at = 1, #bytes, PERIOD do
    local piece = bytes:sub(at, at + PERIOD - 1)
    if piece ~= M.pattern(self.right, #piece) then self.wrong = true end
    if not self.wrong then self.right = self.right + #piece end
  end
end

local FILE = '{"id":"file_1","type":"file","filename":"x","mime_type":"application/octet-stream",'
  .. '"size_bytes":%d,"created_at":"2026-11-26T00:00:00Z","downloadable":false}'

local REFUSED = '{"type":"error","error":{"type":"authentication_error","message":"no"}}'

local function answer(socket, body, status)
  local head = "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
  socket:write(head:format(status or "200 OK", #body, body))
end

local function send_pattern(socket, size)
  local sent = 0
  local function go_on(problem)
    if problem or socket:is_closing() or sent == size then return end
    local bytes = M.pattern(sent, size - sent)
    sent = sent + #bytes
    socket:write(bytes, go_on)
  end
  local head =
    "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: %d\r\n\r\n"
  socket:write(head:format(size), go_on)
end

local taken = 0

local function serve(socket)
  local received, upload, refused = "", nil, false
  local function take(bytes)
    if refused then
      taken = taken + #bytes
      return
    end
    if upload then
      upload:take(bytes)
      if upload.left > 0 then return end
      answer(socket, FILE:format(upload.right))
      upload = nil
      return
    end
    received = received .. bytes
    local head, rest = received:match("^(%u+ .-\r\n\r\n)(.*)$")
    if not head then return end
    received = ""
    local size = head:match("^GET /v1/files/file_(%d+)/content ")
    if size then return send_pattern(socket, tonumber(size)) end
    if head:find("^GET /taken ") then return answer(socket, tostring(taken)) end
    refused = head:find("\r\nx-api-key: refused\r\n", 1, true) ~= nil
    if refused then return answer(socket, REFUSED, "401 Unauthorized") end
    if head:find("^GET ") then
      return socket:write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
    end
    upload = upload_of(head)
    take(rest)
  end
  socket:read_start(function(_, bytes)
    if not bytes then return socket:close() end
    take(bytes)
  end)
end

local function main()
  local uv = require("luv")
  local listener = uv.new_tcp()
  assert(listener:bind("127.0.0.1", 0))
  assert(listener:listen(16, function()
    local socket = uv.new_tcp()
    listener:accept(socket)
    serve(socket)
  end))
  local parent, timer = uv.os_getppid(), uv.new_timer()
  timer:start(1000, 1000, function()
    if uv.os_getppid() ~= parent then os.exit(0) end
  end)
  uv.new_signal():start("sigpipe", function() end)
  print(("%d %d"):format(listener:getsockname().port, uv.os_getpid()))
  io.stdout:flush()
  uv.run()
end

if arg and arg[0] and arg[0]:find("files_server.lua$") then main() end

return M
