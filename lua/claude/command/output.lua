--- Writing what a script reads: a full disk or a reader that went away ends the
--- command instead of passing for success.
local M = {}

local EBADF, EPIPE = 9, 32

---@class claude.command.Unwritable
---@field message string
---@field exit_status integer
---@field silent boolean nobody reads any more, and nobody needs to be told
local Unwritable = {}
Unwritable.__index = Unwritable
Unwritable.__name = "claude.command.Unwritable"

function Unwritable:__tostring() return "cannot write the output: " .. self.message end

local function check(done, why, number)
  if done then return end
  local gone = number == EPIPE
  -- As the shell has it for a program that SIGPIPE ended.
  local status = gone and 141 or require("claude.command.exits").failed
  error(setmetatable({ message = why, exit_status = status, silent = gone }, Unwritable), 0)
end

--- Writes, or raises a `claude.command.Unwritable`.
---@param file file*
---@param ... string
function M.write(file, ...) check(file:write(...)) end

--- Flushes, or raises a `claude.command.Unwritable`.
---@param file file*
function M.flush(file) check(file:flush()) end

--- Fills the standard descriptors that were closed when we started: the next
--- file or socket opened would take their numbers, and get our output.
---@return file*[] kept open
function M.fill_closed()
  local kept = {}
  for _, file in ipairs { io.stdin, io.stdout, io.stderr } do
    local _, _, number = file:seek "cur"
    if number == EBADF then kept[#kept + 1] = io.open("/dev/null", "r") end
  end
  return kept
end

return M
