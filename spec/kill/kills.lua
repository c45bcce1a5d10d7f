--- Kills the process of the scenario at every place, and resumes it until it is complete.
local child = require("spec.support.child")
local judge = require("spec.kill.judge")
local traces = require("spec.kill.trace")
local uv = require("luv")

local M = {}

---@class spec.Kills
---@field world spec.World
---@field shim string
---@field run spec.KillRun
---@field reference spec.Reference
---@field writes integer[] sizes of the calls that write, by their numbers
---@field seconds number that an undisturbed run takes
local Kills = {}
Kills.__index = Kills

---@class spec.KillPlan of one process
---@field plan? string of the shim
---@field kill_after? number seconds
---@field retries? integer how often it tries again what the journal refused
---@field refused? boolean the journal is to refuse, and the process to end with it

-- One conversation: the plans in turn, each for one process, then processes without any until
-- it is complete.
---@param next_plan fun(number: integer): spec.KillPlan?
---@return integer kills
---@return string? problem
---@return spec.TraceEntry[] entries
function Kills:conversation(next_plan)
  local path, trace = child.temporary(), child.temporary()
  self.world:forget()
  local kills, number, problem = 0, 0, nil
  while true do
    number = number + 1
    local plan = next_plan(number)
    local ended = self.world:process({
      journal = path,
      trace = trace,
      shim = self.shim,
      plan = plan and plan.plan,
      kill_after = plan and plan.kill_after,
      retries = plan and plan.retries,
    })
    if ended.hung then
      problem = "a process came to no end"
      break
    elseif ended.signal == 9 then
      kills = kills + 1
    elseif plan and plan.refused then
      problem = ended.code ~= 3 and ("it ended with %d: %s"):format(ended.code, ended.said) or nil
      if problem then break end
    elseif ended.code == 0 then
      break
    else
      problem = ("a process ended with %d: %s"):format(ended.code, ended.said)
      break
    end
  end
  local entries = traces.read(trace)
  if not problem and self.reference then
    problem = judge.finished(self.world, path, entries, self.reference)
  end
  if not self.reference then self.reference = judge.reference(self.world, path, entries) end
  os.remove(path)
  if not problem then os.remove(trace) end
  return kills, problem and ("%s (trace: %s)"):format(problem, trace), entries
end

--- A conversation that nothing disturbs, with which the others are compared.
function Kills:undisturbed()
  local start = uv.hrtime()
  local _, problem, entries = self:conversation(function() end)
  assert(not problem, problem)
  self.seconds, self.writes, self.entries = (uv.hrtime() - start) / 1e9, {}, entries
  local number = 0
  for _, entry in ipairs(entries) do
    if entry.kind ~= "mark" then number = number + 1 end
    if entry.kind == "write" then self.writes[number] = #entry.bytes end
  end
end

---@param what string
---@param next_plan function
function Kills:try(what, next_plan)
  local kills, problem = self:conversation(next_plan)
  self.run:kills(what, kills, problem)
end

---@param plan string
function Kills:once(plan)
  self:try(plan, function(number) return number == 1 and { plan = plan } or nil end)
end

--- Right before and right after every call, and within every write.
---@param stride integer every so manieth call
function Kills:at_every_call(stride)
  for call = 1, self.reference.calls, stride do
    self:once(("before %d"):format(call))
    self:once(("after %d"):format(call))
    local size = self.writes[call]
    for _, part in ipairs(size and { 1, 48, self.run.dice:number(size - 1) } or {}) do
      self:once(("torn %d %d"):format(call, part))
    end
  end
end

--- At any time, and again and again.
---@param count integer of kills
function Kills:at_random_times(count)
  local dice, left = self.run.dice, count
  while left > 0 do
    local most = math.min(left, dice:number(5))
    local delays = {}
    for i = 1, most do
      delays[i] = dice:number(1000) / 1000 * self.seconds
    end
    self:try(
      "after " .. table.concat(delays, ", ") .. " s",
      function(number) return delays[number] and { kill_after = delays[number] } end
    )
    left = left - most
  end
end

--- Again and again at some call or other.
---@param count integer of kills
function Kills:at_random_calls(count)
  local dice, left = self.run.dice, count
  while left > 0 do
    local plans = {}
    for i = 1, math.min(left, dice:number(8)) do
      plans[i] = ("%s %d"):format(dice:pick({ "before", "after" }), dice:number(40))
    end
    self:try(
      table.concat(plans, ", "),
      function(number) return plans[number] and { plan = plans[number] } end
    )
    left = left - #plans
  end
end

---@param world spec.World
---@param shim string
---@param run spec.KillRun
---@return spec.Kills
function M.new(world, shim, run)
  local kills = setmetatable({ world = world, shim = shim, run = run }, Kills)
  kills:undisturbed()
  return kills
end

return M
