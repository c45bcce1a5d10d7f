--- A proxy on loopback that takes CONNECT, whatever the host, to one port of this machine.
--- `GET /last_head` gives the last CONNECT request as it came.
local uv = require("luv")

local target = tonumber(arg[1])
local last_head = ""

local function join(from, to)
  from:read_start(function(_, bytes)
    if bytes and not to:is_closing() then return to:write(bytes) end
    if not from:is_closing() then from:close() end
    if not to:is_closing() then to:close() end
  end)
end

local function connect(socket, head)
  last_head = head
  local server = uv.new_tcp()
  server:connect("127.0.0.1", target, function(err)
    assert(not err, err)
    socket:write("HTTP/1.1 200 Connection established\r\n\r\n")
    join(socket, server)
    join(server, socket)
  end)
end

local function serve(socket)
  local head = ""
  socket:read_start(function(_, bytes)
    if not bytes then
      if not socket:is_closing() then socket:close() end
      return
    end
    head = head .. bytes
    if not head:find("\r\n\r\n", 1, true) then return end
    if head:find("^CONNECT ") then
      socket:read_stop()
      return connect(socket, head)
    end
    socket:write(
      ("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"):format(
        #last_head,
        last_head
      )
    )
    head = ""
  end)
end

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(16, function(err)
  assert(not err, err)
  local socket = uv.new_tcp()
  listener:accept(socket)
  serve(socket)
end))
print(("%d %d"):format(listener:getsockname().port, uv.os_getpid()))
io.stdout:flush()
local parent, watch = uv.os_getppid(), uv.new_timer()
watch:start(1000, 1000, function()
  if uv.os_getppid() ~= parent then os.exit(0) end
end)
uv.run()
