--- Reads request bodies of several fields (multipart/form-data, RFC 7578), strictly.
local M = {}

---@class claude.simulator.FormField
---@field name string
---@field value string
---@field filename? string
---@field content_type? string

--- The boundary in a content-type header; nil for what is no form.
---@param content_type string?
---@return string?
function M.boundary(content_type)
  local kind, rest = (content_type or ""):match("^%s*([^;%s]+)%s*(.*)$")
  if not kind or kind:lower() ~= "multipart/form-data" then return nil end
  local quoted = rest:match('boundary="([^"]+)"')
  local found = quoted or rest:match("boundary=([^;%s]+)")
  return found and #found <= 70 and found or nil
end

local ESCAPES = { ["%22"] = '"', ["%0D"] = "\r", ["%0A"] = "\n" }

-- Names are quoted as browsers quote them: only three escapes.
local function unquoted(text) return (text:gsub("%%%x%x", ESCAPES)) end

local function parse_head(head)
  local field = {}
  for line in (head .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^([%w-]+):%s*(.-)%s*$")
    if not name then return nil, "malformed header in a part" end
    if name:lower() == "content-type" then field.content_type = value end
    if name:lower() == "content-disposition" then
      if not value:find("^form%-data;") then return nil, "a part is no form-data" end
      value = value .. ";"
      local given, filename =
        value:match('[; ]name="([^"]*)"'), value:match('[; ]filename="([^"]*)"')
      field.name = given and unquoted(given)
      field.filename = filename and unquoted(filename)
    end
  end
  if not field.name then return nil, "a part has no name" end
  return field
end

--- The fields of a body by name; nil and what is wrong with it.
---@param body string
---@param boundary string
---@return table<string, claude.simulator.FormField>?
---@return string? problem
function M.parse(body, boundary)
  local mark = "--" .. boundary
  if body:sub(1, #mark) ~= mark then return nil, "the body does not begin with its boundary" end
  local fields, at = {}, #mark + 1
  while body:sub(at, at + 1) == "\r\n" do
    local first, last = body:find("\r\n\r\n", at, true)
    local stop = first and body:find("\r\n" .. mark, last - 1, true)
    if not stop then return nil, "a part has no end" end
    local field, problem = parse_head(body:sub(at + 2, first - 1))
    if not field then return nil, problem end
    if fields[field.name] then return nil, "the field " .. field.name .. " comes twice" end
    field.value = body:sub(last + 1, stop - 1)
    fields[field.name] = field
    at = stop + 2 + #mark
  end
  if body:sub(at, at + 1) ~= "--" then return nil, "the body has no end" end
  return fields
end

return M
