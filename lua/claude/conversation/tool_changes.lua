--- Tools that come and go in the middle of a conversation: blocks of a system message, so
--- that `tools` and everything said before stay as they are.

local core = require("claude.core")
local history = require("claude.conversation.history")
local tools = require("claude.tools")

local M = {}

local CHANGES, INLINE = "mid-conversation-tool-changes-2026-07-01", "inline-tools-2026-09-15"

local REFERENCE = '{"tool":{"name":%s,"type":"tool_reference"},"type":"%s"}'
local DEFINITION = '{"tool":{"definition":%s,"type":"tool_definition"},"type":"tool_addition"}'
local MESSAGE = '{"content":[%s],"role":"system"}'

---@class claude.ToolChange
---@field name string
---@field tool? table what it is from here on; nil: it is removed
---@field by_reference? boolean among those that the conversation began with

---@param tool table
---@return string? json
---@return string? problem
local function definition_json(tool)
  local json, problem = core.encode({ tools = { tool } }, { request = true })
  if not json then return nil, problem end
  return json:sub(#'{"tools":[' + 1, -#"]}" - 1)
end

local function refuse(level, text, ...) error(text:format(...), level + 1) end

---@param list any
---@param verb string
---@param level integer
local function check_list(list, verb, level)
  if type(list) ~= "table" or tools.is(list) or list[1] == nil then
    refuse(level + 1, "%s takes a list of tools, such as { tool }", verb)
  end
end

--- What is added: tools by their definitions, or names of tools that the conversation began
--- with. Raises when one is wrong.
---@param tool_list claude.ToolList
---@param list any
---@param level integer stack level of the caller to blame
---@return claude.ToolChange[]
function M.additions(tool_list, list, level)
  check_list(list, "add_tools", level + 1)
  local changes = {}
  for i, given in ipairs(list) do
    if type(given) == "string" then
      local declared = tool_list.declared[given]
      if not declared then
        refuse(level + 1, "add_tools: the conversation began with no tool named %s", given)
      end
      changes[i] = { name = given, tool = declared, by_reference = true }
    else
      local tool = tools.list({ given }, level + 1).list[1]
      local name = type(tool) == "table" and tools.key_of(tool)
      if not name then refuse(level + 1, "add_tools: tool %d has no name", i) end
      changes[i] = { name = name, tool = tool }
    end
  end
  return changes
end

--- What is removed, by name or as the tool itself.
---@param tool_list claude.ToolList
---@param list any
---@param level integer
---@return claude.ToolChange[]
function M.removals(tool_list, list, level)
  check_list(list, "remove_tools", level + 1)
  local changes = {}
  for i, given in ipairs(list) do
    local name = type(given) == "table" and tools.key_of(given) or given
    if type(name) ~= "string" or not tool_list.by_name[name] then
      refuse(level + 1, "remove_tools: there is no tool named %s", tostring(name))
    end
    changes[i] = { name = name }
  end
  return changes
end

--- The system message that tells changes.
---@param changes claude.ToolChange[]
---@return string? json
---@return string? problem
function M.message(changes)
  local blocks = {}
  for i, change in ipairs(changes) do
    if change.tool and not change.by_reference then
      local json, problem = definition_json(change.tool)
      if not json then return nil, problem end
      blocks[i] = DEFINITION:gsub("%%s", function() return json end)
    else
      local kind = change.tool and "tool_addition" or "tool_removal"
      blocks[i] = REFERENCE:format(assert(core.encode(change.name)), kind)
    end
  end
  return (MESSAGE:gsub("%%s", function() return table.concat(blocks, ",") end))
end

--- The tools once the changes are made; the list given stays as it is.
---@param tool_list claude.ToolList
---@param changes claude.ToolChange[]
---@return claude.ToolList
function M.applied(tool_list, changes)
  local result = tools.copied(tool_list)
  for _, change in ipairs(changes) do
    result.removed[change.name] = not change.tool or nil
    if change.tool then result.by_name[change.name] = change.tool end
  end
  return result
end

---@param tool_list claude.ToolList
---@param block table decoded
---@return claude.ToolChange?
local function change_of(tool_list, block)
  local tool = type(block.tool) == "table" and block.tool or {}
  local definition = type(tool.definition) == "table" and tool.definition or nil
  local name = definition and tools.key_of(definition) or tool.name
  if type(name) ~= "string" then return nil end
  if block.type == "tool_removal" then return { name = name } end
  if block.type ~= "tool_addition" then return nil end
  return { name = name, tool = definition or tool_list.declared[name] or tool_list.by_name[name] }
end

-- A compaction stands for the changes of what it sums up.
---@param message table decoded
---@return table[] blocks
local function changes_in(message)
  if message.role == "system" then return history.blocks(message) end
  local first = history.blocks(message)[1]
  local told = type(first) == "table" and first.type == "compaction" and first.tool_changes
  return type(told) == "table" and told or {}
end

---@param tool_list claude.ToolList
---@param message table decoded
---@return claude.ToolList
local function folded(tool_list, message)
  for _, block in ipairs(changes_in(message)) do
    local change = type(block) == "table" and change_of(tool_list, block)
    if change then tool_list = M.applied(tool_list, { change }) end
  end
  return tool_list
end

local function may_change(json) return json:find('"tool_', 1, true) ~= nil end

--- The tools as they are after what is in a conversation, the unsent turn included.
---@param tool_list claude.ToolList
---@param transcript userdata
---@param draft claude.Draft
---@return claude.ToolList
function M.after(tool_list, transcript, draft)
  for i = 1, transcript:count() do
    local role, json = transcript:role(i), nil
    if role == "system" or role == "assistant" then json = transcript:get(i) end
    if json and may_change(json) then tool_list = folded(tool_list, history.decode(json)) end
  end
  for _, content in ipairs(draft.system) do
    local blocks = core.decode(content)
    if type(blocks) == "table" then
      tool_list = folded(tool_list, { role = "system", content = blocks })
    end
  end
  return tool_list
end

--- Betas that the system messages of a conversation need.
---@param transcript userdata
---@return string[]?
function M.betas(transcript)
  local changes, inline
  for i = 1, transcript:count() do
    local json = transcript:role(i) == "system" and transcript:get(i)
    if json and may_change(json) then
      changes = changes or json:find('"type":"tool_addition"') or json:find('"type":"tool_removal"')
      inline = inline or json:find('"type":"tool_definition"', 1, true)
    end
  end
  if not changes then return nil end
  return inline and { CHANGES, INLINE } or { CHANGES }
end

return M
