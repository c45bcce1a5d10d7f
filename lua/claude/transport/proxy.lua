--- Which proxy a request goes through, where libcurl does not decide: the option, or the
--- environment's HTTPS_PROXY and ALL_PROXY; never for what NO_PROXY or no_proxy names.
local address = require("claude.address")

local M = {}

---@class claude.Proxy
---@field host string
---@field port integer
---@field user? string "name:password"

local function environment(...)
  for i = 1, select("#", ...) do
    local value = os.getenv((select(i, ...)))
    if value and value ~= "" then return value end
  end
end

-- "example.com" and ".example.com" stand for the domain and what is below it.
local function names(list, host)
  for name in list:gmatch("[^,%s]+") do
    name = name:lower():gsub("^%.", "")
    if name == "*" or name == host or ("[" .. name .. "]") == host then return true end
    if host:sub(-#name - 1) == "." .. name then return true end
  end
  return false
end

local function unescaped(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- What is wrong is told without the value, which may hold a password.
local function parse(text)
  local scheme, rest = text:match("^(%a[%w+.-]*)://(.*)$")
  if scheme and scheme:lower() ~= "http" then
    return nil, "only http:// proxies can be used from this host's sockets"
  end
  rest = rest or text
  local user, place = rest:match("^([^/]*)@(.*)$")
  local parts = address.parts("http://" .. (place or rest))
  if not parts then return nil, "the proxy's address is no http://host:port" end
  return {
    host = parts.host,
    port = (place or rest):find(":%d+/*$") and parts.port or 1080, -- as libcurl has it
    user = user and unescaped(user),
  }
end

-- The order is libcurl's: small letters first.
local ENVIRONMENT = { https = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" } }
-- HTTP_PROXY may be a request's header Proxy (CGI): only the name in small letters is taken.
ENVIRONMENT.http = { "http_proxy", "all_proxy", "ALL_PROXY" }

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

--- The proxy for an address, nil for none; `nil, problem` when it cannot be used.
---@param target claude.Address
---@param options { proxy?: string, no_proxy?: string }
---@return claude.Proxy?
---@return string? problem
function M.choose(target, options)
  local text = options.proxy
  if text == nil then
    -- What goes to this machine goes to no proxy that the environment names.
    if address.is_loopback(target.host) then return nil end
    text = environment(unpack(ENVIRONMENT[target.scheme]))
  end
  if not text or text == "" then return nil end
  local exceptions = options.no_proxy or environment("no_proxy", "NO_PROXY")
  if exceptions and names(exceptions, target.host) then return nil end
  return parse(text)
end

return M
