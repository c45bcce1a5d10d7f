--- Journals under attack: `make kill`, or `QUICK=1 make kill` for a sample of it. SEED=n makes
--- other choices, PARTS="kills crashes damage refusals" only some.
local new_crashes = require("spec.kill.crashes").new
local new_damage = require("spec.kill.damage").new
local new_dice = require("spec.support.dice").new
local new_kills = require("spec.kill.kills").new
local new_refusals = require("spec.kill.refusals").new
local worlds = require("spec.kill.world")

if require("luv").os_uname().sysname ~= "Linux" then
  print("kill: skipped (needs LD_PRELOAD)")
  os.exit(0)
end

local SHIM = arg[1]
local QUICK = os.getenv("QUICK") ~= nil
local SEED = tonumber(os.getenv("SEED") or 1)
local PARTS = os.getenv("PARTS") or "kills crashes damage refusals"
local SHOWN = 5

---@class spec.KillRun
---@field dice spec.Dice
---@field tried integer
---@field failed integer
---@field killed integer processes
---@field survived integer those whose conversation came to a right end
---@field states integer what a disk may hold after a crash
---@field changes integer cuts and flips
local Run = { tried = 0, failed = 0, killed = 0, survived = 0, states = 0, changes = 0 }

--- Counts a case; tells of the first that are wrong.
---@param what string
---@param problem? string
function Run:check(what, problem)
  self.tried = self.tried + 1
  if not problem then return end
  self.failed = self.failed + 1
  if self.failed <= SHOWN then print(("FAILED %s\n  %s"):format(what, problem)) end
end

--- The same for a conversation whose processes were killed so often.
---@param what string
---@param count integer
---@param problem? string
function Run:kills(what, count, problem)
  self.killed = self.killed + count
  if not problem then self.survived = self.survived + count end
  self:check(what, problem)
end

--- The same for what may be on a disk, which is kept if it is wrong.
---@param what string
---@param problem? string
---@param bytes string
function Run:state(what, problem, bytes)
  self.states = self.states + 1
  if problem and self.failed < SHOWN then
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(bytes)
    file:close()
    problem = ("%s (journal: %s)"):format(problem, path)
  end
  self:check(what, problem)
end

--- The same for a journal that was cut or changed.
---@param what string
---@param problem? string
function Run:damaged(what, problem)
  self.changes = self.changes + 1
  self:check(what, problem)
end

-- How much of each part: all of it, or the short form.
local function some(all, few) return QUICK and few or all end

local function thousands(number)
  local text = ("%d"):format(number)
  return (text:reverse():gsub("(%d%d%d)(%d)", "%1,%2"):reverse())
end

local world = worlds.new()
local kills, crashes, damage, refusals
local PART = {}

function PART.kills()
  kills:at_every_call(some(1, 23))
  kills:at_random_times(some(320, 4))
  kills:at_random_calls(some(200, 4))
end

function PART.crashes()
  local entries = crashes:record({})
  crashes:try({
    entries = entries,
    thin = some(1, 24),
    moments = some(1, 4),
    go_on = some(1, 10),
    what = "crash",
    keep = true,
  })
  crashes:try_again(some(60, 1))
  for call = 2, kills.reference.calls, some(3, 47) do
    crashes:try_failure(("fail %d 5 1"):format(call))
  end
end

function PART.damage()
  damage:cuts(some(1, 131))
  damage:flips(some(1, 67))
  damage:appended(some(1000, 30), kills.other)
  damage:strangers()
end

function PART.refusals()
  refusals:kinds()
  refusals:races(some(200, 3))
  refusals:forks(some(2, 31))
  refusals:failures(some(1, 41))
  refusals:limits(some(80, 2))
  refusals:full_disks(some(50, 1500))
end

local function begin()
  print(("seed %d"):format(SEED))
  Run.dice = new_dice(SEED)
  kills = new_kills(world, SHIM, Run)
  crashes = new_crashes(world, SHIM, Run, kills.reference)
  damage = new_damage(crashes, Run, kills.entries)
  refusals = new_refusals(kills, crashes, Run, damage.bytes)
  kills.other = damage.bytes:gsub(" %x+\n", " 0123456789abcdef\n", 1)
end

begin()
for name in PARTS:gmatch("%a+") do
  local before, start = Run.tried, os.time()
  PART[name]()
  print(("%s: %d cases (%d s)"):format(name, Run.tried - before, os.time() - start))
end
world:close()
print(("%d passed, %d failed"):format(Run.tried - Run.failed, Run.failed))
local LAST = "kill: %s kills survived of %s, %s crash states, %s cuts and flips, %s wrong"
print(
  LAST:format(
    thousands(Run.survived),
    thousands(Run.killed),
    thousands(Run.states),
    thousands(Run.changes),
    thousands(Run.failed)
  )
)
os.exit(Run.failed == 0 and 0 or 1)
