--- Writes a chat into its buffer.
---
--- What is said is collected and written now and then: an editor draws a screen, not a
--- stream. Text is UTF-8 with line ends anywhere, in pieces that are cut anywhere between
--- two characters.
local folds = require("claude.nvim.folds")
local host_program = require("claude.host")
local hub = require("claude.loop")

local M = {}

M.INTERVAL = 0.03 -- seconds between two writes
M.HIDDEN_INTERVAL = 0.5 -- the same, where no window shows the buffer
local BUDGET = 0.001 -- seconds that writing may take at a time, all chats together
local PIECE = 2048 -- bytes that are written at once, more or less

---@alias claude.nvim.Style "thinking"|"tool"|"result"|"error"|"note"|"heading"

-- Highlight groups, and what they are where a colour scheme says nothing of them.
local GROUPS = {
  thinking = { "ClaudeThinking", "Comment" },
  tool = { "ClaudeTool", "Function" },
  result = { "ClaudeResult", "String" },
  error = { "ClaudeError", "ErrorMsg" },
  note = { "ClaudeNote", "NonText" },
  heading = { "ClaudeHeading", "Title" },
}

--- Text of one style: a list of strings, and how long they are together.
---@class claude.nvim.Piece
---@field [integer] string
---@field size integer
---@field style? claude.nvim.Style
---@field begins? boolean a block begins here
---@field folded? string what it is called when it is folded away

---@class claude.nvim.View
---@field buffer integer
---@field package pending claude.nvim.Piece[] not written yet
---@field package line_ends integer how many end the text so far, up to 2
---@field package carriage_return boolean the last piece ended in one: a line end may be cut
---@field package armed boolean a write is to come
---@field package closed boolean
---@field package shown_status? string
---@field package status_stands? boolean
local View = {}
View.__index = View
View.__name = "claude.nvim.View"

-- The status has one of its own: marks of others may be numbered as it is.
local namespace, status_namespace

local function prepare_highlights()
  namespace = namespace or vim.api.nvim_create_namespace("claude")
  status_namespace = status_namespace or vim.api.nvim_create_namespace("claude.status")
  for _, group in pairs(GROUPS) do
    vim.cmd(("highlight default link %s %s"):format(group[1], group[2]))
  end
end

--- A view of an empty buffer.
---@param buffer integer
---@return claude.nvim.View
function M.new(buffer)
  prepare_highlights()
  return setmetatable({
    buffer = buffer,
    pending = {},
    line_ends = 2,
    carriage_return = false,
    armed = false,
    closed = false,
  }, View)
end

local queue = {} -- views whose time has come, first come first
local queue_is_served = false

-- Writes until the budget is spent; then the editor has its turn.
local function write_queue()
  local stop = hub.now() + BUDGET
  while queue[1] and hub.now() < stop do
    local view = table.remove(queue, 1)
    view.armed = false
    local written, problem = pcall(view._write, view, stop)
    if not written then host_program.log("error", problem) end
  end
  queue_is_served = queue[1] ~= nil
  if queue_is_served then hub.at(hub.now(), write_queue) end
end

