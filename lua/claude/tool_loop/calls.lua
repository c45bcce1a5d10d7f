--- The tool calls of one reply: approved one after the other, run at once, their
--- results put into the conversation's draft.
---
--- A call may begin while its reply still arrives: its result is kept back until
--- `settle` says that the reply was taken.
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
---@field toolset_name? string
---@field tool? claude.Tool
---@field task? claude.Task while its function runs
---@field begun? boolean its function was called
---@field returned? boolean its function has: `value`, `problem`
---@field value any
---@field problem any
---@field uncertain? boolean it had begun in another run of the program
---@field ended? boolean it has its result, or is left to a person

---@class claude.CallOptionsOfRun
---@field approve? function
---@field max_parallel? integer how many functions may run at once
---@field tool_timeout? number seconds, for tools that have none of their own
---@field max_result_bytes? number|false of text in one result, for tools without their own
---@field max_turn_bytes? number|false of all results of the reply together

---@class claude.RunningCalls
---@field private chat claude.Conversation
---@field private options claude.CallOptionsOfRun
---@field private items table<string, claude.CallWork> by id: all that were added
---@field private unasked claude.CallWork[] approval was not asked yet
---@field private ready claude.CallWork[] approved, and waiting for their turn
---@field private held table<string, true> ids that are left to a person
---@field private results table<string, string> before the reply was taken
---@field private settled boolean whether the reply was taken
---@field private families table<string, "busy"|"failed"> toolsets, whose calls run in order
---@field private events claude.ToolEvent[] not handed out yet
---@field private warnings { code: string, text: string }[] not told yet
---@field private later claude.Warn keeps a warning until whoever reads the run asks for more
---@field private scrub fun(text: string): string takes the client's secrets out of a text
---@field private result_bytes integer of all results so far
---@field private open integer calls without a result that are being worked on
---@field private running integer functions that run
---@field private asking? claude.Task the task that asks for approval
---@field private owner? claude.Task
---@field private signal claude.Signal set when there is something new
---@field private cancelled boolean
---@field failure? claude.Error of the journal
local Calls = {}
Calls.__index = Calls

local NOT_JSON = "the input of this call was not a valid JSON object, so the tool did not run;"
  .. " call it again with valid JSON"
local SKIPPED = "not run: an earlier call of this toolset failed in this turn"
local TIMED_OUT = "Tool '%s' timed out after %s s"
local NOT_FOUND = "Tool '%s' not found"
local DROPPED = "%s had begun to run, and its call was not taken into the conversation: %s"

--- What `approve` returns to leave a call to a person.
local DEFER = "defer"

local function pack(...) return { n = select("#", ...), ... } end

-- All are children of the task that began the calls, whichever task starts them.
---@param fn function
---@return claude.Task
function Calls:_spawn(fn) return tasks.spawn_under(self.owner, fn) end

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

---@param item claude.CallWork
---@return claude.ResultRules
function Calls:_rules(item)
  local own = item.tool and item.tool.max_result_bytes
  if own == nil then own = self.options.max_result_bytes end
  return {
    warn = self.later,
    scrub = self.scrub,
    max_bytes = own,
    max_turn_bytes = self.options.max_turn_bytes,
    taken = self.result_bytes,
  }
end

-- Whatever was returned or raised, the call gets a result: tostring of a user's value,
-- say, may raise as well.
---@param make fun(call: claude.CallWork, value: any, rules: claude.ResultRules): string, boolean?
---@param item claude.CallWork
---@param value any
---@return string block JSON
---@return boolean? is_error
function Calls:_block(make, item, value)
  local rules = self:_rules(item)
  local made, block, is_error = pcall(make, item, value, rules)
  if made then return block, is_error end
  local text = "Error: the result cannot be shown: " .. result.error_text(block)
  return result.refusal(item, text, rules), true
end

-- One call less is worked on, and the next may begin.
---@param item claude.CallWork
function Calls:_leave(item)
  item.ended = true
  self.chat.at_work[item.id] = nil
  self.open = self.open - 1
  if item.task then
    item.task, self.running = nil, self.running - 1
  end
  self:_start_ready()
  self.signal:set()
end

-- Results of what did not run: they are synced with what follows.
function Calls:_note()
  local journal = self.chat.journal
  if not (journal and self.settled) then return end
  local _, _, err = journal:note(self.chat)
  self.failure = self.failure or err
end

-- Where results go: into the draft once the reply is taken.
---@return table<string, string>
function Calls:_results() return self.settled and self.chat.draft.results or self.results end

---@param item claude.CallWork
---@param block string JSON
---@param is_error? boolean
function Calls:_end(item, block, is_error)
  if self.cancelled or item.ended then return end
  self:_results()[item.id] = block
  self.result_bytes = self.result_bytes + #block
  item.call.is_error = is_error or false
  local family = item.toolset_name
  if family then self.families[family] = is_error and "failed" or nil end
  self:_note()
  self:_tell("tool_end", shown(block), item.call)
  self:_leave(item)
