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

---@class claude.RunningCalls
---@field private chat claude.Conversation
---@field private approve? function
---@field private events claude.ToolEvent[] not handed out yet
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

---@param call claude.ToolCall
---@param block string JSON
---@param is_error boolean
function Calls:_end(call, block, is_error)
  if self.cancelled then return end
  self.chat.draft.results[call.id] = block
  self.open = self.open - 1
  call.is_error = is_error
  self:_tell("tool_end", shown(block), call)
end

-- A call that is answered without running anything.
---@param call claude.ToolCall
---@param block string JSON
function Calls:_refuse(call, block)
  if self.cancelled then return end
  self:_tell("tool_start", call.name, call)
  self:_end(call, block, true)
end

---@param call claude.ToolCall
---@param tool claude.Tool
function Calls:_run(call, tool)
  local warn = self.chat:_warner()
  local outcome = pack(tasks.call(tool.run, call.input, call))
  if not outcome[1] then
    call.traceback = outcome[3]
    return self:_end(call, result.failure(call, outcome[2], warn), true)
  end
  if outcome[2] == nil and outcome[3] ~= nil then
    return self:_end(call, result.failure(call, outcome[3], warn), true)
  end
  self:_end(call, result.success(call, outcome[2], warn))
end

---@param call claude.ToolCall
---@return boolean approved
---@return string? reason
function Calls:_approved(call)
  if not self.approve then return true end
  local outcome = pack(tasks.call(self.approve, call))
  if outcome[1] then return outcome[2] and true or false, outcome[3] end
  call.traceback = outcome[3]
  self.chat.client:warn("approve_failed", "approve raised: " .. tostring(outcome[3]))
  return false, "the approval failed: " .. result.error_text(outcome[2])
end

---@param call claude.ToolCall
---@param tool claude.Tool
function Calls:_begin(call, tool)
  local approved, reason = self:_approved(call)
  if self.cancelled then return end
  if not approved then
    local text = reason and ("declined: " .. result.error_text(reason)) or "declined"
    return self:_refuse(call, result.refusal(call, text, self.chat:_warner()))
  end
  self:_tell("tool_start", call.name, call)
  self.tasks[#self.tasks + 1] = tasks.spawn(function()
    local told, raised, text = tasks.call(self._run, self, call, tool)
    if told then return end
    -- A result that breaks the code that writes it down must not leave the call open.
    call.traceback = text
    self:_end(call, result.failure(call, raised, self.chat:_warner()), true)
  end)
end

---@param work { call: claude.ToolCall, tool: claude.Tool? }[]
function Calls:_begin_all(work)
  local warn = self.chat:_warner()
  for _, item in ipairs(work) do
    local call = item.call
    if self.cancelled then return end
    if call.invalid then
      self:_refuse(call, result.failure(call, NOT_JSON, warn))
    elseif not item.tool then
      self:_refuse(call, result.failure(call, ("Tool '%s' not found"):format(call.name), warn))
    else
      self:_begin(call, item.tool)
    end
  end
end

--- What happened next; nil when every call has its result, nil and "cancelled" when the
--- task that waits was cancelled.
---@return claude.ToolEvent? event
---@return string? why
function Calls:next()
  while not self.events[1] do
    if self.open == 0 or self.cancelled then return nil end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then return nil, why end
  end
  return table.remove(self.events, 1)
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
  local self = setmetatable({
    chat = chat,
    approve = approve,
    events = {},
    open = 0,
    tasks = {},
    signal = tasks.signal(),
    cancelled = false,
  }, Calls)
  local work = {}
  for _, call in ipairs(pending) do
    local tool = tools.find(chat.tool_list, call)
    if call.invalid or not tool or tool.run then work[#work + 1] = { call = call, tool = tool } end
  end
  self.open = #work
  if #work > 0 then self.tasks[1] = tasks.spawn(function() self:_begin_all(work) end) end
  return self
end

return M
