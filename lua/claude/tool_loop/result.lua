--- What a tool's function returned, as the tool_result block that goes to the API.

local content = require("claude.content")
local core = require("claude.core")

local M = {}

---@alias claude.Warn fun(code: string, text: string)

---@param text string
---@param where string
---@param warn claude.Warn
---@return string
local function valid_text(text, where, warn)
  local scrubbed, count = core.utf8_scrub(text)
  if count > 0 then
    warn("tool_result_utf8", ("%s: %d places are not UTF-8 and became U+FFFD"):format(where, count))
  end
  return scrubbed
end

-- A copy of plain data whose strings are valid; shared and cyclic tables stay
-- what they are for the encoder to judge.
local function scrubbed_copy(value, seen)
  if type(value) == "string" then return (core.utf8_scrub(value)) end
  if type(value) ~= "table" or seen[value] then return value end
  local meta = getmetatable(value)
  if meta ~= nil and type(meta) ~= "table" then return value end -- a protected metatable
  seen[value] = true
  local copy = {}
  for key, member in next, value do
    copy[scrubbed_copy(key, seen)] = scrubbed_copy(member, seen)
  end
  seen[value] = nil
  return setmetatable(copy, meta)
end

---@param value any
---@param where string
---@param warn claude.Warn
---@param opts? table
---@return string? json
---@return string? problem
local function encode(value, where, warn, opts)
  local json, problem = core.encode(value, opts)
  if json then return json end
  json = problem:find("UTF-8", 1, true) and core.encode(scrubbed_copy(value, {}), opts)
  if not json then return nil, problem end
  warn("tool_result_utf8", where .. ": what is not UTF-8 became U+FFFD")
  return json
end

-- Empty text blocks are refused by the API and say nothing.
---@param value claude.Content
---@return table[]
local function blocks_of(value)
  local blocks = {}
  for _, block in ipairs(content.blocks(value)) do
    if not (block.type == "text" and block.text == "") then blocks[#blocks + 1] = block end
  end
  return blocks
end

---@param value any
---@param where string
---@param warn claude.Warn
---@return string? json of the member `content`, nil when there is none
---@return string? problem
local function content_json(value, where, warn)
  if value == nil or value == "" then return nil end
  if type(value) == "string" then return core.encode(valid_text(value, where, warn)) end
  if type(value) == "boolean" then return core.encode(tostring(value)) end
  if content.is(value) then
    local blocks = blocks_of(value)
    if #blocks == 0 then return nil end
    local json, problem = encode({ content = blocks }, where, warn, { request = true })
    return json and json:sub(#'{"content":' + 1, -2), problem
  end
  if type(value) == "number" then
    -- A number that JSON has no form for is shown as Lua shows it.
    return core.encode(core.encode(value) or tostring(value))
  end
  local json, problem = encode(value, where, warn)
  if not json then return nil, problem end
  return core.encode(json)
end

---@param call claude.ToolCall
---@param is_error boolean
---@param json? string
---@return string block
local function block(call, is_error, json)
  local parts = { "{" }
  if json then parts[#parts + 1] = '"content":' .. json .. "," end
  if is_error then parts[#parts + 1] = '"is_error":true,' end
  parts[#parts + 1] = '"tool_use_id":' .. assert(core.encode(call.id)) .. ","
  if type(call.toolset_name) == "string" then
    parts[#parts + 1] = '"toolset_name":' .. assert(core.encode(call.toolset_name)) .. ","
  end
  parts[#parts + 1] = '"type":"tool_result"}'
  return table.concat(parts)
end

--- The block for a success.
---@param call claude.ToolCall
---@param value any
---@param warn claude.Warn
---@return string block JSON
---@return boolean is_error the value has no form the API takes
function M.success(call, value, warn)
  local where = ("result of %s"):format(call.name)
  local json, problem = content_json(value, where, warn)
  if not problem then return block(call, false, json), false end
  return M.failure(call, "the tool's result cannot be written as JSON: " .. problem, warn), true
end

---@param err any
---@return string
local function raised_text(err)
  if type(err) == "table" then
    local meta = getmetatable(err)
    if not (type(meta) == "table" and meta.__tostring) and type(err.message) == "string" then
      return err.message
    end
  end
  return tostring(err)
end

--- The text of a value that was raised or returned as an error. Never raises.
---@param err any
---@return string
function M.error_text(err)
  -- A __tostring of the user's may fail as well.
  local told, text = pcall(raised_text, err)
  return told and type(text) == "string" and text or ("an error of type " .. type(err))
end

--- The block for a failure; "Error: " stands before the text.
---@param call claude.ToolCall
---@param err any
---@param warn claude.Warn
---@return string block JSON
function M.failure(call, err, warn)
  if content.is(err) then
    local json = content_json(err, ("error of %s"):format(call.name), warn)
    if json then return block(call, true, json) end
  end
  return M.refusal(call, "Error: " .. M.error_text(err), warn)
end

--- The block for a call that did not run, with the text as it is.
---@param call claude.ToolCall
---@param text string
---@param warn claude.Warn
---@return string block JSON
function M.refusal(call, text, warn)
  local valid = valid_text(text, ("error of %s"):format(call.name), warn)
  return block(call, true, core.encode(valid))
end

return M
