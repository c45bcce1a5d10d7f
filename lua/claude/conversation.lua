--- A conversation: append-only, exact, savable.
---
--- What it holds is bytes. A turn that was sent, and a reply that arrived whole, are
--- sealed: they go back as they are, and only leave from the end (`undo`). What the
--- user is saying now is a draft, sealed when it is sent. `system` and `tools` are
--- written down once, so that every request begins with the bytes of the one before.

local begin = require("claude.conversation.begin")
local blocks = require("claude.content")
local check_receiver = require("claude.receiver").check
local checks = require("claude.conversation.checks")
local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local message_views = require("claude.message")
local new_draft = require("claude.conversation.draft").new
local request = require("claude.request")
local sealed_marks = require("claude.conversation.marks")
local tables = require("claude.tables")
local turn = require("claude.conversation.turn")
local values = require("claude.check.values")

---@class claude.ConversationState
---@field stop_reason? string of the last reply
---@field message_id? string likewise
---@field container? string where the server's code ran
---@field kept? boolean the last reply was interrupted, and kept
---@field drop_block? boolean the API leaves out thinking that does not fit
---@field fallback? string which of fallback_models took over

--- What was found in sealed messages: cache breakpoints, and the hashes of each with all before
--- it.
---@class claude.SealedMarks
---@field found? claude.FoundMarks
---@field chain? string[]

---@class claude.Conversation
---@field params table what the next turns are sent with; `system` and `tools` are not in it
---@field client claude.Client
---@field package transcript userdata sealed messages
---@field package draft claude.Draft
---@field package sealed { system: string?, tools: string? } JSON
---@field package tool_list claude.ToolList as it is now
---@field package first_tools claude.ToolList as `tools` has it
---@field repairs claude.Repair[] what was done about refusals of its thinking, in this process
---@field package state claude.ConversationState
---@field package marks claude.SealedMarks
---@field package print? claude.CachePrint of the last request with the parameter `cache`
---@field package ledger claude.Ledger
---@field package active? claude.Stream|claude.Run what is under way
---@field package journal? claude.Journal
---@field package begun table<string, string> calls whose tools have begun, as a journal knows:
--- id -> name of the tool
---@field package at_work table<string, true> ids of calls that a run works on
---@field package last_params? table of the last request
local Conversation = {}
Conversation.__index = Conversation
Conversation.__name = "claude.Conversation"

local M = {}

local GAP = "chat:%s: content[%d] is nil; a call that can fail says why in"
  .. " assert(…), as in assert(claude.image(path))"

---@param text string
---@param hint? string
---@return nil
---@return string
---@return claude.Error
local function refuse(text, hint)
  return errors.fail(errors.new({ kind = "invalid", message = text, hint = hint }))
end

---@param client claude.Client
---@param fields table
---@return claude.Conversation
local function make(client, fields)
  fields.client = client
  fields.transcript = fields.transcript or core.transcript()
  fields.draft = fields.draft or new_draft()
  fields.state = fields.state or {}
  fields.marks = fields.marks or {}
  fields.ledger = fields.ledger or require("claude.ledger").new(true)
  fields.first_tools = fields.first_tools or fields.tool_list
  fields.begun, fields.at_work = fields.begun or {}, {}
  fields.repairs = {}
  return setmetatable(fields, Conversation)
end

-- Few conversations have one: that part loads when one does.
local function journals() return require("claude.conversation.journal") end

--- Begins a conversation with the params of `messages:create`. `messages`, if given,
--- is what was said before. Raises when a value is of the wrong kind. With `journal` it may
--- be one that goes on.
---@param client claude.Client
---@param params table
---@return claude.Conversation? chat nil only where there is a journal that does not open
---@return string? text
---@return claude.Error? err
function M.new(client, params)
  if type(params) ~= "table" then
    error("client:conversation{…} takes a table of params, not a " .. type(params), 3)
  end
  local function warn(code, text) client:warn(code, text) end
  local fields = begin.fields(params, warn, 3)
  if params.journal == nil then return make(client, fields) end
  local opening = require("claude.conversation.journal_opening")
  local chat, text, err = opening.open(client, params.journal, fields, make, 3)
  return chat, text, err
end

-- For a verb that changes something: what is to be taken back if it cannot be written down.
---@return table?
function Conversation:_before_change() return self.journal and journals().before(self) end

-- Its last step: the verb's value, or why nothing was changed.
---@generic T
---@param before table?
---@param value T
---@return T? value
---@return string? text
---@return claude.Error? err
function Conversation:_after_change(before, value)
  if not before then return value end
  local done, text, err = journals().after(self, before)
  if done then return value end
  return nil, text, err
