--- What a tool of an MCP server gave, as content blocks that the model can be given.

local contents = require("claude.content")
local core = require("claude.core")
local errors = require("claude.errors")

local M = {}

local IMAGES = {
  ["image/gif"] = true,
  ["image/jpeg"] = true,
  ["image/png"] = true,
  ["image/webp"] = true,
}

---@class claude.mcp.Result
---@field content claude.Content blocks for the model
---@field structured? any the value of structuredContent
---@field is_error boolean the tool says that it failed

-- "image/PNG; x=1" is image/png.
---@param kind any
---@return string
local function plain_type(kind)
  return type(kind) == "string" and kind:lower():match("^%s*([^;%s]+)") or ""
end

---@param data any
---@param media_type string
---@param kind "image"|"document"
---@return table? block
---@return string? problem
local function of_base64(data, media_type, kind)
  if type(data) ~= "string" or data == "" then return nil, "it has no data" end
  data = data:gsub("%s+", "")
  if not data:find("^[%w+/]+=?=?$") then return nil, "its data is no base64" end
  local source = { type = "base64", media_type = media_type, data = data }
  return { type = kind, source = source }
end

---@param text string
---@return table block
local function of_text(text)
  local source = { type = "text", media_type = "text/plain", data = text }
  return { type = "document", source = source }
end

-- Some servers send every resource as bytes.
---@param blob any
---@return table? block
local function of_text_in_base64(blob)
  local text = type(blob) == "string" and require("claude.mcp.base64").decode(blob)
  return text and core.utf8_valid(text) and of_text(text) or nil
end

---@param resource any
---@return table? block
---@return string? problem
local function of_resource(resource)
  if type(resource) ~= "table" then return nil, "the resource is missing" end
  if type(resource.text) == "string" then return of_text(resource.text) end
  local kind = plain_type(resource.mimeType)
  if IMAGES[kind] then return of_base64(resource.blob, kind, "image") end
  if kind == "application/pdf" then return of_base64(resource.blob, kind, "document") end
  local block = (kind == "" or kind:find("^text/")) and of_text_in_base64(resource.blob)
  if block then return block end
  local form = "a resource of type %s (%s) cannot be given to the model"
  return nil, form:format(kind == "" and "unknown" or kind, tostring(resource.uri))
end

local BLOCKS = {
  text = function(item)
    if type(item.text) ~= "string" then return nil, "it has no text" end
    return { type = "text", text = item.text }
  end,
  image = function(item)
    local kind = plain_type(item.mimeType)
    if IMAGES[kind] then return of_base64(item.data, kind, "image") end
    return nil, ("an image of type %s cannot be given to the model"):format(tostring(item.mimeType))
  end,
  resource = function(item) return of_resource(item.resource) end,
}

---@param item any
---@return table? block
---@return string? problem
local function block_of(item)
  if type(item) ~= "table" then return nil, "it is no object" end
  local make = BLOCKS[item.type]
  if make then return make(item) end
  return nil, ("content of type %s cannot be given to the model"):format(tostring(item.type))
end

local HINT = "text, images (JPEG, PNG, GIF, WebP), PDF and resources with text can be given"

---@param where string
---@param path string?
---@param problem string
---@return claude.Error
local function unusable(where, path, problem)
  return errors.new({
    kind = "protocol",
    path = path,
    message = ("%s: %s"):format(where, problem),
    hint = path and HINT or nil,
  })
end

---@param list any
---@param where string
---@param name string of the list
---@param make fun(item: any): table?, string?
---@return table[]? made
---@return claude.Error? err
local function each_of(list, where, name, make)
  local made = {}
  for i, item in ipairs(type(list) == "table" and list or {}) do
    local value, problem = make(item)
    if not value then
      return nil, unusable(where, ("%s[%d]"):format(name, i), problem --[[@as string]])
    end
    made[i] = value
  end
  return made
end

---@param json string
---@param where string
---@return table? value
---@return claude.Error? err
local function object_of(json, where)
  local value = core.decode(json)
  if type(value) == "table" then return value end
  return nil, unusable(where, nil, "the result is no object")
end

--- Reads the result of tools/call. What has structured content only is given as its JSON.
---@param json string
---@param where string for errors
---@return claude.mcp.Result? result
---@return claude.Error? err
function M.result(json, where)
  local value, err = object_of(json, where)
  if not value then return nil, err end
  local blocks
  blocks, err = each_of(value.content, where, "content", block_of)
  if not blocks then return nil, err end
  local structured = core.split(json).structuredContent
  if #blocks == 0 and structured and structured ~= "null" then
    blocks[1] = { type = "text", text = structured }
  end
  return {
    content = contents.new(blocks),
    structured = value.structuredContent,
    is_error = value.isError == true,
  }
end

--- Reads the result of resources/read.
---@param json string
---@param where string for errors
---@return claude.Content? content
---@return claude.Error? err
function M.resource(json, where)
  local value, err = object_of(json, where)
  if not value then return nil, err end
  local blocks
  blocks, err = each_of(value.contents, where, "contents", of_resource)
  if not blocks then return nil, err end
  return contents.new(blocks)
end

---@param message any
---@return { role: string, content: table[] }? message
---@return string? problem
local function message_of(message)
  if type(message) ~= "table" then return nil, "it is no object" end
  if message.role ~= "user" and message.role ~= "assistant" then
    return nil, "its role is " .. tostring(message.role)
  end
  local block, problem = block_of(message.content)
  if not block then return nil, problem end
  return { role = message.role, content = { block } }
end

--- Reads the result of prompts/get.
---@param json string
---@param where string for errors
---@return { role: string, content: table[] }[]? messages
---@return claude.Error? err
function M.messages(json, where)
  local value, err = object_of(json, where)
  if not value then return nil, err end
  return each_of(value.messages, where, "messages", message_of)
end

return M
