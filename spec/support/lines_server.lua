--- A server that streams as many lines as its path says, no faster than they are read:
--- `/lines/COUNT/BYTES`, and a batch of COUNT results under `/v1/messages/batches/b_COUNT`.
--- `/taken` tells how many bytes of lines the last reader's system has taken. With `/gzip` in
--- front the lines are packed, all alike. As a program it prints its port and its process id,
--- and serves until it is killed or its parent is gone.
local uv = require("luv")

local PIECE = 64 * 1024

local HEAD = "HTTP/1.1 200 OK\r\nrequest-id: req_lines\r\n"
local RESULT = '{"custom_id":"id-%d","result":{"type":"succeeded","message":{"id":"msg_%d",'
  .. '"type":"message","role":"assistant","model":"claude-opus-4-8","content":[{"type":"text",'
  .. '"text":"%s"}],"stop_reason":"end_turn","stop_sequence":null,'
  .. '"usage":{"input_tokens":3,"output_tokens":5}}}}\n'
local BATCH = '{"id":"b_%d","type":"message_batch","processing_status":"ended",'
  .. '"results_url":"http://127.0.0.1/elsewhere","request_counts":{}}'

local taken = 0

local function answer(body) return ("%scontent-length: %d\r\n\r\n%s"):format(HEAD, #body, body) end

-- Sends what make(i) gives, piece by piece, each when the one before was taken.
local function stream(socket, count, make)
  taken = 0
  local i = 0
  local function go_on(err)
    if err or socket:is_closing() then return end
    local lines, size = {}, 0
    while i < count and size < PIECE do
      i = i + 1
      lines[#lines + 1] = make(i)
      size = size + #lines[#lines]
    end
    taken = taken + size
    if size == 0 then return socket:write("0\r\n\r\n") end
    socket:write({ ("%x\r\n"):format(size), table.concat(lines), "\r\n" }, go_on)
  end
  socket:write(HEAD .. "transfer-encoding: chunked\r\n\r\n", go_on)
end

-- Megabytes that unpack from kilobytes.
local function packed(count, bytes)
  local command = "head -c %d /dev/zero | tr '\\0' x | fold -w %d | gzip -9"
  local pipe = assert(io.popen(command:format(count * (bytes - 1), bytes - 1)))
  local body = pipe:read("*a")
  pipe:close()
  return ("%scontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s"):format(HEAD, #body, body)
end

local TEXT = ("All work and no play. "):rep(20)

local ROUTES = {
  { "^/taken$", function(socket) socket:write(answer(("%d"):format(taken))) end },
  {
    "^/lines/(%d+)/(%d+)$",
    function(socket, count, bytes)
      local line = ("x"):rep(tonumber(bytes) - 1) .. "\n"
      stream(socket, tonumber(count), function() return line end)
    end,
  },
  {
    "^/gzip/lines/(%d+)/(%d+)$",
    function(socket, count, bytes) socket:write(packed(tonumber(count), tonumber(bytes))) end,
  },
  {
    "^/v1/messages/batches/b_(%d+)$",
    function(socket, count) socket:write(answer(BATCH:format(tonumber(count)))) end,
  },
  {
    "^/v1/messages/batches/b_(%d+)/results$",
    function(socket, count)
      stream(socket, tonumber(count), function(i) return RESULT:format(i, i, TEXT) end)
    end,
  },
}

local function serve(socket, path)
  for _, route in ipairs(ROUTES) do
    local a, b = path:match(route[1])
    if a then return route[2](socket, a, b) end
  end
  socket:write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(16, function()
  local socket, received = uv.new_tcp(), ""
  listener:accept(socket)
  socket:read_start(function(_, bytes)
    if not bytes then return socket:close() end
    received = received .. bytes
    local path = received:match("^%u+ (%S+) .-\r\n\r\n")
    if not path then return end
    received = ""
    serve(socket, path)
  end)
end))

local parent, timer = uv.os_getppid(), uv.new_timer()
timer:start(1000, 1000, function()
  if uv.os_getppid() ~= parent then os.exit(0) end
end)
uv.new_signal():start("sigpipe", function() end)
print(("%d %d"):format(listener:getsockname().port, uv.os_getpid()))
io.stdout:flush()
uv.run()
