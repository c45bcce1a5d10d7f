--- LuaSocket alone, asked for stamped streams one after the other: it reads line by line and looks
--- at nothing but the stamps.
---
---     lua latency_socket.lua URL REQUESTS
---
--- Prints how many lines and stamps there were, and how old the stamps were, as JSON.
local now = require("claude.net").now -- the server's clock
local socket = require("socket")

local url, requests = arg[1], tonumber(arg[2])
local ages, lines = {}, 0

local BODY = '{"model":"claude-sonnet-4-6","max_tokens":16000,"stream":true,"messages":[]}'
local REQUEST = "POST %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
  .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
local STAMP = "@(%d%d%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d%d)@"

local function note(line)
  local seconds, nanoseconds = line:match(STAMP)
  if not seconds then return end
  ages[#ages + 1] = (now() - tonumber(seconds) - tonumber(nanoseconds) / 1e9) * 1e6
end

local function ask()
  local host, port, path = url:match("^http://([%d.]+):(%d+)(/.*)$")
  local connection = assert(socket.connect(host, tonumber(port)))
  connection:setoption("tcp-nodelay", true)
  assert(connection:send(REQUEST:format(path, host, #BODY, BODY)))
  local line
  repeat
    line = assert(connection:receive("*l"))
    lines = lines + 1
    note(line)
  until line == "0"
  connection:close()
end

for _ = 1, requests do
  ask()
end
table.sort(ages)
local function age(part) return ages[math.max(1, math.floor(#ages * part))] or 0 end
local REPORT = '{"lines":%d,"stamps":%d,"p50_us":%.1f,"p99_us":%.1f}'
print(REPORT:format(lines, #ages, age(0.5), age(0.99)))
