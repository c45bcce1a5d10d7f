--- Shows an answer as it arrives: thinking dimmed, tool calls with their
--- input, results, text; and a line of usage at the end.
local core = require "claude.core"

local M = {}

local View = {}
View.__index = View
View.__name = "claude.command.view"

local MAX_SHOWN = 400

--- A view that writes answers to one terminal and what surrounds them
--- (thinking, tools, usage) to another, or to the same.
---@param answer table a `claude.command.terminal`
---@param aside table a `claude.command.terminal`
---@return table
function M.new(answer, aside) return setmetatable({ answer = answer, aside = aside }, View) end

local function shortened(text)
  if #text <= MAX_SHOWN then return text end
  -- Never half a character.
  local cut = text:sub(1, MAX_SHOWN):gsub("[\192-\255][\128-\191]*$", "")
  return ("%s… (%d bytes in all)"):format(cut, #text)
end

local function as_json(value) return core.encode(value) or tostring(value) end

-- Each block starts on a line of its own; tells whether this is its start.
local function begin(self, block)
  if self.block == block then return false end
  self.block = block
  self:finish()
  return true
end

--- Ends the line that is being written.
function View:finish()
  self.answer:fresh_line()
  self.aside:fresh_line()
end

--- Shows a piece of thinking or text; other kinds only end the block.
---@param kind string
---@param text string|nil
---@param index integer|nil
function View:delta(kind, text, index)
  if kind == "thinking" and text ~= "" then
    if begin(self, "thinking" .. index) and not self.aside.colours then
      self.aside:write "[thinking] "
    end
    self.aside:write(text, true)
  elseif kind == "text" and text ~= "" then
    begin(self, "text" .. index)
    self.answer:write(text)
  elseif kind == "block_stop" then
    begin(self, nil)
  end
end

--- Shows a call of a tool.
---@param name string
---@param input table|nil
function View:call(name, input)
  begin(self, nil)
  self.aside:line(("[tool] %s %s"):format(name, input and shortened(as_json(input)) or ""))
end

--- Shows what a tool returned.
---@param name string
---@param result string
---@param is_error boolean|nil
function View:result(name, result, is_error)
  begin(self, nil)
  local what = is_error and "failed" or "returned"
  self.aside:line(("[tool] %s %s: %s"):format(name, what, shortened(result)))
end

--- Shows the line of usage.
---@param tally claude.command.Tally
---@param stop_reason string|nil
---@param first_token number|nil seconds
function View:usage(tally, stop_reason, first_token)
  begin(self, nil)
  local line = "[usage] tokens: %d in (%d cached), %d out (%d thinking); stop reason: %s%s"
  local after = first_token and ("; first token after %.2f s"):format(first_token) or ""
  self.aside:line(
    line:format(
      tally.input,
      tally.cached,
      tally.output,
      tally.thinking,
      tostring(stop_reason),
      after
    ),
    true
  )
end

return M
