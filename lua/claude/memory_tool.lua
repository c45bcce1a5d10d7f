--- The memory tool: a directory that the model keeps notes in, from one conversation to
--- the next.
---
---     tools = { claude.memory_tool { directory = "/home/me/.cache/agent-memory" } }
---
--- The model sees the directory as /memories and has six commands. It reaches nothing
--- outside: ".." and symbolic links are refused. Files are written whole or not at all,
--- for their owner alone (0600, directories 0700). What goes wrong is told to the model.

local core = require("claude.core")
local tools = require("claude.tools")

local ROOT = "/memories"
local SLASH = ("/"):byte()
local MOST_LINES = 999999
local MOST_NAMES = 64 -- in a path: what lies deeper cannot be deleted at once
local DEFAULT_MOST_BYTES = 16 * 1024 * 1024
local LEVELS = 2
local AROUND = 2 -- lines shown before and after a change

---@class claude.MemoryOptions
---@field directory string where the files are; made when it is not there
---@field max_file_bytes? integer a larger file is neither read nor written (16 MiB)

---@class claude.Memory
---@field tree userdata
---@field most integer
local Memory = {}
Memory.__index = Memory

-- What the model reads is raised: a tool's error goes back to it as one.
local function refuse(text, ...) error(text:format(...), 0) end

-- By the code of a failure; the path is put in.
local FAILURES = {
  not_found = "The path %s does not exist. Please provide a valid path.",
  exists = "File %s already exists",
  link = "The path %s leads through a symbolic link, which is not followed",
  not_directory = "The path %s leads through a file that is no directory",
  is_directory = "The path %s is a directory",
  too_large = "The file %s is too large to be read",
  invalid = "The path %s is neither a file nor a directory",
}

---@param path string
---@param text string
---@param code string
local function fail(path, text, code)
  local form = FAILURES[code]
  if form then refuse(form, path) end
  refuse("%s: %s", path, text)
end

---@param input table
---@param name string
---@param kind string
---@return any
local function field(input, name, kind)
  local value = input[name]
  if type(value) ~= kind then
    refuse("%s: %s must be a %s, not a %s", tostring(input.command), name, kind, type(value))
  end
  return value
end

---@param input table
---@param name string
---@return integer
local function integer(input, name)
  local value = field(input, name, "number")
  if value % 1 ~= 0 then refuse("%s: %s must be an integer", input.command, name) end
  return value
end

