--- TLS with HTTP/1.1 and HTTP/2 in front of the server of streams, for rows.
local servers = require("spec.support.servers")

local M = {}

--- The certificate authority; it is made with the first server.
M.CA = "build/bench/tls/ca.pem"

local directory

local function certificates()
  if directory then return directory end
  directory = servers.certificates()
  local copied =
    os.execute(("mkdir -p build/bench/tls && cp '%s/ca.pem' %s"):format(directory, M.CA))
  assert(copied == true or copied == 0)
  return directory
end

local function listens(port)
  local uv = require("luv")
  local socket, answer = uv.new_tcp(), nil
  socket:connect("127.0.0.1", port, function(problem) answer = problem or "ready" end)
  while not answer do
    uv.run("once")
  end
  socket:close()
  uv.run("nowait")
  return answer == "ready"
end

local function wait_for(port)
  for _ = 1, 200 do
    if listens(port) then return end
    os.execute("sleep 0.05")
  end
  error("nghttpx does not listen")
end

--- Why there can be none.
---@return string?
function M.missing()
  if not servers.has("nghttpx") then return "nghttpx (package nghttp2-proxy) is not installed" end
  if not servers.has("openssl") then return "openssl is not installed" end
end

--- A `start` for rows; each connection takes so many requests, any number without it.
---@param most? integer
---@return fun(bench: bench.Bench): bench.Server
function M.start(most)
  return function(bench)
    local options = most and ("--frontend-max-requests=%d"):format(most)
    local server = servers.tls_front(certificates(), bench.server, options)
    wait_for(server.port)
    return server
  end
end

return M
