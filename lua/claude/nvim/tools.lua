--- The tools that a chat offers unless others are given. They only read, and only what
--- lies in the current folder or is open in the editor; each call is asked for.
local claude = require("claude")
local core = require("claude.core")
local folder = require("claude.folder")

local M = {}

local MOST_LINES = 2000
local MOST_BYTES = 128 * 1024 -- what a model reads stays in the chat, and counts every time
local MOST_FILES = 500

local function uv() return vim.uv or vim.loop end

local function describe(buffer)
  return {
    name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":."),
    lines = vim.api.nvim_buf_line_count(buffer),
    filetype = vim.bo[buffer].filetype,
    modified = vim.bo[buffer].modified,
    current = buffer == vim.api.nvim_get_current_buf(),
  }
end

-- Files that are open; help, terminals and chats are none.
local function open_files()
  return vim.tbl_filter(function(buffer)
    local settings = vim.bo[buffer]
    return vim.api.nvim_buf_is_loaded(buffer)
      and settings.buflisted
      and settings.buftype == ""
      and vim.api.nvim_buf_get_name(buffer) ~= ""
  end, vim.api.nvim_list_bufs())
end

M.list_buffers = claude.tool({
  name = "list_buffers",
  description = "The files that are open in the user's editor: names relative to the current "
    .. "folder, numbers of lines, whether they have unsaved changes.",
  input_schema = { type = "object", properties = {} },
  run = function() return claude.array(vim.tbl_map(describe, open_files())) end,
})

-- Names in one folder; those below it end in a slash.
local function entries(path)
  local names = {}
  local listing = assert(uv().fs_scandir(path))
  local name, kind = uv().fs_scandir_next(listing)
  while name do
    if name:sub(1, 1) ~= "." then
      names[#names + 1] = kind == "directory" and name .. "/" or name
    end
    name, kind = uv().fs_scandir_next(listing)
  end
  table.sort(names)
  return names
end

M.list_files = claude.tool({
  name = "list_files",
  description = "The names in a folder of the user's project, hidden ones left out. Names of "
    .. "folders end in a slash.",
  input_schema = {
    type = "object",
    properties = {
      path = {
        type = "string",
        description = 'Relative to the current folder, such as "src" or "."',
      },
    },
    required = { "path" },
  },
  run = function(input)
    local path, why = folder.resolve(uv(), tostring(input.path), "directory")
    if not path then return nil, why end
    local names = entries(path)
    local left = #names - MOST_FILES
    if left > 0 then names = vim.list_slice(names, 1, MOST_FILES) end
    if left > 0 then names[#names + 1] = ("[%d more]"):format(left) end
    return table.concat(names, "\n")
  end,
})

-- What the editor has of a file counts, saved or not.
local function lines_of(path)
  for _, buffer in ipairs(open_files()) do
    if uv().fs_realpath(vim.api.nvim_buf_get_name(buffer)) == path then
      return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
    end
  end
  return vim.fn.readfile(path)
end

-- Not inside a character.
local function cut(text)
  local part = text:sub(1, MOST_BYTES)
  local valid, at = core.utf8_valid(part)
  if not valid and at > MOST_BYTES - 4 then part = part:sub(1, at - 1) end
  return ("%s\n[%d bytes of %d]"):format(part, #part, #text)
end

M.read_file = claude.tool({
  name = "read_file",
  description = (
    "Read a text file in the current folder or below it, as it is in the editor if "
    .. "it is open there: at most %d lines and %d bytes at once."
  ):format(MOST_LINES, MOST_BYTES),
  input_schema = {
    type = "object",
    properties = {
      path = { type = "string", description = "Relative to the current folder" },
      first_line = { type = "integer", description = "1 if not given" },
      last_line = { type = "integer" },
    },
    required = { "path" },
  },
  run = function(input)
    local path, why = folder.resolve(uv(), tostring(input.path), "file")
    if not path then return nil, why end
    local lines = lines_of(path)
    local first = math.max(1, tonumber(input.first_line) or 1)
    local last = math.min(#lines, tonumber(input.last_line) or #lines, first + MOST_LINES - 1)
    local text = table.concat(vim.list_slice(lines, first, last), "\n")
    if #text > MOST_BYTES then return cut(text) end
    if last >= #lines then return text end
    return ("%s\n[lines %d to %d of %d]"):format(text, first, last, #lines)
  end,
})

--- All of them.
M.all = { M.list_buffers, M.list_files, M.read_file }

return M
