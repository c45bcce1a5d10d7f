--- Rules on the sources of image and document blocks. Types of sources and media that
--- are not known here pass: the API may know them.

local media_type = require("claude.media_type")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

-- The member that a source of a type is made of.
local MEMBER = {
  base64 = "data",
  content = "content",
  file = "file_id",
  text = "data",
  url = "url",
}
local MOST, MOST_OF_SMALL, SMALL_CONTEXT = 600, 100, 200000

---@param source table
---@param path string
---@return claude.Error?
local function check_base64(source, path)
  local data, given = source.data, source.media_type
  if type(data) ~= "string" then return nil end
  local place = path .. ".data"
  if data:find("^data:") then return rules.broken("source_base64", place, "a data: URL") end
  -- Whole images are not searched: bytes that were not encoded show at once.
  if data:sub(1, 64):find("[^%w+/=\r\n]") then
    return rules.broken("source_base64", place, "not base64")
  end
  local found = media_type.of_base64(data)
  if found and type(given) == "string" and found ~= given then
    local shown = values.show(given)
    return rules.broken("source_media_type", path .. ".media_type", shown, found)
  end
  return nil
end

---@param block table
---@param path string
---@return claude.Error?
local function check_source(block, path)
  path = path .. ".source"
  if not values.given(block.source) then return rules.broken("field_missing", path) end
  local source = values.plain(block.source)
  local err = values.expect(block.source, "an object", path)
  if err or not source then return err end
  local kind = source.type
  if not values.given(kind) then return rules.broken("field_missing", path .. ".type") end
  local member = MEMBER[kind]
  if not member then return nil end
  if not values.given(source[member]) then
    return rules.broken("source_type", path .. "." .. member, member, values.show(kind))
  end
  if kind == "base64" or kind == "text" then
    if not values.given(source.media_type) then
      return rules.broken("field_missing", path .. ".media_type")
    end
  end
  return kind == "base64" and check_base64(source, path) or nil
end

---@param ctx claude.CheckContext
---@return claude.Error?
local function count_image(ctx)
  ctx.images = (ctx.images or 0) + 1
  local context = ctx.capabilities and ctx.capabilities.context
  local most = context and context <= SMALL_CONTEXT and MOST_OF_SMALL or MOST
  if ctx.images <= most then return nil end
  return rules.broken("image_count", "messages", ctx.images, most, tostring(ctx.model))
end

--- Checks one block that has a source, or content with such blocks in it.
---@param block table
---@param path string
---@param ctx claude.CheckContext
---@return claude.Error?
function M.check(block, path, ctx)
  if block.type == "image" then return check_source(block, path) or count_image(ctx) end
  if block.type == "document" then return check_source(block, path) end
  for i, inner in ipairs(values.plain(block.content) or {}) do
    inner = values.plain(inner)
    if inner and (inner.type == "image" or inner.type == "document") then
      local err = M.check(inner, ("%s.content[%d]"):format(path, i), ctx)
      if err then return err end
    end
  end
  return nil
end

return M
