--- Journals that cannot be opened, or not be written: several processes at once, forks, what is
--- no regular file, full disks, limits, errors of every call.
local child = require("spec.support.child")
local claude = require("claude")
local scenario = require("spec.kill.scenario")
local tellers = require("spec.kill.tellers")
local uv = require("luv")

local M = {}

local ENOSPC, EIO = 28, 5

---@class spec.Refusals
---@field kills spec.Kills
---@field crashes spec.Crashes
---@field run spec.KillRun
local Refusals = {}
Refusals.__index = Refusals

-- A process that opens the journal and says how that went.
local function racer(path)
  local self = { said = "", stdin = uv.new_pipe(false), stdout = uv.new_pipe(false) }
  self.handle = assert(uv.spawn(child.lua, {
    args = { "spec/kill/racer.lua", path },
    stdio = { self.stdin, self.stdout, 2 },
  }, function()
    self.handle:close()
    self.stdin:close()
    self.ended = true
  end))
  self.stdout:read_start(function(_, data)
    self.said = self.said .. (data or "")
    if not data then
      self.stdout:close()
      self.closed = true
    end
  end)
  return self
end

local function wait(condition)
  while not condition() do
    uv.run("once")
  end
end

---@param racers table[]
---@return integer winners
---@return string? problem
local function outcome(racers)
  local winners, problem = 0, nil
  for _, one in ipairs(racers) do
    wait(function() return one.said:find("\n", 1, true) or one.closed end)
    if one.said == "won\n" then
      winners = winners + 1
      racers.winner = one
    elseif not one.said:find("it is in use", 1, true) then
      problem = "who lost was told: " .. one.said
    end
  end
  return winners, problem
end

local function dismiss(one, signal)
  if signal then one.handle:kill(signal) end
  if not one.stdin:is_closing() then one.stdin:shutdown() end
  wait(function() return one.ended and one.closed end)
end

--- Two or three at once: one has it. Once that is killed, the next has.
---@param rounds integer
function Refusals:races(rounds)
  for round = 1, rounds do
    local path, racers = child.temporary(), {}
    for i = 1, 1 + self.run.dice:number(2) do
      racers[i] = racer(path)
    end
    local winners, problem = outcome(racers)
    if winners ~= 1 then problem = problem or ("%d processes have it"):format(winners) end
    if racers.winner then dismiss(racers.winner, "sigkill") end
    local next_one = racer(path)
    if outcome({ next_one }) ~= 1 then problem = problem or "the lock outlived its process" end
    dismiss(next_one)
    for _, one in ipairs(racers) do
      if one ~= racers.winner then dismiss(one) end
    end
    os.remove(path)
    self.run:check(("race %d"):format(round), problem)
  end
end

---@param path string
---@param expected string
function Refusals:_refused(path, expected)
  local chat, text, err = scenario.open(self.crashes.client, path, tellers.to_list({}))
  local problem
  if chat then
    problem = "it opens"
    chat:close()
  elseif err.kind ~= "storage" or not text:find(expected) then
    problem = ("%s error: %s"):format(err.kind, text)
  end
  self.run:check("a journal that is " .. path, problem)
end

--- What is no regular file.
function Refusals:kinds()
  local folder = child.temporary()
  assert(
    child.run(
      ("mkdir %s && cd %s && mkdir d && mkfifo f && : >r && ln -s r l && ln -s n m"):format(
        folder,
        folder
      )
    ).status == 0
  )
  for name, expected in pairs({
    d = "directory",
    f = "regular file",
    l = "symbolic link",
    m = "symbolic link",
    ["n/j"] = "No such file",
    ["r/j"] = "Not a directory",
  }) do
    self:_refused(folder .. "/" .. name, expected)
  end
  self:_refused("/dev/full", "regular file")
  self:_refused("/dev/null", "regular file")
  local followed = uv.fs_stat(folder .. "/n") and "a file was made behind it" or nil
  self.run:check("a link that leads nowhere", followed)
  child.run(("rm -r %s"):format(folder))
