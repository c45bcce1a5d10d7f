--- Ways to tell what has happened in a scenario.
local M = {}

local NAMES = { "begin", "effect", "result", "reply", "void", "dropped" }

---@param note fun(text: string)
---@return spec.Teller
local function teller(note)
  local tell = {}
  for _, name in ipairs(NAMES) do
    tell[name] = function(id, about) note(table.concat({ name, id, about }, " ")) end
  end
  return tell
end

--- To the end of a file, each entry with one write: the system has it when the call is back,
--- whatever becomes of the process. A copy of the process that was forked tells nothing.
---@param path string
---@return spec.Teller
function M.to_file(path)
  local file = assert(io.open(path, "ab"))
  file:setvbuf("full")
  return teller(function(text)
    if os.getenv("SHIM_FORKED") then return end
    file:write("mark ", text, "\n")
    file:flush()
  end)
end

--- To a list.
---@param list string[]
---@return spec.Teller
function M.to_list(list)
  return teller(function(text) list[#list + 1] = text end)
end

return M
