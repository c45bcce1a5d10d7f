--- The cases that every host runs, in this order. Each is `{ name, fn }`; `fn(env)` runs
--- inside a task and raises when something is wrong. They know nothing of the host but what
--- `env` tells, and run on every Lua: step functions instead of `for` iterators, no waiting
--- under `pcall`.
local M = {}

---@class claude.HostEnvironment
---@field host string its name
---@field simulator string base URL of a simulator (spec/hosts/simulator.lua)
---@field faults string base URL of a fault server (spec/support/fault_server.lua)
---@field key string the API key to use, which must show up nowhere
---@field blocking boolean whether a waiting call outside tasks waits; else it is an error
---@field digest string[] what must be the same in every host
---@field outside? { ok: boolean, value: any } how a waiting call outside tasks ended

-- The first needs a simulator that nobody has asked anything: ids are counted.
local FILES = {
  "exact",
  "answers",
  "agents",
  "tasks",
  "faults",
  "files",
  "journal",
  "middleware",
  "injection",
  "secrets",
  "surroundings",
}

---@param env claude.HostEnvironment
---@return { [1]: string, [2]: fun(env: claude.HostEnvironment) }[]
function M.all(env)
  local all = {}
  for _, file in ipairs(FILES) do
    for _, case in ipairs(require("spec.hosts.cases." .. file)(env)) do
      all[#all + 1] = case
    end
  end
  return all
end

return M