end

--- A copy of the process at every so manieth call: it writes nothing, and asks nothing.
---@param stride integer
function Refusals:forks(stride)
  for call = 2, self.kills.reference.calls, stride do
    self.kills:once(("fork %d"):format(call))
  end
end

-- The call fails and what failed is tried again in the same process, which comes to the end.
---@param plan string
---@param retries? integer
function Refusals:_mended(plan, retries)
  self.kills:try(
    plan,
    function(number) return number == 1 and { plan = plan, retries = retries or 5 } or nil end
  )
end

-- The call fails from then on; the process gives up, and another goes on.
---@param plan string
function Refusals:_given_up(plan)
  self.kills:try(
    plan .. ", given up",
    function(number) return number == 1 and { plan = plan, refused = true } or nil end
  )
end

--- Every so manieth call fails once, or from then on; writes are short, calls interrupted.
---@param stride integer
function Refusals:failures(stride)
  local dice = self.run.dice
  for call = 1, self.kills.reference.calls, stride do
    for _, code in ipairs({ ENOSPC, EIO }) do
      self:_mended(("fail %d %d 1"):format(call, code))
    end
    self:_given_up(("fail %d %d 1000000"):format(call, dice:pick({ ENOSPC, EIO })))
    local size = self.kills.writes[call]
    if size then self:_mended(("short %d %d"):format(call, dice:number(size - 1)), 0) end
  end
  for every = 3, 7 do
    self:_mended("interrupt " .. every, 0)
  end
end

--- Files may hold so many bytes: the process is told, and not killed.
---@param count integer
function Refusals:limits(count)
  local size = #self.bytes
  for i = 1, count do
    local limit = i <= 40 and i or self.run.dice:number(size - 1)
    self:_given_up(("limit %d"):format(limit))
  end
end

-- A storage in memory that holds so many bytes.
local function small_storage(room)
  local storage = claude.journal.memory()
  local append = storage.append
  storage.room = room
  function storage:append(bytes)
    local left = self.room - #self:read()
    if left >= #bytes then return append(self, bytes) end
    append(self, bytes:sub(1, math.max(left, 0)))
    return nil, "No space left on device"
  end
  return storage
end

-- Goes on until the disk is full; what is there opens; with more room it goes on to its end.
---@param room integer
---@return string? problem
function Refusals:_filled(room)
  local storage = small_storage(room)
  local tell = tellers.to_list({})
  local client = self.crashes.client
  local chat, done, problem, _
  chat, _, problem = scenario.open(client, storage, tell)
  if chat then
    done, problem = scenario.play(chat, tell)
  end
  if done then return "it did not notice that the disk was full" end
  if problem.kind ~= "storage" then return tostring(problem) end
  local opened = self.crashes:open(storage:read())
  if opened.problem then return opened.problem end
  storage.room = math.huge
  chat = chat or assert(scenario.open(client, storage, tell))
  done, problem = scenario.play(chat, tell)
  local dump = chat:dump()
  chat:close()
  if not done then return "with more room: " .. tostring(problem) end
  local same = self.crashes:open(storage:read()).dump == dump
  return not same and "it is not what it was in memory" or nil
end

--- The disk is full after every so manieth byte.
---@param stride integer
function Refusals:full_disks(stride)
  for room = self.run.dice:number(stride) - 1, #self.bytes - 1, stride do
    self.crashes.world:forget()
    local problem = self:_filled(room) or self.crashes.world:refusal()
    self.run:check(("a disk of %d bytes"):format(room), problem)
  end
end

---@param kills spec.Kills
---@param crashes spec.Crashes
---@param run spec.KillRun
---@param bytes string of a whole journal
---@return spec.Refusals
function M.new(kills, crashes, run, bytes)
  local self = { kills = kills, crashes = crashes, run = run, bytes = bytes }
  return setmetatable(self, Refusals)
end

return M
