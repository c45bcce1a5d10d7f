--- Why a C part could not be loaded: what Lua and the system's loader say in their own
--- words, put so that it says what to do. Loads only when one could not.

local version = require("claude.version")

local M = {}

local jit = rawget(_G, "jit")
local number = _VERSION:match("%d%.%d") or "5.4"
local THIS_LUA = type(jit) == "table" and "LuaJIT" or _VERSION
local MAKE = "make LUA=" .. (type(jit) == "table" and "luajit" or "lua" .. number)
local ROCKS = ("luarocks --lua-version %s make"):format(number)

local BUILD = ("%s, or %s"):format(MAKE, ROCKS)
if rawget(_G, "vim") then BUILD = "make nvim in the plugin's folder, or " .. ROCKS end

local OTHER_LUA = {
  "it was built for another Lua than this " .. THIS_LUA,
  "build it for this one: " .. BUILD,
}
local NO_CURL = {
  "the libcurl that it needs is not installed",
  "install libcurl 7.68 or newer (Debian, Ubuntu: apt install libcurl4; Fedora: dnf install "
    .. "libcurl; Alpine: apk add libcurl), or build again where another one is: "
    .. BUILD,
}
local OTHER_MACHINE = {
  "it was built for another system than this one",
  "build it here: " .. BUILD,
}
local NOT_FOUND = {
  "it was not found",
  "build it: "
    .. BUILD
    .. "; if it is there, add the folder that holds claude/core.so to package.cpath "
    .. '(LUA_CPATH); in the source tree: eval "$(make -s env)"',
}

-- What loaders of glibc, musl and macOS say, most telling first.
local CAUSES = {
  { "libcurl[^\n]-: cannot open shared object", NO_CURL },
  { "shared library libcurl", NO_CURL },
  { "Library not loaded:[^\n]*libcurl", NO_CURL },
  { "version `CURL_[^\n]*not found", NO_CURL },
  { "symbol[^\n]-[ '_:]curl_", NO_CURL },
  { "curl_[%w_]+: symbol not found", NO_CURL },
  { "symbol[^\n]-[ '_:]luaL?_", OTHER_LUA },
  { "luaL?_[%w_]+: symbol not found", OTHER_LUA },
  { "version mismatch", OTHER_LUA },
  { "numeric types", OTHER_LUA },
  { "wrong ELF class", OTHER_MACHINE },
  { "invalid ELF header", OTHER_MACHINE },
  { "file too short", OTHER_MACHINE },
  { "architecture", OTHER_MACHINE },
  { "Exec format error", OTHER_MACHINE },
  { "version `GLIBC", OTHER_MACHINE },
  { "undefined symbol", OTHER_MACHINE },
  { "^module '[^']+' not found", NOT_FOUND },
}
local UNKNOWN = { "the system's loader refuses it", "build it again: " .. BUILD }

---@class claude.LoadFailure
---@field what string the cause, in our words; of several lines when the C part told it
---@field hint string what to do
---@field said? string the loader's own words

--- The folder of the Lua files, with a slash; nil where the host does not tell.
---@return string?
function M.folder()
  local info = debug and debug.getinfo and debug.getinfo(1, "S")
  return info and info.source:match("^@(.*)loading%.lua$")
end

-- PUC 5.1 and LuaJIT remember that a module failed, and not how.
---@param name string
---@param problem any
---@return any
local function first_told(name, problem)
  if not tostring(problem):find("loop or previous error", 1, true) then return problem end
  package.loaded[name] = nil
  local _, again = pcall(require, name)
  return again
end

--- What the failure of `require(name)` means.
---@param name string
---@param problem any what require raised
---@return claude.LoadFailure
function M.diagnose(name, problem)
  local said = tostring(first_told(name, problem))
  package.loaded[name] = nil
  -- The C part was loaded, and tells by itself why it refuses.
  local what, hint = said:match("^[^\n]-" .. name:gsub("%.", "%%.") .. ": (.-)\n  hint: (.*)$")
  if what then return { what = what, hint = hint } end
  for _, cause in ipairs(CAUSES) do
    if said:find(cause[1]) then return { what = cause[2][1], hint = cause[2][2], said = said } end
  end
  return { what = UNKNOWN[1], hint = UNKNOWN[2], said = said }
end

--- The same as one text, to be raised.
---@param name string
---@param problem any
---@return string
function M.explained(name, problem)
  local failure = M.diagnose(name, problem)
  local lines = {
    ("%s, a C part of lua-claude %s, cannot be loaded: %s"):format(name, version, failure.what),
  }
  local folder = M.folder()
  if folder then lines[#lines + 1] = "  the Lua part is in " .. folder end
  if failure.said then lines[#lines + 1] = "  " .. failure.said:gsub("\n", "\n  ") end
  lines[#lines + 1] = "  hint: " .. failure.hint
  return table.concat(lines, "\n")
end

return M
