--- The loop of an agent: ask, run the tools the model calls, send their results, ask
--- again, until the model is done.
---
--- A run is read like a stream, and has its kinds of pieces, request after request.
--- Between them stand, for every call that is answered:
---
---   "tool_start", name, index, call    the call was approved (or will not run at all)
---   "tool_end",   text, index, call    its result is there: text is what the model sees
---
--- `index` is the index of the call's block in its reply, from 0; `call` is one table
--- for both, with id, name, input and, at the end, is_error and (if the function
--- raised) traceback.
---
--- Calls of one reply run at once as far as their functions wait; approval is asked
--- for one call after the other. Results go back in the order of the calls. A tool
--- without a function leaves its calls to `chat:pending()` and ends the run; so does
--- `run:defer(id)`, and `approve` when it returns "defer".
---
--- With `eager` a call begins while its reply still arrives: when whoever reads the run
--- asks for more after the call's block has ended.

local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local headers = require("claude.headers")
local history = require("claude.conversation.history")
local running_calls = require("claude.tool_loop.calls")
local reading = require("claude.reading")
local split_options = require("claude.tool_loop.options").split
local tasks = require("claude.tasks")
local tools = require("claude.tools")
local turn = require("claude.conversation.turn")
local wire = require("claude.wire")

---@class claude.RunOptions
---@field max_requests? integer how many requests the run may make; without it, as many as it takes
---@field max_pauses? integer how often in a row the server may pause its own tools, 10
---@field approve? fun(call: claude.ToolCall): (boolean|"defer")?, string? false or nil declines
---@field max_depth? integer in how many tools, each in a run of the one before, it may stand, 8
---@field eager? boolean calls begin while their reply still arrives
---@field max_parallel? integer how many tools may run at once; without it, all
---@field tool_timeout? number seconds, for tools that have no timeout of their own
---@field max_result_bytes? number|false most bytes of text in a tool's result, 1 MiB; one that
--- has more is answered as failed
---@field max_turn_bytes? number|false most bytes of all results of a turn together, images and
--- documents included, 24 MiB
---@field [string] any params for this run only

---@class claude.Run
---@field message? claude.Message the last reply
---@field messages claude.Message[] all replies so far
---@field requests integer how many were made
---@field reason? string why it ended: a stop_reason, "pending" or "max_requests"
---@field private state "ready"|"asking"|"streaming"|"tools"|"done"|"failed"
---@field private calls? claude.RunningCalls of the reply that arrives, or was answered last
---@field private held table<string, true> ids of calls that are left to a person
---@field private said { role: string, json: string }[] said meanwhile, and not sent yet
---@field private only_end? boolean only its end is waited for: nothing is handed out
---@field private compaction? claude.CompactOptions to be done before the next turn
---@field private compacting? boolean the stream is a summary's
---@field private reason_after? string why the run ends once that is done
---@field private tool_list? claude.ToolList when the last request was made
---@field private ended_block? integer a block that has just ended, which may be a call
local Run = {}
Run.__index = Run
Run.__name = "claude.Run"

local GOES_ON = { pause_turn = true, compaction = true }
local DEFAULT_PAUSES = 10
local DEFAULT_DEPTH = 8

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function Run:_fail(err)
  -- A reply that could not be written down is in the conversation, and so are its calls.
  if self.state == "streaming" then self:_drop_early(self.chat:pending(), "its reply failed") end
  self.state, self.err = "failed", err
  self:_hand_over()
  if err.kind ~= "storage" then self.chat:_note() end
  return errors.fail(err)
end

---@param reason string
function Run:_finish(reason)
  self.state, self.reason = "done", reason
  self:_hand_over()
  self.chat:_note()
end

---@return boolean
function Run:_may_ask()
  return not self.options.max_requests or self.requests < self.options.max_requests
end

-- What was said meanwhile becomes part of the conversation's unsent turn.
function Run:_hand_over()
  local draft = self.chat.draft
  for _, message in ipairs(self.said) do
    if message.role == "system" then
      draft:instruct(message.json)
    else
      draft:say(message.json, {})
    end
  end
  self.said = {}
end

local UNCERTAIN = "the tool %s had begun to run for the call %s when the program ended:"
  .. " whether it came to its end is not known"
