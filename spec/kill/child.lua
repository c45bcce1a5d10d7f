--- Plays the scenario in a process of its own: child.lua JOURNAL URL TRACE [RETRIES]. What
--- fails is tried again so often in the same process. Its exit says how it ended: 0 the
--- conversation is complete, 3 the journal refused, 4 something else.
local claude = require("claude")
local errors = require("claude.errors")
local scenario = require("spec.kill.scenario")
local tellers = require("spec.kill.tellers")

local journal, url, trace, retries = arg[1], arg[2], arg[3], tonumber(arg[4] or 0)

local function finish(code, problem)
  io.stderr:write(tostring(problem), "\n")
  os.exit(code)
end

local function code_of(problem)
  local refused = errors.is(problem) and problem.kind == "storage"
  return refused and 3 or 4
end

local tell = tellers.to_file(trace)
local client = claude.new({
  api_key = scenario.KEY,
  base_url = url,
  max_retries = 0,
  on_warning = function(_, code)
    if code == "early_call_dropped" then tell.dropped() end
  end,
})
local chat, _, err = scenario.open(client, journal, tell)
while not chat and retries > 0 do
  retries = retries - 1
  chat, _, err = scenario.open(client, journal, tell)
end
if not chat then finish(code_of(err), err) end

local done, problem = scenario.play(chat, tell)
while not done and code_of(problem) == 3 and retries > 0 do
  retries = retries - 1
  done, problem = scenario.play(chat, tell)
end
if not done then finish(code_of(problem), problem) end
os.exit(0)
