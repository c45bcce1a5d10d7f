--- What outlives every process that plays the scenario: the server, which answers only valid
--- histories and remembers what it was paid for, and the traces.
local scenario = require("spec.kill.scenario")
local simulator = require("claude.simulator")
local uv = require("luv")

---@class spec.World
---@field sim claude.simulator.Simulator
---@field url string
---@field serial integer of the reply made last
---@field asked { turn: string, messages: string }[] every request
---@field turns table<string, string> id of a reply -> what it answers
---@field note? fun(text: string) told of every request
local World = {}
World.__index = World

local M = {}

local HUNG = 120 -- seconds

-- The last thing the user said, and how many replies stand behind it.
---@param request table
---@return string
local function turn_of(request)
  if request.compaction then return "compaction" end
  local said, replies = "?", 0
  for _, message in ipairs(request.messages) do
    local content = message.content
    if message.role == "assistant" then replies = replies + 1 end
    if type(content) == "string" then content = { { type = "text", text = content } } end
    for _, block in ipairs(content) do
      if message.role == "user" and block.type == "text" then
        said, replies = block.text, 0
      end
    end
  end
  return said .. " " .. replies
end

-- A reply of the scenario, with ids that no other reply has.
---@param turn string
---@return table
function World:_reply(turn)
  self.serial = self.serial + 1
  local content = {}
  for i, given in ipairs(assert(scenario.REPLIES[turn], turn)) do
    local block = given
    if type(given) == "table" and given.name then
      local id = ("toolu_%d_%d"):format(self.serial, i)
      block = { type = "tool_use", id = id, name = given.name, input = { text = given.text } }
    elseif type(given) == "table" then
      block = { type = "thinking", thinking = given.thinking }
    end
    content[i] = block
  end
  local id = "msg_" .. self.serial
  self.turns[id] = turn
  -- Slow enough for tools that begin early.
  return { id = id, content = content, pace = turn:find("^one") and 0.002 or nil }
end

---@param entry claude.simulator.LogEntry
function World:_heard(entry)
  local body = entry.body
  local from = select(2, body:find('"messages":[', 1, true))
  local to = body:find('],"model":', from, true)
  local asked = { turn = turn_of(entry.request), messages = body:sub(from + 1, to - 1) }
  asked.entry = entry
  self.asked[#self.asked + 1] = asked
  if self.note then self.note(("request %d %s"):format(#self.asked, asked.turn)) end
end

--- What the server refused since the last time, nil when nothing.
---@return string?
function World:refusal()
  for _, asked in ipairs(self.asked) do
    local entry = asked.entry
    if entry.status and entry.status >= 400 then
      return ("the server refused %s: %s"):format(asked.turn, tostring(entry.error))
    end
  end
end

--- Begins anew: nobody has asked anything.
function World:forget()
  self.asked = {}
  self.sim.requests = {}
end

function World:close() self.sim:close() end

---@return spec.World
function M.new()
  local world = setmetatable({ asked = {}, turns = {}, serial = 0 }, World)
  world.sim = assert(simulator.start({
    script = function(request) return world:_reply(turn_of(request)) end,
    on_request = function(entry) world:_heard(entry) end,
  }))
  world.url = world.sim.url
  return world
end

---@class spec.ProcessOptions
---@field journal string
---@field trace string
---@field shim? string
---@field plan? string of the shim
---@field kill_after? number seconds
---@field retries? integer

---@class spec.Ended
---@field code integer
---@field signal integer
---@field hung boolean it was killed, for it came to no end
---@field said string what it wrote to its standard error

local function environment(more)
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if more[name] == nil then list[#list + 1] = name .. "=" .. value end
  end
  for name, value in pairs(more) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

--- Runs a process of the scenario to its end, or kills it after so many seconds.
---@param options spec.ProcessOptions
---@return spec.Ended
function World:process(options)
  local trace = assert(io.open(options.trace, "ab"))
  self.note = function(text)
    trace:write("mark ", text, "\n")
    trace:flush()
  end
  local child = M.start(self, options)
  while not child.ended do
    uv.run("once")
  end
  self.note = nil
  trace:close()
  return child.ended
end

--- Starts it.
function M.start(world, options)
  local child, pipe, said = {}, uv.new_pipe(false), {}
  local env = options.shim
      and {
        LD_PRELOAD = options.shim,
        SHIM_JOURNAL = options.journal,
        SHIM_TRACE = options.trace,
        SHIM_PLAN = options.plan or "none 0",
      }
    or {}
  local left = 2
  local function over(code, signal)
    if code then
      child.code, child.signal = code, signal
    end
    left = left - 1
    if left > 0 then return end
    child.ended = {
      code = child.code,
      signal = child.signal,
      hung = child.hung or false,
      said = table.concat(said),
    }
  end
  local args = { "spec/kill/child.lua", options.journal, world.url, options.trace }
  args[5] = tostring(options.retries or 0)
  local timer = uv.new_timer()
  local handle
  handle = assert(uv.spawn(os.getenv("LUA") or "lua5.4", {
    args = args,
    env = environment(env),
    stdio = { nil, nil, pipe },
  }, function(code, signal)
    handle:close()
    timer:close()
    over(code, signal)
  end))
  pipe:read_start(function(_, data)
    if data then
      said[#said + 1] = data
    else
      pipe:close()
      over()
    end
  end)
  timer:start(math.floor((options.kill_after or HUNG) * 1000), 0, function()
    child.hung = not options.kill_after
    handle:kill("sigkill")
  end)
  return child
end

return M
