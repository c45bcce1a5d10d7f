--- `lua-claude chat`: a conversation, turn by turn.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local options_module = require "claude.command.options"
local output = require "claude.command.output"

local M = {}

local HELP = [[
/undo        take the last turn back
/save FILE   save the conversation; --load FILE continues it
/help        this list
/quit        leave, as Ctrl-D does
Ctrl-C stops an answer; what you say next continues the conversation.
]]

--- Declares the options.
---@param command table of argparse
function M.declare(command)
  command:summary "Talk, turn by turn."
  command:description "Talk, turn by turn. One line of input is one turn; /help lists commands."
  options_module.declare(command)
  options_module.declare_json(command)
  command
    :option("--load", "Continue a saved conversation with the settings it was saved with.")
    :argname "<file>"
end

local function say(text) output.write(io.stdout, text, "\n") end

-- Each returns what it has to say.
local commands = {}

function commands.help() return HELP end

function commands.undo(chat)
  local undone, why = chat:undo()
  return undone and "The last turn is taken back." or tostring(why or "There is no turn to undo.")
end

function commands.save(chat, path)
  if path == "" then return "/save FILE" end
  local saved, _, err = chat:save(path)
  return saved and "Saved to " .. path .. "." or err.message
end

-- With --json standard output has messages, and nothing else.
local function obey(name, chat, argument, options)
  local known = commands[name]
  local said = known and known(chat, argument) or ("There is no /%s.\n%s"):format(name, HELP)
  output.write(options.json and io.stderr or io.stdout, (said:gsub("\n*$", "\n")))
end

-- Answers one line; returns false at its end.
local function take_line(line, chat, view, options)
  local answer = require "claude.command.answer"
  local name, argument = line:match "^/(%a+)%s*(.-)%s*$"
  if name == "quit" then return false end
  if name then
    obey(name, chat, argument, options)
  elseif not require("claude.core").utf8_valid(line) then
    -- Said, it would stand in the way of every later turn.
    complaint.say "that line is no UTF-8, and was not taken"
    options.last_status = exits.refused_request
  elseif line:find "%S" then
    chat:user(line)
    local status, run = answer.run(chat, view, {})
    if options.json then
      for _, message in ipairs(run.messages) do
        say(require("claude.command.terminal").json(answer.json(message), 1))
      end
    end
    if status == exits.interrupted then io.stderr:write "(stopped)\n" end
    options.last_status = status
  end
  return true
end

local function begin(client, params, options)
  if not options.load then
    local chat, why = options_module.begin(client, params)
    return chat, why, exits.usage
  end
  local chat, _, err = client:load(options.load, { tools = params.tools })
  if chat then return chat end
  return nil, err.message, exits.failed
end

local function open_chat(options)
  local params, why = options_module.params(options)
  if not params then return nil, why, exits.usage end
  params.cache_control = options_module.caching
  local client = options_module.client()
  local chat, status
  chat, why, status = begin(client, params, options)
  -- Told before the first question is typed.
  local problem = client.problem
  if chat and problem then return nil, tostring(problem), exits.of_error(problem) end
  return chat, why, status
end

--- Runs the subcommand.
---@param options table
---@return integer status of the last turn
function M.run(options)
  local terminal = require "claude.command.terminal"
  local chat, why, status = open_chat(options)
  if not chat then
    complaint.say(why)
    return status
  end
  local out, aside = terminal.new(io.stdout, 1), terminal.new(io.stderr, 2)
  -- Both on one terminal: one of them knows the column.
  if out.is_terminal and aside.is_terminal then aside = out end
  local shown = options.json and terminal.nowhere() or out
  local view = require("claude.command.view").new(shown, options.json and aside or shown)
  local prompt = terminal.is_terminal(0)
  repeat
    if prompt then out:write "> " end
    local line = io.read "*l"
    out.column_is_0 = true
  until not line or not take_line(line, chat, view, options)
  if prompt then out:write "\n" end
  return options.last_status or exits.ok
end

return M
