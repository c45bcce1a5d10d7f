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
---@field package waiting? string what is to be written when the write under way has ended
---@field package latest? string what is not in the file yet
---@field package busy boolean
local Writer = {}
Writer.__index = Writer
Writer.__name = "claude.nvim.Writer"

--- What writes one chat's file.
---@param path string
---@param on_problem fun(text: string) may be called inside libuv
---@return claude.nvim.Writer
function M.writer(path, on_problem)
  return setmetatable({ path = path, on_problem = on_problem, busy = false }, Writer)
end

-- Where it cannot be made, opening the file says so.
local function make_folder(path)
  pcall(vim.fn.mkdir, vim.fn.fnamemodify(path, ":h"), "p", FOLDER_MODE)
end

-- Writes beside the file, then puts it in its place: a reader finds the old text or the new.
local function replace(path, text, done)
  local loop, beside = uv(), path .. ".new"
  loop.fs_open(beside, "w", OWNER_ONLY, function(problem, file)
    if problem then return done(problem) end
    loop.fs_write(file, text, 0, function(failed, written)
      loop.fs_fsync(file, function(unsafe)
        loop.fs_close(file, function()
          if not failed and written ~= #text then failed = "the file system is full" end
          if failed or unsafe then return done(failed or unsafe) end
          loop.fs_rename(beside, path, done)
        end)
      end)
    end)
  end)
end

function Writer:_begin(text)
  self.busy = true
  replace(self.path, text, function(problem)
    self.busy = false
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
  self.latest = text
  if self.busy then
    self.waiting = text
    return
  end
  make_folder(self.path)
  self:_begin(text)
end

--- Writes what is not written yet, now: for the end.
function Writer:finish()
  local text = self.latest
  if not text then return end
  self.latest, self.waiting = nil, nil
  make_folder(self.path)
  local done, problem = require("claude.conversation.save").write_file(self.path, text)
  if not done then self.on_problem(problem) end
end

return M
