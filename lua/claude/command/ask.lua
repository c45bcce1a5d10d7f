--- `lua-claude ask`: one question, answered to standard output.
local exits = require "claude.command.exits"
local options_module = require "claude.command.options"

local M = {}

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Ask one question."
  command:description(
    "Ask one question. The answer goes to standard output; thinking, tool calls and a line of\n"
      .. "usage go to standard error. The key comes from ANTHROPIC_API_KEY."
  )
  command:argument("question", "The question; - reads it from standard input.")
  options_module.declare(command)
  command
    :option("--max-requests", "Most requests that calling tools may take.")
    :argname("<n>")
    :default("50")
    :convert(tonumber)
  command:flag("-q --quiet", "Print the answer only.")
end

local function new_view(options)
  local terminal = require "claude.command.terminal"
  local aside = options.quiet and terminal.nowhere() or terminal.new(io.stderr, 2)
  local answer = options.json and terminal.nowhere() or terminal.new(io.stdout, 1)
  -- Both on one terminal: one of them knows the column.
  if aside.is_terminal and answer.is_terminal then aside = answer end
  return require("claude.command.view").new(answer, aside)
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  local answer = require "claude.command.answer"
  local params, why = options_module.conversation(options)
  if not params then
    io.stderr:write("lua-claude: ", why, "\n")
    return exits.usage
  end
  if params.tools then params.cache_control = options_module.caching end
  local question = options.question
  if question == "-" then question = io.read "*a" end
  local chat = require("claude").new():conversation(params)
  chat:user(question)
  local status, run = answer.run(chat, new_view(options), { max_requests = options.max_requests })
  if options.json then
    for _, message in ipairs(run.messages) do
      io.stdout:write(answer.json(message), "\n")
    end
  end
  return status
end

return M
