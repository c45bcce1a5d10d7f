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
--- without a function leaves its calls to `chat:pending()` and ends the run.

local calls_module = require("claude.tool_loop.calls")
local check_receiver = require("claude.receiver").check
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local reading = require("claude.reading")
local tasks = require("claude.tasks")
local turn = require("claude.conversation.turn")
local wire = require("claude.wire")

---@class claude.RunOptions
---@field max_requests? integer how many requests the run may make; without it, as many as it takes
---@field max_pauses? integer how often in a row the server may pause its own tools, 10
---@field approve? fun(call: claude.ToolCall): boolean?, string? false or nil declines
---@field [string] any params for this run only

---@class claude.Run
---@field message? claude.Message the last reply
---@field messages claude.Message[] all replies so far
---@field requests integer how many were made
---@field reason? string why it ended: a stop_reason, "pending" or "max_requests"
---@field private state "ready"|"asking"|"streaming"|"tools"|"done"|"failed"
local Run = {}
Run.__index = Run
Run.__name = "claude.Run"

local GOES_ON = { pause_turn = true, compaction = true }
local DEFAULT_PAUSES = 10

---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function Run:_fail(err)
  self.state, self.err = "failed", err
  return errors.fail(err)
end

---@param reason string
function Run:_finish(reason)
  self.state, self.reason = "done", reason
end

---@return boolean
function Run:_may_ask()
  return not self.options.max_requests or self.requests < self.options.max_requests
end

-- Where a run begins: calls that were left open, or the turn the user has written.
function Run:_ready()
  local chat = self.chat
  local pending = chat:pending()
  if #pending > 0 and not chat.draft:says_something() then return self:_run_tools(pending) end
  self.state = "asking"
end

function Run:_asking()
  if not self:_may_ask() then return self:_finish("max_requests") end
  self.requests = self.requests + 1
  self.stream = turn.stream(self.chat, self.overrides, self.call_options, 1)
  self.state = "streaming"
end

---@param pending claude.ToolCall[]
function Run:_run_tools(pending)
  self.state = "tools"
  self.calls = calls_module.start(self.chat, pending, self.options.approve)
end

-- What comes after a whole reply.
function Run:_decide()
  local message, _, err = self.stream:final_message()
  if not message then return self:_fail(err) end
  self.message, self.messages[#self.messages + 1] = message, message
  local reason = message.stop_reason
  self.pauses = GOES_ON[reason] and self.pauses + 1 or 0
  if reason ~= "tool_use" and not GOES_ON[reason] then return self:_finish(reason or "unknown") end
  if self.pauses > (self.options.max_pauses or DEFAULT_PAUSES) then return self:_finish(reason) end
  local pending = self.chat:pending()
  if #pending == 0 then
    if not GOES_ON[reason] then return self:_finish(reason) end
    self.state = "asking"
  elseif self:_may_ask() then
    self:_run_tools(pending)
  else
    -- A tool whose result cannot be sent had better not run: the calls stay open.
    self:_finish("max_requests")
  end
end

---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
function Run:_streaming()
  local kind, text, index = self.stream:next()
  if kind then return kind, text, index end
  if index then
    return self:_fail(index --[[@as claude.Error]])
  end
  self:_decide()
end

---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:_tools()
  local event, why = self.calls:next()
  if self.state == "failed" then return nil end
  if event then
    self.tool_event = event
    return event.kind, event.text, event.call.index, event.call
  end
  if why == "cancelled" then
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
---@return string? kind
---@return string? text
---@return integer|claude.Error|nil index
---@return claude.ToolCall? call
function Run:next()
  check_receiver(self, Run, "run:next()")
  self.tool_event = nil
  while STEPS[self.state] do
    local kind, text, index, call = STEPS[self.state](self)
    if kind then return kind, text, index, call end
  end
  if self.state == "failed" then return errors.fail(self.err) end
  return nil
end

--- The next piece of text; nil at the end, `nil, text, err` on failure.
---@return string? text
---@return string?
---@return claude.Error? err
function Run:next_text()
  check_receiver(self, Run, "run:next_text()")
  return reading.next_text(self)
end

--- The API's next event as a table, or `{ type = "tool_start" | "tool_end", text =,
--- index =, call = }`; nil at the end, `nil, text, err` on failure.
---@return table? event
---@return string?
---@return claude.Error? err
function Run:next_event()
  check_receiver(self, Run, "run:next_event()")
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
  self:cancel()
  return self:_fail(problem --[[@as claude.Error]])
end

--- `for kind, text, index, call in run:deltas()`: everything that happens, in order.
---@return fun(): string?, string?, integer?, claude.ToolCall?
function Run:deltas()
  check_receiver(self, Run, "run:deltas()")
  return reading.loop(self, "next", "run:next()")
end

--- `for text in run:text_stream()`: the text of all replies.
---@return fun(): string?
function Run:text_stream()
  check_receiver(self, Run, "run:text_stream()")
  return reading.loop(self, "next_text", "run:next_text()")
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
  while not self:is_done() do
    local kind, text, err = self:next()
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

local OPTIONS = { max_requests = "number", max_pauses = "number", approve = "function" }

local M = {}

---@param chat claude.Conversation
---@param given? claude.RunOptions
---@param call_options? claude.CallOptions
---@param level integer stack level of the caller to blame
---@return claude.Run
function M.new(chat, given, call_options, level)
  if given ~= nil and type(given) ~= "table" then
    error("chat:run takes a table of options, not a " .. type(given), level + 1)
  end
  local options, overrides = {}, {}
  for name, value in pairs(given or {}) do
    local expected = OPTIONS[name]
    if expected and type(value) ~= expected then
      error(("chat:run: %s must be a %s, not a %s"):format(name, expected, type(value)), level + 1)
    end
    if expected then
      options[name] = value
    else
      overrides[name] = value
    end
  end
  turn.check_overrides(overrides, level + 1)
  return setmetatable({
    chat = chat,
    options = options,
    overrides = overrides,
    call_options = wire.check_options(call_options, level + 1),
    requests = 0,
    pauses = 0,
    messages = {},
    state = "ready",
  }, Run)
end

return M
