--- Looks for a secret where it must not be: argument lists and environments of all
--- processes, and files. In this process, so that the search itself shows it to nobody.
local uv = require("luv")

local M = {}

local PIECE = 1024 * 1024

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function entries(directory)
  local listing, names = uv.fs_scandir(directory), {}
  local name = listing and uv.fs_scandir_next(listing)
  while name do
    names[#names + 1] = name
    name = uv.fs_scandir_next(listing)
  end
  return names
end

local PLACES = { cmdline = "arguments", environ = "environment" }

--- Where in the processes of this machine it is, and which could be looked at.
---@param secret string
---@return string[] found such as "the arguments of process 17 (curl …)"
---@return table<integer, true> seen
function M.in_processes(secret)
  local found, seen = {}, {}
  for _, name in ipairs(entries("/proc")) do
    local pid = tonumber(name)
    for file, what in pairs(pid and PLACES or {}) do
      local text = read(("/proc/%d/%s"):format(pid, file))
      if text and text ~= "" then seen[pid] = true end
      if text and text:find(secret, 1, true) then
        local program = (read(("/proc/%d/comm"):format(pid)) or "?"):gsub("\n", "")
        found[#found + 1] = ("the %s of process %d (%s)"):format(what, pid, program)
      end
    end
  end
  return found, seen
end

-- Piece by piece, each with the end of the one before: a file may be large.
local function holds(path, secret)
  local file = io.open(path, "rb")
  if not file then return false end
  local found, rest = false, ""
  local piece = file:read(PIECE)
  while piece and not found do
    piece = rest .. piece
    found = piece:find(secret, 1, true) ~= nil
    rest = piece:sub(-#secret)
    piece = file:read(PIECE)
  end
  file:close()
  return found
end

-- Other file systems (a /proc in somebody's chroot, say) are not looked into.
local function search(path, secret, since, device, found)
  local about = uv.fs_lstat(path)
  if not about or about.dev ~= device then return end
  if about.type == "directory" then
    for _, name in ipairs(entries(path)) do
      search(path .. "/" .. name, secret, since, device, found)
    end
  elseif about.type == "file" and about.mtime.sec >= since and holds(path, secret) then
    found[#found + 1] = "the file " .. path
  end
end

--- Which files in these directories and below hold it, of those written since then.
---@param secret string
---@param directories string[]
---@param since integer seconds as os.time() counts them
---@return string[] found
function M.in_files(secret, directories, since)
  local found = {}
  for _, directory in ipairs(directories) do
    local about = uv.fs_lstat(directory)
    if about then search(directory, secret, since, about.dev, found) end
  end
  return found
end

--- A new secret in the form of an API key.
---@return string key
---@return string secret the part of it that nothing else has
function M.new_key()
  local source = assert(io.open("/dev/urandom", "rb"))
  local secret = source:read(24):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  source:close()
  return "sk-ant-api03-" .. secret, secret
end

return M