local ANSWER = "find out, and answer it: chat:answer(%q, …); a tool whose calls may run twice"
  .. " says idempotent = true"

-- The first call that may not simply run again.
---@param pending claude.ToolCall[]
---@return claude.Error?
function Run:_uncertainty(pending)
  for _, call in ipairs(pending) do
    local tool = call.uncertain and tools.find(self.chat.tool_list, call)
    if call.uncertain and not (tool and tool.idempotent) then
      return errors.new({
        kind = "invalid",
        rule = "uncertain_call",
        message = UNCERTAIN:format(call.name, call.id),
        hint = ANSWER:format(call.id),
      })
    end
  end
end

local TOO_DEEP = "the run stands inside %d tools, each in a run of the one before, and may in %d"

-- A tool whose run calls a tool that makes a run: without an end, each asks the API once more.
---@return claude.Error?
function Run:_depth_problem()
  local depth, most = running_calls.depth(), self.options.max_depth or DEFAULT_DEPTH
  if depth <= most then return nil end
  return errors.new({
    kind = "invalid",
    message = TOO_DEEP:format(depth, most),
    hint = "end the recursion, or allow more with max_depth",
  })
end

-- Where a run begins: calls that were left open, or the turn the user has written.
function Run:_ready()
  local problem = self:_depth_problem()
  if problem then return self:_fail(problem) end
  local chat = self.chat
  local pending = chat:pending()
  local err = self:_uncertainty(pending)
  if err then return self:_fail(err) end
  if #pending > 0 and not chat.draft:says_something() then return self:_run_tools(pending) end
  self.state = "asking"
end

function Run:_asking()
  if self.compaction and self:_may_compact() then return self:_compact() end
  if not self:_may_ask() then return self:_finish("max_requests") end
  -- Nothing may come between what the server paused and what it goes on with.
  if self.said[1] and not history.is_serving(self.chat.transcript) then self:_hand_over() end
  self.requests = self.requests + 1
  self.calls, self.ended_block, self.tool_list = nil, nil, self.chat.tool_list
  self.stream = turn.stream(self.chat, self.overrides, self.call_options, 1)
  self.stream.unseen = self.only_end
  self.state = "streaming"
end

-- The API sums up no turn that stops in the middle, and not nothing.
---@return boolean
function Run:_may_compact()
  local paused = GOES_ON[self.message and self.message.stop_reason]
  return not paused and self.chat.transcript:count() > 0
end

function Run:_compact()
  local options = self.compaction
  self.compaction, self.compacting = nil, true
  self.calls, self.ended_block = nil, nil
  self.stream =
    require("claude.conversation.compact").stream(self.chat, options, self.call_options, 1)
  self.state = "streaming"
end

-- The summary has taken the place of what was said: on with what was due.
function Run:_compacted()
  self.compacting = false
  local message, _, err = self.stream:final_message()
  if not message then return self:_fail(err) end
  if self.reason_after then return self:_finish(self.reason_after) end
  self.state = "asking"
end

-- A run that is at its end sums up first, if it was told to.
---@param reason string
function Run:_end(reason)
  if not self.compaction or #self.chat:pending() > 0 or reason == "refusal" then
    return self:_finish(reason)
  end
  self.reason_after = reason
  self:_compact()
end

---@return claude.RunningCalls
function Run:_calls()
  local list = self.tool_list or self.chat.tool_list
  local scrub = headers.scrub_for(self.chat.client, self.call_options)
  self.calls = self.calls or running_calls.new(self.chat, self.options, self.held, list, scrub)
  return self.calls
end

---@param pending claude.ToolCall[]
function Run:_run_tools(pending)
  self.state = "tools"
  local calls = self:_calls()
  calls:settle(pending, "the reply was changed")
  for _, call in ipairs(pending) do
    calls:add(call)
  end
end

-- Calls that began before their reply was known to be whole, and that nobody asks for.
---@param pending claude.ToolCall[] those that the conversation knows
---@param why string
function Run:_drop_early(pending, why)
  local calls = self.calls
  self.calls = nil
  if calls then calls:abandon(pending, why) end
end

-- A block that ended may be a call, and whoever reads has seen its end.
function Run:_begin_early()
  local index = self.ended_block
  self.ended_block = nil
  -- A tool whose result cannot be sent had better not run.
  if not index or not self.options.eager or not self:_may_ask() then return end
  -- Input that was cut or is no JSON object is answered once the reply is whole.
  local call = history.call_of(self.stream:_sound_block(index), index)
  if call and not call.invalid then self:_calls():add(call) end
