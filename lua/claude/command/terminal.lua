--- Writing to a terminal or a pipe: dimmed text where that can be seen, and
--- no control characters of a model where they could do harm.
local output = require "claude.command.output"

local M = {}

local Terminal = {}
Terminal.__index = Terminal
Terminal.__name = "claude.command.terminal"

local DIM, PLAIN = "\27[2m", "\27[0m"

--- Whether a descriptor is a terminal. luv knows; without it the shell does.
---@param descriptor integer
---@return boolean
function M.is_terminal(descriptor)
  local found, uv = pcall(require, "luv")
  if found then return uv.guess_handle(descriptor) == "tty" end
  local status = os.execute(("test -t %d"):format(descriptor))
  return status == true or status == 0
end

-- Headers may have any byte, and bytes alone are controls to some terminals. Where
-- claude.core does not load, it is the report of that which is shown.
---@param text string
---@return string
local function as_utf8(text)
  local found, core = pcall(require, "claude.core")
  return found and core.utf8_scrub(text) or (text:gsub("[\128-\255]", "?"))
end

--- A text without what moves a cursor, changes a title or rings: C0 controls
--- but tab and newline, DEL, the C1 controls, and what is no UTF-8.
---@param text string
---@return string
function M.harmless(text)
  local kept = as_utf8(text):gsub("[%z\1-\8\11-\31\127]", "")
  return (kept:gsub("\194[\128-\159]", ""))
end

local function escaped(control) return ("\\u%04x"):format(control:byte(-1)) end

--- JSON for a descriptor: on a terminal the controls that JSON may have as they are, DEL and
--- C1, are escaped. Elsewhere it stays as it is.
---@param json string
---@param descriptor integer
---@return string
function M.json(json, descriptor)
  if not M.is_terminal(descriptor) then return json end
  return (as_utf8(json):gsub("\127", escaped):gsub("\194[\128-\159]", escaped))
end

local function can_dim()
  local refused = (os.getenv "NO_COLOR" or "") ~= ""
  return not refused and os.getenv "TERM" ~= "dumb"
end

--- A writer for `file`.
---@param file file*
---@param descriptor integer its number, to find out what it is
---@return table
function M.new(file, descriptor)
  local is_terminal = M.is_terminal(descriptor)
  return setmetatable({
    file = file,
    -- What is said on standard error is lost without harm.
    must_arrive = descriptor == 1,
    is_terminal = is_terminal,
    colours = is_terminal and can_dim(),
    column_is_0 = true,
  }, Terminal)
end

--- Writes text, dimmed if asked and possible.
---@param text string
---@param dimmed boolean|nil
function Terminal:write(text, dimmed)
  if text == "" then return end
  if self.is_terminal then text = M.harmless(text) end
  self.column_is_0 = text:sub(-1) == "\n"
  if dimmed and self.colours then text = DIM .. text .. PLAIN end
  if self.must_arrive then
    output.write(self.file, text)
    output.flush(self.file)
  else
    self.file:write(text)
    self.file:flush()
  end
end

--- Starts a new line unless at the start of one.
function Terminal:fresh_line()
  if not self.column_is_0 then self:write "\n" end
end

--- Writes whole lines, dimmed if asked and possible.
---@param text string
---@param dimmed boolean|nil
function Terminal:line(text, dimmed)
  self:fresh_line()
  self:write(text, dimmed)
  self:write "\n"
end

--- A writer that swallows what it is given.
---@return table
function M.nowhere()
  local function swallow() end
  return { write = swallow, line = swallow, fresh_line = swallow }
end

return M
