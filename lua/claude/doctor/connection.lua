--- How the API would be reached: base URL, certificate authorities, proxy.

local address = require("claude.address")

local M = {}

local function environment(name)
  local value = os.getenv(name)
  value = value and value:match("^%s*(.-)%s*$")
  return value ~= "" and value or nil
end

-- The first of some variables that is set.
---@param names string[]
---@return string? value
---@return string? name
local function first_set(names)
  for _, name in ipairs(names) do
    local value = environment(name)
    if value then return value, name end
  end
  return nil
end

local VERSION_IN_PATH =
  "requests go to /v1/… below it: leave that ending away, unless it is meant"

---@param found claude.Report
---@param options claude.ClientOptions
---@return string? base nil when it is wrong
local function look_at_base(found, options)
  local given, source = options.base_url, "base_url"
  if not given then
    given, source = first_set({ "ANTHROPIC_BASE_URL" })
  end
  local base, problem = address.check(given or address.DEFAULT, options.allow_http)
  if not base then
    found:add("base URL", false, source .. " " .. problem, "correct " .. source)
    return nil
  end
  local text = ("%s (%s)"):format(base, source or "the default")
  if base:find("/v1$") or base:find("/v1/messages$") then
    found:add("base URL", nil, text, VERSION_IN_PATH)
  else
    found:add("base URL", true, text)
  end
  return base
end

-- What keeps a file of certificates from being one.
---@param path string
---@return string? problem
local function file_problem(path)
  local file, why = io.open(path, "rb")
  if not file then return "cannot be opened: " .. tostring(why) end
  local text = file:read("*a")
  file:close()
  if not text then return "is a folder: name it with SSL_CERT_DIR or ca_path" end
  if not text:find("-----BEGIN [%u ]*CERTIFICATE") then return "has no certificate (PEM) in it" end
  return nil
end

---@param path string
---@return string? problem
local function folder_problem(path)
  local folder, why = io.open(path .. "/.", "rb")
  if not folder then return "cannot be opened: " .. tostring(why) end
  folder:close()
  return nil
end

local OWN = "libcurl's own"

---@class claude.doctor.Authorities
---@field file? string
---@field file_from? string the option or variable that names it, or OWN
---@field folder? string
---@field folder_from? string

-- What libcurl trusts by itself counts where nothing else is named; its file even beside a
-- folder that is.
---@param use claude.doctor.Authorities
---@return claude.doctor.Authorities
local function with_own(use)
  local loaded, net = pcall(require, "claude.net")
  if use.file or not loaded then return use end
  local file, folder = net.authorities()
  use.file, use.file_from = file, OWN
  if not use.folder then
    use.folder, use.folder_from = folder, OWN
  end
  return use
end

-- In the order that claude.transport has: options, environment, libcurl.
---@param options claude.ClientOptions
---@return claude.doctor.Authorities
local function authorities(options)
  local use = {
    file = options.ca_file,
    file_from = "ca_file",
    folder = options.ca_path,
    folder_from = "ca_path",
  }
  if not use.file and not use.folder then
    use.file, use.file_from = first_set({ "CURL_CA_BUNDLE", "SSL_CERT_FILE" })
    use.folder, use.folder_from = first_set({ "SSL_CERT_DIR" })
  end
  return with_own(use)
end

local CA_HINT = "name a readable file of certificates with ca_file or SSL_CERT_FILE"
local OWN_CA_HINT = "install the certificate authorities (Debian, Ubuntu: apt install "
  .. "ca-certificates), or name a file of them with SSL_CERT_FILE"

-- Requests over https fail of a file that cannot be read. A folder may be missing where
-- there is a file, unless somebody named it and nothing else.
---@param use claude.doctor.Authorities
---@return string? problem
---@return string? from who named what it is about
---@return boolean? harmless
local function trouble_with(use)
  local problem = use.file and file_problem(use.file)
  if problem then return ("%s %s"):format(use.file, problem), use.file_from end
  problem = use.folder and folder_problem(use.folder)
  if not problem or (use.file and use.folder_from == OWN) then return nil end
  local harmless = use.file ~= nil and use.file_from ~= OWN
  return ("%s %s"):format(use.folder, problem), use.folder_from, harmless
end

