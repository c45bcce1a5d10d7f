--- Which hosts there are: the folders here that have a `host.lua`, and folders of one's own.
local uv = require("luv")

local M = {}

local HERE = "spec/hosts"

local function has_host(folder) return uv.fs_stat(folder .. "/host.lua") ~= nil end

local function all()
  local names, listing = {}, assert(uv.fs_scandir(HERE))
  local name = uv.fs_scandir_next(listing)
  while name do
    if has_host(("%s/%s"):format(HERE, name)) then names[#names + 1] = name end
    name = uv.fs_scandir_next(listing)
  end
  table.sort(names)
  return names
end

---@class claude.HostFolder
---@field name string
---@field folder string

--- The hosts asked for, by name or by folder (anything with a slash in it); all without any.
---@param wanted string[]
---@return claude.HostFolder[]
function M.chosen(wanted)
  local known, chosen = all(), {}
  for i, name in ipairs(#wanted > 0 and wanted or known) do
    local folder = name:find("/", 1, true) and name or ("%s/%s"):format(HERE, name)
    if not has_host(folder) then
      local text = "there is no host %s; there are %s, and any folder with a host.lua"
      error(text:format(name, table.concat(known, " ")), 0)
    end
    chosen[i] = { name = folder:match("([^/]+)/*$"), folder = folder }
  end
  return chosen
end

return M
