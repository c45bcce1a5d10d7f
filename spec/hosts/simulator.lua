--- The simulator of the host suite, in a process of its own: the built-in model, and a few
--- questions that it answers by heart. Prints its port and its process id.
local answer_as_usual = require("claude.simulator.model").answer
local content = require("claude.simulator.content")
local simulator = require("claude.simulator")
local texts = require("spec.hosts.texts")
local uv = require("luv")

local refused = {} -- how often each label was refused

local function words(count)
  local list = {}
  for i = 1, count do
    list[i] = ("word%03d "):format(i)
  end
  return table.concat(list)
end

-- "Refuse me twice (label)": a label of its own for every host and case.
local function refuse(question)
  local times, label = question:match("^Refuse me (%d+) times %((.-)%)")
  local before = refused[label] or 0
  if before >= tonumber(times) then return { content = { "Here you are." } } end
  refused[label] = before + 1
  return { error = { status = 529, headers = { ["retry-after-ms"] = "20" } } }
end

local BY_HEART = {
  ["Recite"] = function() return { content = { texts.RECITED }, piece = 5, chunk = 7 } end,
  ["Take your time"] = function()
    return { content = { words(texts.PACED) }, piece = 8, pace = 0.02 }
  end,
  ["Refuse me"] = refuse,
}

local function last_text(request)
  local blocks = content.blocks(request.messages[#request.messages].content)
  return blocks[#blocks] and blocks[#blocks].text or ""
end

local function answer(request, info)
  local question = last_text(request)
  for beginning, by_heart in pairs(BY_HEART) do
    if question:sub(1, #beginning) == beginning then return by_heart(question) end
  end
  return answer_as_usual(request, info)
end

simulator.serve({ script = answer }, function(sim)
  print(("%d %d"):format(sim.port, uv.os_getpid()))
  io.stdout:flush()
  local parent, watch = uv.os_getppid(), uv.new_timer()
  watch:start(1000, 1000, function()
    if uv.os_getppid() ~= parent then os.exit(0) end
  end)
end)
