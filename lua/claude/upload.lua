--- A file on its way up: what the user gave becomes the body of a request.

local core = require("claude.core")
local media_type = require("claude.media_type")
local multipart = require("claude.multipart")
local rules = require("claude.check.rules")
local values = require("claude.check.values")

local M = {}

local MOST_BYTES = 500 * 1024 * 1024
local MOST_CHARACTERS = 255
local SHORTEST, LONGEST = 3600, 7776000 -- seconds to keep a file

---@class claude.UploadOptions
---@field path? string
---@field bytes? string instead of a path; then `filename` is needed
---@field filename? string the path's last part when not given
---@field mime_type? string found in the file's beginning and its name when not given
---@field expires_in_seconds? integer from 3600 to 7776000; without it the file stays
---@field on_progress? fun(sent: number, total: number) bytes of the file

local OPTIONS = {
  bytes = "string",
  expires_in_seconds = "number",
  filename = "string",
  mime_type = "string",
  on_progress = "function",
  path = "string",
}

---@param options table
---@param level integer
local function check_types(options, level)
  for name, value in pairs(options) do
    local expected = OPTIONS[name]
    if not expected then
      error(("client.files:upload: there is no option %s"):format(tostring(name)), level + 1)
    end
    if type(value) ~= expected then
      error(("client.files:upload: %s must be a %s"):format(name, expected), level + 1)
    end
  end
end

--- Raises for what is no file to be uploaded.
---@param given any
---@param level integer stack level to blame
---@return claude.UploadOptions
function M.check(given, level)
  if type(given) == "string" then return { path = given } end
  if type(given) ~= "table" then
    local text = "client.files:upload takes a path, or a table such as { path = … }, not a %s"
    error(text:format(type(given)), level + 1)
  end
  check_types(given, level + 1)
  if (given.path == nil) == (given.bytes == nil) then
    error("client.files:upload: give path or bytes", level + 1)
  end
  if given.bytes and not given.filename then
    error("client.files:upload: bytes need a filename", level + 1)
  end
  return given
end

---@param name string
---@return boolean
local function is_file_name(name)
  if name == "" or name:find('[%c<>:"|?*\\/]') or not core.utf8_valid(name) then return false end
  local _, continuation = name:gsub("[\128-\191]", "")
  return #name - continuation <= MOST_CHARACTERS
end

---@param options claude.UploadOptions
---@param name string
---@return claude.Error?
local function check_fields(options, name)
  if not is_file_name(name) then
    return rules.broken("file_name", "filename", values.show((core.utf8_scrub(name))))
  end
  local kind = options.mime_type
  if kind and not kind:find("^[%w!#$&^_.+-]+/[%w!#$&^_.+-]+$") then
    return rules.broken("file_type", "mime_type", values.show((core.utf8_scrub(kind))))
  end
  local seconds = options.expires_in_seconds
  if
    seconds and not (values.is_integer(seconds) and seconds >= SHORTEST and seconds <= LONGEST)
  then
    return rules.broken("file_expiry", "expires_in_seconds", values.show(seconds))
  end
  return nil
end

---@param path string
---@return userdata? file a claude.core.File
---@return claude.Error? err
local function open_file(path)
  local file, problem
  if path:find("\0", 1, true) then
    problem = "it holds a zero byte"
  else
    file, problem = core.open_file(path)
  end
  if file then return file end
  return nil, rules.broken("file_unreadable", "path", (core.utf8_scrub(path)), problem)
end

---@param options claude.UploadOptions
---@param name string
---@return string|userdata? content bytes or a claude.core.File
---@return claude.Error? err
local function open_content(options, name)
  local content, err
  if options.bytes then
    content = options.bytes
  else
    content, err = open_file(options.path)
  end
  if not content or #content <= MOST_BYTES then return content, err end
  err = rules.broken("file_size", "file", name, #content, MOST_BYTES)
  if type(content) ~= "string" then content:close() end
  return nil, err
end

---@class claude.Upload
---@field body userdata
---@field content_type string
---@field size integer bytes of the file
---@field offset integer where they begin in the body
---@field package content string|userdata
local Upload = {}
Upload.__index = Upload

--- How much of the file is in so many bytes of the body.
---@param sent integer
---@return integer
function Upload:part_of(sent) return math.max(0, math.min(sent - self.offset, self.size)) end

--- Closes the file, at once.
function Upload:close()
  if type(self.content) ~= "string" then self.content:close() end
end

---@param options claude.UploadOptions
---@param name string
---@param content string|userdata
---@return claude.Upload
local function make(options, name, content)
  local beginning = core.body({ content }):read(0, media_type.BEGINNING) or ""
  local kind = options.mime_type or media_type.of_file(name, beginning)
  local fields = { { name = "file", value = content, filename = name, content_type = kind } }
  if options.expires_in_seconds then
    local seconds = ("%d"):format(options.expires_in_seconds)
    fields[2] = { name = "expires_in_seconds", value = seconds }
  end
  local body, content_type, offsets = multipart.body(fields)
  return setmetatable({
    body = body,
    content_type = content_type,
    size = #content,
    offset = offsets[1],
    content = content,
  }, Upload)
end

--- Opens what was given, and makes the body of it.
---@param options claude.UploadOptions checked
---@return claude.Upload? upload
---@return claude.Error? err
function M.open(options)
  local name = options.filename or options.path:match("[^/]*$")
  local err = check_fields(options, name)
  if err then return nil, err end
  local content
  content, err = open_content(options, name)
  if not content then return nil, err end
  return make(options, name, content)
end

return M