local function enqueue(view)
  queue[#queue + 1] = view
  if queue_is_served then return end
  queue_is_served = true
  hub.at(hub.now(), write_queue)
end

function View:_arm()
  if self.armed or self.closed then return end
  self.armed = true
  local shown = vim.fn.win_findbuf(self.buffer)[1]
  local interval = shown and M.INTERVAL or M.HIDDEN_INTERVAL
  hub.at(hub.now() + interval, function() enqueue(self) end)
  hub.flush()
end

-- CR LF is a line end as LF is, also when it comes in two pieces.
function View:_with_line_ends(text)
  if self.carriage_return then text = "\r" .. text end
  self.carriage_return = text:sub(-1) == "\r"
  if self.carriage_return then text = text:sub(1, -2) end
  return (text:gsub("\r\n", "\n"))
end

--- Says a piece of text.
---@param text string
---@param style? claude.nvim.Style
---@param begins? boolean whether a block begins here
---@param folded? string its name, if it is folded away
function View:say(text, style, begins, folded)
  text = self:_with_line_ends(text)
  if text == "" then return end
  local last = self.pending[#self.pending]
  if not last or last.style ~= style or begins or last.size > PIECE then
    last = { size = 0, style = style, begins = begins, folded = folded }
    self.pending[#self.pending + 1] = last
  end
  last[#last + 1] = text
  last.size = last.size + #text
  local ends = #text:sub(-2):match("\n*$") -- more than two are as good as two
  self.line_ends = math.min(2, ends == #text and self.line_ends + ends or ends)
  self:_arm()
end

-- Line ends until so many end the text.
function View:_break(count)
  if self.carriage_return then
    self.carriage_return = false
    self:say("\n")
  end
  if self.line_ends < count then self:say(("\n"):rep(count - self.line_ends)) end
end

--- Goes to the start of a line.
function View:fresh_line() self:_break(1) end

--- Leaves a line empty.
function View:paragraph() self:_break(2) end

--- Says whole lines.
---@param text string
---@param style? claude.nvim.Style
---@param folded? string their name, if they are folded away
function View:lines(text, style, folded)
  self:fresh_line()
  self:say(text, style, true, folded)
  self:fresh_line()
end

--- Shows a word behind the last line; nil takes it away.
---@param text? string
function View:status(text)
  self.shown_status = text
  self:_arm()
end

-- Neovim asks for the fold of a line while it is being written.
local function mark_folds(buffer, row, lines, piece)
  for i, line in ipairs(lines) do
    local begins = piece.begins and i == 1
    if i < #lines or line ~= "" then folds.mark(buffer, row + i, piece.folded, begins) end
  end
end

local function append(buffer, piece)
  local row = vim.api.nvim_buf_line_count(buffer) - 1
  local column = #vim.api.nvim_buf_get_lines(buffer, row, row + 1, true)[1]
  local lines = vim.split(table.concat(piece), "\n", { plain = true })
  if piece.folded then mark_folds(buffer, row, lines, piece) end
  vim.api.nvim_buf_set_text(buffer, row, column, row, column, lines)
  if not piece.style then return end
  local last = row + #lines - 1
  vim.api.nvim_buf_set_extmark(buffer, namespace, row, column, {
    end_row = last,
    end_col = #lines[#lines] + (last == row and column or 0),
    hl_group = GROUPS[piece.style][1],
  })
end

-- Windows whose cursor is at the end stay there.
local function followers(buffer)
  local last, found = vim.api.nvim_buf_line_count(buffer), {}
  for _, window in ipairs(vim.fn.win_findbuf(buffer)) do
    if vim.api.nvim_win_get_cursor(window)[1] == last then found[#found + 1] = window end
  end
  return found
end

function View:_place_status()
  local text, last = self.shown_status, vim.api.nvim_buf_line_count(self.buffer) - 1
  if not text then
    if self.status_stands then vim.api.nvim_buf_del_extmark(self.buffer, status_namespace, 1) end
    self.status_stands = false
    return
  end
  self.status_stands = true
  vim.api.nvim_buf_set_extmark(self.buffer, status_namespace, last, 0, {
    id = 1,
    virt_text = { { text, GROUPS.note[1] } },
  })
end

-- Where the user's code forbids changes for a while, what cannot be written waits.
---@return boolean allowed
function View:_append_pending(stop)
  local pending = self.pending
  repeat
    if not pending[1] then return true end
    if not pcall(append, self.buffer, pending[1]) then return false end
    table.remove(pending, 1)
  until hub.now() >= stop
  return true
end

-- It is set even if an autocommand of the user, on OptionSet, raises an error.
local function set_modifiable(buffer, is_modifiable)
  pcall(vim.api.nvim_buf_set_option, buffer, "modifiable", is_modifiable)
end

function View:_write(stop)
  local buffer = self.buffer
  if self.closed or not vim.api.nvim_buf_is_loaded(buffer) then return end
  local windows = followers(buffer)
  set_modifiable(buffer, true)
  local allowed = self:_append_pending(stop)
  set_modifiable(buffer, false)
  local last = vim.api.nvim_buf_line_count(buffer)
  for _, window in ipairs(windows) do
    vim.api.nvim_win_set_cursor(window, { last, 0 })
  end
  self:_place_status()
  if not allowed then return self:_arm() end
  if self.pending[1] then
    self.armed = true
    enqueue(self)
  end
end

--- Whether something that was said does not stand in the buffer yet.
---@return boolean
function View:is_behind() return self.pending[1] ~= nil and not self.closed end

--- Writes everything now.
function View:flush() self:_write(math.huge) end

--- Writes nothing more.
function View:close()
  if self.closed then return end
  self.closed = true
  folds.forget(self.buffer)
end

return M
