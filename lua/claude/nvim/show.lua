--- How the parts of a chat look: questions, thinking, text, calls of tools, errors.
local core = require("claude.core")

local M = {}

local MOST_SHOWN = 2000 -- bytes of a tool's input or result
local MOST_LINES = 4 -- longer results are folded away

---@class claude.nvim.Show
---@field view claude.nvim.View
---@field package block? integer index of the block that is being shown
---@field package announced table<table, true> calls that stand in the buffer
local Show = {}
Show.__index = Show
Show.__name = "claude.nvim.Show"

---@param view claude.nvim.View
---@return claude.nvim.Show
function M.new(view) return setmetatable({ view = view, announced = {} }, Show) end

local function shortened(text)
  if #text <= MOST_SHOWN then return text end
  -- Never half a character.
  local cut = text:sub(1, MOST_SHOWN):gsub("[\192-\255][\128-\191]*$", "")
  return ("%s … (%d bytes in all)"):format(cut, #text)
end

---@param title string
function Show:heading(title)
  self.view:paragraph()
  self.view:lines("# " .. title, "heading")
  self.view:paragraph()
  self.block = nil
end

---@param text string
function Show:question(text)
  self:heading("You")
  self.view:say(text)
  self:heading("Claude")
end

---@param text string
---@param style? claude.nvim.Style
---@param folded? string its name, if it is folded away
function Show:say(text, style, folded)
  self.view:lines(text, style, folded)
  self.block = nil
end

local THINKS = { thinking = true, redacted_thinking = true }

-- A block ends; thinking of which nothing is shown is told.
function Show:_end_block(index)
  if self.silent and self.silent == index then
    self.view:lines("(not shown)", "thinking", "thinking")
  end
  self.silent, self.block = nil, nil
  self.view:fresh_line()
end

function Show:_piece(text, index, style)
  if text == "" then return end
  local begins = self.block ~= index
  if begins then self.view:fresh_line() end
  self.silent, self.block = nil, index
  self.view:say(text, style, begins, style == "thinking" and style or nil)
end

--- Shows a piece of a run, as `run:next` gives it.
---@param kind string
---@param text string
---@param index integer
---@param call? claude.ToolCall
function Show:piece(kind, text, index, call)
  if kind == "block_start" then
    self.silent = THINKS[text] and index or nil
  elseif kind == "block_stop" then
    self:_end_block(index)
  elseif kind == "thinking" then
    self:_piece(text, index, "thinking")
  elseif kind == "text" then
    self:_piece(text, index)
  elseif kind == "tool_start" then
    self:call(call)
  elseif kind == "tool_end" then
    self:result(text, call.is_error)
  end
end

--- Shows a call of a tool, once.
---@param call claude.ToolCall
function Show:call(call)
  if self.announced[call] then return end
  self.announced[call] = true
  local input = core.encode(call.input) or tostring(call.input)
  self:say(("▸ %s %s"):format(call.name, shortened(input)), "tool")
end

---@param text string what the model sees
---@param is_error? boolean
function Show:result(text, is_error)
  local indented, line_ends = ("  " .. shortened(text)):gsub("\n", "\n  ")
  local folded = line_ends >= MOST_LINES and "result" or nil
  self:say(indented, is_error and "error" or "result", folded)
end

local function blocks_of(content)
  if type(content) ~= "string" then return content end
  return { { type = "text", text = content } }
end

function Show:_user_block(block)
  if block.type == "tool_result" then
    local content = block.content
    local text = type(content) == "table" and core.encode(content) or content or ""
    return self:result(text, block.is_error)
  end
  if self.role ~= "user" then self:heading("You") end
  self.role = "user"
  self:say(block.type == "text" and block.text or ("(%s)"):format(block.type), nil)
end

function Show:_assistant_block(block, index)
  if self.role ~= "assistant" then self:heading("Claude") end
  self.role = "assistant"
  if block.type == "tool_use" then return self:call(block) end
  self:piece("block_start", block.type, index)
  if block.type == "text" or block.type == "thinking" then
    self:piece(block.type, block[block.type], index)
  end
  self:piece("block_stop", "", index)
end

--- Shows what was said before, as `conversation:messages()` gives it.
---@param messages table[]
function Show:messages(messages)
  for _, message in ipairs(messages) do
    local show = message.role == "assistant" and self._assistant_block or self._user_block
    for i, block in ipairs(blocks_of(message.content)) do
      show(self, block, i - 1)
    end
  end
  self.role = nil
end

return M