---@param found claude.Report
---@param options claude.ClientOptions
---@param base string?
local function look_at_authorities(found, options, base)
  local use = authorities(options)
  local parts = {}
  if use.file then parts[1] = ("%s (%s)"):format(use.file, use.file_from) end
  if use.folder then parts[#parts + 1] = ("%s (%s)"):format(use.folder, use.folder_from) end
  local text = parts[1] and table.concat(parts, ", ") or "those built into libcurl"
  local problem, from, harmless = trouble_with(use)
  if not problem then return found:add("CA", parts[1] and true or nil, text) end
  local ok = false
  -- Without TLS nobody looks at them.
  if harmless or (base and base:find("^http:")) then ok = nil end
  found:add("CA", ok, problem .. ", of " .. text, from == OWN and OWN_CA_HINT or CA_HINT)
end

local NAMES = {
  -- libcurl takes no HTTP_PROXY: in CGI programs anybody could set it by a header.
  http = { "http_proxy", "all_proxy", "ALL_PROXY" },
  https = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" },
}
-- What libcurl takes, and what can be done over a host's own sockets.
local SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true }
SCHEMES.socks5h = true
local SCHEMES_OF_HOSTS = { http = true }
local PROXY_HINT = "write http://host:port, https://…, socks5://… or socks5h://…"
local PROXY_HINT_OF_HOSTS = "write http://host:port: no other proxies can be used here"

local NO_HOST = "(no proper host)"

--- A proxy's scheme, host and port: what stands before the last @, and behind the port,
--- may be secret.
---@param url string
---@return string shown
---@return string scheme
---@return boolean secret whether something was left out before the host
local function shown_proxy(url)
  local scheme, rest = url:match("^(%a[%w+.-]*)://(.*)$")
  local user, host = (rest or url):match("^(.*)@([^@]*)$")
  host = (host or rest or url):match("^[^/?#]*")
  -- What looks otherwise may be a password that stands in the wrong place.
  if not (host:find("^[%w._%%-]+:?%d*$") or host:find("^%[[%x:.]+%]:?%d*$")) then host = NO_HOST end
  return (scheme and scheme .. "://" or "") .. host, (scheme or "http"):lower(), user ~= nil
end

---@param options claude.ClientOptions
---@param scheme string of the base URL
---@return string? url
---@return string? source
local function proxy_for(options, scheme)
  if options.proxy then return options.proxy, "proxy" end
  return first_set(NAMES[scheme])
end

---@param found claude.Report
---@param options claude.ClientOptions
---@param base string
---@param host string? that owns its coroutines
local function look_at_proxy(found, options, base, host)
  if not options.proxy and address.is_local(base) then
    return found:add("proxy", true, "none: requests to this machine go to no proxy")
  end
  local url, source = proxy_for(options, base:match("^%a+"))
  if not url or url == "" then return found:add("proxy", true, "none") end
  local shown, scheme, secret = shown_proxy(url)
  local text = ("%s (%s%s)"):format(shown, source, secret and "; user and password not shown" or "")
  local around = options.no_proxy or first_set({ "no_proxy", "NO_PROXY" })
  if around then text = text .. ", but not for " .. around end
  local schemes = host and SCHEMES_OF_HOSTS or SCHEMES
  if schemes[scheme] and not shown:find(NO_HOST, 1, true) then
    found:add("proxy", true, text)
  else
    found:add("proxy", false, text, host and PROXY_HINT_OF_HOSTS or PROXY_HINT)
  end
end

local NGINX_HINT = "write lua_ssl_trusted_certificate FILE; into nginx.conf"

-- Whom a host's own sockets trust is the host's business.
---@param found claude.Report
---@param options claude.ClientOptions
---@param host string
local function tell_of_host(found, options, host)
  local text = "those that " .. host .. " trusts"
  if host ~= "nginx" then return found:add("CA", nil, text) end
  local option = options.ca_file and "ca_file" or options.ca_path and "ca_path"
  if not option then return found:add("CA", nil, text, NGINX_HINT) end
  local hint = "leave it out, and " .. NGINX_HINT
  found:add("CA", false, option .. " is not taken in nginx: its configuration names them", hint)
end

--- Adds what it finds.
---@param found claude.Report
---@param options claude.ClientOptions
---@param host string? that owns its coroutines
function M.look(found, options, host)
  local base = look_at_base(found, options)
  if host then
    tell_of_host(found, options, host)
  else
    look_at_authorities(found, options, base)
  end
  look_at_proxy(found, options, base or address.DEFAULT, host)
end

return M
