--- What of a request's parameters stands in the prompt, and how early: a change costs the
--- cache of its place and of everything behind it.
---
--- Every model has its own place for the thinking setting and the effort: before the tools,
--- or not before the messages. Writing out a default is no change.
local core = require("claude.core")
local replies = require("claude.simulator.reply")

local M = {}

local function encode(value)
  if value == nil then return "" end
  return assert(core.encode(value, { request = true }))
end

---@param request table
---@param model claude.simulator.Model
---@return string
local function thinking_of(request, model)
  local budget = request.thinking and request.thinking.budget_tokens
  return replies.thinking_type(request, model) .. " " .. tostring(budget)
end

---@param request table
---@param model claude.simulator.Model
---@return string
local function effort_of(request, model)
  return tostring(request.output_config and request.output_config.effort or model.effort)
end

local function has_web_search(request)
  for _, tool in ipairs(request.tools or {}) do
    if type(tool.type) == "string" and tool.type:find("^web_search_") then return true end
  end
  return false
end

--- Blocks of messages, those in tool results included, of which `fits` is true.
local function any_block(list, fits)
  for _, block in ipairs(type(list) == "table" and list or {}) do
    if fits(block) or any_block(block.content, fits) then return true end
  end
  return false
end

local function is_cited(block)
  return type(block.citations) == "table" and block.citations.enabled == true
end

local function is_image(block) return block.type == "image" end

---@class claude.simulator.Rendering
---@field tools string what stands before the tools
---@field system string before the system prompt
---@field messages string before the messages

--- Where the parameters stand.
---@param request table
---@param model claude.simulator.Model
---@return claude.simulator.Rendering
function M.of(request, model)
  local thinking, effort = thinking_of(request, model), effort_of(request, model)
  local tools, system, messages = { model.id }, {}, {}
  table.insert(model.thinking_early and tools or messages, "thinking " .. thinking)
  table.insert(model.effort_early and tools or messages, "effort " .. effort)
  system[1] = "speed " .. tostring(request.speed or "standard")
  system[2] = "search " .. tostring(has_web_search(request))
  system[3] = "citations " .. tostring(any_block(request.messages, is_cited))
  system[4] = "format " .. encode(request.output_config and request.output_config.format)
  messages[#messages + 1] = "choice " .. encode(request.tool_choice)
  messages[#messages + 1] = "images " .. tostring(any_block(request.messages, is_image))
  return {
    tools = table.concat(tools, "\n"),
    system = table.concat(system, "\n"),
    messages = table.concat(messages, "\n"),
  }
end

return M
