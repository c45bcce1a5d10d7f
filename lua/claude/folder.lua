--- Paths that a model names: only what lies in the current folder is meant.
local M = {}

local HIDDEN = "parent folders and hidden files cannot be read"

---@param path string
---@return boolean
local function is_hidden(path)
  for part in path:gmatch("[^/]+") do
    if part ~= "." and part:sub(1, 1) == "." then return true end
  end
  return false
end

--- The real path of a file or folder in the current folder: named relative to it, not
--- hidden, and not led outside, or to what is hidden, by a symbolic link.
---@param uv table libuv's functions: luv, or Neovim's
---@param path string
---@param kind "file"|"directory"
---@return string? real
---@return string? why_not for the model
function M.resolve(uv, path, kind)
  if path:find("%z") or path:sub(1, 1) == "/" then
    return nil, "only paths relative to the current folder can be read"
  end
  if is_hidden(path) then return nil, HIDDEN end
  local folder = assert(uv.fs_realpath("."))
  local real, why = uv.fs_realpath(path)
  if not real then return nil, why end
  if real ~= folder and real:sub(1, #folder + 1) ~= folder:gsub("/?$", "/") then
    return nil, "the path leads out of the current folder"
  end
  if is_hidden(real:sub(#folder + 1)) then return nil, HIDDEN end
  local stat = uv.fs_stat(real)
  if not stat or stat.type ~= kind then
    return nil, kind == "file" and "not a regular file" or "not a folder"
  end
  return real
end

return M
