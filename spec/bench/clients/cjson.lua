--- The way of a script without this library: LuaSocket asks, lua-cjson decodes (cjson_reply.lua).
---
---     lua cjson.lua URL REQUESTS [stamps]
---
--- Prints the bytes of each kind of text as JSON, and with `stamps` how long the texts took that
--- have one.
local http = require("socket.http")
local ltn12 = require("ltn12")
local reply = require("spec.bench.clients.cjson_reply")
local stamps = require("spec.bench.clients.stamps")

local BODY = '{"model":"claude-sonnet-4-6","max_tokens":16000,"stream":true,'
  .. '"messages":[{"role":"user","content":"Go on"}]}'

local url, requests = arg[1], tonumber(arg[2])
if arg[3] == "stamps" then
  local clock = require("luv").hrtime
  reply.on_text = function(text) stamps.note(text, clock()) end
end

local function ask()
  local state = {}
  local read = reply.reader(state)
  local ok, status = http.request({
    url = url,
    method = "POST",
    headers = {
      ["content-type"] = "application/json",
      ["content-length"] = tostring(#BODY),
      ["anthropic-version"] = "2023-06-01",
      ["x-api-key"] = "bench",
    },
    source = ltn12.source.string(BODY),
    sink = function(piece)
      if piece then read(piece) end
      return 1
    end,
  })
  assert(ok and status == 200 and state.done, status)
end

for _ = 1, requests do
  ask()
end
print(("{%s%s}"):format(reply.report(), stamps.report()))
