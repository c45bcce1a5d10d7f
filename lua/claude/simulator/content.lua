--- Requests as content: what two requests must share to count as the same.
---
--- Content is compared, not bytes: a string stands for one text block,
--- neighbouring messages of one role are one message, `cache_control` and empty
--- text blocks do not count, and the order of keys does not either.
local core = require("claude.core")

local M = {}

---@param value any
---@return boolean
function M.is_array(value)
  if type(value) ~= "table" then return false end
  return value[1] ~= nil or getmetatable(value) == core.array_mt
end

---@param value any
---@return boolean
function M.is_object(value)
  return type(value) == "table" and not M.is_array(value) and not core.is_raw(value)
end

--- `content` or `system` of a request as a list of blocks.
---@param content string|table[]|nil
---@return table[]
function M.blocks(content)
  if type(content) == "string" then return { { type = "text", text = content } } end
  return content or {}
end

---@param block table
---@return boolean
function M.is_thinking(block)
  local kind = block.type
  return kind == "thinking" or kind == "redacted_thinking"
end

local function without(block, field)
  local copy = {}
  for name, value in pairs(block) do
    if name ~= field then copy[name] = value end
  end
  return copy
end

--- The block without what does not count; nil when nothing is left of it.
local function essence(block)
  if block.type == "text" and block.text == "" then return nil end
  if block.cache_control ~= nil then block = without(block, "cache_control") end
  if block.type == "tool_result" and block.content ~= nil then
    local inner = {}
    for _, part in ipairs(M.blocks(block.content)) do
      inner[#inner + 1] = essence(part)
    end
    block = without(block, "content")
    if #inner > 0 then block.content = inner end
    if block.is_error == false then block.is_error = nil end
  end
  return block
end

--- The content without its cache breakpoints, those inside tool results included.
---@param blocks string|table[]
---@return string|table[]
function M.without_breakpoints(blocks)
  if type(blocks) ~= "table" then return blocks end
  local found = core.array({})
  for at, block in ipairs(blocks) do
    found[at] = block.cache_control ~= nil and without(block, "cache_control") or block
    if block.type == "tool_result" and type(block.content) == "table" then
      found[at] = without(found[at], "content")
      found[at].content = M.without_breakpoints(block.content)
    end
  end
  return found
end

--- A block as canonical JSON; nil for one that does not count.
---@param block table
---@return string|nil
function M.canonical(block)
  local counted = essence(block)
  return counted and assert(core.encode(counted, { request = true }))
end

---@param system string|table[]|nil
---@return string
function M.canonical_system(system)
  local parts = {}
  for _, block in ipairs(M.blocks(system)) do
    parts[#parts + 1] = M.canonical(block)
  end
  return table.concat(parts, ",")
end

--- Tools that are loaded later stand outside the prefix.
---@param tools table[]|nil
---@return string
function M.canonical_tools(tools)
  local parts = {}
  for _, tool in ipairs(tools or {}) do
    if tool.defer_loading ~= true then parts[#parts + 1] = M.canonical(tool) end
  end
  return table.concat(parts, ",")
end

return M
