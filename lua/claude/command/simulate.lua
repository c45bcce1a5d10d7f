--- `lua-claude simulate`: the simulated API as a server, or around a command.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local number = require "claude.command.number"
local output = require "claude.command.output"

local M = {}

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
    :convert(number.whole("--port", 0, 65535))
  command:option("--seed", "What the simulator's ids and signatures depend on."):argname "<text>"
  command
    :option("--chunk", "Send streams in pieces of so many bytes.")
    :argname("<n>")
    :convert(number.whole("--chunk", 1))
  command
    :option("--pace", "Seconds between the pieces.")
    :argname("<s>")
    :convert(number.seconds "--pace")
  command:flag(
    "--lenient",
    "Bind thinking to what stands before it only on the models that do so at the API."
  )
  command:argument("program", "A command and its arguments, after --."):args "*"
end

--- Serves until Ctrl-C or kill.
local function serve(sim)
  local uv = require "luv"
  output.write(
    io.stdout,
    "The simulated API listens. In another shell:\n  export ANTHROPIC_BASE_URL=",
    sim.url,
    " ANTHROPIC_API_KEY=simulated\nCtrl-C ends it.\n"
  )
  output.flush(io.stdout)
  local stopped
  local watches = {}
  for name, signal in pairs { sigint = 2, sigterm = 15 } do
    local watch = uv.new_signal()
    watch:start(name, function() stopped = signal end)
    watches[#watches + 1] = watch
  end
  while not stopped do
    uv.run "once"
  end
  for _, watch in ipairs(watches) do
    watch:close()
  end
  return 128 + stopped
end

--- Runs the program to its end.
local function run_program(sim, program)
  local status, problem = require("claude.simulator.child").run(program, sim.url)
  if status then return status end
  complaint.say(problem)
  return 127 -- what a shell says of a command that it cannot run
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  if not pcall(require, "luv") then
    complaint.say "the simulator needs luv: apt install lua-luv, or luarocks install luv"
    return exits.failed
  end
  local sim, problem = require("claude.simulator").start {
    port = options.port,
    seed = options.seed,
    chunk = options.chunk,
    pace = options.pace,
    strict = not options.lenient,
  }
  if not sim then
    complaint.say(problem)
    return exits.failed
  end
  local serving = #options.program == 0
  local status = serving and serve(sim) or run_program(sim, options.program)
  sim:close()
  require("luv").run "nowait" -- closed handles are let go of in the loop
  return status
end

return M