-- Below the directory: "" for /memories itself.
---@param input table
---@param name string
---@return string relative
---@return string path as the model wrote it, without slashes at its end
local function path_of(input, name)
  local path = field(input, name, "string")
  local last = #path
  while last > 1 and path:byte(last) == SLASH do
    last = last - 1
  end
  path = path:sub(1, last)
  if path ~= ROOT and path:sub(1, #ROOT + 1) ~= ROOT .. "/" then
    refuse("Path must start with %s, got: %s", ROOT, path)
  end
  local relative = path:sub(#ROOT + 2)
  if relative:find("[%z\1-\31\127]") then refuse("Path %q has a control character in it", path) end
  if select(2, relative:gsub("/", "")) >= MOST_NAMES then
    refuse("Path %s has more than %d names in it", path, MOST_NAMES)
  end
  for part in (relative .. "/"):gmatch("([^/]*)/") do
    if relative ~= "" and (part == "" or part == "." or part == "..") then
      refuse("Path %s must be names separated by single slashes, without . and ..", path)
    end
  end
  return relative, path
end

---@param relative string
---@param path string
---@return string
function Memory:_read(relative, path)
  local text, problem, code = self.tree:read(relative, self.most)
  if not text then fail(path, problem, code) end
  return text
end

---@param text string
---@param path string
function Memory:_check_size(text, path)
  if #text > self.most then
    refuse("File %s would be too large: at most %d bytes are kept", path, self.most)
  end
end

-- A line end at the very end begins no line.
---@param text string
---@return string[]
local function lines_of(text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

---@param lines string[]
---@param first integer
---@param last integer
---@return string
local function numbered(lines, first, last)
  local shown = {}
  for i = math.max(first, 1), math.min(last, #lines) do
    -- Not by format: on some Luas that ends at a zero byte.
    shown[#shown + 1] = ("%6d\t"):format(i) .. lines[i]
  end
  return table.concat(shown, "\n")
end

---@param bytes number
---@return string
local function size_text(bytes)
  local units, unit = { "B", "K", "M", "G" }, 1
  while bytes >= 1024 and unit < #units do
    bytes, unit = bytes / 1024, unit + 1
  end
  return (bytes % 1 == 0 and "%d%s" or "%.1f%s"):format(bytes, units[unit])
end

-- Names that are listed, sorted.
---@param relative string
---@return string[]
function Memory:_names(relative)
  local names = {}
  for _, name in ipairs(self.tree:list(relative) or {}) do
    if name:sub(1, 1) ~= "." and name ~= "node_modules" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- Adds what is in a directory; how many bytes its files have.
---@param relative string
---@param path string
---@param level integer
---@param list string[]
---@return number bytes
function Memory:_list(relative, path, level, list)
  local total = 0
  for _, name in ipairs(self:_names(relative)) do
    local inner = relative == "" and name or relative .. "/" .. name
    local kind, size = self.tree:look(inner)
    local place = #list + 1
    if kind == "directory" then
      local shown = level < LEVELS and list or {}
      list[place] = ""
      size = self:_list(inner, path .. "/" .. name, level + 1, shown)
      list[place] = ("%s\t%s/%s/"):format(size_text(size), path, name)
      total = total + size
    elseif kind == "file" then
      list[place] = ("%s\t%s/%s"):format(size_text(size), path, name)
      total = total + size
    end
  end
  return total
end

---@param relative string
---@param path string
---@return string
function Memory:_view_directory(relative, path)
  local list = {}
  local total = self:_list(relative, path, 1, list)
  table.insert(list, 1, ("%s\t%s"):format(size_text(total), path))
  local head = "Files and directories in %s, up to %d levels deep, without hidden items:\n"
  return head:format(path, LEVELS) .. table.concat(list, "\n")
end

---@param range any
---@param count integer lines that there are
---@return integer first
---@return integer last
local function range_of(range, count)
  if range == nil or range == core.null then return 1, count end
  local first, last = type(range) == "table" and range[1], type(range) == "table" and range[2]
  if type(first) ~= "number" or type(last) ~= "number" or first % 1 ~= 0 or last % 1 ~= 0 then
    refuse("view: view_range must be two line numbers, such as [1, 20]; -1 is the last line")
  end
  if last == -1 then last = count end
  if first < 1 or first > math.max(count, 1) or last < first then
    local text = "Invalid `view_range` parameter: [%d, %d]. The file has the lines [1, %d]"
    refuse(text, first, last, count)
  end
  return first, last
end

---@param input table
---@return string
function Memory:view(input)
  local relative, path = path_of(input, "path")
  local kind, problem, code = self.tree:look(relative)
  if not kind then fail(path, problem, code) end
  if kind == "directory" then return self:_view_directory(relative, path) end
  local lines = lines_of(self:_read(relative, path))
  if #lines > MOST_LINES then
    refuse("File %s has %d lines, and at most %d can be shown", path, #lines, MOST_LINES)
  end
  local first, last = range_of(input.view_range, #lines)
  local head = ("Here's the content of %s with line numbers:\n"):format(path)
  return head .. numbered(lines, first, last)
end

---@param input table
---@return string
function Memory:create(input)
  local relative, path = path_of(input, "path")
  local text = field(input, "file_text", "string")
  self:_check_size(text, path)
  if relative == "" then refuse("Cannot create the %s directory itself", ROOT) end
  local made, problem, code = self.tree:create(relative, text)
  if not made then fail(path, problem, code) end
  return "File created successfully at: " .. path
end

-- Where a text stands, and in which lines.
---@param content string
---@param text string
---@return integer[] places
---@return string[] lines
local function occurrences(content, text)
  local places, lines, line, from = {}, {}, 1, 1
  local at = content:find(text, 1, true)
  while at do
    line = line + select(2, content:sub(from, at - 1):gsub("\n", ""))
    from = at
    places[#places + 1], lines[#lines + 1] = at, ("%d"):format(line)
    at = content:find(text, at + 1, true)
  end
  return places, lines
end

---@param content string
---@param line integer the first that was changed
---@param count integer how many were
---@return string
local function snippet(content, line, count)
  local head = "The memory file has been edited."
    .. " Here is the snippet showing the change (with line numbers):\n"
  return head .. numbered(lines_of(content), line - AROUND, line + count - 1 + AROUND)
end

---@param input table
---@return string
function Memory:str_replace(input)
  local relative, path = path_of(input, "path")
  local old, new = field(input, "old_str", "string"), field(input, "new_str", "string")
  if old == "" then refuse("str_replace: old_str must not be empty") end
  local content = self:_read(relative, path)
  local places, lines = occurrences(content, old)
  if #places == 0 then
    local form = "No replacement was performed, old_str `%s` did not appear verbatim in %s."
    refuse(form, old, path)
  elseif #places > 1 then
    local form = "No replacement was performed. Multiple occurrences of old_str `%s` in lines: %s."
      .. " Please ensure it is unique"
    refuse(form, old, table.concat(lines, ", "))
  end
  -- Nothing in the new text has a meaning of its own.
  content = content:sub(1, places[1] - 1) .. new .. content:sub(places[1] + #old)
  self:_replace(relative, path, content)
  return snippet(content, tonumber(lines[1]), select(2, new:gsub("\n", "")) + 1)
end

---@param relative string
---@param path string
---@param content string
function Memory:_replace(relative, path, content)
  self:_check_size(content, path)
  local done, problem, code = self.tree:replace(relative, content)
  if not done then fail(path, problem, code) end
end

---@param input table
---@return string
function Memory:insert(input)
  local relative, path = path_of(input, "path")
  local line = integer(input, "insert_line")
  local text = field(input, "insert_text", "string")
  local content = self:_read(relative, path)
  local lines = content == "" and {} or lines_of(content)
  if line < 0 or line > #lines then
    local form = "Invalid `insert_line` parameter: %d."
      .. " It should be within the range of lines of the file: [0, %d]"
    refuse(form, line, #lines)
  end
  table.insert(lines, line + 1, (text:gsub("\n$", "")))
  local ends = (content == "" or content:sub(-1) == "\n") and "\n" or ""
  self:_replace(relative, path, table.concat(lines, "\n") .. ends)
  return ("The file %s has been edited."):format(path)
end

---@param input table
---@return string
function Memory:delete(input)
  local relative, path = path_of(input, "path")
  if relative == "" then refuse("Cannot delete the %s directory itself", ROOT) end
  local done, problem, code = self.tree:remove(relative)
  if not done then fail(path, problem, code) end
  return "Successfully deleted " .. path
end

---@param input table
---@return string
function Memory:rename(input)
  local old, old_path = path_of(input, "old_path")
  local new, new_path = path_of(input, "new_path")
  if old == "" or new == "" then refuse("Cannot rename the %s directory itself", ROOT) end
  local kind, problem, code = self.tree:look(old)
  if not kind then fail(old_path, problem, code) end
  local done
  done, problem, code = self.tree:rename(old, new)
  if code == "exists" then refuse("The destination %s already exists", new_path) end
  if code == "invalid" then refuse("%s cannot be moved into itself", old_path) end
  if not done then fail(new_path, problem, code) end
  return ("Successfully renamed %s to %s"):format(old_path, new_path)
end

local COMMANDS = {
  view = Memory.view,
  create = Memory.create,
  str_replace = Memory.str_replace,
  insert = Memory.insert,
  delete = Memory.delete,
  rename = Memory.rename,
}

---@param input table
---@return string
function Memory:run(input)
  local command = COMMANDS[input.command]
  if not command then
    local form = "There is no command %s: use view, create, str_replace, insert, delete or rename"
    refuse(form, tostring(input.command))
  end
  return command(self, input)
end

---@param options claude.MemoryOptions
---@param level integer
local function check(options, level)
  if type(options) ~= "table" then
    error("claude.memory_tool takes a table of options, not a " .. type(options), level + 1)
  end
  for name in pairs(options) do
    if name ~= "directory" and name ~= "max_file_bytes" then
      error("claude.memory_tool: there is no option " .. tostring(name), level + 1)
    end
  end
  if type(options.directory) ~= "string" or options.directory == "" then
    error("claude.memory_tool: directory must be a path", level + 1)
  end
  local most = options.max_file_bytes
  if most ~= nil and not (type(most) == "number" and most >= 1 and most <= 1e15) then
    error("claude.memory_tool: max_file_bytes must be a number of bytes", level + 1)
  end
end

local M = {}

--- Makes the tool. Raises at the caller's line when an option is wrong, or when the
--- directory cannot be opened or made.
---@param options claude.MemoryOptions
---@return claude.Tool
function M.new(options)
  check(options, 2)
  local tree, problem = core.tree(options.directory)
  if not tree then error(("claude.memory_tool: %s: %s"):format(options.directory, problem), 2) end
  local most = math.floor(options.max_file_bytes or DEFAULT_MOST_BYTES)
  local memory = setmetatable({ tree = tree, most = most }, Memory)
  return tools.new({
    type = "memory_20250818",
    name = "memory",
    run = function(input) return memory:run(input) end,
  })
end

return M
