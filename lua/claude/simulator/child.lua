--- Runs one command with the simulator's address in its environment.
local uv = require("luv")

local M = {}

--- What the child must not inherit: real credentials, and a proxy between it and us.
local REPLACED = {
  ANTHROPIC_BASE_URL = true,
  ANTHROPIC_API_KEY = true,
  ANTHROPIC_AUTH_TOKEN = true,
  ANTHROPIC_CUSTOM_HEADERS = true,
  NO_PROXY = true,
  no_proxy = true,
}

local function environment(url)
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if not REPLACED[name] then list[#list + 1] = name .. "=" .. value end
  end
  for _, entry in ipairs({
    "ANTHROPIC_BASE_URL=" .. url,
    "ANTHROPIC_API_KEY=simulated-key",
    "NO_PROXY=127.0.0.1",
    "no_proxy=127.0.0.1",
  }) do
    list[#list + 1] = entry
  end
  return list
end

--- Lets us outlive the child: SIGTERM is passed on to it, and to it alone;
--- SIGINT comes from the terminal to both, and what it means is the child's to say.
local function outlive(process)
  local handles = {}
  for _, name in ipairs({ "sigint", "sigterm" }) do
    local handle = uv.new_signal()
    handle:start(name, function()
      if name == "sigterm" and not process:is_closing() then process:kill(name) end
    end)
    handle:unref()
    handles[#handles + 1] = handle
  end
  return handles
end

--- Runs the command to its end; the loop serves meanwhile.
---@param command string[] program and arguments
---@param url string
---@return integer|nil code
---@return string|nil problem
function M.run(command, url)
  local arguments, code = {}, nil
  for i = 2, #command do
    arguments[i - 1] = command[i]
  end
  local process, problem
  process, problem = uv.spawn(command[1], {
    args = arguments,
    stdio = { 0, 1, 2 },
    env = environment(url),
  }, function(status, signal)
    code = signal ~= 0 and 128 + signal or status
    process:close()
  end)
  if not process then return nil, ("%s: %s"):format(command[1], tostring(problem)) end
  local handles = outlive(process)
  while code == nil do
    uv.run("once")
  end
  for _, handle in ipairs(handles) do
    handle:close()
  end
  uv.run("nowait")
  return code
end

return M
