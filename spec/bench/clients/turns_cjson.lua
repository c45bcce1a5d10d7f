--- The requests of a growing conversation by lua-cjson: every one is encoded from its first message
--- to its last. Nothing is sent.
---
---     lua turns_cjson.lua TURNS RESULT-BYTES
---
--- Prints as JSON the CPU seconds after 10, 50, 100, 200 and 400 turns in all, and the bytes.
local cjson = require("cjson")

local MARKS = { [10] = true, [50] = true, [100] = true, [200] = true, [400] = true }

local turns, result_bytes = tonumber(arg[1]), tonumber(arg[2])

local function lines(bytes)
  local line = 'a line of text with "quotes"\n'
  return line:rep(math.ceil(bytes / #line))
end

local function reply(id)
  return {
    role = "assistant",
    content = {
      { type = "thinking", thinking = lines(2900), signature = ("A"):rep(420) },
      { type = "text", text = lines(650) },
      { type = "tool_use", id = id, name = "write_file", input = { path = "a", content = "b" } },
    },
  }
end

local function result(id)
  local block = { type = "tool_result", tool_use_id = id, content = lines(result_bytes) }
  return { role = "user", content = { block } }
end

local request = {
  model = "claude-sonnet-4-6",
  max_tokens = 16000,
  stream = true,
  system = ("You are exact. "):rep(100),
  messages = { { role = "user", content = "Go on" } },
}

local bytes, making, marks = 0, 0, {}
for turn = 1, turns do
  local clock = os.clock()
  bytes = bytes + #cjson.encode(request)
  making = making + os.clock() - clock
  local id = ("toolu_%08d"):format(turn)
  table.insert(request.messages, reply(id))
  table.insert(request.messages, result(id))
  if MARKS[turn] then marks[#marks + 1] = (',"after_%d":%.6f'):format(turn, making) end
end
print(('{"made":%.0f%s}'):format(bytes, table.concat(marks)))
