--- Opens what a disk may hold after a crash at any moment of a recorded run.
---
--- It must be what the conversation was at some moment since the last sync; everything that
--- somebody has relied on must be there; and from there the scenario must come to its end
--- without paying again, and without running a tool again.
local child = require("spec.support.child")
local claude = require("claude")
local core = require("claude.core")
local judge = require("spec.kill.judge")
local scenario = require("spec.kill.scenario")
local states = require("spec.kill.states")
local tellers = require("spec.kill.tellers")
local traces = require("spec.kill.trace")

local unpack = rawget(table, "unpack") or rawget(_G, "unpack")

local M = {}

---@class spec.Opened what a journal was found to say
---@field key string equal for equal conversations
---@field dump string
---@field messages string JSON, as a request would have them
---@field uncertain table<string, boolean>
---@field dropped boolean warned of a call that began early
---@field bytes string
---@field problem? string

---@class spec.Crashes
---@field world spec.World
---@field shim string
---@field run spec.KillRun
---@field reference spec.Reference
---@field client claude.Client
---@field warnings string[]
---@field opened table<string, spec.Opened> by SHA-256
---@field continued table<string, boolean>
---@field found { bytes: string, marks: spec.TraceEntry[] }[] states for `try_again`
local Crashes = {}
Crashes.__index = Crashes

local function nobody() return tellers.to_list({}) end

