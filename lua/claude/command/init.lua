--- The command `lua-claude`: finds the subcommand and turns what happens into
--- an exit status.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local output = require "claude.command.output"

local M = {}

local NAMES = { "ask", "chat", "demo", "simulate", "replay", "doctor" }

local function command_module(name) return require("claude.command." .. name) end

local function new_parser()
  local found, argparse = pcall(require, "argparse")
  if not found then
    return nil, "needs argparse: apt install lua-argparse, or luarocks install argparse"
  end
  local parser = argparse("lua-claude", "Agents with Claude, from the command line."):epilog(
    "Exit status: " .. exits.summary .. "\n`lua-claude COMMAND --help` tells more."
  )
  local commands = {}
  parser:command_target "command"
  parser:require_command(false)
  parser:flag("-v --version", "Print the version and exit."):action(function()
    print("lua-claude " .. require "claude.version")
    os.exit(exits.ok)
  end)
  for _, name in ipairs(NAMES) do
    commands[name] = parser:command(name)
    command_module(name).declare(commands[name])
  end
  return parser, commands
end

-- Whether the subcommand can do without the C core: only the doctor, who tells about it.
local function core_is_there(name)
  if name == "doctor" then return true end
  local loaded, problem = pcall(require, "claude.core")
  if loaded then return true end
  complaint.say(require("claude.loading").explained("claude.core", problem))
  return false
end

-- How what was asked for is used: the subcommand, if one is named.
local function usage(parser, commands, args)
  for _, word in ipairs(args) do
    if commands[word] then return commands[word]:get_usage() end
  end
  return parser:get_usage()
end

local function run(args)
  local parser, commands = new_parser()
  if not parser then
    complaint.say(commands)
    return exits.failed
  end
  local parsed, options = parser:pparse(args)
  if not parsed then
    complaint.say(options .. "\n" .. usage(parser, commands, args))
    return exits.usage
  end
  if not options.command then
    io.stderr:write(parser:get_help(), "\n")
    return exits.usage
  end
  if not core_is_there(options.command) then return exits.failed end
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
  local kept = output.fill_closed()
  local finished, status = xpcall(function()
    local status = run(args)
    output.flush(io.stdout)
    return status
  end, traced)
  for _, file in ipairs(kept) do
    file:close()
  end
  if finished then return status end
  if exits.is_interrupt(status) then
    io.stderr:write "\n"
    return exits.interrupted
  end
  if type(status) ~= "table" or not status.silent then complaint.say(status) end
  return exits.of_error(status)
end

return M
