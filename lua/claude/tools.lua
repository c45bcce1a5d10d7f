--- Tools: what the model may call, and the function that answers.
---
--- A tool is the table that goes out in `tools`; its function stays beside it (in
--- the metatable), so the same value serves `messages:create` and conversations.

local core = require("claude.core")
local tables = require("claude.tables")
local values = require("claude.check.values")

local M = {}

local NAME = "^[%w_-]+$"
local LONGEST_NAME = 64

---@class claude.Tool
---@field name? string
---@field description? string
---@field input_schema? table
---@field type? string absent for a tool of your own
---@field run? claude.ToolFunction nil: a person answers, see `chat:pending()`
---@field parse? fun(input: table, call: claude.ToolCall): any, any what `run` gets instead of
--- the input; `nil, err` or an error raised is told to the model, and `run` is not called
---@field timeout? number seconds after which a call is answered as failed, and cancelled
---@field idempotent? boolean a call that ran twice does what it does once: it may run again
--- where a journal does not tell whether it came to its end
---@field max_result_bytes? number most bytes of text in a result; one that has more is answered
--- as failed. Without it the run's, which is 1 MiB if it has none either

--- What a tool returns: a text, number, boolean, table (shown as JSON),
--- `claude.content { … }`, or nothing (success without a result). `nil, err` or an
--- error raised is told to the model as a failure.
---@alias claude.ToolFunction fun(input: table, call: claude.ToolCall): any, any

---@class claude.ToolCall
---@field id string
---@field name string
---@field input table the model's input, decoded
---@field toolset_name? string
---@field index integer its block's index in the reply, from 0
---@field invalid? boolean the input was no JSON object: no tool runs on it
---@field is_error? boolean once it is answered by a run
---@field traceback? string of the error that its function raised
---@field cancelled? boolean nobody waits for its result any more
---@field uncertain? boolean its tool had begun when the program ended; see doc/durable.md

-- What stays here: the API is told the rest.
M.OURS = {
  idempotent = "boolean",
  max_result_bytes = "number",
  parse = "function",
  run = "function",
  timeout = "number",
}

local function refuse(level, text, ...) error(text:format(...), level + 1) end

---@param name any
---@param level integer
local function check_name(name, level)
  if type(name) ~= "string" then
    refuse(level + 1, "tool.name must be a string, not a %s", type(name))
  end
  if #name > LONGEST_NAME or not name:find(NAME) then
    refuse(
      level + 1,
      'tool.name %s must be 1 to %d letters, digits, "_" or "-"',
      values.show(name),
      LONGEST_NAME
    )
  end
end

-- A schema given as JSON text or as ordered pairs is the user's own affair.
---@param tool table
---@param level integer
local function check_own(tool, level)
  local schema = tool.input_schema
  check_name(tool.name, level + 1)
  if tool.description ~= nil and type(tool.description) ~= "string" then
    refuse(level + 1, "%s: description must be a string", tool.name)
  end
  if type(schema) ~= "table" and type(schema) ~= "userdata" then
    refuse(
      level + 1,
      '%s: input_schema must be a JSON schema, such as { type = "object", properties = {} }',
      tool.name
    )
  end
  if type(schema) == "table" and not getmetatable(schema) and schema.type ~= "object" then
    refuse(level + 1, '%s: input_schema.type must be "object"', tool.name)
  end
end

---@param fields table
---@param level integer
local function check(fields, level)
  if type(fields) ~= "table" then
    refuse(level + 1, "a tool must be a table, not a %s", type(fields))
  end
  for name, kind in pairs(M.OURS) do
    local value = fields[name]
    if value ~= nil and type(value) ~= kind then
      refuse(level + 1, "tool.%s must be a %s, not a %s", name, kind, type(value))
    end
  end
  if fields.timeout and (fields.timeout <= 0 or fields.timeout ~= fields.timeout) then
    refuse(level + 1, "tool.timeout must be a number of seconds above 0")
  end
  local most = fields.max_result_bytes
  if most and not (most >= 1 and most % 1 == 0) then
    refuse(level + 1, "tool.max_result_bytes must be an integer from 1")
  end
  -- The API's own tools come as they are: their fields are the API's to judge.
  if fields.type == nil or fields.type == "custom" then check_own(fields, level + 1) end
end

---@param fields table
---@param level integer
---@return claude.Tool
local function make(fields, level)
  check(fields, level + 1)
  local tool, ours = {}, {}
  for key, value in pairs(fields) do
    (M.OURS[key] and ours or tool)[key] = value
  end
  return setmetatable(tool, { __name = "claude.Tool", __index = ours })
end

--- Makes a tool. Raises at the caller's line when a field is wrong. With `type` it
--- describes one of the API's own tools (`bash_20250124`, …) and `run` answers it.
---@param fields claude.Tool
---@return claude.Tool
function M.new(fields)
  local tool = make(fields, 2) -- no tail call: it would hide the caller's line
  return tool
end

---@param value any
---@return boolean
function M.is(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and meta.__name == "claude.Tool"
end

-- computer_toolset_20260801 has no name; its calls say toolset_name = "computer".
---@param tool table
---@return string?
function M.key_of(tool)
  if type(tool.name) == "string" then return tool.name end
  return type(tool.type) == "string" and tool.type:match("^(%w+)_toolset") or nil
end

---@class claude.ToolList
---@field list table[] what goes out, in order
---@field declared table<string, table> those that go out, by their names
---@field by_name table<string, table> those that may be called, by their names
---@field removed table<string, true> names that the model was told to forget

--- Tools by their names.
---@param list table[]
---@return table<string, table>? by_name
---@return string? problem
function M.by_name(list)
  local by_name = {}
  for _, tool in ipairs(list) do
    local name = type(tool) == "table" and M.key_of(tool)
    if name then
      if by_name[name] then return nil, "two tools are named " .. name end
      by_name[name] = tool
    end
  end
  return by_name
end

--- A list of tools; `by_name` may hold their functions.
---@param list table[]
---@param by_name table<string, table>
---@return claude.ToolList
function M.made(list, by_name)
  return { list = list, by_name = by_name, declared = tables.merged(by_name), removed = {} }
end

--- A copy that may be changed.
---@param tool_list claude.ToolList
---@return claude.ToolList
function M.copied(tool_list)
  return {
    list = tool_list.list,
    declared = tool_list.declared,
    by_name = tables.merged(tool_list.by_name),
    removed = tables.merged(tool_list.removed),
  }
end

--- A conversation's tools: plain tables with `run` are made tools, others stay as they are.
---@param given? table[]
---@param level integer stack level of the caller to blame
---@return claude.ToolList
function M.list(given, level)
  if given == nil then return M.made({}, {}) end
  if core.is_raw(given) then given = core.decode(tostring(given)) end
  if type(given) ~= "table" then
    refuse(level + 1, "tools must be a list, not a %s", type(given))
  end
  local list = {}
  for i, tool in ipairs(given) do
    if not M.is(tool) and type(tool) == "table" and rawget(tool, "run") ~= nil then
      tool = make(tool, level + 1)
    end
    list[i] = tool
  end
  local by_name, problem = M.by_name(list)
  if not by_name then refuse(level + 1, "%s", problem) end
  return M.made(list, by_name)
end

--- The tool that a call is for; nil when there is none of that name.
---@param tools claude.ToolList
---@param call claude.ToolCall
---@return claude.Tool?
function M.find(tools, call)
  if tools.removed[call.toolset_name or call.name] then return nil end
  return tools.by_name[call.toolset_name or call.name] or tools.by_name[call.name]
end

return M