---@param chat claude.Conversation
---@return spec.Opened
function Crashes:_look(chat)
  local opened = { dump = assert(chat:dump()), uncertain = {}, dropped = false }
  local messages, marks = {}, {}
  for i = 1, chat.transcript:count() do
    messages[i] = chat.transcript:get(i)
  end
  for _, pieces in ipairs(chat.draft:messages(chat:pending())) do
    messages[#messages + 1] = table.concat(pieces)
  end
  for _, call in ipairs(chat:pending()) do
    opened.uncertain[call.id] = call.uncertain
    if call.uncertain then marks[#marks + 1] = call.id end
  end
  for _, code in ipairs(self.warnings) do
    opened.dropped = opened.dropped or code == "early_call_dropped"
  end
  opened.messages = table.concat(messages, ",")
  opened.key = opened.dump .. table.concat(marks, " ") .. tostring(opened.dropped)
  return opened
end

--- Opens the bytes of a journal.
---@param bytes string
---@return spec.Opened
function Crashes:open(bytes)
  local hash = core.sha256(bytes)
  local opened = self.opened[hash]
  if opened then return opened end
  self.warnings = {}
  local chat, text = scenario.open(self.client, claude.journal.memory(bytes), nobody())
  if chat then
    opened = self:_look(chat)
    chat:close()
  else
    opened = { problem = "it does not open: " .. text, key = text }
  end
  opened.bytes = bytes
  self.opened[hash] = opened
  return opened
end

-- What a mark says that somebody relies on, and whether it is there.
local RELIED = {}

function RELIED.request(opened, words, world)
  local messages = world.asked[tonumber(words[2])].messages
  if words[3] == "aside" or words[3] == "compaction" then return nil end
  if opened.messages:sub(1, #messages) == messages then return nil end
  return ("what was sent for %s %s is not there"):format(words[3], words[4])
end

function RELIED.begin(opened, words)
  local id = words[2]
  if opened.uncertain[id] or opened.dump:find('"tool_use_id":"' .. id .. '"', 1, true) then
    return nil
  end
  if opened.dropped and not opened.dump:find('"id":"' .. id .. '"', 1, true) then return nil end
  return ("nobody knows that the tool of %s had begun"):format(id)
end

function RELIED.result(opened, words)
  local id = words[2]
  if opened.dump:find('"tool_use_id":"' .. id .. '"', 1, true) then return nil end
  if not opened.dump:find('"id":"' .. id .. '"', 1, true) then return nil end
  return ("the result of %s is lost"):format(id)
end

function RELIED.reply(opened, _, _, text)
  local json = text:match("^reply %S+ (.*)$")
  if opened.dump:find(json, 1, true) then return nil end
  return ("a reply that was handed out is not there: %s"):format(json:sub(1, 200))
end

function RELIED.effect() end
RELIED.dropped = RELIED.effect

---@param opened spec.Opened
---@param marks spec.TraceEntry[]
---@return string?
function Crashes:_lost(opened, marks)
  for _, mark in ipairs(marks) do
    local problem = RELIED[mark.words[1]](opened, mark.words, self.world, mark.text)
    if problem then return problem end
  end
end

-- What is done to a journal in memory, as the shim would tell it.
---@param storage claude.JournalStorage
---@param entries spec.TraceEntry[]
local function record(storage, entries)
  local append = storage.append
  function storage:append(bytes)
    entries[#entries + 1] = { kind = "write", offset = #self:read(), bytes = bytes }
    return append(self, bytes)
  end
end

--- Plays from there to the end.
---@param opened spec.Opened
---@param before spec.TraceEntry[] marks of what has happened
---@return string? problem
function Crashes:go_on(opened, before)
  local world, entries = self.world, {}
  local asked = world.asked
  world:forget()
  for i, mark in ipairs(before) do
    entries[i] = mark
  end
  world.note = function(text) entries[#entries + 1] = traces.mark(text) end
  local storage = claude.journal.memory(opened.bytes)
  record(storage, entries)
  local list = setmetatable({}, {
    __newindex = function(_, _, text) entries[#entries + 1] = traces.mark(text) end,
  })
  local chat, text = scenario.open(self.client, storage, tellers.to_list(list))
  local done, problem
  if chat then
    done, problem = scenario.play(chat, tellers.to_list(list))
    chat:close()
  else
    problem = text
  end
  world.note = nil
  problem = not done and tostring(problem)
    or judge.continued(world, storage, opened.bytes, entries, self.reference)
  world.asked = asked
  return problem or nil
end

---@class spec.Crash one recorded run
---@field entries spec.TraceEntry[]
---@field base? string the file before it
---@field before? spec.TraceEntry[] marks of what had happened before it
---@field thin integer of the places where a write may be torn one of so many
---@field moments? integer one of so many is tried
---@field go_on? integer one of so many of the conversations found is gone on with
---@field what string
---@field keep? boolean some of the states are kept for `try_again`
---@field fails? boolean a call fails in it: a sync may have done its work all the same, and what
--- it wrote is then written over, for nobody was told

local NAME = "lua-claude journal "

-- A beginning of the name at most, zeros, and something behind them: nothing was synced, and
-- who opens it is told that it is no journal.
---@param bytes string
---@return boolean
local function is_nobodys(bytes)
  local fits = 0
  while fits < #NAME and bytes:byte(fits + 1) == NAME:byte(fits + 1) do
    fits = fits + 1
  end
  return fits < #NAME and bytes:find("^%z+[^%z]", fits + 1) ~= nil
end

-- Everything that may be there at one moment.
function Crashes:_moment(crash, disk, allowed, marks, relied)
  local seen, judged = {}, {}
  disk:each(self.run.dice, crash.thin, function(bytes)
    if seen[bytes] then return end
    seen[bytes] = true
    local opened = self:open(bytes)
    local problem = opened.problem
    if crash.keep and bytes ~= "" and not problem and self.run.dice:once_in(20) then
      self.found[#self.found + 1] = { bytes = bytes, marks = { unpack(marks) } }
    end
    local unsynced = crash.fails or not disk.synced
    if problem and unsynced and is_nobodys(bytes) then problem = nil end
    if judged[opened.key] == nil and not opened.problem then
      local missing = bytes == "" and not disk.named
      local was = allowed[opened.key] or missing
      problem = not was and "it is nothing that the conversation ever was" or nil
      problem = problem or self:_lost(opened, relied)
      judged[opened.key] = problem or false
      local again = opened.key .. #marks
      local goes_on = crash.go_on and self.run.dice:once_in(crash.go_on)
      if not problem and not self.continued[again] and goes_on then
        self.continued[again] = true
        problem = self:go_on(opened, marks)
        if problem then problem = "gone on from there: " .. problem end
      end
    end
    problem = problem or judged[opened.key] or nil
    self.run:state(crash.what, problem, bytes)
  end)
end

---@param list spec.TraceEntry[]
---@param last spec.TraceEntry
---@return spec.TraceEntry[]
local function up_to(list, last)
  local copy = {}
  for i, item in ipairs(list) do
    copy[i] = item
    if item == last then break end
  end
  return copy
end

-- What is relied on after so many marks.
---@param relied spec.TraceEntry[]
---@param mark spec.TraceEntry
---@return spec.TraceEntry[]
local function with_mark(relied, mark)
  if mark.words[1] == "void" then return {} end
  if mark.words[1] ~= "dropped" then
    relied[#relied + 1] = mark
    return relied
  end
  -- Of calls that began since the last reply.
  local kept = {}
  for _, other in ipairs(relied) do
    kept = other.words[1] == "reply" and up_to(relied, other) or kept
  end
  return kept
end

-- Of what was before the file was opened, only what it says is known to who goes on with it.
---@param crash spec.Crash
---@param opened spec.Opened
---@return spec.TraceEntry[] marks
---@return spec.TraceEntry[] relied
local function marks_before(crash, opened)
  local marks, relied = {}, {}
  for i, mark in ipairs(crash.before or {}) do
    local is_call = mark.words[1] == "begin" or mark.words[1] == "result"
    marks[i] = mark
    if not is_call or opened.dump:find('"' .. mark.words[2] .. '"', 1, true) then
      relied = with_mark(relied, mark)
    end
  end
  return marks, relied
end

--- Tries a recorded run.
---@param crash spec.Crash
function Crashes:try(crash)
  local disk, entries = states.disk(crash.base), crash.entries
  local first = self:open(disk:whole())
  local allowed = { [first.key] = true }
  local marks, relied = marks_before(crash, first)
  local pending = true
  for i, entry in ipairs(entries) do
    if entry.kind == "mark" then
      marks[#marks + 1] = entry
      relied, pending = with_mark(relied, entry), true
    elseif disk:take(entry) then
      if entry.kind == "sync" and not crash.fails then allowed = {} end
      local key = self:open(disk:whole()).key
      allowed[key] = true
      pending = true
    end
    -- All that is relied on before the next thing is done to the disk is judged together.
    if pending and not (entries[i + 1] and entries[i + 1].kind == "mark") then
      if self.run.dice:once_in(crash.moments or 1) then
        self:_moment(crash, disk, allowed, marks, relied)
      end
      pending = false
    end
  end
end

---@param world spec.World
---@param shim string
---@param run spec.KillRun
---@param reference spec.Reference
---@return spec.Crashes
function M.new(world, shim, run, reference)
  local self = setmetatable({
    world = world,
    shim = shim,
    run = run,
    reference = reference,
    warnings = {},
    opened = {},
    found = {},
    continued = {},
  }, Crashes)
  self.client = claude.new({
    api_key = scenario.KEY,
    base_url = world.url,
    max_retries = 0,
    on_warning = function(_, code) self.warnings[#self.warnings + 1] = code end,
  })
  return self
end

--- Some of what crashes have left, each gone on with in a process (every other with a call that
--- fails), and what a second crash may leave of that.
---@param count integer
function Crashes:try_again(count)
  local dice = self.run.dice
  for i = 1, count do
    local state = dice:pick(self.found)
    local plan = i % 2 == 0 and ("fail %d 5 1"):format(1 + dice:number(6)) or nil
    local entries, ended = self:record({ base = state.bytes, plan = plan, retries = 5 })
    local what = "second crash " .. (plan or "")
    self.run:check(what, ended.code ~= 0 and "a process failed: " .. ended.said or nil)
    self:try({
      entries = entries,
      base = state.bytes,
      before = state.marks,
      thin = 8,
      what = what,
      fails = plan ~= nil,
    })
  end
end

--- Runs in which a call fails and what failed is tried again, and what a crash may leave then.
---@param plan string
function Crashes:try_failure(plan)
  local entries, ended = self:record({ plan = plan, retries = 5 })
  self.run:check(plan, ended.code ~= 0 and "the process failed: " .. ended.said or nil)
  self:try({ entries = entries, thin = 8, what = "crash after " .. plan, fails = true })
end

--- Records a run, from what is in the file on.
---@param options { base: string?, plan: string?, retries: integer? }
---@return spec.TraceEntry[]
---@return spec.Ended
function Crashes:record(options)
  local path, trace = child.temporary(), child.temporary()
  if options.base then
    local file = assert(io.open(path, "wb"))
    file:write(options.base)
    file:close()
  end
  local ended = self.world:process({
    journal = path,
    trace = trace,
    shim = self.shim,
    plan = options.plan,
    retries = options.retries,
  })
  local entries = traces.read(trace)
  os.remove(path)
  os.remove(trace)
  return entries, ended
end

return M
