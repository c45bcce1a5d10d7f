--- What the cases of the host suite ask, and of whom.
local claude = require("claude")

local M = {}

local THINKING = { type = "adaptive", display = "summarized" }

--- A client of the simulator.
---@param env claude.HostEnvironment
---@param options? table
function M.client(env, options)
  options = options or {}
  options.api_key = env.key
  options.base_url = options.base_url or env.simulator
  options.on_warning = function() end
  return claude.new(options)
end

--- A client of the server that answers badly, without retries.
---@param env claude.HostEnvironment
---@param scenario string
---@param options? table
function M.faulty(env, scenario, options)
  options = options or {}
  options.base_url = env.faults .. "/" .. scenario
  options.max_retries = options.max_retries or 0
  return M.client(env, options)
end

--- Params that ask one question.
---@param question string
---@param fields? table
function M.params(question, fields)
  local params = {
    model = "claude-opus-4-8",
    max_tokens = 8000,
    messages = { { role = "user", content = question } },
  }
  for name, value in pairs(fields or {}) do
    params[name] = value
  end
  return params
end

--- Params with thinking.
---@param question string
function M.thoughtful(question) return M.params(question, { thinking = THINKING }) end

local SCHEMAS = {
  calculator = { expression = { type = "string" } },
  read_file = { path = { type = "string" } },
  clock = {},
}

local function tool(name, run)
  local required = {}
  for field in pairs(SCHEMAS[name]) do
    required[1] = field
  end
  return claude.tool({
    name = name,
    description = ("The tool %s"):format(name),
    input_schema = { type = "object", properties = SCHEMAS[name], required = required },
    run = run,
  })
end

--- A conversation with tools, given by their names and functions.
---@param client claude.Client
---@param runs table<string, function>
---@param journal? claude.JournalStorage
function M.chat(client, runs, journal)
  local tools = {}
  for _, name in ipairs({ "calculator", "clock", "read_file" }) do
    if runs[name] then tools[#tools + 1] = tool(name, runs[name]) end
  end
  return client:conversation({
    model = "claude-opus-4-8",
    max_tokens = 8000,
    thinking = THINKING,
    system = "Be brief.",
    tools = tools,
    journal = journal,
  })
end

--- Reads a stream or run to its end: everything that it told, as one text.
---@param reader claude.Stream|claude.Run
---@return string told
---@return claude.Error? err
function M.everything(reader)
  local told = {}
  local kind, text, index = reader:next()
  while kind do
    told[#told + 1] = ("%s %s %s\n"):format(kind, tostring(index), tostring(text))
    kind, text, index = reader:next()
  end
  return table.concat(told), index
end

return M
