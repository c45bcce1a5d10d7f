--- `lua-claude ask`: one question, answered to standard output.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local number = require "claude.command.number"
local options_module = require "claude.command.options"
local output = require "claude.command.output"

local M = {}

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Ask one question."
  command:description(
    "Ask one question. The answer goes to standard output; thinking, tool calls and a line of\n"
      .. "usage go to standard error. The key comes from ANTHROPIC_API_KEY."
  )
  command:argument(
    "question",
    "The question; - reads it from standard input. Before one that begins with a dash put --."
  )
  options_module.declare(command)
  options_module.declare_json(command)
  command
    :option("--max-requests", "Most requests that calling tools may take.")
    :argname("<n>")
    :default("50")
    :convert(number.whole("--max-requests", 1))
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

local function read_question(question)
  if question == "-" then
    local text, why = io.read "*a"
    if not text then return nil, "cannot read the question from standard input: " .. why end
    question = text
  end
  if not question:find "%S" then return nil, "the question is empty" end
  return question
end

local function open_chat(options)
  local params, why = options_module.params(options)
  if not params then return nil, why end
  if params.tools then params.cache_control = options_module.caching end
  local question
  question, why = read_question(options.question)
  if not question then return nil, why end
  local chat
  chat, why = options_module.begin(options_module.client(), params)
  if chat then chat:user(question) end
  return chat, why
end

--- Runs the subcommand.
---@param options table
---@return integer status
function M.run(options)
  local answer = require "claude.command.answer"
  local chat, why = open_chat(options)
  if not chat then
    complaint.say(why)
    return exits.usage
  end
  local status, run = answer.run(chat, new_view(options), { max_requests = options.max_requests })
  if options.json then
    local json_for = require("claude.command.terminal").json
    for _, message in ipairs(run.messages) do
      output.write(io.stdout, json_for(answer.json(message), 1), "\n")
    end
  end
  return status
end

return M