end

-- Writes down what nobody waits for; what fails is told, and is part of the next record.
function Conversation:_note()
  local journal = self.journal
  if not journal then return end
  local _, text = journal:note(self)
  if text then self.client:warn("journal_behind", text) end
end

---@return claude.Warn
function Conversation:_warner()
  return function(code, text) self.client:warn(code, text) end
end

--- For a verb's own first line: raises at its caller while a reply is arriving, since
--- what is said then has no place yet.
---@param self claude.Conversation
---@param verb string
local function check_idle(self, verb)
  check_receiver(self, Conversation, ("chat:%s(…)"):format(verb), 4)
  if not self:is_busy() then return end
  local text = "chat:%s while a reply is arriving: read it to its end, or chat:cancel() it"
  error(text:format(verb), 3)
end

--- Whether a reply is arriving or tools are running.
---@return boolean
function Conversation:is_busy()
  check_receiver(self, Conversation, "chat:is_busy()")
  if self.active and self.active:is_done() then self.active = nil end
  return self.active ~= nil
end

--- Stops whatever is under way: request, waiting, approval, tools. What was sealed stays.
function Conversation:cancel()
  check_receiver(self, Conversation, "chat:cancel()")
  local active = self.active
  self.active = nil
  if active then active:cancel() end
end

-- A block as a table, or as an object in the user's own order of members.
local function is_one_block(content)
  if type(content) ~= "table" or core.is_raw(content) then return false end
  return type(content.type) == "string" or not values.plain(content)
end

--- What is said, as the JSON of a message. Raises when it is of the wrong kind.
---@param role string
---@param content any
---@param level integer stack level of the caller to blame
---@return string? json of the message
---@return claude.Error? err
function Conversation:_message_json(role, content, level)
  if message_views.is(content) then
    error(("chat:%s takes what is said, not a reply: say message:text()"):format(role), level + 1)
  end
  if is_one_block(content) then content = { content } end
  local kind = type(content)
  if kind == "table" then
    local err = blocks.failure_in(content)
    if err then return nil, err end
    local gap = blocks.gap_in(content)
    if gap then error(GAP:format(role, gap), level + 1) end
    content = blocks.with_text_blocks(content)
    if content[1] == nil and next(content) ~= nil then kind = "table of names" end
  end
  if kind ~= "string" and kind ~= "table" and not core.is_raw(content) then
    local what = 'a text or blocks, such as { type = "text", text = "…" }'
    error(("chat:%s takes %s, not a %s"):format(role, what, kind), level + 1)
  end
  local json, err = request.encode_messages({ { role = role, content = content } }, self:_warner())
  if not json then
    err.path = err.path and err.path:gsub("^messages%[1%]%.", "")
    return nil, err
  end
  return json
end

--- Says something: a text, a block, or a list of texts and blocks. Said twice before sending, it
--- is one message; a tool_result block answers its call. What cannot be sent (not UTF-8,
--- say) is told here, and again by send(), until undo() takes it back.
---@param content string|table
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:user(content)
  check_idle(self, "user")
  local json, err = self:_message_json("user", content, 2)
  if not json then
    self.draft.problem = err
    return errors.fail(err)
  end
  local before, draft = self:_before_change(), self.draft:copy()
  draft:say(json, history.calls_to_answer(self.transcript))
  self.draft = draft
  return self:_after_change(before, self)
end

--- Adds a system message at this place, for the models that take them: it stands after
--- what the user says and before the next reply.
---@param content string|table
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:system(content)
  check_idle(self, "system")
  local json, err = self:_message_json("system", content, 2)
  if not json then
    self.draft.problem = err
    return errors.fail(err)
  end
  local before, draft = self:_before_change(), self.draft:copy()
  draft:instruct(json)
  self.draft = draft
  return self:_after_change(before, self)
end

--- Changes of the tools: the message that tells them, and the tools behind it.
---@param name "add_tools"|"remove_tools"
---@param list any
---@param level integer stack level of the caller to blame
---@return string json
---@return claude.ToolList
function Conversation:_tool_changes(name, list, level)
  local changes = require("claude.conversation.tool_changes")
  local find = name == "add_tools" and changes.additions or changes.removals
  local found = find(self.tool_list, list, level + 1)
  local json, problem = changes.message(found)
  if not json then error(("chat:%s: %s"):format(name, problem), level + 1) end
  return json, changes.applied(self.tool_list, found)
end

