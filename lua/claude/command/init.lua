--- The command `lua-claude`: finds the subcommand and turns what happens into
--- an exit status.
local exits = require "claude.command.exits"

local M = {}

local NAMES = { "ask", "chat", "demo", "simulate", "replay" }

local function command_module(name) return require("claude.command." .. name) end

local function new_parser()
  local found, argparse = pcall(require, "argparse")
  if not found then
    return nil, "needs argparse: apt install lua-argparse, or luarocks install argparse"
  end
  local parser = argparse("lua-claude", "Agents with Claude, from the command line."):epilog(
    "Exit status: " .. exits.summary .. "\n`lua-claude COMMAND --help` tells more."
  )
  parser:command_target "command"
  parser:require_command(false)
  parser:flag("-v --version", "Print the version and exit."):action(function()
    print("lua-claude " .. require "claude.version")
    os.exit(exits.ok)
  end)
  for _, name in ipairs(NAMES) do
    command_module(name).declare(parser:command(name))
  end
  return parser
end

local function complain(text) io.stderr:write("lua-claude: ", text, "\n") end

local function run(args)
  local parser, why = new_parser()
  if not parser then
    complain(why)
    return exits.failed
  end
  local parsed, options = parser:pparse(args)
  if not parsed then
    complain(options .. "\n" .. parser:get_usage())
    return exits.usage
  end
  if not options.command then
    io.stderr:write(parser:get_help(), "\n")
    return exits.usage
  end
  local status = command_module(options.command).run(options)
  if type(status) == "boolean" then return status and exits.ok or exits.failed end
  return status
end

--- Runs the command with the arguments of a script.
---@param args string[]
---@return integer status the exit status, see `claude.command.exits`
function M.main(args)
  local function traced(problem)
    if exits.is_interrupt(problem) then return problem end
    if type(problem) == "string" and debug then return debug.traceback(problem, 2) end
    return problem
  end
  local finished, status = xpcall(function() return run(args) end, traced)
  io.stdout:flush()
  if finished then return status end
  if exits.is_interrupt(status) then
    io.stderr:write "\n"
    return exits.interrupted
  end
  complain(tostring(status))
  return exits.of_error(status)
end

return M
