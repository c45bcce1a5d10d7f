--- The options that `ask` and `chat` share, and what they mean as parameters.
local M = {}

M.default_model = "claude-sonnet-5-5"
--- For what sends its beginning more than once: the API caches it by itself.
M.caching = { type = "ephemeral" }
local ANSWER_TOKENS = 16000
local NAMED = { adaptive = "adaptive", off = "disabled", between_tools = "between_tools" }

local function whole_number(text)
  local number = tonumber(text)
  if number and number >= 0 and number % 1 == 0 then return number end
  return nil, ("'%s' is not a whole number"):format(text)
end

local function thinking_option(text)
  if NAMED[text] then return text end
  local number = whole_number(text)
  if number then return number end
  return nil, ("'%s' is neither a number of tokens nor adaptive, off or between_tools"):format(text)
end

--- Adds the options to a command of argparse.
---@param command table
function M.declare(command)
  command:option("--model", "The model that answers."):default(M.default_model)
  command
    :option("--max-tokens", "Most tokens of thinking and answer together.")
    :argname("<n>")
    :convert(whole_number)
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
  command:flag("--json", "Print messages as JSON, one per line, instead of text.")
end

local function thinking_of(options)
  local how = options.thinking
  if type(how) == "number" then
    return { type = "enabled", budget_tokens = how, display = options.display }
  end
  local kind = NAMED[how]
  return { type = kind, display = kind == "adaptive" and options.display or nil }
end

local function load_tools(path)
  local chunk, why = loadfile(path)
  if not chunk then return nil, why end
  local tools = chunk()
  if type(tools) ~= "table" then return nil, path .. " does not return a list of tools" end
  -- A single tool is a list of one.
  if tools.name then tools = { tools } end
  return tools
end

--- The parameters of a conversation.
---@param options table what argparse made of the command line
---@return table|nil params, string|nil why_not
function M.conversation(options)
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

return M