---@param name "add_tools"|"remove_tools"
---@param list any
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:_change_tools(name, list)
  local before, draft = self:_before_change(), self.draft:copy()
  local json, tool_list = self:_tool_changes(name, list, 3)
  draft:instruct(json)
  self.draft, self.tool_list = draft, tool_list
  return self:_after_change(before, self)
end

--- Offers more tools from here on: `tools` stays as it was sent, and a system message behind
--- what the user says next tells the model. Tools with their definitions, or names of tools
--- that the conversation began with (`defer_loading`, or removed before). For the models
--- that take system messages. Raises when a tool is wrong.
---@param list (claude.Tool|table|string)[]
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:add_tools(list)
  check_idle(self, "add_tools")
  local done, text, err = self:_change_tools("add_tools", list)
  return done, text, err
end

--- Takes tools away from here on, in the same way. A call of one that was removed is
--- answered as that of a tool that is not there.
---@param list (claude.Tool|table|string)[]
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:remove_tools(list)
  check_idle(self, "remove_tools")
  local done, text, err = self:_change_tools("remove_tools", list)
  return done, text, err
end

---@param overrides? table
---@param options? claude.CallOptions
---@param level integer
---@return claude.Stream
function Conversation:_begin(overrides, options, level)
  local reply = turn.stream(self, overrides, options, level + 1)
  self.active = reply
  return reply
end

-- The whole reply. Nobody else holds it: when something is raised meanwhile, such as that
-- there is no memory, it has ended, and the conversation is as it was.
---@param reply claude.Stream
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Conversation:_whole(reply)
  if not require("claude.tasks").can_protect() then return reply:final_message() end
  local ok, message, text, err = pcall(reply.final_message, reply)
  if ok then return message, text, err end
  self.active = nil
  pcall(reply.cancel, reply)
  error(message, 0)
end

--- Sends the conversation and streams the reply, which is sealed once it is whole. The
--- table given changes params for this turn only. Failures surface at the first step.
---@param overrides? table
---@param options? claude.CallOptions
---@return claude.Stream
function Conversation:stream(overrides, options)
  check_idle(self, "stream")
  local reply = self:_begin(overrides, options, 2)
  return reply
end

--- Sends the conversation and waits for the whole reply. After a failure the
--- conversation is as it was: send() again is the retry.
---@param overrides? table
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Conversation:send(overrides, options)
  check_idle(self, "send")
  local reply = self:_begin(overrides, options, 2)
  return self:_whole(reply)
end

--- Sends the conversation like `send`, asking for JSON by `output_config.format`: the value
--- is in `message.parsed`. An answer that was refused, cut off or is no JSON is an error,
--- with the message in `err.partial`; it has entered the conversation as far as `send` would
--- have taken it.
---@param overrides? table
---@param options? claude.CallOptions
---@return claude.Message? message
---@return string? text
---@return claude.Error? err
function Conversation:parse(overrides, options)
  check_idle(self, "parse")
  turn.check_overrides(overrides, 2)
  local structured = require("claude.structured_output")
  structured.check_asked_for(tables.merged(self.params, overrides), "chat:parse", 2)
  local reply = self:_begin(overrides, options, 2)
  return structured.checked(self:_whole(reply))
end

--- Sends the conversation, runs the tools the model calls, sends their results, until
--- the model is done. See claude.Run.
---@param options? claude.RunOptions
---@param call_options? claude.CallOptions for every request of the run
---@return claude.Run
function Conversation:run(options, call_options)
  check_idle(self, "run")
  local run = require("claude.tool_loop").new(self, options, call_options, 2)
  self.active = run
  return run
end

--- Has the model sum up what was said, and puts the summary in its place: one block, signed,
--- with which every request begins from then on. What the user is saying stays. When no
--- summary comes, the conversation stays as it was.
---@param options? claude.CompactOptions
---@param call_options? claude.CallOptions
---@return claude.Message? message with the summary
---@return string? text
---@return claude.Error? err
function Conversation:compact(options, call_options)
  check_idle(self, "compact")
  local compact = require("claude.conversation.compact")
  compact.check(options, "chat:compact", 2)
  local reply = compact.stream(self, options, call_options, 2)
  self.active = reply
  return self:_whole(reply)
end

