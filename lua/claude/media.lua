--- Content blocks of images and documents, from files, bytes, URLs and uploaded files.

local content = require("claude.content")
local core = require("claude.core")
local errors = require("claude.errors")
local media_type = require("claude.media_type")
local rules = require("claude.check.rules")

local M = {}

-- A request holds 32 MB; what is larger in base64 can be in none.
local MOST_BASE64 = 32 * 1024 * 1024
local MOST_BYTES = MOST_BASE64 / 4 * 3
local PIECE = 64 * 1024
local LONGEST_NAME = 80

---@class claude.MediaOptions
---@field path? string
---@field bytes? string
---@field url? string
---@field file_id? string of an uploaded file
---@field text? string documents only
---@field title? string documents only
---@field context? string documents only: what the model should know about it
---@field citations? boolean|table documents only; true: { enabled = true }
---@field cache_control? table

---@class claude.media.Kind
---@field name "image"|"document"
---@field sources table<string, boolean>
---@field extras table<string, string> further members of the block: their types
---@field source_of fun(bytes: string, name: string): table?, claude.Error?

-- A path, or what stands for it in an error. Bytes taken for a path may be long.
---@param name string
---@return string
local function shown(name)
  if #name > LONGEST_NAME then name = name:sub(1, LONGEST_NAME) .. "…" end
  return core.utf8_scrub((name:gsub("%c", "?")))
end

---@param kind claude.media.Kind
---@param rule string
---@param ... any
---@return nil
---@return claude.Error
local function refused(kind, rule, ...)
  local err = rules.broken(rule, "claude." .. kind.name, ...)
  return nil, err
end

-- In pieces: what no request could hold is not read to its end.
---@param path string
---@return string? bytes
---@return string? problem
local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, (problem:gsub("^.*: ", "")) end
  local pieces, size = {}, 0
  while size <= MOST_BYTES do
    local piece
    piece, problem = file:read(PIECE)
    if not piece then break end
    pieces[#pieces + 1], size = piece, size + #piece
  end
  file:close()
  if problem then return nil, problem end
  return table.concat(pieces)
end

---@param kind claude.media.Kind
---@param bytes string
---@param name string
---@return table? source
---@return claude.Error? err
local function source_of_bytes(kind, bytes, name)
  if bytes == "" then return refused(kind, "media_empty", name) end
  if #bytes > MOST_BYTES then return refused(kind, "media_size", name, MOST_BYTES, MOST_BASE64) end
  return kind.source_of(bytes, name)
end

---@param kind claude.media.Kind
---@param path string
---@return table? source
---@return claude.Error? err
local function source_of_path(kind, path)
  local bytes, problem = read(path)
  if not bytes then return refused(kind, "media_unreadable", shown(path), problem) end
  return source_of_bytes(kind, bytes, shown(path))
end

---@param media_type_given string
---@param bytes string
---@return table
local function base64_source(media_type_given, bytes)
  return { type = "base64", media_type = media_type_given, data = core.base64(bytes) }
end

---@param found string?
---@return string
local function but_looks_like(found) return found and ", but begins like " .. found or "" end

---@type claude.media.Kind
local IMAGE = {
  name = "image",
  sources = { path = true, bytes = true, url = true, file_id = true },
  extras = { cache_control = "table" },
}

function IMAGE.source_of(bytes, name)
  local found = media_type.of(bytes)
  if media_type.IMAGES[found] then return base64_source(found, bytes) end
  return refused(IMAGE, "image_format", name, but_looks_like(found))
end

---@type claude.media.Kind
local DOCUMENT = {
  name = "document",
  sources = { path = true, bytes = true, url = true, file_id = true, text = true },
  extras = { cache_control = "table", title = "string", context = "string", citations = "table" },
}

function DOCUMENT.source_of(bytes, name)
  local found = media_type.of(bytes)
  if found == "application/pdf" then return base64_source(found, bytes) end
  if media_type.is_text(bytes) then
    return { type = "text", media_type = "text/plain", data = bytes }
  end
  return refused(DOCUMENT, "document_format", name, but_looks_like(found))
end

-- Zero bytes are in no path; images and PDF begin with what hardly ever is one.
---@param text string
---@return boolean
local function is_bytes(text)
  if text:find("\0", 1, true) or text:find("^\255\216\255") or text:find("^\137PNG") then
    return true
  end
  return text:find("^%%PDF%-%d%.%d[\r\n]") ~= nil
end

---@param kind claude.media.Kind
---@param options claude.MediaOptions
---@return table? source
---@return claude.Error? err
local function source(kind, options)
  if options.path then return source_of_path(kind, options.path) end
  if options.bytes then return source_of_bytes(kind, options.bytes, "bytes") end
  if options.url then return { type = "url", url = options.url } end
  if options.file_id then return { type = "file", file_id = options.file_id } end
  if options.text == "" then return refused(kind, "media_empty", "text") end
  return { type = "text", media_type = "text/plain", data = options.text }
end

---@param kind claude.media.Kind
---@param given any
---@param level integer stack level to blame
---@return claude.MediaOptions
local function options_of(kind, given, level)
  if type(given) == "string" then
    return is_bytes(given) and { bytes = given } or { path = given }
  end
  if type(given) ~= "table" then
    local text = "claude.%s takes a path, bytes, or a table such as { url = … }, not a %s"
    error(text:format(kind.name, type(given)), level + 1)
  end
  -- What client.files returns.
  if given.type == "file" and given.id then return { file_id = given.id } end
  return given
end

---@param kind claude.media.Kind
---@param options table
---@param level integer stack level to blame
local function check(kind, options, level)
  local sources = 0
  for name, value in pairs(options) do
    local expected = kind.sources[name] and "string" or kind.extras[name]
    if not expected then
      error(("claude.%s: there is no option %s"):format(kind.name, tostring(name)), level + 1)
    end
    local switch = name == "citations" and type(value) == "boolean"
    if type(value) ~= expected and not switch then
      error(("claude.%s: %s must be a %s"):format(kind.name, name, expected), level + 1)
    end
    if kind.sources[name] then sources = sources + 1 end
  end
  if sources ~= 1 then
    error(
      ("claude.%s: give one of path, bytes, url, file_id%s"):format(
        kind.name,
        kind.sources.text and " and text" or ""
      ),
      level + 1
    )
  end
end

---@param kind claude.media.Kind
---@param given any
---@return claude.Content.Block? block
---@return string? text
---@return claude.Error? err
local function make(kind, given)
  local options = options_of(kind, given, 3)
  check(kind, options, 3)
  local found, err = source(kind, options)
  if not found then
    return errors.fail(err --[[@as claude.Error]])
  end
  local fields = { type = kind.name, source = found }
  for name in pairs(kind.extras) do
    fields[name] = options[name]
  end
  if type(fields.citations) == "boolean" then fields.citations = { enabled = fields.citations } end
  return content.block(fields)
end

--- An image block: `claude.image "a.png"`, of the bytes of an image, of `{ url = … }`, or
--- of an uploaded file. The media type is what the bytes are. Raises for wrong options; a
--- file that cannot be read, or is no image that the API takes, is `nil, text, err`.
---@param given string|claude.MediaOptions|table
---@return claude.Content.Block? block
---@return string? text
---@return claude.Error? err
function M.image(given)
  local block, text, err = make(IMAGE, given)
  return block, text, err
end

--- A document block of a PDF or of UTF-8 text: as `claude.image`.
---@param given string|claude.MediaOptions|table
---@return claude.Content.Block? block
---@return string? text
---@return claude.Error? err
function M.document(given)
  local block, text, err = make(DOCUMENT, given)
  return block, text, err
end

return M
