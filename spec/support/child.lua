--- Runs commands as child processes and looks at what they leave.
local M = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- A name for a temporary file or folder, which does not exist yet.
---@return string
function M.temporary()
  local path = os.tmpname()
  os.remove(path)
  return path
end

--- Quotes a word for the shell.
---@param word string
---@return string
function M.quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- Runs a shell command without stdin (or with the text given).
---@param command string
---@param stdin string|nil
---@return { status: integer, out: string, err: string }
function M.run(command, stdin)
  local base = M.temporary()
  if stdin then
    local file = assert(io.open(base .. ".in", "wb"))
    file:write(stdin)
    file:close()
  end
  local from = stdin and base .. ".in" or "/dev/null"
  local pipe = assert(
    io.popen(("{ %s\n} <%s >%s.out 2>%s.err; echo $?"):format(command, from, base, base), "r")
  )
  local status = tonumber(pipe:read "*a")
  pipe:close()
  local result = { status = status, out = read(base .. ".out"), err = read(base .. ".err") }
  for _, suffix in ipairs { ".in", ".out", ".err" } do
    os.remove(base .. suffix)
  end
  return result
end

--- The Lua that runs the specs, for children.
M.lua = os.getenv "LUA" or "lua5.4"

--- Runs `lua-claude` of the tree.
---@param arguments string as the shell takes them
---@param stdin string|nil
---@return { status: integer, out: string, err: string }
function M.command(arguments, stdin)
  return M.run(("%s bin/lua-claude %s"):format(M.lua, arguments), stdin)
end

return M
