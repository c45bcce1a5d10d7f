--- Where requests go: the base URL, checked once.

local M = {}

M.DEFAULT = "https://api.anthropic.com"

---@param host string
---@return boolean
local function is_loopback(host)
  if host == "localhost" or host == "[::1]" then return true end
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a ~= "127" then return false end
  -- With a zero before it a part is octal to some, and no address to others.
  for _, part in ipairs({ b, c, d }) do
    if tonumber(part) > 255 or part:find("^0%d") then return false end
  end
  return true
end

---@param authority string
---@return string? host lowercase, an IPv6 address in brackets
---@return string? port with its colon, or empty
local function host_of(authority)
  local host, port = authority:match("^(%[[%x:.]+%])(.*)$")
  if not host then
    host, port = authority:match("^([A-Za-z0-9._-]+)(.*)$")
  end
  if not host or not host:find("[A-Za-z0-9]") then return nil end
  if port == "" then return host:lower(), port end
  local number = tonumber(port:match("^:(%d+)$"))
  if not number or number < 1 or number > 65535 then return nil end
  return host:lower(), port
end

-- What a path may be of; whatever means something else to somebody on the way is not in it.
---@param path string
---@return string? problem
local function path_problem(path)
  if path:find("[^A-Za-z0-9._~!$&'()*+,=:@%%/-]") then
    return "has a character in its path that must be written as %XX"
  end
  if path:gsub("%%%x%x", ""):find("%", 1, true) then
    return "has a % in its path that must be written as %25"
  end
  local plain = path:gsub("%%2[eE]", "."):gsub("%%2[fF]", "/")
  if (plain .. "/"):find("/%.%.?/") then return "has a part . or .. in its path" end
end

M.is_loopback = is_loopback

local PORTS = { http = 80, https = 443 }

---@class claude.Address
---@field scheme "http"|"https"
---@field host string lowercase, an IPv6 address in brackets
---@field port integer
---@field authority string what the header Host says
---@field path string with its query

--- Takes a URL apart that `check` has accepted, with what was put behind it.
---@param url string
---@return claude.Address? address
---@return string? problem
function M.parts(url)
  local scheme, authority, path = url:match("^(%a+)://([^/?#]+)([^#]*)$")
  scheme = scheme and scheme:lower()
  if not PORTS[scheme] or url:find("[%c%s]") then return nil, "is no URL of https or http" end
  local host, given = host_of(authority)
  if not host then return nil, "has no proper host" end
  local port = tonumber(given:sub(2)) or PORTS[scheme]
  if port < 1 or port > 65535 then return nil, "has no proper port" end
  return {
    scheme = scheme,
    host = host,
    port = port,
    authority = port == PORTS[scheme] and host or ("%s:%d"):format(host, port),
    path = path:sub(1, 1) == "/" and path or "/" .. path,
  }
end

--- Whether a base URL (as `check` returns it) is one of this machine.
---@param base string
---@return boolean
function M.is_local(base)
  local host = host_of(base:match("^%a+://([^/]*)") or "")
  return host ~= nil and is_loopback(host)
end

--- Checks a base URL: https, or http to this machine (or with allow_http), with
--- nothing in it but host, port and path.
---@param url string
---@param allow_http? boolean
---@return string? base without a slash at its end
---@return string? problem what is wrong; never the URL itself, which may hold a password
function M.check(url, allow_http)
  if url:find("[%c%s]") then return nil, "has spaces or control characters" end
  local scheme, rest = url:match("^(%a[%w+.-]*)://(.*)$")
  if not scheme then return nil, "is no URL: write https://host" end
  scheme = scheme:lower()
  if scheme ~= "https" and scheme ~= "http" then
    return nil, ("has the scheme %s: https is taken"):format(scheme)
  end
  local authority, path = rest:match("^([^/?#]*)(.*)$")
  if authority:find("@", 1, true) then return nil, "has a user name or password in it" end
  if path:find("[?#]") then return nil, "has a query or fragment" end
  local host = host_of(authority)
  if not host then return nil, "has no proper host and port" end
  local problem = path_problem(path)
  if problem then return nil, problem end
  if scheme == "http" and not allow_http and not is_loopback(host) then
    return nil,
      "is http, which would show the key to the network:"
        .. " write https, or allow_http = true if that is meant"
  end
  return ("%s://%s%s"):format(scheme, authority, (path:gsub("/+$", "")))
end

return M
