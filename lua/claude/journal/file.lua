--- A journal in a file. Writing is quick: the system takes the bytes. Waiting for the disk is
--- not, and is left to the threads of the host's event loop where it has some.

local core = require("claude.core")
local errors = require("claude.errors")
local tasks = require("claude.tasks")

---@class claude.FileJournal: claude.JournalStorage
---@field path string
---@field private file userdata
---@field syncs boolean
---@field private waiting? boolean threads of the host are at work on the file
---@field private closed? boolean
local File = {}
File.__index = File
File.__name = "claude.FileJournal"

function File:read() return self.file:read() end

function File:present() return self.file:present() end

function File:append(bytes) return self.file:append(bytes) end

function File:rewrite(offset, bytes) return self.file:rewrite(offset, bytes) end

function File:truncate(size) return self.file:truncate(size) end

-- What file systems say that cannot sync a folder.
local function is_no_folder_matter(problem)
  return problem:find("^EINVAL") or problem:find("^ENOTSUP") or problem:find("^EBADF")
end

-- One descriptor after the other, the folder's last, by the threads of the host.
---@param sync fun(fd: integer, done: fun(problem: string?))
---@return true?
---@return string? problem
function File:_sync_elsewhere(sync)
  local problem
  self.waiting = true
  for i, fd in ipairs({ self.file:descriptors() }) do
    local done = tasks.signal()
    sync(fd, function(failure)
      if failure and not (i == 2 and is_no_folder_matter(failure)) then problem = failure end
      done:set()
    end)
    done:wait_to_the_end()
  end
  self.waiting = false
  if not problem then self.file:synced() end
  if self.closed then self.file:close() end
  if problem then return nil, problem end
  return true
end

---@return (fun(fd: integer, done: fun(problem: string?)))?
function File:_threads()
  return self.syncs and not tasks.are_hosted() and require("claude.loop").file_sync() or nil
end

--- Raises where `sync` would have to wait and nothing may, before anything has begun.
function File:check()
  if self:_threads() then tasks.check_may_wait() end
end

---@return true?
---@return string? problem
function File:sync()
  if not self.syncs then return true end
  local sync = self:_threads()
  if sync then return self:_sync_elsewhere(sync) end
  return self.file:sync()
end

--- Gives the file free; once it is synced, if that is under way.
function File:close()
  self.closed = true
  if not self.waiting then self.file:close() end
end

function File:__tostring() return ("claude.FileJournal (%s)"):format(self.path) end

local M = {}

---@param options any
---@param level integer
---@return boolean
local function wants_sync(options, level)
  if options ~= nil and type(options) ~= "table" then
    error("claude.journal.file takes a table of options, not a " .. type(options), level + 1)
  end
  for name, value in pairs(options or {}) do
    if name ~= "sync" then
      error("claude.journal.file: there is no option " .. tostring(name), level + 1)
    end
    if type(value) ~= "boolean" then
      error("claude.journal.file: sync must be a boolean", level + 1)
    end
  end
  if options and options.sync ~= nil then return options.sync end
  return tasks.host_name() ~= "nginx"
end

---@param path string
---@param options? { sync: boolean? }
---@param level integer stack level of the caller to blame
---@return claude.FileJournal? storage
---@return string? text
---@return claude.Error? err
function M.open(path, options, level)
  if type(path) ~= "string" then error("claude.journal.file takes a path", level + 1) end
  local syncs = wants_sync(options, level + 1)
  local file, problem
  if path:find("%z") then
    problem = "the path holds a zero byte"
  else
    file, problem = core.journal_file(path)
  end
  if file then return setmetatable({ path = path, file = file, syncs = syncs }, File) end
  local text = ("the journal %s cannot be opened: %s"):format(core.utf8_scrub(path), problem)
  return errors.fail(errors.new({ kind = "storage", message = text }))
end

return M
