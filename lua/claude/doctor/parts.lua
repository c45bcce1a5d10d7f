--- What is installed: Lua, our own parts, libcurl, JSON, and how this host waits.

local loading = require("claude.loading")
local version = require("claude.version")

local M = {}

local OLDEST_CURL = 0x074400
local NO_TLS_HINT = "install a libcurl with TLS: the API is asked over https only"
local OLD_CURL_HINT = "install libcurl 7.68 or newer"

local function lua_text()
  local jit = rawget(_G, "jit")
  if type(jit) ~= "table" then return _VERSION end
  local running = jit.status and jit.status()
  return ("%s (%s, %s %s, %s)"):format(
    tostring(jit.version),
    _VERSION,
    tostring(jit.os),
    tostring(jit.arch),
    running and "compiling" or "interpreting"
  )
end

local function host_text()
  local vim = rawget(_G, "vim")
  -- In newer versions vim.version is a table that can be called.
  if type(vim) == "table" and vim.version then
    local v = vim.version()
    return (", in Neovim %d.%d.%d"):format(v.major, v.minor, v.patch)
  end
  local ngx = rawget(_G, "ngx")
  local nginx = type(ngx) == "table" and type(ngx.config) == "table" and ngx.config
  if nginx then return ", in nginx (lua module " .. tostring(nginx.ngx_lua_version) .. ")" end
  return ""
end

---@param found claude.Report
---@param name string
---@return table? module
local function look_at_part(found, name)
  local loaded, part = pcall(require, name)
  if loaded and type(part) == "table" then
    found:add(name, true, ("%s, %s"):format(tostring(part.version), tostring(part.file)))
    return part
  end
  local failure = loading.diagnose(name, part)
  local said = failure.said and "\n" .. failure.said or ""
  found:add(name, false, failure.what .. said, failure.hint)
  return nil
end

local function encodings(features)
  local names = {}
  for _, name in ipairs({ "gzip", "brotli", "zstd" }) do
    if features[name] then names[#names + 1] = name end
  end
  return names[1] and table.concat(names, ", ") or "no compression"
end

---@param found claude.Report
---@param features table
local function look_at_curl(found, features)
  local text = ("%s, %s, %s, %s, %s"):format(
    features.version,
    features.tls or "no TLS",
    features.http2 and "HTTP/2" or "no HTTP/2",
    encodings(features),
    features.host
  )
  if features.number < OLDEST_CURL then
    found:add("libcurl", false, text .. ": too old", OLD_CURL_HINT)
  elseif not features.tls then
    found:add("libcurl", false, text, NO_TLS_HINT)
  else
    found:add("libcurl", true, text)
  end
end

---@param found claude.Report
local function look_at_json(found)
  local library, problem = require("claude.json").library()
  if library then return found:add("JSON", true, library) end
  found:add("JSON", false, "no library that decodes error bodies and model lists", problem)
end

-- libcurl would block the other requests of a host that owns its coroutines: there it is
-- not even loaded.
---@param found claude.Report
---@param host string? that owns its coroutines
local function look_at_net(found, host)
  if host then
    found:add("claude.net", nil, ("not loaded: requests go over the sockets of %s"):format(host))
    return found:add("loop", true, host .. ", with coroutines and sockets of its own")
  end
  local net = look_at_part(found, "claude.net")
  if net then look_at_curl(found, net.features()) end
  found:add("loop", true, require("claude.loop").adapter_name())
end

--- Adds what it finds.
---@param found claude.Report
---@param host string? that owns its coroutines
function M.look(found, host)
  found:add("lua-claude", true, ("%s, %s"):format(version, loading.folder() or "somewhere"))
  found:add("Lua", true, lua_text() .. host_text())
  look_at_part(found, "claude.core")
  look_at_net(found, host)
  look_at_json(found)
end

return M
