--- The options that `ask`, `chat` and `demo` share, and what they mean as parameters.
local complaint = require "claude.command.complaint"
local exits = require "claude.command.exits"
local number = require "claude.command.number"

local M = {}

M.default_model = "claude-sonnet-5-5"
--- For what sends its beginning more than once: the API caches it by itself.
M.caching = { type = "ephemeral" }
local ANSWER_TOKENS = 16000
local NAMED = { adaptive = "adaptive", off = "disabled", between_tools = "between_tools" }

local read_budget = number.whole("--thinking", 1)

local function thinking_option(text)
  if NAMED[text] then return text end
  local budget = read_budget(text)
  if budget then return budget end
  return nil,
    ("--thinking takes a number of tokens, adaptive, off or between_tools, not '%s'"):format(text)
end

--- Adds the options to a command of argparse.
---@param command table
function M.declare(command)
  command:option("--model", "The model that answers."):default(M.default_model)
  command
    :option("--max-tokens", "Most tokens of thinking and answer together.")
    :argname("<n>")
    :convert(number.whole("--max-tokens", 1))
  command
    :option("--thinking", "A budget in tokens (older models), adaptive, off or between_tools.")
    :argname("<how>")
    :default("adaptive")
    :convert(thinking_option)
  command
    :option("--display", "How thinking is shown: summarized or omitted.")
    :choices({ "summarized", "omitted" })
    :default "summarized"
  command:option("--effort", "How hard to think: low, medium, high, xhigh or max.")
  command:option("--system", "The system prompt.")
  command:option("--tools", "A Lua file that returns a list of tools."):argname "<file.lua>"
end

local function thinking_of(options)
  local how = options.thinking
  if type(how) == "number" then
    return { type = "enabled", budget_tokens = how, display = options.display }
  end
  local kind = NAMED[how]
  return { type = kind, display = kind == "adaptive" and options.display or nil }
end

-- What is wrong with a tool of a file; the rest the conversation judges.
local function flaw_of(tool)
  if type(tool) ~= "table" then return "is a " .. type(tool) .. ", not a table" end
  local own = tool.type == nil or tool.type == "custom"
  if own and type(tool.run) ~= "function" then
    return "has no function run: nobody would answer its calls"
  end
end

local function load_tools(path)
  local chunk, why = loadfile(path)
  if not chunk then return nil, why end
  local loaded, tools = pcall(chunk)
  if not loaded then
    if exits.is_interrupt(tools) then error(tools, 0) end
    return nil, ("the tools in %s cannot be loaded: %s"):format(path, tostring(tools))
  end
  if type(tools) ~= "table" then return nil, path .. " does not return a list of tools" end
  -- A single tool is a list of one.
  if tools.name then tools = { tools } end
  for i, tool in ipairs(tools) do
    local flaw = flaw_of(tool)
    if flaw then return nil, ("%s: tool %d %s"):format(path, i, flaw) end
  end
  return tools
end

--- The parameters of a conversation.
---@param options table what argparse made of the command line
---@return table|nil params, string|nil why_not
function M.params(options)
  local budget = type(options.thinking) == "number" and options.thinking or 0
  local params = {
    model = options.model,
    max_tokens = options.max_tokens or ANSWER_TOKENS + budget,
    thinking = thinking_of(options),
    system = options.system,
    output_config = options.effort and { effort = options.effort } or nil,
  }
  if options.tools then
    local tools, why = load_tools(options.tools)
    if not tools then return nil, why end
    params.tools = tools
  end
  return params
end

--- A client that says its warnings as the command says everything.
---@param settings table|nil
---@return claude.Client
function M.client(settings)
  settings = settings or {}
  settings.on_warning = complaint.warner()
  return require("claude").new(settings)
end

--- Begins a conversation; wrong parameters are complained about, not raised.
---@param client claude.Client
---@param params table
---@return claude.Conversation|nil chat, string|nil why_not
function M.begin(client, params)
  local begun, chat = pcall(client.conversation, client, params)
  if begun then return chat end
  if exits.is_interrupt(chat) then error(chat, 0) end
  return nil, tostring(chat)
end

--- Declares `--json` for commands that can print messages so.
---@param command table of argparse
function M.declare_json(command)
  command:flag("--json", "Print messages as JSON, one per line, instead of text.")
end

return M