end

-- A call that is answered without running anything.
---@param item claude.CallWork
---@param block string JSON
function Calls:_refuse(item, block)
  if self.cancelled or item.ended then return end
  self:_tell("tool_start", item.name, item.call)
  self:_end(item, block, true)
end

-- The input as the tool's function takes it.
---@param item claude.CallWork
---@return boolean ok
---@return any input or what was raised
---@return any problem
local function parsed(item)
  if not item.tool.parse then return true, item.call.input end
  return tasks.call(item.tool.parse, item.call.input, item.call)
end

-- What cannot be written down ends the run: its calls stay as they are.
---@param item claude.CallWork
---@param err claude.Error?
---@return boolean whether the call goes on
function Calls:_goes_on(item, err)
  if err then
    self.failure = self.failure or err
    self.signal:set()
  end
  return not (err or self.cancelled or item.ended or tasks.is_cancelled())
end

-- The journal knows that its function will run, before it does.
---@param item claude.CallWork
---@return boolean whether it is to run
function Calls:_note_begin(item)
  local journal = self.chat.journal
  self.chat.at_work[item.id] = true
  if not journal then return not item.ended end
  item.uncertain = self.chat.begun[item.id] ~= nil
  local _, _, err = journal:begin_call(self.chat, item.id, item.name)
  local goes_on = self:_goes_on(item, err)
  if not goes_on then self:_give_up(item) end
  return goes_on
end

-- Its function was not called, and will not be: that is known, whatever the journal says.
---@param item claude.CallWork
function Calls:_give_up(item)
  local journal = self.chat.journal
  if journal and not (item.begun or item.uncertain) then
    journal:give_up_call(self.chat, item.id)
  end
end

-- A task that is cancelled before its turn never comes here. Nothing begins once the run is
-- about to end: what it did would be told to nobody.
---@param item claude.CallWork
---@param input any
function Calls:_run_tool(item, input)
  if self.failure then return end
  item.begun = true
  item.value, item.problem = item.tool.run(input, item.call)
  item.returned = true
end

-- A run may end between what a function returns and its answer: it has run, and is not to run
-- again.
---@param item claude.CallWork
function Calls:_keep_returned(item)
  local failed = item.value == nil and item.problem ~= nil
  local make = failed and result.failure or result.success
  self:_results()[item.id] = self:_block(make, item, failed and item.problem or item.value)
end

-- The result of a call that ran is in the journal before anybody hears of it.
---@param item claude.CallWork
---@param block string JSON
---@param is_error? boolean
function Calls:_answer(item, block, is_error)
  local journal = self.chat.journal
  if journal and not (self.cancelled or item.ended) then
    local early = not self.settled and block or nil
    self:_results()[item.id] = block
    local _, _, err = journal:end_call(self.chat, item.id, early)
    if not self:_goes_on(item, err) then return end
  end
  self:_end(item, block, is_error)
end

---@param item claude.CallWork
---@param ok boolean
---@param value any
---@param problem any
---@return boolean
function Calls:_failed(item, ok, value, problem)
  if ok and not (value == nil and problem ~= nil) then return false end
  if not ok then item.call.traceback = self.scrub(problem) end
  self:_answer(item, self:_block(result.failure, item, ok and problem or value), true)
  return true
end

---@param item claude.CallWork
function Calls:_run(item)
  tasks.running().of_tool = true
  local ok, input, problem = parsed(item)
  if self:_failed(item, ok, input, problem) or not self:_note_begin(item) then return end
  local raised, text
  ok, raised, text = tasks.call(self._run_tool, self, item, input)
  if not ok then
    self:_failed(item, false, raised, text)
  elseif not item.begun then
    self:_give_up(item)
  elseif not self:_failed(item, true, item.value, item.problem) then
    self:_answer(item, self:_block(result.success, item, item.value))
  end
end

-- Whatever a tool or `approve` does, calls get their results, unless there is no memory for
-- one: then who waits for them must hear of that.
---@param task claude.Task
---@param item? claude.CallWork
function Calls:_expect(task, item)
  task.on_end = function(outcome)
    if outcome.ok or self.cancelled or item and item.ended then return end
    task:result()
    self.broken = outcome
    self.signal:set()
  end
  if task:is_done() then task.on_end(task:result()) end -- the host starts none
end

-- Ends a call before its function has: that is cancelled where it waits, and what it
-- still returns is dropped.
---@param item claude.CallWork
---@param block string JSON
function Calls:_cut(item, block)
  local task = item.task
  item.call.cancelled = true
  self:_end(item, block, true)
  if task then task:cancel() end