--- The calls of the last reply that nobody has answered. With a journal some may be
--- `uncertain`: their tool had begun when the program ended.
---@return claude.ToolCall[]
function Conversation:pending()
  check_receiver(self, Conversation, "chat:pending()")
  local calls = {}
  for _, call in ipairs(history.open_calls(self.transcript)) do
    if not self.draft.results[call.id] then
      call.uncertain = self.begun[call.id] ~= nil and not self.at_work[call.id] or nil
      calls[#calls + 1] = call
    end
  end
  return calls
end

--- Answers a call in place of a tool: with what a tool may return, or with nil and
--- the reason why there is no answer. Raises when no open call has that id.
---@param id string
---@param value any
---@param problem? any
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:answer(id, value, problem)
  check_idle(self, "answer")
  for _, call in ipairs(history.calls_to_answer(self.transcript)) do
    if call.id == id then
      local result = require("claude.tool_loop.result")
      local failed = value == nil and problem ~= nil
      local before = self:_before_change()
      local rules = { warn = self:_warner(), scrub = self.client.credentials.scrub }
      self.draft.results[id] = failed and result.failure(call, problem, rules)
        or (result.success(call, value, rules))
      return self:_after_change(before, self)
    end
  end
  error(("chat:answer: no open call has the id %s"):format(tostring(id)), 2)
end

-- The tools as what is left says; their functions stay with their names.
---@param transcript userdata
---@param draft claude.Draft
---@return claude.ToolList
function Conversation:_tools_behind(transcript, draft)
  local before = self.tool_list
  if before == self.first_tools then return before end
  local changes = require("claude.conversation.tool_changes")
  local list = changes.after(self.first_tools, transcript, draft)
  for name, tool in pairs(list.by_name) do
    if tool.run == nil then list.by_name[name] = before.by_name[name] or tool end
  end
  return list
end

-- What is left without the last turn, answers to tool calls given with it included; nil when
-- there is none.
---@return userdata? transcript
---@return claude.Draft draft
function Conversation:_without_last_turn()
  local transcript, draft = self.transcript, self.draft:copy()
  if draft:unsay() then return transcript, draft end
  local first = history.last_turn(transcript)
  if not first then return nil, draft end
  local left = transcript:fork()
  left:truncate(first - 1)
  draft = new_draft()
  draft:take_back(history.decode(transcript:get(first)), transcript:blocks(first))
  return left, draft
end

-- What the last reply has left behind goes with it; the rest stays.
---@return claude.ConversationState
function Conversation:_state_before_reply()
  local state = self.state
  return {
    container = state.container,
    drop_block = state.drop_block,
    fallback = state.fallback,
    message_id = state.message_id,
  }
end

--- Removes the last turn: what the user said last, and everything after it. A reply
--- under way is cancelled. Answers to tool calls given with it stay for the next turn.
---@return boolean? done false when there was nothing to remove
---@return string? text
---@return claude.Error? err
function Conversation:undo()
  check_receiver(self, Conversation, "chat:undo()")
  self:cancel()
  local before = self:_before_change()
  local transcript, draft = self:_without_last_turn()
  if not transcript then return false end
  local tool_list, state, marks = self:_tools_behind(transcript, draft), self.state, self.marks
  if transcript ~= self.transcript then
    state, marks = self:_state_before_reply(), {}
  end
  -- From here on nothing can fail.
  self.transcript, self.draft, self.tool_list = transcript, draft, tool_list
  self.state, self.marks = state, marks
  return self:_after_change(before, true)
end

--- A second conversation that goes its own way from here. Costs as much as there are
--- messages, not as much as they hold.
---@return claude.Conversation
function Conversation:fork()
  check_receiver(self, Conversation, "chat:fork()")
  return make(self.client, {
    params = begin.copied(self.params),
    sealed = self.sealed,
    tool_list = self.tool_list,
    first_tools = self.first_tools,
    transcript = self.transcript:fork(),
    draft = self.draft:copy(),
    state = tables.merged(self.state),
    begun = tables.merged(self.begun),
    last_params = self.last_params,
    marks = {
      found = sealed_marks.copied(self),
      chain = tables.merged(self.marks.chain or {}),
    },
    print = self.print,
  })
end

--- The conversation as tables, the unsent turn included. They remember their bytes,
--- and changing them changes nothing here.
---@return { role: string, content: string|table[] }[]
function Conversation:messages()
  check_receiver(self, Conversation, "chat:messages()")
  local new = self.draft:messages(history.calls_to_answer(self.transcript))
  return history.views((assert(history.extended(self.transcript, new))))
end

--- Keeps what arrived of an interrupted reply: finished blocks and the text up to the
--- cut, no thinking without signature, no tool call. Say something before sending on. Of a
--- batch's result it takes the reply that came, by the rules for any whole reply.
---@param partial claude.Message `err.partial`, or `entry.result.message` of a batch
---@return claude.Conversation? self
---@return string? text
---@return claude.Error? err
function Conversation:keep(partial)
  check_idle(self, "keep")
  local response = message_views.is(partial) and message_views.response_of(partial)
  if not response then
    error("chat:keep takes the err.partial of an interrupted reply, or a batch's message", 2)
  end
  if not checks.awaits_reply(self) then
    error("chat:keep: the conversation waits for no reply", 2)
  end
  local json, changes = response:seal("keep")
  local whole, before = response:complete(), self:_before_change()
  if json then
    local added, problem = self.transcript:append(json)
    if not added then return refuse("the reply cannot be kept: " .. problem) end
    self.state.stop_reason, self.state.kept = nil, true
  end
  if whole then require("claude.ledger").keep(self, response) end
  -- Cancelled when all of it was there, it is whole.
  if whole then turn.note_state(self, response:head(), json ~= nil) end
  turn.tell_changes(self, changes)
  if json then return self:_after_change(before, self) end
  if whole then return refuse("the reply adds nothing: it was refused, or it is empty") end
  return refuse("nothing of the reply can be kept: no block was finished")
end

--- Applies a recipe to thinking that the API refuses (err.type "binding_error" or
--- "signature_error"); send() again then. `recipe` is "drop_block": the API leaves out what
--- does not fit, from now on, or "strip_thinking": every thinking block is taken out, once.
--- Without one, the first that goes with the thinking parameter.
---@param options? { recipe: "drop_block"|"strip_thinking"|nil }
---@return claude.Repair? repair what was done, and what is lost
---@return string? text
---@return claude.Error? err
function Conversation:repair(options)
  check_idle(self, "repair")
  local before = self:_before_change()
  local repair, err = require("claude.conversation.repair").by_hand(self, options, 2)
  if repair then return self:_after_change(before, repair) end
  return errors.fail(err --[[@as claude.Error]])
end

--- SHA-256 over the exact bytes of tools, system and the first `count` messages (all
--- that are sealed when not given): equal hashes mean an equal prefix.
---@param count? integer
---@return string hex
function Conversation:prefix_hash(count)
  check_receiver(self, Conversation, "chat:prefix_hash(…)")
  local first = self.transcript
  if count ~= nil then
    if type(count) ~= "number" or count % 1 ~= 0 or count < 0 or count > first:count() then
      error("chat:prefix_hash takes a number of sealed messages", 2)
    end
    first = first:fork()
    first:truncate(count)
  end
  local sealed = self.sealed
  local parts = { sealed.tools or "null", ",", sealed.system or "null", ",[", first, "]" }
  return core.body(parts):sha256()
end

--- What the replies of this conversation used, turn by turn and together, and what they
--- cost. Turns that were undone count; a fork counts its own.
---@return claude.Usage
function Conversation:usage()
  check_receiver(self, Conversation, "chat:usage()")
  return self.ledger:usage()
end

--- Returns once everything that the journal says is on the disk. What a request, a tool or
--- the end of a reply relies on is there by itself.
---@return true? ok
---@return string? text
---@return claude.Error? err
function Conversation:sync()
  check_receiver(self, Conversation, "chat:sync()")
  if not self.journal then error("chat:sync: the conversation has no journal", 2) end
  return self.journal:sync(self)
end

--- Cancels what is under way and gives the journal free. What is written is not synced
--- first; the conversation can be read from then on, and not changed.
function Conversation:close()
  check_receiver(self, Conversation, "chat:close()")
  self:cancel()
  if self.journal then self.journal:close() end
end
Conversation.__close = Conversation.close

--- The conversation as a text; `client:load` takes it back. Holds no credentials.
---@return string? dump
---@return string? text
---@return claude.Error? err
function Conversation:dump()
  check_receiver(self, Conversation, "chat:dump()")
  return require("claude.conversation.store").dump(self)
end

--- Writes the conversation to a file, whole or not at all.
---@param path string
---@return true? ok
---@return string? text
---@return claude.Error? err
function Conversation:save(path)
  check_receiver(self, Conversation, "chat:save(…)")
  if type(path) ~= "string" then error("chat:save takes a path", 2) end
  return require("claude.conversation.store").save(self, path)
end

--- Takes back what `dump` or `save` wrote, a path or the text itself. `options` are
--- what a file cannot hold (tools with their functions) and params to be changed.
---@param client claude.Client
---@param source string
---@param options? table
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function M.load(client, source, options)
  local chat, text, err = require("claude.conversation.store").load(client, source, options, make)
  return chat, text, err
end

function Conversation:__tostring()
  return ("claude.Conversation (%d messages)"):format(self.transcript:count())
end

return M
