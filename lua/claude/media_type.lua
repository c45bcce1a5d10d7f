--- What kind of file bytes are, told by how they begin: names lie, and have no say here.

local core = require("claude.core")

local M = {}

--- What the API takes as an image.
M.IMAGES = {
  ["image/gif"] = true,
  ["image/jpeg"] = true,
  ["image/png"] = true,
  ["image/webp"] = true,
}

-- { media type, how it begins [, what follows, from which byte] }
local BEGINNINGS = {
  { "image/png", "\137PNG\r\n\26\n" },
  { "image/jpeg", "\255\216\255" },
  { "image/gif", "GIF87a" },
  { "image/gif", "GIF89a" },
  { "image/webp", "RIFF", "WEBP", 9 },
  { "application/pdf", "%PDF-" },
  -- Not taken by the API: known so that an error can say what it is.
  { "image/heic", "", "ftypheic", 5 },
  { "image/avif", "", "ftypavif", 5 },
  { "image/tiff", "II*\0" },
  { "image/tiff", "MM\0*" },
  { "image/bmp", "BM" },
  { "image/svg+xml", "<svg" },
  { "application/zip", "PK\3\4" },
  { "application/gzip", "\31\139" },
}

--- The media type that bytes begin like; nil for any other.
---@param bytes string the first 16 will do
---@return string?
function M.of(bytes)
  for _, known in ipairs(BEGINNINGS) do
    local media_type, first, second, at = known[1], known[2], known[3], known[4]
    local begins = bytes:sub(1, #first) == first
    if begins and (not second or bytes:sub(at, at + #second - 1) == second) then
      return media_type
    end
  end
  return nil
end

-- By name, for files of which the beginning says nothing, or not enough.
local BY_NAME = {
  csv = "text/csv",
  docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  htm = "text/html",
  html = "text/html",
  json = "application/json",
  jsonl = "application/jsonl",
  md = "text/markdown",
  pptx = "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  svg = "image/svg+xml",
  xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  xml = "application/xml",
}
-- What the beginning of an Office file looks like, and the beginning of much else.
local VAGUE = { ["application/zip"] = true, ["image/bmp"] = true }

M.BEGINNING = 4096 -- bytes that are enough to look at

--- Whether bytes are text: UTF-8 without control characters that nobody writes. Blanks,
--- backspace and escape are no sign of data.
---@param bytes string
---@param cut? boolean more follows: the last character may be there in part
---@return boolean
function M.is_text(bytes, cut)
  if bytes:find("[%z\1-\7\14-\26\28-\31]") then return false end
  local valid, position = core.utf8_valid(bytes)
  return valid or (cut == true and #bytes - position < 3)
end

--- The media type for a file that is sent: by its beginning, else by its name.
---@param name string
---@param beginning string up to M.BEGINNING bytes
---@return string
function M.of_file(name, beginning)
  local found = M.of(beginning)
  if found and not VAGUE[found] then return found end
  local by_name = BY_NAME[(name:match("%.(%w+)$") or ""):lower()]
  if by_name then return by_name end
  if M.is_text(beginning, #beginning == M.BEGINNING) then return "text/plain" end
  return found or "application/octet-stream"
end

-- Base64 of the same beginnings, as far as whole groups of three bytes reach.
local IN_BASE64 = {
  { "image/png", "iVBORw0KGg" },
  { "image/jpeg", "/9j/" },
  { "image/gif", "R0lGODdh" },
  { "image/gif", "R0lGODlh" },
  { "image/webp", "UklGR" },
  { "application/pdf", "JVBERi" },
}

--- The same for bytes that are base64 already.
---@param text string
---@return string?
function M.of_base64(text)
  for _, known in ipairs(IN_BASE64) do
    if text:sub(1, #known[2]) == known[2] then return known[1] end
  end
  return nil
end

return M
