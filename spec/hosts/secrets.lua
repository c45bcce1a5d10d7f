--- Looks for a secret where it must not be: argument lists, environments and open files of
--- processes, files, and texts. In this process, so that the search itself shows it to nobody.
---
--- It is found in any form (spec/support/secret_forms.lua), and in part.
local secret_forms = require("spec.support.secret_forms")
local uv = require("luv")

local M = {}

local PIECE = 1024 * 1024
local LONGEST = 1024 -- more than any form has

--- How many of each kind of place were searched so far.
---@type table<string, integer>
M.searched = { arguments = 0, environment = 0, file = 0, ["open file"] = 0, text = 0 }

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local known = {}

-- Some thirty texts are looked for in each place: they are made once. Of several secrets any.
local is_in
function is_in(text, secret)
  if type(secret) == "table" then
    for _, one in ipairs(secret) do
      if is_in(text, one) then return true end
    end
    return false
  end
  known[secret] = known[secret] or secret_forms.of(secret)
  return secret_forms.is_in(text, known[secret])
end

--- Whether a text holds it in any form.
---@param text string
---@param secret string
---@return boolean
function M.in_text(text, secret)
  M.searched.text = M.searched.text + 1
  return is_in(text, secret)
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

-- Piece by piece, each with the end of the one before: a file may be large.
local function holds(path, secret)
  local file = io.open(path, "rb")
  if not file then return false end
  local found, rest = false, ""
  local piece = file:read(PIECE)
  while piece and not found do
    piece = rest .. piece
    found = is_in(piece, secret)
    rest = piece:sub(-LONGEST)
    piece = file:read(PIECE)
  end
  file:close()
  return found
end

local PLACES = { cmdline = "arguments", environ = "environment" }

local function program_of(pid)
  local name = read(("/proc/%d/comm"):format(pid)) or "?"
  return (name:gsub("\n", ""))
end

-- Between fork and exec a child still is its parent.
local function is_given(pid, given)
  if given[pid] then return true end
  local words = read(("/proc/%d/cmdline"):format(pid))
  for one in pairs(given) do
    if words == read(("/proc/%d/cmdline"):format(one)) then return true end
  end
  return false
end

--- Where in the processes of this machine it is, and which could be looked at.
---@param secret string
---@param given? table<integer, true> processes whose environment it was put into
---@return string[] found such as "the arguments of process 17 (curl …)"
---@return table<integer, true> seen
function M.in_processes(secret, given)
  local found, seen = {}, {}
  local names = entries("/proc")
  for pid in pairs(given or {}) do
    table.insert(names, 1, tostring(pid)) -- it may soon be over
  end
  for _, name in ipairs(names) do
    local pid = tonumber(name)
    for file, what in pairs(pid and PLACES or {}) do
      local text = read(("/proc/%d/%s"):format(pid, file))
      if text and text ~= "" then
        seen[pid] = true
        M.searched[what] = M.searched[what] + 1
      end
      local may = file == "environ" and given and is_given(pid, given)
      if text and not may and is_in(text, secret) then
        found[#found + 1] = ("the %s of process %d (%s)"):format(what, pid, program_of(pid))
      end
    end
  end
  return found, seen
end

-- Those that are files, deleted ones and files in memory among them.
local function search_descriptors(pid, secret, since, found)
  local folder = ("/proc/%d/fd"):format(pid)
  for _, name in ipairs(entries(folder)) do
    local path = folder .. "/" .. name
    local about = uv.fs_stat(path)
    if about and about.type == "file" and about.mtime.sec >= since then
      M.searched["open file"] = M.searched["open file"] + 1
      if holds(path, secret) then
        local target = uv.fs_readlink(path) or name
        found[#found + 1] = ("a file open in process %d (%s): %s"):format(
          pid,
          program_of(pid),
          target
        )
      end
    end
  end
end

local function group_of(pid)
  local stat = read(("/proc/%d/stat"):format(pid)) or ""
  local parent, group = stat:match("^.*%) %S+ (%d+) (%d+)")
  return tonumber(parent), tonumber(group)
end

--- A process and those that it started, however indirectly.
---@param pid integer
---@return integer[]
function M.family(pid)
  local parents, list, taken = {}, { pid }, { [pid] = true }
  for _, name in ipairs(entries("/proc")) do
    local one = tonumber(name)
    if one then
      local parent, group = group_of(one)
      parents[one] = group == pid and pid or parent
    end
  end
  for _ = 1, 8 do
    for one, parent in pairs(parents) do
      if taken[parent] and not taken[one] then
        taken[one], list[#list + 1] = true, one
      end
    end
  end
  return list
end

--- Which open files of a process, and of those that it started, hold it, of those written
--- since then.
---@param secret string
---@param pid integer
---@param since integer
---@return string[] found
function M.in_open_files(secret, pid, since)
  local found = {}
  for _, one in ipairs(M.family(pid)) do
    search_descriptors(one, secret, since, found)
  end
  return found
end

-- Other file systems (a /proc in somebody's chroot, say) are not looked into.
local function search(path, secret, since, device, found)
  local about = uv.fs_lstat(path)
  if not about or about.dev ~= device then return end
  if about.type == "directory" then
    for _, name in ipairs(entries(path)) do
      if is_in(name, secret) then found[#found + 1] = "the name of a file in " .. path end
      search(path .. "/" .. name, secret, since, device, found)
    end
  elseif about.type == "file" and about.mtime.sec >= since then
    M.searched.file = M.searched.file + 1
    if holds(path, secret) then found[#found + 1] = "the file " .. path end
  end
end

--- Which files in these directories and below hold it, of those written since then.
---@param secret string|string[] one of them
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

--- One line that tells how many places were searched since the last time.
---@param name string of what was searched
---@param objects integer?
---@return string
function M.summary(name, objects)
  local parts = { ("searched %s: %d objects"):format(name, objects or 0) }
  for _, kind in ipairs({ "arguments", "environment", "file", "open file", "text" }) do
    parts[#parts + 1] = ("%d %s"):format(M.searched[kind], kind)
    M.searched[kind] = 0
  end
  return table.concat(parts, ", ")
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