end

---@param event claude.ToolEvent
---@return string kind
---@return string text
---@return integer index
---@return claude.ToolCall call
function Run:_tool_event(event)
  self.tool_event = event
  return event.kind, event.text, event.call.index, event.call
end

-- What comes after a whole reply.
function Run:_decide()
  local message, _, err = self.stream:final_message()
  if not message then return self:_fail(err) end
  self.message, self.messages[#self.messages + 1] = message, message
  local reason = message.stop_reason
  self.pauses = GOES_ON[reason] and self.pauses + 1 or 0
  local pending = self.chat:pending()
  local goes_on = reason == "tool_use" or GOES_ON[reason]
  if not goes_on or #pending == 0 then
    self:_drop_early(pending, "the reply ended with stop_reason " .. tostring(reason))
  end
  if self.pauses > (self.options.max_pauses or DEFAULT_PAUSES) then return self:_finish(reason) end
  if goes_on and #pending > 0 then
    if self:_may_ask() then return self:_run_tools(pending) end
    -- The calls stay open.
    return self:_finish("max_requests")
  end
  if GOES_ON[reason] or self:_was_told_more(reason) then
    self.state = "asking"
  else
    self:_end(reason or "unknown")
  end
end

-- Whether something was said meanwhile that the model has not heard, and may hear.
---@param reason string?
---@return boolean
function Run:_was_told_more(reason)
  if reason ~= "end_turn" and reason ~= "stop_sequence" and reason ~= "tool_use" then
    return false
  end
  for _, message in ipairs(self.said) do
    if message.role == "user" then return true end
  end
  return false
end

-- Where nobody sees the pieces, nor a tool that has begun, a reply may begin anew.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
function Run:_next_of_stream(options)
  if self.only_end and not self.options.eager then return self.stream:_step() end
  return self.stream:next(options)
end

---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:_streaming(options)
  self:_begin_early()
  local event = self.calls and self.calls:event()
  if event then return self:_tool_event(event) end
  if self.calls and self.calls.failure then return self:_stop(self.calls.failure) end
  local stream = self.stream
  local kind, text, index = self:_next_of_stream(options)
  if kind then
    if kind == "block_stop" then self.ended_block = index end
    return kind, text, index
  end
  -- Another task that reads the run has gone on meanwhile.
  if self.stream ~= stream or self.state ~= "streaming" then return nil end
  if index then
    return self:_fail(index --[[@as claude.Error]])
  end
  if self.compacting then return self:_compacted() end
  self:_decide()
end

---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:_tools()
  local calls = self.calls
  local event, why = calls:next()
  if event and self.state ~= "failed" then return self:_tool_event(event) end
  if self.calls ~= calls or self.state ~= "tools" then return nil end
  if why == "failed" then
    self:_fail(self.calls.failure)
    self.calls:cancel()
  elseif why == "cancelled" then
    self:_stop(tasks.cancelled_error())
  elseif #self.chat:pending() > 0 then
    self:_finish("pending")
  else
    self.state = "asking"
  end
end

local STEPS = {
  ready = Run._ready,
  asking = Run._asking,
  streaming = Run._streaming,
  tools = Run._tools,
}

--- The next piece: its kind, its text, its block's index, and for tools the call. Nil
--- at the end; `nil, text, err` when the run failed or was cancelled.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:next(options)
  check_receiver(self, Run, "run:next()")
  reading.check(options, "run:next")
  self.only_end = nil
  return self:_step(options)
end

-- The same for who hands nothing out before the end.
---@param options? claude.ReadingOptions
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:_step(options)
  self.tool_event = nil
  while STEPS[self.state] do
    local kind, text, index, call = STEPS[self.state](self, options)
    if kind then return kind, text, index, call end
  end
  if self.state == "failed" then return errors.fail(self.err) end
  return nil
end

--- The next piece of text; nil at the end, `nil, text, err` on failure.
---@param options? claude.ReadingOptions
---@return string? text
---@return string?
---@return claude.Error? err
function Run:next_text(options)
  check_receiver(self, Run, "run:next_text()")
  reading.check(options, "run:next_text")
  return reading.next_text(self, options)
end

--- The API's next event as a table, or `{ type = "tool_start" | "tool_end", text =,
--- index =, call = }`; nil at the end, `nil, text, err` on failure.
---@return table? event
---@return string?
---@return claude.Error? err
function Run:next_event()
  check_receiver(self, Run, "run:next_event()")
  while true do
    local kind, text, err = self:next()
    if not kind then
      return nil, text, err --[[@as claude.Error?]]
    end
    local tool = self.tool_event
    if tool then
      return { type = tool.kind, text = tool.text, index = tool.call.index, call = tool.call }
    end
    local event, problem = reading.event(self.stream.response)
    if event then return event end
    if problem then
      self:cancel()
      return self:_fail(problem)
    end
  end
end

--- `for kind, text, index, call in run:deltas()`: everything that happens, in order.
---@param options? claude.ReadingOptions
---@return fun(): string?, string?, integer?, claude.ToolCall?
function Run:deltas(options)
  check_receiver(self, Run, "run:deltas()")
  reading.check(options, "run:deltas")
  return reading.loop(self, "next", "run:next()", options)
end

--- `for text in run:text_stream()`: the text of all replies.
---@param options? claude.ReadingOptions
---@return fun(): string?
function Run:text_stream(options)
  check_receiver(self, Run, "run:text_stream()")
  reading.check(options, "run:text_stream")
  return reading.loop(self, "next_text", "run:next_text()", options)
end

--- `for event in run:events()`: the API's events as tables, tools in between.
---@return fun(): table?
function Run:events()
  check_receiver(self, Run, "run:events()")
  return reading.loop(self, "next_event", "run:next_event()")
end

--- Runs to the end: the last reply, or `nil, text, err`. `run.reason` says why it ended.
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Run:final_message()
  check_receiver(self, Run, "run:final_message()")
  self.only_end = true
  while not self:is_done() do
    local kind, text, err = self:_step()
    if not kind and err then
      return nil, text, err --[[@as claude.Error]]
    end
  end
  if self.state == "failed" then return errors.fail(self.err) end
  if self.message then return self.message end
  return errors.fail(errors.new({
    kind = "invalid",
    message = "the run ended before its first request: " .. self.reason,
    hint = self.reason == "pending" and "answer the calls of chat:pending() with chat:answer"
      or nil,
  }))
end

--- Whether it has ended, well or not.
---@return boolean
function Run:is_done()
  check_receiver(self, Run, "run:is_done()")
  return self.state == "done" or self.state == "failed"
end

--- One block of the reply that arrives, as far as it has; see `stream:block`.
---@param index integer from 0, as the API counts
---@return table?
function Run:block(index)
  check_receiver(self, Run, "run:block(…)")
  return self.stream and self.stream:block(index) or nil
end

---@param call any
---@param name string
---@return string id
local function id_of(call, name)
  local id = type(call) == "table" and call.id or call
  if type(id) ~= "string" then
    error(("run:%s takes a call or its id, not a %s"):format(name, type(call)), 3)
  end
  return id
end

--- Leaves a call to a person: its tool does not run, the call stays in `chat:pending()`,
--- and the run ends there. Its other calls are answered as ever.
---@param call claude.ToolCall|table|string the call, its tool_use block, or its id
---@return boolean deferred false when its tool runs already, or has run
function Run:defer(call)
  check_receiver(self, Run, "run:defer(…)")
  local id = id_of(call, "defer")
  if self.calls then return self.calls:hold(id) end
  self.held[id] = true
  return true
end

--- Ends one call that runs or waits for its turn: its tool is cancelled where it waits,
--- and the model is told the reason. The run goes on.
---@param call claude.ToolCall|table|string the call, its tool_use block, or its id
---@param reason? any
---@return boolean done false when it has ended, or is not known
function Run:cancel_call(call, reason)
  check_receiver(self, Run, "run:cancel_call(…)")
  local id = id_of(call, "cancel_call")
  return self.calls ~= nil and self.calls:stop(id, reason)
end

---@param role "user"|"system"
---@param content string|table
---@return claude.Run? self
---@return string? text
---@return claude.Error? err
function Run:_say(role, content)
  if self:is_done() then
    error(("run:%s after the run has ended: use chat:%s"):format(role, role), 3)
  end
  local json, err = self.chat:_message_json(role, content, 3)
  if not json then
    return errors.fail(err --[[@as claude.Error]])
  end
  self.said[#self.said + 1] = { role = role, json = json }
  return self
end

--- Says something while the run goes on: it is sent with the next request, behind the
--- results of tools. Nothing of the conversation is replaced. When the model had finished
--- meanwhile, it is asked again.
---@param content string|table
---@return claude.Run? self
---@return string? text
---@return claude.Error? err
function Run:user(content)
  check_receiver(self, Run, "run:user(…)")
  local said, text, err = self:_say("user", content)
  return said, text, err
end

--- Adds a system message behind what is sent next, for the models that take them.
---@param content string|table
---@return claude.Run? self
---@return string? text
---@return claude.Error? err
function Run:system(content)
  check_receiver(self, Run, "run:system(…)")
  local said, text, err = self:_say("system", content)
  return said, text, err
end

---@param name "add_tools"|"remove_tools"
---@param list any
---@return claude.Run self
function Run:_change_tools(name, list)
  if self:is_done() then
    error(("run:%s after the run has ended: use chat:%s"):format(name, name), 3)
  end
  local json, tool_list = self.chat:_tool_changes(name, list, 3)
  self.said[#self.said + 1] = { role = "system", json = json }
  self.chat.tool_list = tool_list
  return self
end

--- Offers more tools from the next request on; see `chat:add_tools`.
---@param list (claude.Tool|table|string)[]
---@return claude.Run self
function Run:add_tools(list)
  check_receiver(self, Run, "run:add_tools(…)")
  local run = self:_change_tools("add_tools", list)
  return run
end

--- Takes tools away; see `chat:remove_tools`. Calls that have not begun are refused at once.
---@param list (claude.Tool|table|string)[]
---@return claude.Run self
function Run:remove_tools(list)
  check_receiver(self, Run, "run:remove_tools(…)")
  local run = self:_change_tools("remove_tools", list)
  return run
end

--- Has the model sum up what was said before its next turn, results of tools included; see
--- `chat:compact`. That request is not counted. What was said behind a run's last reply is
--- summed up, too.
---@param options? claude.CompactOptions
---@return claude.Run self
function Run:compact(options)
  check_receiver(self, Run, "run:compact(…)")
  require("claude.conversation.compact").check(options, "run:compact", 2)
  if self:is_done() then error("run:compact after the run has ended: use chat:compact", 2) end
  self.compaction = options or {}
  return self
end

--- Stops at once: request, waiting, approval and tools. Calls without a result are
--- answered as stopped, so that the conversation can go on. A run that has ended stays
--- as it is.
function Run:cancel()
  check_receiver(self, Run, "run:cancel()")
  if self:is_done() then return end
  self:_stop(errors.new({ kind = "cancelled", message = "the run was cancelled" }))
end

---@param err claude.Error
function Run:_stop(err)
  local calls = self.state == "tools" and self.calls
  if self.state == "streaming" then
    self.stream:cancel()
    local _, _, cancelled = self.stream:next()
    err.partial = cancelled and cancelled.partial
  end
  self:_fail(err)
  if calls then
    calls:cancel()
    self.chat.draft:stop(history.open_calls(self.chat.transcript), self.chat:_warner())
    self.chat:_note()
  end
end

--- The same as cancel: for a run that is no longer wanted.
function Run:close()
  check_receiver(self, Run, "run:close()")
  self:cancel()
end
Run.__close = Run.cancel

function Run:__tostring()
  local form = "claude.Run (%s, %d requests)"
  return form:format(self.state, self.requests)
end

local M = {}

---@param chat claude.Conversation
---@param given? claude.RunOptions
---@param call_options? claude.CallOptions
---@param level integer stack level of the caller to blame
---@return claude.Run
function M.new(chat, given, call_options, level)
  local options, overrides = split_options(given, level + 1)
  turn.check_overrides(overrides, level + 1)
  turn.check_fallback(chat, overrides, level + 1)
  return setmetatable({
    chat = chat,
    options = options,
    overrides = overrides,
    call_options = wire.check_options(call_options, level + 1),
    requests = 0,
    pauses = 0,
    messages = {},
    held = {},
    said = {},
    state = "ready",
  }, Run)
end

return M
