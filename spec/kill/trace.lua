--- Reads what shim.c and those beside it wrote.
local M = {}

---@class spec.TraceEntry
---@field kind "open"|"tried"|"write"|"cut"|"sync"|"lost"|"folder"|"mark"
---@field offset? integer of a write
---@field bytes? string of a write
---@field size? integer of a cut
---@field made? boolean the name was made
---@field words? string[] of a mark
---@field text? string of a mark

local READ = {}

function READ.open(about) return { made = about == "1" } end

function READ.write(about, text, after)
  local offset, size = about:match("^(%d+) (%d+)$")
  local bytes = text:sub(after, after + size - 1)
  assert(#bytes == tonumber(size), "the trace ends in a write")
  return { offset = tonumber(offset), bytes = bytes }, after + size + 1
end

function READ.cut(about) return { size = tonumber(about) } end

function READ.sync() return {} end
READ.folder, READ.lost, READ.tried = READ.sync, READ.sync, READ.sync

function READ.mark(about)
  local words = {}
  for word in about:gmatch("%S+") do
    words[#words + 1] = word
  end
  return { text = about, words = words }
end

--- An entry for what somebody tells.
---@param text string
---@return spec.TraceEntry
function M.mark(text)
  local entry = READ.mark(text)
  entry.kind = "mark"
  return entry
end

---@param text string
---@return spec.TraceEntry[]
function M.parse(text)
  local list, at = {}, 1
  while at <= #text do
    local line_end = assert(text:find("\n", at, true), "the trace ends in a line")
    local kind, about = text:sub(at, line_end - 1):match("^(%l+) ?(.*)$")
    local entry, after = assert(READ[kind], kind)(about, text, line_end + 1)
    entry.kind = kind
    list[#list + 1] = entry
    at = after or line_end + 1
  end
  return list
end

---@param path string
---@return spec.TraceEntry[]
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return M.parse(text)
end

return M
