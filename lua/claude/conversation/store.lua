--- A conversation to a text and back. What comes back is checked as if a stranger had
--- written it: form, checksum, JSON, order of messages, tool calls and their results.

local begin = require("claude.conversation.begin")
local core = require("claude.core")
local errors = require("claude.errors")
local history = require("claude.conversation.history")
local new_draft = require("claude.conversation.draft").new
local save = require("claude.conversation.save")
local tables = require("claude.tables")
local tools = require("claude.tools")
local wire = require("claude.wire")

local M = {}

---@param text string
---@return nil
---@return string
---@return claude.Error
local function fail(text) return errors.fail(errors.new({ kind = "invalid", message = text })) end

-- How a journal begins: it can be loaded, too.
local JOURNAL = "lua-claude journal "

-- What may hold credentials of other services (authorization_token) goes into no file; and a
-- file that has it was made by somebody who wants the API to ask a server of theirs.
local SECRET_PARAMS = { mcp_servers = true }

---@param params table
---@param warn claude.Warn
---@return { name: string, json: string }[]?
---@return string? problem
local function saved_params(params, warn)
  local list = {}
  for _, name in ipairs(tables.sorted_names(params)) do
    if SECRET_PARAMS[name] then
      local text = "%s is not saved, for it may hold credentials: give it to client:load again"
      warn("not_saved", text:format(name))
    elseif name:find("[^%w_]") then
      return nil, ("param %q cannot be saved"):format(name)
    else
      local json, problem = begin.member_json(name, params[name])
      if not json then return nil, problem end
      list[#list + 1] = { name = name, json = json }
    end
  end
  return list
end

--- Calls whose tools have begun to run and that have no result.
---@param begun table<string, string> id -> name of the tool
---@param results table<string, string>
---@return string[]
function M.calls(begun, results)
  local list = {}
  for _, id in ipairs(tables.sorted_names(begun)) do
    if not results[id] then list[#list + 1] = assert(core.encode({ id = id, name = begun[id] })) end
  end
  return list
end

--- The parts of a conversation as they are saved, but for its messages.
---@param chat claude.Conversation
---@param warn claude.Warn
---@return claude.Saved? saved
---@return string? problem
function M.parts(chat, warn)
  local params, problem = saved_params(chat.params, warn)
  if not params then return nil, problem end
  local results = {}
  for i, id in ipairs(tables.sorted_names(chat.draft.results)) do
    results[i] = chat.draft.results[id]
  end
  return {
    params = params,
    system = chat.sealed.system,
    tools = chat.sealed.tools,
    state = assert(core.encode(tables.merged(chat.state, { usage = chat.ledger:sums() }))),
    messages = {},
    results = results,
    said = chat.draft.content,
    instruct = chat.draft.system,
    calls = M.calls(chat.begun, chat.draft.results),
  }
end

--- All of a conversation as it is saved.
---@param chat claude.Conversation
---@param warn claude.Warn
---@return claude.Saved? saved
---@return string? problem
function M.saved(chat, warn)
  local saved, problem = M.parts(chat, warn)
  if not saved then return nil, problem end
  for i = 1, chat.transcript:count() do
    saved.messages[i] = chat.transcript:get(i)
  end
  return saved
end

---@param chat claude.Conversation
---@return string? dump
---@return string? text
---@return claude.Error? err
function M.dump(chat)
  if chat.draft.problem then return errors.fail(chat.draft.problem) end
  local saved, problem = M.saved(chat, chat:_warner())
  if not saved then return fail(problem) end
  return save.write(saved)
end

---@param chat claude.Conversation
---@param path string
---@return true? ok
---@return string? text
---@return claude.Error? err
function M.save(chat, path)
  local text, problem, err = M.dump(chat)
  if not text then return nil, problem, err end
  local done
  done, problem = save.write_file(path, text)
  if not done then return fail("the conversation was not saved: " .. problem) end
  return true
end

-- From here on: reading. Each step returns what it read, or nil and what is wrong.

---@param json string
---@param what string
---@param kinds table<string, boolean>
---@return any value
---@return string? problem
local function decoded(json, what, kinds)
  local value, problem, offset = core.decode(json)
  if value == nil then
    return nil, ("%s: %s (at byte %d)"):format(what, problem or "null", offset or 0)
  end
  if not kinds[type(value)] then return nil, ("%s must not be a %s"):format(what, type(value)) end
  return value
end

-- A value whose bytes its decoded form would not give back goes out as its bytes.
---@param name string
---@param json string
---@return any value
---@return string? problem
local function param_value(name, json)
  local value, problem = core.decode(json)
  if problem then return nil, ("param %s: %s"):format(name, problem) end
  if type(value) ~= "table" or begin.member_json(name, value) == json then return value end
  return core.raw(json)
end

---@param saved claude.Saved
---@return table? params
---@return string? problem
local function read_params(saved)
  local params = {}
  for _, param in ipairs(saved.params) do
    if begin.FIXED[param.name] or SECRET_PARAMS[param.name] then
      return nil, ("param %s has no place here"):format(param.name)
    end
    if params[param.name] ~= nil then return nil, ("param %s comes twice"):format(param.name) end
    local value, problem = param_value(param.name, param.json)
    if problem then return nil, problem end
    params[param.name] = value
  end
  local problem = wire.betas_problem(params.betas)
  if not problem and params.fallback_models ~= nil then
    problem = require("claude.fallback").problem(params)
  end
  if problem then return nil, problem end
  return params
end

---@param saved claude.Saved
---@return table[]? tools decoded
---@return string? problem
local function read_tools(saved)
  local _, problem
  if saved.system then
    _, problem = decoded(saved.system, "system", { string = true, table = true })
    if problem then return nil, problem end
  end
  if not saved.tools then return {} end
  local list
  list, problem = decoded(saved.tools, "tools", { table = true })
  for i, tool in ipairs(list or {}) do
    if type(tool) ~= "table" then return nil, ("tools[%d] is no tool"):format(i) end
  end
  return list, problem
end

---@param saved claude.Saved
---@return userdata? transcript
---@return string? problem
local function read_messages(saved)
  local transcript, views = core.transcript(), {}
  for i, json in ipairs(saved.messages) do
    local added, problem = transcript:append(json)
    if not added then return nil, ("message %d: %s"):format(i, problem) end
    views[i] = history.decode(json)
  end
  local err = require("claude.conversation.order").check(views)
  if err then return nil, ("%s: %s"):format(err.path or "messages", err.message) end
  return transcript
end

---@param json string
---@param calls table<string, boolean>
---@return string? id
---@return string? problem
local function result_id(json, calls)
  local block, problem = decoded(json, "result", { table = true })
  if not block then return nil, problem end
  local id = block.tool_use_id
  if block.type ~= "tool_result" or type(id) ~= "string" then
    return nil, "result is no tool_result"
  end
  if not calls[id] then return nil, ("result %s answers no open call"):format(id) end
  return id
end

---@param saved claude.Saved
---@param transcript userdata
---@return claude.Draft? draft
---@return string? problem
local function read_draft(saved, transcript)
  local draft, open = new_draft(), {}
  for _, call in ipairs(history.open_calls(transcript)) do
    open[call.id] = true
  end
  for _, json in ipairs(saved.results) do
    local id, problem = result_id(json, open)
    if not id then return nil, problem end
    if draft.results[id] then return nil, ("result %s comes twice"):format(id) end
    draft.results[id] = json
  end
  -- Of calls that began while their reply arrived: those that are in it.
  for _, json in pairs(saved.early or {}) do
    local id = result_id(json, open)
    if id and not draft.results[id] then draft.results[id] = json end
  end
  for name, list in pairs({ said = draft.content, instruct = draft.system }) do
    for i, json in ipairs(saved[name]) do
      local value, problem = decoded(json, name, { string = true, table = true })
      if value == nil then return nil, problem end
      list[i] = json
    end
  end
  -- What it will become must be messages.
  local scratch = core.transcript()
  for _, message in ipairs(draft:messages(history.open_calls(transcript))) do
    local added, problem = scratch:append(message)
    if not added then return nil, "the unsent turn: " .. problem end
  end
  return draft
end

-- What is no open call, or has its result, has not merely begun.
---@param saved claude.Saved
---@param transcript userdata
---@param draft claude.Draft
---@return table<string, string>? begun
---@return string? problem
local function read_calls(saved, transcript, draft)
  local begun, open = {}, {}
  for _, call in ipairs(history.open_calls(transcript)) do
    open[call.id] = not draft.results[call.id]
  end
  for _, json in ipairs(saved.calls) do
    local call, problem = decoded(json, "call", { table = true })
    if not call then return nil, problem end
    if type(call.id) ~= "string" or type(call.name) ~= "string" then
      return nil, "call has no id and name"
    end
    if open[call.id] then begun[call.id] = call.name end
  end
  return begun
end

---@param json string
---@return table? state
---@return string? problem
---@return any usage
local function read_state(json)
  local value, problem = decoded(json, "state", { table = true })
  if not value then return nil, problem end
  local state = { kept = value.kept == true or nil, drop_block = value.drop_block == true or nil }
  for _, name in ipairs({ "stop_reason", "container", "message_id", "fallback" }) do
    if value[name] ~= nil and type(value[name]) ~= "string" then
      return nil, ("state.%s must be a string"):format(name)
    end
    state[name] = value[name]
  end
  return state, nil, value.usage
end

---@param saved claude.Saved
---@return table? fields of a conversation
---@return string? problem
local function read_all(saved)
  local tool_views, params, transcript, draft, begun, state, problem, usage
  params, problem = read_params(saved)
  if params then
    tool_views, problem = read_tools(saved)
  end
  if tool_views then
    transcript, problem = read_messages(saved)
  end
  if transcript then
    draft, problem = read_draft(saved, transcript)
  end
  if draft then
    begun, problem = read_calls(saved, transcript, draft)
  end
  if begun then
    state, problem, usage = read_state(saved.state)
  end
  if not state then return nil, problem end
  return {
    params = params,
    sealed = { system = saved.system, tools = saved.tools },
    tool_views = tool_views,
    transcript = transcript,
    draft = draft,
    begun = begun,
    state = state,
    ledger = require("claude.ledger").restore(usage),
  }
end

-- The saved definitions stay what the model sees; the tools given bring the functions.
---@param client claude.Client
---@param fields table what was read
---@param given claude.ToolList
---@return claude.ToolList? list
---@return string? problem
local function joined_tools(client, fields, given)
  local declared, problem = tools.by_name(fields.tool_views)
  if not declared then return nil, problem end
  local first = tools.made(fields.tool_views, declared)
  local list =
    require("claude.conversation.tool_changes").after(first, fields.transcript, fields.draft)
  local by_name = list.by_name
  for name, tool in pairs(given.by_name) do
    local saved = by_name[name]
    if not saved then
      return nil, ("tool %s is not among the tools the conversation was saved with"):format(name)
    end
    local before, now = core.encode({ tools = { saved } }), core.encode({ tools = { tool } })
    if before ~= now then
      local text = "tool %s is described otherwise than when the conversation was saved:"
        .. " the model keeps seeing the saved description"
      client:warn("tool_changed", text:format(name), name)
    end
    by_name[name] = tool
    if first.declared[name] then
      first.by_name[name], first.declared[name] = tool, tool
    end
  end
  fields.first_tools = first
  return list
end

local function begins(text, with) return text:sub(1, #with) == with end

local function read_text(text)
  if not begins(text, JOURNAL) then return save.read(text) end
  return require("claude.conversation.replay").saved_in(text)
end

---@param source string path, or the text itself
---@return claude.Saved? saved
---@return string? problem
local function read(source)
  if begins(source, save.MAGIC) or begins(source, JOURNAL) then return read_text(source) end
  local text, problem = save.read_file(source)
  if not text then return nil, problem end
  local saved
  saved, problem = read_text(text)
  return saved, problem and ("%s: %s"):format(source, problem)
end

--- The fields of a conversation that was saved, with what a file cannot hold.
---@param client claude.Client
---@param saved claude.Saved
---@param given claude.ToolList
---@param params table those that are changed
---@return table? fields
---@return string? problem
function M.restored(client, saved, given, params)
  local fields, problem = read_all(saved)
  if not fields then return nil, problem end
  fields.tool_list, problem = joined_tools(client, fields, given)
  if not fields.tool_list then return nil, problem end
  fields.tool_views = nil
  for name, value in pairs(params) do
    fields.params[name] = value
  end
  return fields
end

---@param client claude.Client
---@param source string path, or the text itself
---@param options? table
---@param make fun(client: claude.Client, fields: table): claude.Conversation
---@return claude.Conversation? chat
---@return string? text
---@return claude.Error? err
function M.load(client, source, options, make)
  if type(source) ~= "string" then error("client:load takes a path or a dump", 4) end
  if options ~= nil and type(options) ~= "table" then
    error("client:load takes a table of params, not a " .. type(options), 4)
  end
  options = options or {}
  wire.check_betas(options.betas, 4)
  wire.check_policy(options.on_binding_error, 4)
  if options.system ~= nil or options.messages ~= nil then
    error("client:load: system and messages are those of the saved conversation", 4)
  end
  local given, params = tools.list(options.tools, 4), tables.merged(options)
  params.tools, params.journal = nil, nil
  local saved, problem = read(source)
  local fields
  if saved then
    fields, problem = M.restored(client, saved, given, params)
  end
  if not fields then return fail("cannot load the conversation: " .. problem) end
  if options.journal == nil then return make(client, fields) end
  local opening = require("claude.conversation.journal_opening")
  return opening.begin(client, options.journal, fields, make, 4)
end

return M
