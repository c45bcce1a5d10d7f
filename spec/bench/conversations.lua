--- Very many conversations with tools at once, in one thread of a plain Lua.
---
---     lua spec/bench/conversations.lua BASE-URL [CONVERSATIONS] [TURNS]
---
--- Each conversation takes its turns one after the other: a question, a thought and a call of
--- a tool that waits, a thought and an answer (spec/bench/server.c plays the model). Prints
--- what they cost, and how long the one that waited longest had to wait for its next event.
local claude = require("claude")
local now = require("claude.net").now

local TOOL_SECONDS = 0.05

local url, conversations, turns = arg[1], tonumber(arg[2]) or 1000, tonumber(arg[3]) or 3
local client = claude.new({ api_key = "bench", base_url = url })

local events, longest, done, open, most_open = 0, 0, 0, 0, 0
local waits = {} -- seconds between two events of a stream
local fewest -- turns that a conversation had taken when the first had ended

local tool = claude.tool({
  name = "wait",
  description = "Waits a moment",
  input_schema = { type = "object", properties = { n = { type = "integer" } } },
  run = function()
    assert(claude.sleep(TOOL_SECONDS))
    return "waited"
  end,
})

-- Bytes of memory that are this process's own.
local function resident()
  local file = io.open("/proc/self/statm")
  if not file then return 0 end
  local _, pages = file:read("*n", "*n")
  file:close()
  return pages * 4096
end

local function note_wait(seconds)
  waits[#waits + 1] = seconds
  longest = math.max(longest, seconds)
end

local function take_turn(chat)
  chat:user("Wait, and say when it is done.")
  local run = chat:run({ max_requests = 3 })
  local before
  local kind, text, index = run:next()
  open = open + 1
  most_open = math.max(most_open, open)
  while kind do
    events = events + 1
    local at = now()
    -- Until a tool's end and a reply's beginning it is not the stream that is waited for.
    if before and kind ~= "tool_end" and kind ~= "message_start" then note_wait(at - before) end
    before = at
    kind, text, index = run:next()
  end
  open = open - 1
  if index then error(text, 0) end
  assert(run.requests == 2 and run.message:text():find("It is done", 1, true))
end

-- How far the others have come when the first has ended.
local function note_fewest(taken)
  fewest = turns
  for i = 1, conversations do
    fewest = math.min(fewest, taken[i])
  end
end

local function converse(i, taken)
  local chat = client:conversation({
    model = "claude-opus-4-8",
    max_tokens = 8000,
    thinking = { type = "adaptive", display = "summarized" },
    tools = { tool },
  })
  for turn = 1, turns do
    take_turn(chat)
    taken[i] = turn
  end
  if done == 0 then note_fewest(taken) end
  done = done + 1
  return chat:prefix_hash()
end

-- The most memory that there is while they run.
local function watch_memory(most)
  while done < conversations do
    most.resident = math.max(most.resident, resident())
    most.lua = math.max(most.lua, collectgarbage("count"))
    if not claude.sleep(0.05) then return end
  end
end

local function run_all(most)
  local hashes = {}
  local watch = claude.spawn(watch_memory, most)
  local list, taken = {}, {}
  for i = 1, conversations do
    list[i], taken[i] = i, 0
  end
  local map = claude.map(list, function(i) return converse(i, taken) end, { limit = conversations })
  local item, hash, problem = map:next()
  while item do
    if not hash then error(problem, 0) end
    hashes[hash] = true
    item, hash, problem = map:next()
  end
  watch:cancel()
  -- All had the same exchange, and so have the same bytes.
  assert(next(hashes) and next(hashes, next(hashes)) == nil, "conversations differ")
end

local function percentile(list, part)
  table.sort(list)
  return list[math.max(1, math.floor(#list * part))] * 1000
end

local function main()
  -- Everything is loaded and connected once before anything is measured.
  take_turn(client:conversation({ model = "claude-opus-4-8", max_tokens = 8000, tools = { tool } }))
  collectgarbage()
  events, longest, waits = 0, 0, {}
  local most = { resident = 0, lua = 0 }
  local resident_before, lua_before = resident(), collectgarbage("count")
  local cpu, wall = os.clock(), now()
  claude.loop(run_all, most)
  cpu, wall = os.clock() - cpu, now() - wall
  print(("conversations %d, turns %d, requests %d"):format(done, turns, done * turns * 2))
  print(("streams at once %d"):format(most_open))
  print(("wall %.2f s, CPU %.2f s (%.0f %% of a core)"):format(wall, cpu, cpu / wall * 100))
  print(("events %d (%.1f us of CPU each)"):format(events, cpu / events * 1e6))
  print(
    ("memory per conversation %.1f kB resident, %.1f kB of it Lua's"):format(
      (most.resident - resident_before) / 1024 / conversations,
      (most.lua - lua_before) / conversations
    )
  )
  print(
    ("wait for the next event: p50 %.1f ms, p99 %.1f ms, longest %.1f ms"):format(
      percentile(waits, 0.5),
      percentile(waits, 0.99),
      longest * 1000
    )
  )
  print(("when the first had taken %d turns, the last had taken %d"):format(turns, fewest))
end

main()
