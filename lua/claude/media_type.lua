--- What kind of file bytes are, told by how they begin: names lie, and have no say here.

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
