--- The tool calls of one reply: approved one after the other, run at once, their
--- results put into the conversation's draft as they come.
---
--- Code of the user (tools, approval) runs in tasks of its own, so that it may wait and
--- raise on every Lua, and so that a cancel reaches it where it waits.

local core = require("claude.core")
local result = require("claude.tool_loop.result")
local tasks = require("claude.tasks")
local tools = require("claude.tools")

---@class claude.ToolEvent
---@field kind "tool_start"|"tool_end"
---@field text string
---@field call claude.ToolCall

---@class claude.CallWork
---@field call claude.ToolCall what the user's code is shown, and may change
---@field id string
---@field name string
---@field tool? claude.Tool

---@class claude.RunningCalls
---@field private chat claude.Conversation
---@field private approve? function
---@field private events claude.ToolEvent[] not handed out yet
---@field private warnings { code: string, text: string }[] not told yet
---@field private later claude.Warn keeps a warning until whoever reads the run asks for more
---@field private open integer calls without a result that are being worked on
---@field private tasks claude.Task[]
---@field private signal claude.Signal set when there is something new
---@field private cancelled boolean
local Calls = {}
Calls.__index = Calls

local NOT_JSON = "the input of this call was not a valid JSON object, so the tool did not run;"
  .. " call it again with valid JSON"

local function pack(...) return { n = select("#", ...), ... } end

---@param kind "tool_start"|"tool_end"
---@param text string
---@param call claude.ToolCall
function Calls:_tell(kind, text, call)
  self.events[#self.events + 1] = { kind = kind, text = text, call = call }
  self.signal:set()
end

-- The text a person would want to see of a result: what the model sees.
---@param block string JSON
---@return string
local function shown(block)
  local content = core.decode(block).content
  if type(content) == "string" then return content end
  return content and core.encode(content) or ""
end

-- Whatever was returned or raised, the call gets a result: tostring of a user's value,
-- say, may raise as well.
---@param make fun(call: claude.CallWork, value: any, warn: claude.Warn): string, boolean?
---@param item claude.CallWork
---@param value any
---@return string block JSON
---@return boolean? is_error
function Calls:_block(make, item, value)
  local made, block, is_error = pcall(make, item, value, self.later)
  if made then return block, is_error end
  local text = "Error: the result cannot be shown: " .. result.error_text(block)
  return result.refusal(item, text, self.later), true
end

---@param item claude.CallWork
---@param block string JSON
---@param is_error? boolean
function Calls:_end(item, block, is_error)
  if self.cancelled then return end
  self.chat.draft.results[item.id] = block
  self.open = self.open - 1
  item.call.is_error = is_error or false
  self:_tell("tool_end", shown(block), item.call)
end

-- A call that is answered without running anything.
---@param item claude.CallWork
---@param block string JSON
function Calls:_refuse(item, block)
  if self.cancelled then return end
  self:_tell("tool_start", item.name, item.call)
  self:_end(item, block, true)
end

---@param item claude.CallWork
function Calls:_run(item)
  local outcome = pack(tasks.call(item.tool.run, item.call.input, item.call))
  local raised, value, problem = not outcome[1], outcome[2], outcome[3]
  if raised then
    item.call.traceback = problem
    return self:_end(item, self:_block(result.failure, item, value), true)
  end
  if value == nil and problem ~= nil then
    return self:_end(item, self:_block(result.failure, item, problem), true)
  end
  self:_end(item, self:_block(result.success, item, value))
end

---@param call claude.ToolCall
---@return boolean approved
---@return any reason
function Calls:_approved(call)
  if not self.approve then return true end
  local outcome = pack(tasks.call(self.approve, call))
  if outcome[1] then return outcome[2] and true or false, outcome[3] end
  call.traceback = outcome[3]
  self.later("approve_failed", "approve raised: " .. outcome[3])
  return false, "the approval failed: " .. result.error_text(outcome[2])
end

---@param item claude.CallWork
function Calls:_begin(item)
  local approved, reason = self:_approved(item.call)
  if self.cancelled then return end
  if not approved then
    local text = reason and ("declined: " .. result.error_text(reason)) or "declined"
    return self:_refuse(item, result.refusal(item, text, self.later))
  end
  self:_tell("tool_start", item.name, item.call)
  self.tasks[#self.tasks + 1] = tasks.spawn(function() self:_run(item) end)
end

---@param work claude.CallWork[]
function Calls:_begin_all(work)
  for _, item in ipairs(work) do
    if self.cancelled then return end
    if item.call.invalid then
      self:_refuse(item, result.failure(item, NOT_JSON, self.later))
    elseif not item.tool then
      local text = ("Tool '%s' not found"):format(item.name)
      self:_refuse(item, result.failure(item, text, self.later))
    else
      self:_begin(item)
    end
  end
end

-- Tools run where nobody can catch what on_warning raises: it is called from here.
function Calls:_tell_warnings()
  while self.warnings[1] do
    local warning = table.remove(self.warnings, 1)
    self.chat:_warner()(warning.code, warning.text)
  end
end

--- What happened next; nil when every call has its result, nil and "cancelled" when the
--- task that waits was cancelled.
---@return claude.ToolEvent? event
---@return string? why
function Calls:next()
  while true do
    self:_tell_warnings()
    if self.events[1] then return table.remove(self.events, 1) end
    if self.open == 0 or self.cancelled then return nil end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then return nil, why end
  end
end

--- Cancels approval and tools. What they return later is dropped.
function Calls:cancel()
  self.cancelled = true
  for _, task in ipairs(self.tasks) do
    task:cancel()
  end
  self.signal:set()
end

local M = {}

--- Starts working on calls. Those of a tool without a function are left alone: they
--- are a person's to answer.
---@param chat claude.Conversation
---@param pending claude.ToolCall[]
---@param approve? function
---@return claude.RunningCalls
function M.start(chat, pending, approve)
  local warnings = {}
  local self = setmetatable({
    chat = chat,
    approve = approve,
    events = {},
    warnings = warnings,
    later = function(code, text) warnings[#warnings + 1] = { code = code, text = text } end,
    open = 0,
    tasks = {},
    signal = tasks.signal(),
    cancelled = false,
  }, Calls)
  local work = {}
  for _, call in ipairs(pending) do
    local tool = tools.find(chat.tool_list, call)
    if call.invalid or not tool or tool.run then
      work[#work + 1] = { call = call, id = call.id, name = call.name, tool = tool }
    end
  end
  self.open = #work
  if #work > 0 then self.tasks[1] = tasks.spawn(function() self:_begin_all(work) end) end
  return self
end

return M
