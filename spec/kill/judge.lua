--- What must be true of a conversation that was killed and resumed until it was complete.
local claude = require("claude")
local core = require("claude.core")
local scenario = require("spec.kill.scenario")
local tellers = require("spec.kill.tellers")

local M = {}

-- These may be asked again: the one is taken back anyway, the other has no journal.
local FREE = { draft = true, aside = true }

-- What was said, without what differs from run to run.
---@param messages table[]
---@return string[] lines
local function shown(messages)
  local lines = {}
  for _, message in ipairs(messages) do
    local content = message.content
    if type(content) == "string" then content = { { type = "text", text = content } } end
    for _, block in ipairs(content) do
      local inner = type(block.content) == "table" and block.content[1].text or block.content
      local text = block.text or block.thinking or block.name or inner or ""
      lines[#lines + 1] = ("%s %s %s"):format(message.role, block.type, text)
    end
  end
  return lines
end

---@class spec.Reference
---@field before string[] what was said before the summary
---@field after string[] the conversation at its end
---@field calls integer on the journal

-- Opens a finished conversation; it must be whole without a further word to anybody.
---@param world spec.World
---@param journal string|claude.JournalStorage
---@return string[]? lines
---@return string? problem
local function final(world, journal)
  local warnings = {}
  local client = claude.new({
    api_key = scenario.KEY,
    base_url = world.url,
    on_warning = function(text) warnings[#warnings + 1] = text end,
  })
  local chat, text = scenario.open(client, journal, tellers.to_list({}))
  if not chat then return nil, "the finished journal does not open: " .. text end
  local lines, pending = shown(chat:messages()), #chat:pending()
  chat:close()
  if warnings[1] then return nil, "the finished journal opens with a warning: " .. warnings[1] end
  if pending > 0 then return nil, "the finished conversation has open calls" end
  return lines
end

---@param world spec.World
---@return string[]? lines
---@return string? problem
local function before_summary(world)
  local found
  for _, asked in ipairs(world.asked) do
    if asked.turn == "compaction" then found = asked end
  end
  if not found then return nil, "no summary was asked for" end
  return shown(core.decode("[" .. found.messages .. "]"))
end

--- What an undisturbed run is.
---@param world spec.World
---@param path string
---@param entries spec.TraceEntry[]
---@return spec.Reference
function M.reference(world, path, entries)
  local calls = 0
  for _, entry in ipairs(entries) do
    if entry.kind ~= "mark" then calls = calls + 1 end
  end
  return {
    before = assert(before_summary(world)),
    after = assert(final(world, path)),
    calls = calls,
  }
end

-- Equal but for the results of calls of which nobody knows whether they came to their end.
---@param lines string[]
---@param expected string[]
---@return string? problem
---@return integer unknown
local function compare(lines, expected)
  local unknown = 0
  for i = 1, math.max(#lines, #expected) do
    local is, due = lines[i] or "nothing", expected[i] or "nothing"
    if is == "user tool_result not known" and due:find("^user tool_result did ") then
      unknown = unknown + 1
    elseif is ~= due then
      return ("line %d is %q instead of %q"):format(i, is, due), unknown
    end
  end
  return nil, unknown
end

---@class spec.Account what a trace says so far
---@field paid table<string, string> turn -> its reply, which is in the journal
---@field began table<string, boolean>
---@field ended table<string, boolean>
---@field turns table<string, string> reply -> turn
---@field uncertain integer calls that began and whose end is not known

local NOTE = {}

-- Replies come in the order of the requests: an answer that nobody heard has its number, too.
function NOTE.request(account, words)
  local turn = table.concat(words, " ", 3)
  if account.paid[turn] and not FREE[words[3]] then
    return ("%s was asked again, though %s is in the journal"):format(turn, account.paid[turn])
  end
end

function NOTE.begin(account, words)
  account.began[words[2]] = true
  if not account.journal:find('"id":"' .. words[2] .. '"', 1, true) then
    return ("the journal did not know that %s was about to begin"):format(words[2])
  end
end

function NOTE.effect(account, words)
  local id, name = words[2], words[3]
  if account.ended[id] then return ("%s ran again after its result was there"):format(id) end
  if account.done[id] and name == "record" then return ("%s ran twice"):format(id) end
  account.done[id] = true
end

function NOTE.result(account, words)
  account.ended[words[2]] = true
  if not account.journal:find('"tool_use_id":"' .. words[2] .. '"', 1, true) then
    return ("the result of %s was handed out before it was in the journal"):format(words[2])
  end
end

function NOTE.reply(account, words)
  local id = words[2]
  local trait = id == "compaction" and '"type":"compaction"' or ('"message_id":"%s"'):format(id)
  if not account.journal:find(trait, 1, true) then
    return ("%s was handed out before it was in the journal"):format(id)
  end
  account.paid[account.turns[id] or id] = id
end

function NOTE.forked() return "a forked process wrote to the journal of its parent" end

function NOTE.void() end
NOTE.dropped = NOTE.void

---@param entries spec.TraceEntry[]
---@param turns table<string, string>
---@param journal string what is in it before
---@return string? problem
local function judge_trace(entries, turns, journal)
  local account = { paid = {}, began = {}, ended = {}, done = {}, turns = turns, journal = journal }
  for i, entry in ipairs(entries) do
    local problem
    if entry.kind == "write" then
      account.journal = account.journal .. entry.bytes
      for id in entry.bytes:gmatch('"message_id":"(msg_%d+)".-\n') do
        if turns[id] then account.paid[turns[id]] = id end
      end
    elseif entry.kind == "mark" then
      problem = NOTE[entry.words[1]](account, entry.words)
    end
    if problem then return ("%s (entry %d of the trace)"):format(problem, i) end
  end
end

---@param world spec.World
---@param journal string|claude.JournalStorage
---@param reference spec.Reference
---@return string? problem
local function judge_end(world, journal, reference)
  local after, problem = final(world, journal)
  if not after then return problem end
  problem = compare(after, reference.after)
  return problem and "at the end " .. problem
end

--- Judges a finished conversation.
---@param world spec.World
---@param path string
---@param entries spec.TraceEntry[]
---@param reference spec.Reference
---@return string? problem
function M.finished(world, path, entries, reference)
  local problem = world:refusal() or judge_trace(entries, world.turns, "")
  if problem then return problem end
  local before
  before, problem = before_summary(world)
  if not before then return problem end
  problem = compare(before, reference.before)
  if problem then return "before the summary " .. problem end
  return judge_end(world, path, reference)
end

--- Judges one that was gone on with from somewhere.
---@param world spec.World
---@param storage claude.JournalStorage
---@param bytes string of the journal it began with
---@param entries spec.TraceEntry[] of what was before, and what followed
---@param reference spec.Reference
---@return string? problem
function M.continued(world, storage, bytes, entries, reference)
  local problem = world:refusal() or judge_trace(entries, world.turns, bytes)
  local before = not problem and before_summary(world)
  problem = problem or before and compare(before, reference.before)
  return problem or judge_end(world, storage, reference)
end

return M
