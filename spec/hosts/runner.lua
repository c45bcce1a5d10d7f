--- Runs the cases of the host suite inside a host.
---
---     local task = runner.run(env, write)
---
--- starts a task that runs them one after the other, each with a time limit, and writes
--- failures in full, then `<host>: N passed, N failed` and a line `digest <hex>`. The host
--- goes on as it does: it lends its loop, takes steps, or waits for the task.
local cases = require("spec.hosts.cases")
local claude = require("claude")
local core = require("claude.core")

local M = {}

local SECONDS = 30 -- that one case may take

local function indented(text) return "  " .. tostring(text):gsub("\n", "\n  ") end

-- A case that hangs is cancelled, and one that does not even hear of that is left behind.
local function run_case(case, env)
  local task = claude.spawn(function()
    case[2](env)
    return true
  end)
  local late
  local watch = claude.spawn(function()
    if not claude.sleep(SECONDS) then return end
    late = true
    task:cancel()
  end)
  local passed, text = task:wait()
  watch:cancel()
  if late then return nil, ("took longer than %d s\n%s"):format(SECONDS, tostring(text)) end
  return passed, text
end

-- Outside tasks a call waits, or says how it can be made.
local function try_outside(env)
  local ok, value = pcall(claude.sleep, 0.001)
  env.outside = { ok = ok, value = value }
end

local function run_all(env, write)
  local passed, failed = 0, 0
  for _, case in ipairs(cases.all(env)) do
    local ok, text = run_case(case, env)
    if ok then
      passed = passed + 1
    else
      failed = failed + 1
      write(("FAILED %s: %s\n%s\n"):format(env.host, case[1], indented(text)))
    end
  end
  write(("objects %d\n"):format(env.objects or 0))
  write(("digest %s\n"):format(core.sha256(table.concat(env.digest, "\0"))))
  write(("%s: %d passed, %d failed\n"):format(env.host, passed, failed))
  return passed, failed
end

--- Starts the suite; the task returns how many cases passed and failed.
---@param env claude.HostEnvironment
---@param write fun(text: string)
---@return claude.Task
function M.run(env, write)
  env.digest = {}
  if not env.outside then try_outside(env) end
  return claude.spawn(run_all, env, write)
end

--- What the orchestrator tells a host through its environment; the key comes through a FIFO.
---@param blocking boolean
---@return claude.HostEnvironment
function M.environment(blocking)
  local fifo = assert(io.open(os.getenv("HOST_KEY_FIFO"), "r"))
  local key = fifo:read("*l")
  fifo:close()
  return {
    host = os.getenv("HOST_NAME"),
    simulator = os.getenv("HOST_SIMULATOR"),
    faults = os.getenv("HOST_FAULTS"),
    key = key,
    blocking = blocking,
  }
end

--- Writes to standard output at once.
---@param text string
function M.write(text)
  io.stdout:write(text)
  io.stdout:flush()
end

return M
