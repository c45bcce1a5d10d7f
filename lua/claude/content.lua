--- Content blocks as a value of its own: what tells a tool's result that is a list
--- of blocks (images, documents, several texts) from one that is data to be shown
--- as JSON.

local M = {}

---@class claude.Content
---@field [integer] table a content block
local Content = {}
Content.__index = Content
Content.__name = "claude.Content"

---@param item any
---@return table block
local function as_block(item, i)
  if type(item) == "string" then return { type = "text", text = item } end
  if type(item) == "table" and (type(item.type) == "string" or getmetatable(item)) then
    return item
  end
  error(("content[%d] must be a text or a block with a type, not a %s"):format(i, type(item)), 3)
end

--- Makes content of texts and blocks: `claude.content { "Here it is:", { type =
--- "image", source = … } }`. One text or one block may stand alone.
---@param items string|table
---@return claude.Content
function M.new(items)
  if type(items) == "string" then items = { items } end
  if type(items) ~= "table" then
    error("content must be a list of texts and blocks, not a " .. type(items), 2)
  end
  if type(items.type) == "string" then items = { items } end
  local content = {}
  for i, item in ipairs(items) do
    content[i] = as_block(item, i)
  end
  return setmetatable(content, Content)
end

---@param value any
---@return boolean
function M.is(value) return type(value) == "table" and getmetatable(value) == Content end

--- The blocks without their mark, as a list that is written as a JSON array.
---@param content claude.Content
---@return table[]
function M.blocks(content)
  local blocks = {}
  for i, block in ipairs(content) do
    blocks[i] = block
  end
  return blocks
end

return M
