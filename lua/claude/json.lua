--- JSON that is only read: error bodies, model lists, token counts.
---
--- The only file that knows a JSON library of the host. Conversations, tool input
--- and requests never come here: they need exact numbers, key order and empty
--- arrays, which these libraries do not keep (claude.core does).

local M = {}

local to_integer = rawget(math, "tointeger")

-- These libraries read every number as a double. Where Lua has integers, what is one
-- becomes one, as far as a double is exact: 12 tokens are not 12.0.
---@param value number
---@return number
local function exact(value)
  if not to_integer or value >= 2 ^ 53 or value <= -2 ^ 53 then return value end
  return to_integer(value) or value
end

-- Null members are absent in what we hand out, whatever the library's own null is.
local function tidied(value, null)
  if type(value) == "number" then return exact(value) end
  if type(value) ~= "table" then return value end
  for key, member in pairs(value) do
    if member ~= null then
      value[key] = tidied(member, null)
    elseif type(key) == "string" then
      value[key] = nil
    end
  end
  return value
end

local function with_vim(vim)
  return function(text) return tidied(vim.json.decode(text), vim.NIL) end
end

local function with_cjson(cjson)
  -- An instance of our own: settings of other users of cjson do not reach it.
  local own = cjson.new and cjson.new() or cjson
  return function(text) return tidied(own.decode(text), cjson.null) end
end

local decoder

local MISSING = "lua-cjson is not installed: apt install lua-cjson, or luarocks install lua-cjson"

---@return table? vim
---@return table? cjson
local function find_library()
  local vim = rawget(_G, "vim")
  if type(vim) == "table" and vim.json then return vim end
  local found, cjson = pcall(require, "cjson")
  return nil, found and cjson or nil
end

---@return (fun(text: string): any)?
---@return string? problem
local function find_decoder()
  local vim, cjson = find_library()
  if vim then return with_vim(vim) end
  if cjson then return with_cjson(cjson) end
  return nil, MISSING
end

--- The library that decodes.
---@return string? name
---@return string? problem what to do when there is none
function M.library()
  local vim, cjson = find_library()
  if vim then return "vim.json" end
  if cjson then return ("lua-cjson %s"):format(tostring(cjson._VERSION)) end
  return nil, MISSING
end

--- Decodes JSON text. Null members are left out.
---@param text string
---@return any? value nil when the text is not JSON
---@return string? problem
function M.decode(text)
  local problem
  if not decoder then
    decoder, problem = find_decoder()
    if not decoder then return nil, problem end
  end
  local ok, value = pcall(decoder, text)
  if ok then return value end
  -- Without the place in this file that the library's errors begin with.
  return nil, (tostring(value):gsub("^[^\n]-%.lua:%d+: ", ""))
end

return M
