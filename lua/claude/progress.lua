--- Tells a function of the user's how far something is. It may wait and raise: what it
--- raises ends what is under way, and is raised again once everything has been put away.

local errors = require("claude.errors")
local tasks = require("claude.tasks")

local M = {}

-- The tasks in which an on_progress runs: each has one of its own.
local telling = setmetatable({}, { __mode = "k" })

--- Whether whoever runs is an on_progress.
---@return boolean
function M.is_telling() return telling[tasks.running() or M] ~= nil end

---@class claude.Watch
---@field private on_progress fun(done: number, total: number?)
---@field private total? number
---@field private done integer as last told
---@field private failure? { raised: any }
local Watch = {}
Watch.__index = Watch

--- Tells, unless there is nothing new.
---@param done integer
---@return claude.Error? err to end what is under way with
function Watch:tell(done)
  if done == self.done then return nil end
  self.done = done
  local fine, raised = tasks.call(function()
    telling[tasks.running()] = true
    self.on_progress(done, self.total)
  end)
  if fine then return nil end
  self.failure = { raised = raised }
  return errors.new({ kind = "cancelled", message = "on_progress raised an error" })
end

--- The end has come: tells it where that was not told, and raises what was raised.
---@param done? integer nil when it failed
function Watch:finish(done)
  if done and not self.failure then self:tell(done) end
  if self.failure then error(self.failure.raised, 0) end
end

---@param on_progress? fun(done: number, total: number?)
---@param total? number
---@return claude.Watch? nil where nobody wants to know
function M.watch(on_progress, total)
  if not on_progress then return nil end
  return setmetatable({ on_progress = on_progress, total = total, done = 0 }, Watch)
end

return M
