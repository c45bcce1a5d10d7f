--- A request as it goes over a host's socket: where to connect, and the bytes up to its body;
--- or why there can be none.
local address = require("claude.address")
local choose_proxy = require("claude.transport.proxy").choose
local failures = require("claude.transport.failures")
local header_problem = require("claude.headers").problem
local hosted = require("claude.tasks.hosted")
local tunnel = require("claude.transport.tunnel")

local M = {}

-- Methods whose request has a body, if only an empty one.
local SENDS = { PATCH = true, POST = true, PUT = true }

---@param options claude.TransportOptions
---@param target claude.Address
---@return string?
---@return string? problem
local function request_head(options, target)
  local lines = {
    ("%s %s HTTP/1.1"):format(options.method, target.path),
    "host: " .. target.authority,
  }
  for _, header in ipairs(options.headers or {}) do
    local problem = header_problem(header[1], header[2])
    if problem then return nil, "a header " .. problem end
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
  local length = options.body and options.body:length() or SENDS[options.method] and 0
  if length then lines[#lines + 1] = "content-length: " .. length end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Where to, whether that is allowed, and how.
local function route_to(options)
  local target, problem = address.parts(options.url)
  if target and target.scheme == "http" and not options.allow_http then
    if not address.is_loopback(target.host) then
      target, problem = nil, "is http, which would show the key to the network"
    end
  end
  if not target then return nil, "the URL " .. problem end
  local proxy
  proxy, problem = choose_proxy(target, options)
  if problem then return nil, problem end
  return tunnel.route(target, proxy)
end

--- What the request is, or why it cannot be made.
---@param host claude.TaskHost
---@param options claude.TransportOptions
---@return { route: table, head: string }?
---@return claude.Error?
function M.make(host, options)
  local problem, hint = hosted.problem()
  if not problem and host.refuse then
    problem, hint = host.refuse(options)
  end
  if problem then return nil, failures.of_host(problem, hint) end
  local route
  route, problem = route_to(options)
  if not route then return nil, failures.of_host(problem) end
  route.seconds = options.limits.connect or nil
  local head
  head, problem = request_head(options, route.target)
  if not head then return nil, failures.of_host(problem) end
  return { route = route, head = head }
end

return M