end

---@param item claude.CallWork
---@param seconds number
function Calls:_watch(item, seconds)
  local task = item.task
  self:_spawn(function()
    local _, _, err = task:wait(seconds)
    if item.ended or not (type(err) == "table" and err.kind == "timeout") then return end
    local text = TIMED_OUT:format(item.name, tostring(seconds))
    self:_cut(item, self:_block(result.failure, item, text))
  end)
end

---@param item claude.CallWork
function Calls:_start(item)
  local family = item.toolset_name
  if family and self.families[family] == "failed" then
    return self:_refuse(item, self:_block(result.failure, item, SKIPPED))
  end
  -- It may have been taken away while the call waited for its turn.
  if not self:_tool_of(item) then
    return self:_refuse(item, self:_block(result.failure, item, NOT_FOUND:format(item.name)))
  end
  if family then self.families[family] = "busy" end
  self.running = self.running + 1
  self:_tell("tool_start", item.name, item.call)
  item.task = self:_spawn(function() self:_run(item) end)
  self:_expect(item.task, item)
  local seconds = item.tool.timeout or self.options.tool_timeout
  if seconds then self:_watch(item, seconds) end
end

-- The first that may begin: calls of one toolset run one after the other.
---@return integer?
function Calls:_next_ready()
  local most = self.options.max_parallel
  if most and self.running >= most then return nil end
  for i, item in ipairs(self.ready) do
    if self.families[item.toolset_name or ""] ~= "busy" then return i end
  end
end

function Calls:_start_ready()
  -- What ends at once comes back here: the loop below goes on with it.
  if self.starting then return end
  self.starting = true
  local i = not self.cancelled and self:_next_ready()
  while i do
    self:_start(table.remove(self.ready, i))
    i = not self.cancelled and self:_next_ready()
  end
  self.starting = false
end

---@param call claude.ToolCall
---@return boolean|"defer" approved
---@return any reason
function Calls:_approved(call)
  local approve = self.options.approve
  if not approve then return true end
  local outcome = pack(tasks.call(approve, call))
  if tasks.is_cancelled() then return false end
  if outcome[1] and outcome[2] == DEFER then return DEFER end
  if outcome[1] then return outcome[2] and true or false, outcome[3] end
  call.traceback = self.scrub(outcome[3])
  self.later("approve_failed", "approve raised: " .. outcome[3])
  return false, "the approval failed: " .. result.error_text(outcome[2])
end

