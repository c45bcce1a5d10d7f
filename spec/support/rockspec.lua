--- Writes the rockspec from the tree; `make rockspec` runs it, and a spec
--- compares. LuaRocks wants every file named.
local M = {}

M.path = "rockspec/lua-claude-scm-1.rockspec"

local HEAD = [[
-- The lists of files are written by `make rockspec`.
rockspec_format = "3.0"
package = "lua-claude"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "Agents with Claude: thinking, tools and streaming, exact to the byte",
  detailed = [=[
    A client for the Claude Messages API with a C core: streaming, extended
    thinking, tool loops and conversations that go back byte for byte.]=],
  license = "MIT",
}
dependencies = { "lua >= 5.1, < 5.6", "lua-cjson >= 2.1", "argparse >= 0.7" }
external_dependencies = { CURL = { library = "curl" } }
build = {
  type = "builtin",
  install = { bin = { ["lua-claude"] = "bin/lua-claude" } },
  modules = {
]]

--- Paths below `dir` that end in `suffix`, sorted.
---@param dir string
---@param suffix string
---@return string[]
local function files(dir, suffix)
  local found = {}
  local pipe =
    assert(io.popen("find '" .. dir .. "' -type f -name '*" .. suffix .. "' 2>/dev/null"))
  for path in pipe:lines() do
    found[#found + 1] = path
  end
  pipe:close()
  table.sort(found)
  return found
end

local function sources(dirs)
  local list = {}
  for _, dir in ipairs(dirs) do
    for _, path in ipairs(files(dir, ".c")) do
      list[#list + 1] = path
    end
  end
  return list
end

local function render_c_module(name, list, library)
  local lines = { ('    ["%s"] = {\n      sources = {\n'):format(name) }
  for _, path in ipairs(list) do
    lines[#lines + 1] = ('        "%s",\n'):format(path)
  end
  lines[#lines + 1] = '      },\n      defines = { "_GNU_SOURCE" },\n'
  if not library then lines[#lines + 1] = '      incdirs = { "csrc" },\n' end
  if library then
    lines[#lines + 1] = '      libraries = { "curl" },\n'
    lines[#lines + 1] = '      incdirs = { "csrc", "$(CURL_INCDIR)" },\n'
    lines[#lines + 1] = '      libdirs = { "$(CURL_LIBDIR)" },\n'
  end
  lines[#lines + 1] = "    },\n"
  return table.concat(lines)
end

-- What is no Lua module, but belongs to a plugin of Neovim: copied as it is.
local function render_folders()
  local names = {}
  for _, name in ipairs({ "doc", "plugin" }) do
    if #files(name, "") > 0 then names[#names + 1] = ('"%s"'):format(name) end
  end
  return ("  copy_directories = { %s },\n"):format(table.concat(names, ", "))
end

--- The module a Lua file is, as `require` knows it.
---@param path string
---@return string
function M.module_of(path)
  return (path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

--- The whole rockspec as it should be for the tree in the current directory.
---@return string
function M.render()
  local core = { "csrc/core", "csrc/bind/core" }
  local net = { "csrc/core", "csrc/net", "csrc/os", "csrc/bind/net" }
  local parts = { HEAD }
  local core_sources = sources(core)
  core_sources[#core_sources + 1] = "csrc/os/file.c"
  core_sources[#core_sources + 1] = "csrc/os/file_source.c"
  core_sources[#core_sources + 1] = "csrc/os/journal_file.c"
  core_sources[#core_sources + 1] = "csrc/os/pin.c"
  core_sources[#core_sources + 1] = "csrc/os/tree.c"
  parts[#parts + 1] = render_c_module("claude.core", core_sources)
  parts[#parts + 1] = render_c_module("claude.net", sources(net), true)
  for _, path in ipairs(files("lua", ".lua")) do
    parts[#parts + 1] = ('    ["%s"] = "%s",\n'):format(M.module_of(path), path)
  end
  parts[#parts + 1] = "  },\n" .. render_folders() .. "}\n"
  return table.concat(parts)
end

if arg and arg[1] == "--write" then
  local file = assert(io.open(M.path, "w"))
  assert(file:write(M.render()))
  assert(file:close())
end

return M
