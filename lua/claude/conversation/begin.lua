--- How a conversation begins: its params, and what is written down once.

local core = require("claude.core")
local request = require("claude.request")
local tools = require("claude.tools")
local values = require("claude.check.values")
local wire = require("claude.wire")

local M = {}

--- Written down once, or given by the conversation itself.
M.FIXED = { system = true, tools = true, messages = true, stream = true, journal = true }

--- One member of a request as its bytes; the member's name decides about {} and [].
---@param name string
---@param value any
---@return string? json
---@return string? problem
function M.member_json(name, value)
  local text, problem = core.encode({ [name] = value }, { request = true })
  if not text then return nil, problem end
  return text:sub(#name + 5, -2)
end

-- What is nested deeper cannot be sent.
local DEEPEST = 1024

local function copied(value, above, depth)
  if type(value) ~= "table" or getmetatable(value) then return value end
  -- What contains itself stays as it is: the encoder refuses it by its path.
  if above[value] or depth > DEEPEST then return value end
  above[value] = true
  local copy = {}
  for key, member in pairs(value) do
    copy[key] = copied(member, above, depth + 1)
  end
  above[value] = nil
  return copy
end

--- Nested plain tables are copied, so that changing one's own table later changes nothing.
---@param value any
---@return any
function M.copied(value) return copied(value, {}, 1) end

---@param messages table[]
---@param warn claude.Warn
---@param level integer
---@return userdata transcript
local function sealed_messages(messages, warn, level)
  if not values.is_list(messages) then
    error("messages must be a list of messages, each with a role and content", level + 1)
  end
  local transcript = core.transcript()
  for i, message in ipairs(messages) do
    local json, err = request.encode_messages({ message }, warn)
    local added, problem = nil, tostring(err)
    if json then
      added, problem = transcript:append(json)
    end
    if not added then error(("messages[%d]: %s"):format(i, problem), level + 1) end
  end
  return transcript
end

--- The fields of a new conversation. Raises when a value is of the wrong kind.
---@param params table
---@param warn claude.Warn
---@param level integer stack level of the caller to blame
---@return table
function M.fields(params, warn, level)
  wire.check_betas(params.betas, level + 1)
  wire.check_policy(params.on_binding_error, level + 1)
  local list = tools.list(params.tools, level + 1)
  local fields = { params = {}, sealed = {}, tool_list = list }
  for name, value in pairs(params) do
    if not M.FIXED[name] then fields.params[name] = M.copied(value) end
  end
  -- JSON text given for the whole list goes out as it is.
  local listed = core.is_raw(params.tools) and params.tools or params.tools and list.list
  for name, value in pairs({ system = params.system, tools = listed }) do
    local json, problem = M.member_json(name, value)
    if not json then error(problem, level + 1) end
    fields.sealed[name] = json
  end
  if params.messages then fields.transcript = sealed_messages(params.messages, warn, level + 1) end
  return fields
end

return M