---@param item claude.CallWork
function Calls:_ask(item)
  if self.held[item.id] then return self:_leave(item) end
  local approved, reason = self:_approved(item.call)
  if self.cancelled or item.ended or tasks.is_cancelled() then return end
  if approved == DEFER or self.held[item.id] then
    self.held[item.id] = true
    return self:_leave(item)
  end
  if not approved then
    local text = reason and ("declined: " .. result.error_text(reason)) or "declined"
    return self:_refuse(item, self:_block(result.refusal, item, text))
  end
  self.ready[#self.ready + 1] = item
  self:_start_ready()
end

function Calls:_ask_all()
  while self.unasked[1] and not self.cancelled do
    local item = table.remove(self.unasked, 1)
    if item.call.invalid then
      self:_refuse(item, self:_block(result.failure, item, NOT_JSON))
    elseif not (item.tool and self:_tool_of(item.call)) then
      self:_refuse(item, self:_block(result.failure, item, NOT_FOUND:format(item.name)))
    elseif not item.ended then
      self:_ask(item)
    end
  end
  self.asking = nil
end

-- The tool as it was when the reply was asked for: what was added since is for later
-- replies. One that was removed since is gone.
---@param call claude.ToolCall|claude.CallWork
---@return claude.Tool?
function Calls:_tool_of(call)
  local now = self.chat.tool_list
  if now.removed[call.toolset_name or call.name] then return nil end
  return tools.find(self.tool_list, call)
end

--- Begins to work on a call, unless that was done already or it is a person's to answer:
--- of a tool without a function, or deferred.
---@param call claude.ToolCall
function Calls:add(call)
  if self.items[call.id] or self.held[call.id] then return end
  local tool = self:_tool_of(call)
  if tool and not tool.run and not call.invalid then return end
  local item =
    { call = call, id = call.id, name = call.name, toolset_name = call.toolset_name, tool = tool }
  self.items[call.id] = item
  self.unasked[#self.unasked + 1] = item
  self.open = self.open + 1
  if self.asking then return end
  self.asking = self:_spawn(function() self:_ask_all() end)
  self:_expect(self.asking)
end

--- Leaves a call to a person. A call that has begun goes on.
---@param id string
---@return boolean held
function Calls:hold(id)
  local item = self.items[id]
  if item and (item.ended or item.task) then return self.held[id] or false end
  self.held[id] = true
  for i, waiting in ipairs(self.ready) do
    if waiting == item then
      table.remove(self.ready, i)
      self:_leave(item)
      break
    end
  end
  return true
end

--- Ends one call; the model is told the reason.
---@param id string
---@param reason? any
---@return boolean done false when it has ended, or never began
function Calls:stop(id, reason)
  local item = self.items[id]
  if not item or item.ended then return false end
  local text = reason == nil and "cancelled" or "cancelled: " .. result.error_text(reason)
  if not item.task then self:_tell("tool_start", item.name, item.call) end
  self:_cut(item, self:_block(result.refusal, item, text))
  for i, waiting in ipairs(self.ready) do
    if waiting == item then
      table.remove(self.ready, i)
      break
    end
  end
  return true
end

-- A call that the conversation does not know: what it did cannot be told to the model.
---@param item claude.CallWork
---@param why string
function Calls:_drop(item, why)
  if item.task or self.results[item.id] then
    self.later("early_call_dropped", DROPPED:format(item.name, why))
  end
  self.results[item.id] = nil
  local task = item.task
  if not item.ended then
    item.call.cancelled = true
    self:_leave(item)
  end
  if task then task:cancel() end
end

--- The reply was taken, with these calls: results go into the draft from here on. Calls
--- that are not among them are cancelled, and told.
---@param pending claude.ToolCall[]
---@param why string why others are not among them
function Calls:settle(pending, why)
  local taken = {}
  for _, call in ipairs(pending) do
    taken[call.id] = true
  end
  for id, item in pairs(self.items) do
    if not taken[id] then
      self:_drop(item, why)
      self.chat.begun[id] = nil
    end
  end
  for id, block in pairs(self.results) do
    self.chat.draft.results[id] = block
  end
  self.results, self.settled = {}, true
end

--- The same, when the run goes no further: what has not ended is cancelled, and told.
---@param pending claude.ToolCall[]
---@param why string
function Calls:abandon(pending, why)
  self:settle(pending, why)
  for _, item in pairs(self.items) do
    if not item.ended then self:_drop(item, why) end
  end
  self:_tell_warnings()
end

-- Tools run where nobody can catch what on_warning raises: it is called from here.
function Calls:_tell_warnings()
  while self.warnings[1] do
    local warning = table.remove(self.warnings, 1)
    self.chat:_warner()(warning.code, warning.text)
  end
end

--- What happened so far and was not handed out; waits for nothing.
---@return claude.ToolEvent?
function Calls:event()
  self:_tell_warnings()
  return table.remove(self.events, 1)
end

--- What happened next; nil when every call has its result, nil and "cancelled" when the
--- task that waits was cancelled, nil and "failed" when `failure` says why it cannot go on.
---@return claude.ToolEvent? event
---@return string? why
function Calls:next()
  while true do
    local event = self:event()
    if event then return event end
    if self.failure then return nil, "failed" end
    if self.open == 0 or self.cancelled then return nil end
    if self.broken then error(self.broken.raised, 0) end
    self.signal:clear()
    local _, why = self.signal:wait()
    if why == "cancelled" then return nil, why end
  end
end

--- Cancels approval and tools. What they return later is dropped.
function Calls:cancel()
  self.cancelled = true
  if self.asking then self.asking:cancel() end
  for _, item in pairs(self.items) do
    item.call.cancelled = not item.ended or nil
    if item.task then item.task:cancel() end
    if not item.ended then
      self:_give_up(item)
      if item.returned then self:_keep_returned(item) end
    end
    self.chat.at_work[item.id] = nil
  end
  self.signal:set()
end

local M = {}

--- In how many tools, each inside a run of the one before, what runs now is.
---@return integer
function M.depth()
  return tasks.count_above(tasks.running(), function(task) return task.of_tool end)
end

--- Nothing is worked on yet: see `add`.
---@param chat claude.Conversation
---@param options claude.CallOptionsOfRun
---@param held table<string, true> ids of calls that are left to a person
---@param tool_list claude.ToolList as it was when the reply was asked for
---@param scrub fun(text: string): string takes secrets out of what errors say
---@return claude.RunningCalls
function M.new(chat, options, held, tool_list, scrub)
  local warnings = {}
  return setmetatable({
    chat = chat,
    options = options,
    tool_list = tool_list,
    scrub = scrub,
    result_bytes = 0,
    items = {},
    unasked = {},
    ready = {},
    held = held,
    results = {},
    settled = false,
    families = {},
    events = {},
    warnings = warnings,
    later = function(code, text) warnings[#warnings + 1] = { code = code, text = text } end,
    open = 0,
    running = 0,
    owner = tasks.running(),
    signal = tasks.signal(),
    cancelled = false,
  }, Calls)
end

return M
