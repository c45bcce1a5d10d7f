--- Request bodies of several fields, one of which may be a file (multipart/form-data, RFC
--- 7578): the file is not read before the connection wants it.

local core = require("claude.core")

local M = {}

---@class claude.FormField
---@field name string
---@field value string|userdata bytes, or a claude.core.File
---@field filename? string
---@field content_type? string

-- Nobody who writes a file may guess it: then the file could end its own part.
---@return string
local function boundary() return "lua-claude-" .. require("claude.entropy")():sub(1, 40) end

-- In quotes, as browsers write it: what would end the quotes or the line is escaped.
---@param text string
---@return string
local function quoted(text)
  return '"' .. text:gsub('[\r\n"]', { ["\r"] = "%0D", ["\n"] = "%0A", ['"'] = "%22" }) .. '"'
end

---@param field claude.FormField
---@return string
local function head_of(field)
  local head = "Content-Disposition: form-data; name=" .. quoted(field.name)
  if field.filename then head = head .. "; filename=" .. quoted(field.filename) end
  if field.content_type then head = head .. "\r\nContent-Type: " .. field.content_type end
  return head .. "\r\n\r\n"
end

--- Makes the body.
---@param fields claude.FormField[] in order
---@return userdata body a core.body
---@return string content_type for the request's header
---@return integer[] offsets where the value of each field begins
function M.body(fields)
  local mark = boundary()
  local parts, offsets, length = {}, {}, 0
  local function add(part)
    parts[#parts + 1] = part
    length = length + (type(part) == "string" and #part or part:length())
  end
  for i, field in ipairs(fields) do
    add(("--%s\r\n%s"):format(mark, head_of(field)))
    offsets[i] = length
    add(field.value)
    add("\r\n")
  end
  add(("--%s--\r\n"):format(mark))
  return core.body(parts), "multipart/form-data; boundary=" .. mark, offsets
end

return M
