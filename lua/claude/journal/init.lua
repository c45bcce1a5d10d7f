--- Where a conversation is kept while it goes on: `client:conversation{ journal = … }`.
---
---     claude.journal.file(path, options)   a file; `journal = path` is short for it
---     claude.journal.memory(bytes)         a string, for tests and for stores of one's own
---
--- ## Writing a storage
---
--- A storage keeps bytes in a row. It is a table with five methods:
---
---     storage:read()            all bytes that are there; "" when there are none
---     storage:append(bytes)     puts them behind the others
---     storage:truncate(size)    keeps the first `size` bytes
---     storage:sync()            returns once what was appended survives a crash of the machine
---     storage:close()           nothing more will come; another may open it
---
--- Each but `read` and `close` returns true, and nothing else for success: a count of bytes may
--- be that of a short write. Each but `close` returns nil and a text when it failed; one that
--- raises has failed, too. An `append` that failed may have left some of its bytes: `truncate`
--- follows. `sync` alone may wait (see claude.tasks). What was appended and not synced may be
--- lost in any part and any order; what is read back is checked. Nobody else may write
--- meanwhile: a storage that others can reach refuses to be opened twice.
---
--- It may have two methods more, and a field:
---
---     storage:present()         true, or nil and why what is kept here cannot be found any more,
---                               as of a file that was deleted; called before each append and
---                               each sync
---     storage:rewrite(offset, bytes)  writes what is there already once more, in its place: a
---                               sync that failed in another process may have left it nowhere;
---                               called before the first sync
---     storage.syncs             false: `sync` does nothing, and what was written may be lost
---                               with the machine

local M = {}

---@class claude.JournalStorage
---@field read fun(self: table): string?, string?
---@field append fun(self: table, bytes: string): true?, string?
---@field truncate fun(self: table, size: integer): true?, string?
---@field sync fun(self: table): true?, string?
---@field present? fun(self: table): true?, string?
---@field rewrite? fun(self: table, offset: integer, bytes: string): true?, string?
---@field syncs? boolean
---@field close fun(self: table)

M.METHODS = { "read", "append", "truncate", "sync", "close" }

--- Opens, or makes, a file (mode 0600) for one conversation at a time. `sync = false`: what
--- was written survives the program, not the machine. Without a word it is true, but for
--- nginx, whose workers would stand still meanwhile.
---@param path string
---@param options? { sync: boolean? }
---@return claude.JournalStorage? storage
---@return string? text
---@return claude.Error? err
function M.file(path, options)
  local storage, text, err = require("claude.journal.file").open(path, options, 2)
  return storage, text, err
end

--- Keeps everything in a string, which `storage:read()` gives.
---@param bytes? string what another `read` gave
---@return claude.JournalStorage
function M.memory(bytes)
  if bytes ~= nil and type(bytes) ~= "string" then
    error("claude.journal.memory takes the bytes of a journal, not a " .. type(bytes), 2)
  end
  return require("claude.journal.memory").new(bytes or "")
end

return M
