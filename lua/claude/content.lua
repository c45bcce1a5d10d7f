--- Content blocks as values of their own: what tells a tool's result that is blocks
--- (images, documents, several texts) from one that is data to be shown as JSON.

local errors = require("claude.errors")

local M = {}

---@class claude.Content
---@field [integer] table a content block
local Content = {}
Content.__index = Content
Content.__name = "claude.Content"

--- One block that this library made of a file: see claude.image.
---@class claude.Content.Block
---@field type string
---@field source table
local Block = { __name = "claude.Content.Block" }

--- What is in it may be megabytes of base64.
function Block:__tostring()
  local source = type(self.source) == "table" and self.source or {}
  local from = source.media_type or source.url or source.file_id
  return ("%s block (%s)"):format(tostring(self.type), tostring(from))
end

--- Marks a block as content.
---@param fields table
---@return claude.Content.Block
function M.block(fields) return setmetatable(fields, Block) end

---@param item any
---@return boolean
local function is_block(item)
  return type(item) == "table" and (type(item.type) == "string" or getmetatable(item) ~= nil)
end

--- The error of a call that returned `nil, text, err` in the midst of a list, as in
--- `{ "Look:", claude.image "missing.png" }`.
---@param items table
---@return claude.Error?
function M.failure_in(items)
  for _, item in pairs(items) do
    if errors.is(item) then return item end
  end
  return nil
end

-- The greatest position; a key that is none.
---@param items table
---@return integer count
---@return any wrong
local function count_of(items)
  local count = 0
  for key in pairs(items) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then return 0, key end
    if key > count then count = key end
  end
  return count
end

--- Blocks of texts and blocks, or the place of the first that is neither.
---@param items table
---@return table[]? blocks
---@return any wrong
function M.as_blocks(items)
  local count, wrong = count_of(items)
  if wrong ~= nil then return nil, wrong end
  local blocks = {}
  for i = 1, count do
    local item = items[i]
    if type(item) == "string" then
      item = { type = "text", text = item }
    elseif not is_block(item) then
      return nil, i
    end
    blocks[i] = item
  end
  return blocks
end

--- The first place of a list at which there is nothing, as where a call in the midst of
--- it returned nil.
---@param items table
---@return integer?
function M.gap_in(items)
  for i = 1, (count_of(items)) do
    if items[i] == nil then return i end
  end
  return nil
end

--- The same list with a block for every text; itself where there is none.
---@param items table
---@return table
function M.with_text_blocks(items)
  local copy, has_text = {}, false
  for key, item in pairs(items) do
    local is_text = type(key) == "number" and type(item) == "string"
    copy[key] = is_text and { type = "text", text = item } or item
    has_text = has_text or is_text
  end
  return has_text and setmetatable(copy, getmetatable(items)) or items
end

--- Makes content of texts and blocks: `claude.content { "Here it is:", claude.image(path) }`.
--- One text or one block may stand alone. `nil, text, err` where a call among them failed.
---@param items string|table
---@return claude.Content?
---@return string? text
---@return claude.Error? err
function M.new(items)
  if type(items) == "string" then items = { items } end
  if type(items) ~= "table" then
    error("content must be a list of texts and blocks, not a " .. type(items), 2)
  end
  if type(items.type) == "string" then items = { items } end
  local failure = M.failure_in(items)
  if failure then return errors.fail(failure) end
  local blocks, wrong = M.as_blocks(items)
  if blocks then return setmetatable(blocks, Content) end
  local text = "content[%s] must be a text or a block with a type, not a %s"
  error(text:format(tostring(wrong), type(items[wrong])), 2)
end

---@param value any
---@return boolean
function M.is(value)
  local class = type(value) == "table" and getmetatable(value)
  return class == Content or class == Block
end

--- The blocks without their mark, as a list that is written as a JSON array.
---@param content claude.Content|claude.Content.Block
---@return table[]
function M.blocks(content)
  if getmetatable(content) == Block then return { content } end
  local blocks = {}
  for i, block in ipairs(content) do
    blocks[i] = block
  end
  return blocks
end

return M
