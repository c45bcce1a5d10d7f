--- `lua-claude simulate`: the simulated API as a server, or around a command.
local exits = require "claude.command.exits"

local M = {}

local function number_from(lowest)
  return function(text)
    local number = tonumber(text)
    if number and number >= lowest and number % 1 == 0 then return math.floor(number) end
    return nil, ("'%s' is not a whole number of at least %d"):format(text, lowest)
  end
end

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Serve the simulated API, or run a command against it."
  command:description(
    "Serve the simulated API on loopback until interrupted, or run a command with\n"
      .. "ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY set to it and exit as the command does:\n\n"
      .. "  lua-claude simulate -- lua my_program.lua"
  )
  command
    :option("--port", "The port to listen on; 0, the default, takes a free one.")
    :argname("<n>")
    :convert(number_from(0))
  command:option("--seed", "What the simulator's ids and signatures depend on."):argname "<text>"
  command
    :option("--chunk", "Send streams in pieces of so many bytes.")
    :argname("<n>")
    :convert(number_from(1))
  command:option("--pace", "Seconds between the pieces."):argname("<s>"):convert(tonumber)
  command:argument("program", "A command and its arguments, after --."):args "*"
end

local function complain(text) io.stderr:write("lua-claude: ", tostring(text), "\n") end

--- Serves until Ctrl-C or kill.
local function serve(simulator, settings)
  local uv = require "luv"
  local sim, problem = simulator.start(settings)
  if not sim then
    complain(problem)
    return exits.failed
  end
  io.stdout:write(
    "The simulated API listens. In another shell:\n  export ANTHROPIC_BASE_URL=",
    sim.url,
    " ANTHROPIC_API_KEY=simulated\nCtrl-C ends it.\n"
  )
  io.stdout:flush()
  local stopped
  local watches = {}
  for name, number in pairs { sigint = 2, sigterm = 15 } do
    local watch = uv.new_signal()
    watch:start(name, function() stopped = number end)
    watches[#watches + 1] = watch
  end
  while not stopped do
    uv.run "once"
  end
  for _, watch in ipairs(watches) do
    watch:close()
  end
  sim:close()
  uv.run "nowait" -- closed handles are let go of in the loop
  return 128 + stopped
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  if not pcall(require, "luv") then
    complain "the simulator needs luv: apt install lua-luv, or luarocks install luv"
    return exits.failed
  end
  local simulator = require "claude.simulator"
  local settings = {
    port = options.port,
    seed = options.seed,
    chunk = options.chunk,
    pace = options.pace,
  }
  if #options.program == 0 then return serve(simulator, settings) end
  local status, problem = simulator.run(options.program, settings)
  if status then return status end
  complain(problem)
  return 127
end

return M
