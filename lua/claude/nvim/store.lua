--- Where chats are kept between two starts of the editor: a file each.
local M = {}

local SUFFIX = ".claude"
local OWNER_ONLY = tonumber("600", 8)
local FOLDER_MODE = tonumber("700", 8)

local function uv() return vim.uv or vim.loop end

--- Names of the saved chats, newest first.
---@param folder string
---@return string[]
function M.names(folder)
  local names = {}
  local listing = uv().fs_scandir(folder)
  while listing do
    local name = uv().fs_scandir_next(listing)
    if not name then break end
    if name:sub(-#SUFFIX) == SUFFIX then names[#names + 1] = name:sub(1, -#SUFFIX - 1) end
  end
  table.sort(names, function(a, b) return a > b end) -- they begin with the time
  return names
end

---@param folder string
---@param name string
---@return string
function M.path(folder, name) return folder .. "/" .. name .. SUFFIX end

--- The name of the chat that a file keeps.
---@param path string
---@return string
function M.name(path) return (path:match("[^/]*$"):sub(1, -#SUFFIX - 1)) end

--- A name for a new chat: when it began, and what the first question was about.
---@param folder string
---@param question string
---@return string
function M.new_name(folder, question)
  local words = question:lower():gsub("[^a-z0-9]+", "-"):gsub("^%-+", "")
  words = words:sub(1, 30):gsub("%-+$", "")
  local base = os.date("%Y%m%d-%H%M%S") .. (words ~= "" and "-" .. words or "")
  local name, count = base, 1
  while uv().fs_stat(M.path(folder, name)) or vim.fn.bufexists("claude://" .. name) == 1 do
    count = count + 1
    name = ("%s-%d"):format(base, count)
  end
  return name
end

---@class claude.nvim.Writer
---@field package path string
---@field package on_problem fun(text: string)
---@field package on_moved fun(path: string)
---@field package known? string the file that is to be replaced
---@field package beside? string the file that is being written
---@field package ended boolean
---@field package waiting? string what is to be written when the write under way has ended
---@field package latest? string what is not in the file yet
---@field package busy boolean
local Writer = {}
Writer.__index = Writer
Writer.__name = "claude.nvim.Writer"

-- Tells one file, as it was written, from another in its place.
local function identity(path)
  local stat = uv().fs_stat(path)
  return stat and ("%s %s.%s"):format(stat.ino, stat.mtime.sec, stat.mtime.nsec)
end

--- What writes one chat's file. Both functions may be called inside libuv.
---@param path string
---@param on_problem fun(text: string)
---@param on_moved fun(path: string) another program wrote the file: this one writes there
---@return claude.nvim.Writer
function M.writer(path, on_problem, on_moved)
  return setmetatable({
    path = path,
    on_problem = on_problem,
    on_moved = on_moved,
    ended = false,
    busy = false,
  }, Writer)
end

--- The chat is what the file holds now, and may replace it.
function Writer:continue() self.known = identity(self.path) end

--- Whether something is not written yet.
---@return boolean
function Writer:is_behind() return self.busy or self.latest ~= nil end

-- Where it cannot be made, opening the file says so.
local function make_folder(path)
  pcall(vim.fn.mkdir, vim.fn.fnamemodify(path, ":h"), "p", FOLDER_MODE)
end

-- Two editors may go on with one chat: what the other has saved is not overwritten.
function Writer:_keep_apart()
  local there = identity(self.path)
  if not there or there == self.known then return end
  local base, count = self.path:sub(1, -#SUFFIX - 1), 2
  while uv().fs_stat(("%s-%d%s"):format(base, count, SUFFIX)) do
    count = count + 1
  end
  self.path = ("%s-%d%s"):format(base, count, SUFFIX)
  self.on_moved(self.path)
end

local function write_whole(path, text, done)
  local loop = uv()
  loop.fs_open(path, "w", OWNER_ONLY, function(problem, file)
    if problem then return done(problem) end
    loop.fs_write(file, text, 0, function(failed, written)
      loop.fs_fsync(file, function(unsafe)
        loop.fs_close(file, function()
          if not failed and written ~= #text then failed = "the file system is full" end
          done(failed or unsafe)
        end)
      end)
    end)
  end)
end

-- After the end a newer text stands there.
function Writer:_put_in_place(beside, problem)
  local loop = uv()
  if not problem and not self.ended then
    self:_keep_apart()
    local moved
    moved, problem = loop.fs_rename(beside, self.path)
    if moved then self.known = identity(self.path) end
  end
  loop.fs_unlink(beside)
  self.beside = nil
  return problem
end

-- Writes beside the file, then puts it in its place: a reader finds the old text or the new.
function Writer:_begin(text)
  self.busy = true
  local beside = ("%s.%d.new"):format(self.path, uv().os_getpid())
  self.beside = beside
  write_whole(beside, text, function(problem)
    problem = self:_put_in_place(beside, problem)
    self.busy = false
    if self.ended then return end
    if problem then
      self.on_problem(problem)
    elseif self.latest == text then
      self.latest = nil
    end
    local waiting = self.waiting
    self.waiting = nil
    if waiting then self:_begin(waiting) end
  end)
end

--- Writes soon, and waits for nothing.
---@param text string
function Writer:write(text)
  if self.ended then return end
  self.latest = text
  if self.busy then
    self.waiting = text
    return
  end
  make_folder(self.path)
  self:_begin(text)
end

--- Writes what is not written yet, now: for the end.
---@param newer? string the text, if it is another since
function Writer:finish(newer)
  local text = newer or self.latest
  if not text or self.ended then return end
  self.latest, self.waiting, self.ended = nil, nil, true
  make_folder(self.path)
  self:_keep_apart()
  local done, problem = require("claude.conversation.save").write_file(self.path, text)
  if not done then self.on_problem(problem) end
  if self.beside then uv().fs_unlink(self.beside) end
end

return M
