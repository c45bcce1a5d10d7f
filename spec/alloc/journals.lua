--- Conversations with a journal while memory fails (spec/alloc/attempt.lua), in a file and in
--- a storage of memory.
---
--- Whatever fails, the journal opens: as what the conversation was at some moment, with all
--- that somebody has relied on. The same conversation goes on when memory is back, and so does
--- the one that is found in the journal.
local claude = require("claude")
local support = require("spec.alloc.support")

for _, name in ipairs({
  "conversation.journal",
  "conversation.journal_opening",
  "conversation.replay",
  "journal",
  "journal.file",
  "journal.log",
  "journal.memory",
}) do
  require("claude." .. name)
end

local PLACES = {}

function PLACES.in_file()
  local path = os.tmpname()
  os.remove(path)
  return { journal = path, bytes = function() return support.read(path) or "" end }
end

function PLACES.in_memory()
  local storage = claude.journal.memory()
  return { journal = storage, bytes = function() return storage:read() end }
end

-- `relied` is what the journal held when somebody relied on it.
local function new_state(place)
  local state = { client = support.new_client(), place = place, relied = "", kept = {}, ran = 0 }
  state.tool = claude.tool({
    name = "wait",
    description = "Waits",
    input_schema = { type = "object", properties = { n = { type = "integer" } } },
    idempotent = true,
    run = function()
      state.relied = place.bytes()
      state.ran = state.ran + 1
      return "waited " .. state.ran
    end,
  })
  return state
end

local function params(state, journal)
  return { model = "claude-opus-4-8", max_tokens = 8000, tools = { state.tool }, journal = journal }
end

local function open(state)
  local chat, text = state.client:conversation(params(state, state.place.journal))
  state.chat = chat
  return chat, text
end

-- What somebody would find who opened it now.
local function found(state)
  local journal = claude.journal.memory(state.place.bytes())
  return assert(state.client:conversation(params(state, journal)))
end

-- One of them may be ahead of the other.
local function check_beginnings(here, there)
  for i = 1, math.min(#here, #there) do
    assert(here[i] == there[i], ("message %d is %s and %s"):format(i, here[i], there[i]))
  end
end

local function check_journal(state, done)
  local bytes = state.place.bytes()
  assert(bytes:sub(1, #state.relied) == state.relied, "what was relied on is not there")
  if bytes == "" then return end
  local copy = found(state)
  support.check_kept(copy, state.kept)
  state.kept = support.remember(copy)
  if state.chat then check_beginnings(support.remember(state.chat), state.kept) end
  if done and state.chat then
    assert(state.chat:dump() == copy:dump(), "the journal says something else")
  end
end

-- Whoever hears of a result or of the end of a reply may rely on it.
local function read_run(state, run)
  local kind, text = run:next()
  while kind do
    if kind == "tool_end" then
      state.relied = state.place.bytes()
      assert(state.relied:find(text, 1, true), "the result is not in the journal")
    end
    kind, text = run:next()
  end
  local message, problem = run:final_message()
  if message then state.relied = state.place.bytes() end
  return message, problem
end

local function try_to_go_on(state)
  if not state.chat then
    local opened, text = open(state)
    if not opened then return nil, text end
  end
  local chat = state.chat
  chat:cancel()
  local messages = chat:messages()
  local last = messages[#messages]
  if not last or last.role == "assistant" and not chat:pending()[1] then
    local said, problem = chat:user("What is new?")
    if not said then return nil, problem end
  end
  local message, problem = read_run(state, chat:run({ max_requests = 4 }))
  if not message then return nil, problem end
  return chat:sync()
end

-- A sync may have been under way when memory failed: who waits for it now hears of that once.
local function go_on(state)
  local done, problem = try_to_go_on(state)
  local again = not done and tostring(problem):find("could not be synced: sync raised", 1, true)
  if again then return try_to_go_on(state) end
  return done, problem
end

local function reopen(state)
  if state.chat then state.chat:close() end
  state.chat = nil
  return go_on(state)
end

-- A turn with a call of a tool, from the opening of a journal to its sync; behind a failure
-- the same conversation goes on, or the one in the journal.
local function turn(place, again, before)
  return {
    prepare = function()
      local state = new_state(PLACES[place]())
      if before then before(state) end
      return state
    end,
    act = go_on,
    verify = check_journal,
    again = again,
  }
end

local function with_a_turn(state)
  assert(go_on(state))
  state.chat:close()
  state.chat = nil
end

local function with_an_open_turn(state)
  with_a_turn(state)
  assert(open(state)):user("What is new?")
end

-- A verb changes the conversation and its journal, or neither.
local function verb(place, change)
  return {
    prepare = function()
      local state = new_state(PLACES[place]())
      with_an_open_turn(state)
      state.dump, state.changed = assert(state.chat:dump()), false
      return state
    end,
    act = function(state)
      local value, text = change(state.chat)
      state.changed = value ~= nil
      return value, text
    end,
    verify = function(state)
      local dump = assert(state.chat:dump())
      assert(state.changed or dump == state.dump, "the conversation is something else")
      state.dump, state.changed, state.kept = dump, false, {}
      check_journal(state, true)
    end,
  }
end

-- A disk that loses what it was given when a sync fails; the next sync would succeed.
local function lossy()
  local storage = claude.journal.memory()
  local memory = getmetatable(storage).__index
  local synced = 0
  function storage:sync()
    if not self.fails then
      synced = #self:read()
      return true
    end
    self.fails = false
    memory.truncate(self, synced)
    return nil, "Input/output error"
  end
  return storage
end

-- What a sync has lost is written anew, though it failed where there was no memory.
local function lost_sync()
  return {
    prepare = function()
      local storage = lossy()
      storage.fails = false
      local state = new_state({ journal = storage, bytes = function() return storage:read() end })
      with_an_open_turn(state)
      storage.fails = true
      return state
    end,
    act = function(state)
      local done, text = state.chat:sync()
      if not done and text:find("Input/output error", 1, true) then return state.chat:sync() end
      return done, text
    end,
    verify = function(state, done) check_journal(state, done) end,
    again = function(state)
      state.chat:sync() -- it may fail now
      return state.chat:sync()
    end,
  }
end

local function load_journal(place)
  return {
    prepare = function()
      local state = new_state(PLACES[place]())
      with_a_turn(state)
      return state
    end,
    act = function(state)
      local chat, text = state.client:load(state.place.bytes(), { tools = { state.tool } })
      if chat then assert(chat:dump() == found(state):dump()) end
      return chat, text
    end,
    verify = check_journal,
  }
end

local M = {}

for place in pairs(PLACES) do
  M["journal_" .. place] = turn(place, go_on)
  M["journal_reopened_" .. place] = turn(place, reopen)
end
M.journal_found_in_file = turn("in_file", reopen, with_a_turn)
M.journal_user_in_file = verb("in_file", function(chat) return chat:user("More") end)
M.journal_undo_in_memory = verb("in_memory", function(chat) return chat:undo() end)
M.journal_lost_sync = lost_sync()
M.journal_loaded_from_memory = load_journal("in_memory")

return M
