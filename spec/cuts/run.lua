--- Cuts a recorded reply after each of its bytes and changes each of them, and judges what the
--- library makes of it: `make cuts`, or `QUICK=1 make cuts` for a sample of it. ARGS names the
--- parts that are to be run; all of them without it.
local clients = require("spec.cuts.clients")
local in_process = require("spec.cuts.in_process")
local recording = require("spec.cuts.recording")
local strict_json = require("spec.cuts.strict_json")

local SHOWN = 5

---@class spec.Run
---@field tried integer
---@field wrong integer
local Run = {}
Run.__index = Run

--- Counts a case; tells of the first that are wrong.
---@param what string
---@param wrong string|false|nil
function Run:check(what, wrong)
  self.tried = self.tried + 1
  if not wrong then return end
  self.wrong = self.wrong + 1
  if self.wrong <= SHOWN then print(("  %s: wrong: %s"):format(what, wrong)) end
end

local QUICK = os.getenv("QUICK") ~= nil
local WHOLE = strict_json.read(recording.MESSAGE)
local ANSWER, IS_FRAMING = recording.answer()

-- Tasks of a host run under xpcall, which no wait can cross there.
local HAS_HOSTS = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

-- All of them, or of the short form one of so many.
local function sample(stride) return QUICK and stride or 1 end

local PARTS = {
  {
    "cuts-in-process",
    function(run) in_process.cuts(run, recording.STREAM, WHOLE) end,
  },
  {
    "cuts-through-host-sockets",
    function(run) clients.scripted(run, sample(37)) end,
    needs_hosts = true,
  },
  { "cuts-over-libcurl", function(run) clients.libcurl(run, sample(101)) end },
  {
    "cuts-over-host-sockets",
    function(run) clients.host_sockets(run, sample(151)) end,
    needs_hosts = true,
  },
  {
    "changes-in-process",
    function(run) in_process.flips(run, recording.STREAM, sample(23)) end,
  },
  -- Then the stop_reason and the stop of every block make the message whole.
  {
    "changes-without-message_stop",
    function(run) in_process.flips(run, recording.without_stop(), sample(41)) end,
  },
  {
    "changes-of-framing",
    function(run) in_process.framing_flips(run, ANSWER, IS_FRAMING, sample(4)) end,
  },
  {
    "changes-over-libcurl",
    function(run) clients.framing_flips(run, ANSWER, IS_FRAMING, sample(37)) end,
  },
}

local function play(part, totals)
  if part.needs_hosts and not HAS_HOSTS then
    return print(part[1] .. ": skipped (needs coroutines that can wait under xpcall)")
  end
  local run = setmetatable({ tried = 0, wrong = 0 }, Run)
  local before = os.clock()
  part[2](run)
  -- A part that tries nothing has shown nothing.
  if run.tried == 0 then run:check("anything", "nothing was tried") end
  local figures = "%s: %d tried, %d wrong (%.1f s of CPU)"
  print(figures:format(part[1], run.tried, run.wrong, os.clock() - before))
  local kind = part[1]:match("^%a+")
  totals[kind] = totals[kind] + run.tried
  totals.wrong = totals.wrong + run.wrong
  local result = run.wrong == 0 and "passed" or "failed"
  totals[result] = totals[result] + 1
end

local totals = { cuts = 0, changes = 0, wrong = 0, passed = 0, failed = 0 }
local wanted = {}
for _, name in ipairs(arg) do
  wanted[name] = true
end
for _, part in ipairs(PARTS) do
  if wanted[part[1]] or not arg[1] then play(part, totals) end
end
print(("%d passed, %d failed"):format(totals.passed, totals.failed))
local figures = "cuts: %d cuts and %d changed bytes tried, %d wrong"
print(figures:format(totals.cuts, totals.changes, totals.wrong))
os.exit(totals.failed == 0 and 0 or 1)
