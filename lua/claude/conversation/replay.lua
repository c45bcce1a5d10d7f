--- The records of a journal, read in turn: what they say of the conversation together.
--- claude/conversation/journal.lua writes them, and says what they mean.

local core = require("claude.core")
local logs = require("claude.journal.log")
local save = require("claude.conversation.save")
local store = require("claude.conversation.store")

local M = {}

---@class claude.Replayed: claude.Saved
---@field begun table<string, string>
---@field early table<string, string>
---@field places table<string, integer> of results, by their calls
---@field latest table<string, string> calls that began since the last message came -> their tools

---@return claude.Replayed
local function nothing()
  local saved = save.empty() --[[@as claude.Replayed]]
  saved.begun, saved.early, saved.places, saved.latest = {}, {}, {}, {}
  return saved
end

---@param json string
---@param name string
---@return string? id
---@return string problem_or_tool
local function call_in(json, name)
  local value, problem = core.decode(json)
  local field = name == "call" and "id" or "tool_use_id"
  local id = type(value) == "table" and value[field]
  if type(id) ~= "string" then
    return nil, ("section %s: %s"):format(name, problem or "it names no call")
  end
  return id, tostring(value.name)
end

local TAKE = {}

function TAKE.keep(saved, bytes)
  local count = tonumber(bytes)
  if not bytes:find("^%d+$") or count > #saved.messages then
    return "section keep: there are not so many messages"
  end
  for i = #saved.messages, count + 1, -1 do
    saved.messages[i] = nil
  end
end

function TAKE.message(saved, bytes)
  saved.messages[#saved.messages + 1] = bytes
  saved.latest = {}
end

function TAKE.draft(saved)
  saved.results, saved.places, saved.said, saved.instruct = {}, {}, {}, {}
  saved.begun, saved.early, saved.latest = {}, {}, {}
end

function TAKE.params(saved) saved.params = {} end

function TAKE.state(saved, bytes) saved.state = bytes end

function TAKE.call(saved, bytes)
  local id, name = call_in(bytes, "call")
  if not id then return name end
  saved.begun[id], saved.latest[id] = name, name
end

function TAKE.early(saved, bytes)
  local id, problem = call_in(bytes, "early")
  if not id then return problem end
  saved.early[id] = bytes
  saved.begun[id], saved.latest[id] = nil, saved.latest[id] or "a tool"
end

function TAKE.result(saved, bytes)
  local id, problem = call_in(bytes, "result")
  if not id then return problem end
  saved.begun[id] = nil
  local place = saved.places[id] or #saved.results + 1
  saved.results[place], saved.places[id] = bytes, place
end

---@param saved claude.Replayed
---@param payload string
---@return string? problem
local function take_sections(saved, payload)
  local at = 1
  while at <= #payload do
    local name, about, bytes, after = save.read_section(payload, at)
    if not name then return ("a section is broken at byte %d of it"):format(at - 1) end
    local take = about == "" and TAKE[name]
    local problem
    if take then
      problem = take(saved, bytes)
    else
      problem = save.take(saved, name, about, bytes)
    end
    if problem then return problem end
    at = after
  end
end

--- What the records say together.
---@param records claude.JournalRecord[]
---@return claude.Replayed? saved nil: there is nothing yet
---@return string? problem
function M.read(records)
  local saved
  for _, record in ipairs(records) do
    local problem
    if record.kind == logs.WHOLE then saved = nothing() end
    if record.kind ~= logs.WHOLE and record.kind ~= logs.CHANGE then
      problem = "a later version of this library wrote it"
    elseif not saved then
      problem = "nothing stands before it"
    else
      problem = take_sections(saved, record.payload)
    end
    if problem then return nil, ("the record at byte %d: %s"):format(record.offset, problem) end
  end
  if not saved then return nil end
  if not saved.state then return nil, "section state is missing" end
  saved.calls = store.calls(saved.begun, {})
  return saved
end

--- What a journal says, for `client:load`: it may be open meanwhile.
---@param bytes string
---@return claude.Replayed? saved
---@return string? problem
function M.saved_in(bytes)
  local records, problem, offset = core.journal_read(bytes)
  if not records then return nil, ("%s (at byte %d)"):format(problem, offset) end
  local saved
  saved, problem = M.read(records)
  return saved, problem or not saved and "the journal is empty" or nil
end

return M
