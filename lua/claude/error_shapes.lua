--- Errors as servers write them that speak the Messages API and are not the API: gateways,
--- proxies, frameworks. Knows bodies; what they mean is api_error's business.

local M = {}

---@param value any
---@return string?
local function text_or_nil(value)
  return type(value) == "string" and value:find("%S") and value or nil
end

---@param place any where in the request, such as { "body", "messages", 0 }
---@return string prefix
local function place_text(place)
  if type(place) ~= "table" then return "" end
  local parts = {}
  for i, part in ipairs(place) do
    parts[i] = tostring(part)
  end
  return #parts > 0 and table.concat(parts, ".") .. ": " or ""
end

local text_of

-- A list of problems, each a text or an object.
---@param list table
---@return string?
local function text_of_list(list)
  local texts = {}
  for i, problem in ipairs(list) do
    local text = text_of(problem)
    if text and type(problem) == "table" then text = place_text(problem.loc) .. text end
    texts[#texts + 1] = text
    if i == 10 then break end
  end
  return texts[1] and table.concat(texts, "; ")
end

local NAMES = { "message", "msg", "detail", "Message", "error_description", "title", "errors" }

---@param value any a decoded body, or a part of it
---@return string?
function text_of(value)
  if type(value) ~= "table" then return text_or_nil(value) end
  if value[1] ~= nil then return text_of_list(value) end
  if value.error_description == nil and value.error ~= nil then return text_of(value.error) end
  for _, name in ipairs(NAMES) do
    local text = text_of(value[name])
    if text then return text end
  end
  return nil
end

-- The object `error`, whose type and code are those of the error; where it stands by itself,
-- only its type tells that it is one.
---@param decoded table
---@return table
local function error_object(decoded)
  if type(decoded[1]) == "table" then decoded = decoded[1] end
  if type(decoded.detail) == "table" and decoded.detail.error then decoded = decoded.detail end
  if type(decoded.error) == "table" then return decoded.error end
  local kind = type(decoded.type) == "string" and decoded.type:match("^[%l_]+_error$")
  return kind and { type = kind } or {}
end

--- What a decoded body says, as far as it is an error at all.
---@param decoded any
---@return string? message
---@return string? type
---@return string? code
function M.read(decoded)
  if type(decoded) ~= "table" then return nil end
  local message = text_of(decoded)
  if not message then return nil end
  local told = error_object(decoded)
  local kind, code = text_or_nil(told.type), text_or_nil(told.code)
  -- As some write a value that is none.
  if kind == "None" or kind == "null" then kind = nil end
  -- The status once more, as a text.
  if code and code:find("^%d+$") then code = nil end
  if type(decoded.error) == "string" and decoded.error_description then code = decoded.error end
  return message, kind, code
end

--- Whether an answer with status 200 is an error nevertheless.
---@param decoded any
---@return boolean
function M.is_error(decoded)
  if type(decoded) ~= "table" or decoded.content ~= nil then return false end
  local told = decoded.error
  return type(told) == "table" or text_or_nil(told) ~= nil or decoded.type == "error"
end

return M
