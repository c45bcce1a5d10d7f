--- One chat: a conversation, the buffer that shows it, and the file that keeps it.
---
--- The answer is read in a task of its own. After every turn, whatever became of it, the
--- conversation is saved; after a failure it still holds the question, and `send` is the retry.
local approvals = require("claude.nvim.approval")
local claude = require("claude")
local core = require("claude.core")
local folds = require("claude.nvim.folds")
local naming = require("claude.nvim.naming")
local shows = require("claude.nvim.show")
local stores = require("claude.nvim.store")
local syntax = require("claude.nvim.syntax")
local tasks = require("claude.tasks")
local views = require("claude.nvim.view")

local M = {}

---@class claude.nvim.Chat
---@field name string of its file, without the suffix
---@field question_buffer? integer where the next question is being written
---@field options claude.nvim.Options
---@field buffer integer
---@field conversation claude.Conversation
---@field view claude.nvim.View
---@field show claude.nvim.Show
---@field approval claude.nvim.Approval
---@field package writer claude.nvim.Writer
---@field package run? claude.Run what is under way
---@field package stopped? claude.Run the same, once it was told to stop
---@field package closed boolean
local Chat = {}
Chat.__index = Chat
Chat.__name = "claude.nvim.Chat"

local function warn(text) vim.notify("claude: " .. text, vim.log.levels.WARN) end

local BUSY = "an answer is arriving: :ClaudeStop stops it"

-- What runs the user's autocommands: their errors are told, and stop nothing.
local function attempt(what, ...)
  local done, problem = pcall(...)
  if not done then warn(("%s: %s"):format(what, problem)) end
  return done
end

local function make_buffer(name)
  local buffer = vim.api.nvim_create_buf(true, true)
  naming.apply(buffer, "claude://" .. name)
  local settings = vim.bo[buffer]
  settings.undolevels = -1 -- what was said cannot be undone here
  settings.modifiable = false
  attempt("the chat's filetype", function() settings.filetype = "claude" end)
  syntax.apply(buffer)
  return buffer
end

local function listen(chat)
  local buffer = chat.buffer
  local function on(event, callback)
    vim.api.nvim_create_autocmd(event, { buffer = buffer, callback = callback })
  end
  on("BufWinEnter", function()
    folds.apply()
    chat.view:flush() -- it is written to less often while nobody sees it
  end)
  on("BufUnload", function()
    chat:close()
    -- Its text is gone: a buffer by that name would be an empty shell.
    vim.schedule(function()
      if vim.api.nvim_buf_is_valid(buffer) then
        vim.api.nvim_buf_delete(buffer, { force = true })
      end
    end)
  end)
end

local function map_keys(chat)
  local actions = {
    stop = function() chat:stop() end,
    reply = function() require("claude.nvim.compose").open(chat) end,
    yes = function() chat.approval:answer("yes") end,
    no = function() chat.approval:answer("no") end,
    always = function() chat.approval:answer("always") end,
  }
  for name, key in pairs(chat.options.keys) do
    if key then vim.keymap.set("n", key, actions[name], { buffer = chat.buffer, nowait = true }) end
  end
end

local function make_writer(chat)
  local function on_problem(problem)
    vim.schedule(function() warn("the chat is not saved: " .. tostring(problem)) end)
  end
  local function on_moved(path)
    chat.name = stores.name(path)
    vim.schedule(function()
      warn("another editor saved this chat, too: what is said here is saved as " .. chat.name)
      if not chat.closed then naming.apply(chat.buffer, "claude://" .. chat.name) end
    end)
  end
  return stores.writer(stores.path(chat.options.folder, chat.name), on_problem, on_moved)
end

--- A chat with a buffer of its own.
---@param options claude.nvim.Options
---@param conversation claude.Conversation
---@param name string of its file
---@return claude.nvim.Chat
function M.new(options, conversation, name)
  local buffer = make_buffer(name)
  local view = views.new(buffer)
  local chat = setmetatable({
    name = name,
    options = options,
    buffer = buffer,
    conversation = conversation,
    view = view,
    show = shows.new(view),
    closed = false,
  }, Chat)
  chat.writer = make_writer(chat)
  chat.approval = approvals.new(chat)
  listen(chat)
  map_keys(chat)
  return chat
end

--- Says something to a user who does not see the chat.
---@param text string
function Chat:notice(text)
  if vim.fn.win_findbuf(self.buffer)[1] == nil then vim.notify("claude: " .. text) end
end

--- Whether an answer is arriving.
---@return boolean
function Chat:is_busy() return self.run ~= nil end

--- Whether its buffer is gone, also where no autocommand could tell.
---@return boolean
function Chat:is_closed()
  if not self.closed and not vim.api.nvim_buf_is_loaded(self.buffer) then self:close() end
  return self.closed
end

--- Whether it has ended, and all is saved.
---@return boolean
function Chat:is_over() return self:is_closed() and not self.writer:is_behind() end

local WINDOW = "the chat's window"

function Chat:_make_window()
  local before = vim.api.nvim_get_current_win()
  local made = attempt(WINDOW, vim.cmd, self.options.open)
  if not made and vim.api.nvim_get_current_win() == before then return false end
  attempt(WINDOW, vim.api.nvim_win_set_buf, 0, self.buffer)
  if vim.api.nvim_get_current_buf() ~= self.buffer then return false end
  folds.apply()
  vim.api.nvim_win_set_cursor(0, { vim.api.nvim_buf_line_count(self.buffer), 0 })
  return true
end

--- Shows the chat in a window, and goes there. Where that cannot be, it says so.
---@return boolean shown
function Chat:open()
  local window = vim.fn.bufwinid(self.buffer)
  if window == -1 then return self:_make_window() end
  attempt(WINDOW, vim.api.nvim_set_current_win, window)
  return vim.api.nvim_get_current_win() == window
end

--- Asks, and shows the answer as it comes.
---@param question string
---@return boolean taken
function Chat:ask(question)
  if self:is_closed() then
    warn("this chat was closed: the question was not taken")
    return false
  end
  if self.run then
    warn(BUSY)
    return false
  end
  if not core.utf8_valid(question) then
    warn("the question is not UTF-8, and was not taken")
    return false
  end
  self.show:question(question)
  self.conversation:user(question)
  self:send()
  return true
end

local FINISHED = { end_turn = true, stop_sequence = true }

-- Why an answer is not all there is to say, where that is so.
local REASONS = {
  max_tokens = "The answer was cut off: it reached max_tokens.",
  model_context_window_exceeded = "The conversation is longer than the model can read.",
  refusal = "The model declined to answer; the question stays: :ClaudeRetry sends it again.",
  pending = "A tool without a function was called: nobody answers it here.",
}

local RETRY = "The question is kept: :ClaudeRetry sends it again."

function Chat:_tell_end(run, err)
  if not err then
    local reason = run.reason
    if FINISHED[reason] then return end
    return self.show:say(REASONS[reason] or ("The answer ended: " .. tostring(reason)), "note")
  end
  if err.kind == "cancelled" then return self.show:say("(stopped)", "note") end
  self.show:say(tostring(err), "error")
  self.show:say(RETRY, "note")
end

function Chat:_read(run)
  while true do
    local kind, text, index, call = run:next()
    if self:is_closed() then return nil end
    if not kind then
      return index --[[@as claude.Error?]]
    end
    self.view:status(nil)
    self.show:piece(kind, text, index, call)
    if kind == "block_stop" or kind == "tool_end" then self.view:status("…") end
  end
end

function Chat:_answer(run)
  local ok, err, text = tasks.call(function() return self:_read(run) end)
  if self.run == run then self.run = nil end
  if self:is_closed() then return end
  self.view:status(nil)
  if ok then
    self:_tell_end(run, err)
  else
    run:cancel()
    self.show:say(text, "error")
  end
  self:save()
end

--- Sends what was asked last, also after a failure.
function Chat:send()
  local run = self.conversation:run({ approve = function(call) return self.approval:ask(call) end })
  self.run = run
  self.view:status("…")
  claude.spawn(function() self:_answer(run) end)
end

--- Whether something was said, or a tool called, that has no answer.
---@return boolean
function Chat:awaits_answer()
  if self.run then return false end
  local messages = self.conversation:messages()
  local last = messages[#messages]
  return last ~= nil and (last.role ~= "assistant" or #self.conversation:pending() > 0)
end

--- Sends the last question again if it has no answer.
---@return boolean
function Chat:retry()
  if not self:awaits_answer() then
    warn(self.run and BUSY or "there is no question without an answer")
    return false
  end
  self.show:heading("Claude")
  self:send()
  return true
end

--- Stops the answer. What had arrived of it stays, also for the model.
function Chat:stop()
  local run = self.run
  if not run or run == self.stopped then return end
  self.stopped = run
  run:cancel()
  local _, _, err = run:next()
  local partial = err and err.kind == "cancelled" and err.partial
  if partial then self.conversation:keep(partial) end
end

--- It goes on with what its file holds.
function Chat:continue_file() self.writer:continue() end

function Chat:_dump()
  local dump, _, err = self.conversation:dump()
  if not dump then warn("the chat cannot be saved: " .. tostring(err)) end
  return dump
end

--- Writes the conversation to its file, and waits for nothing.
function Chat:save()
  local dump = self:_dump()
  if dump then self.writer:write(dump) end
end

--- Stops, and lets go of the buffer.
function Chat:close()
  if self.closed then return end
  local was_busy = self:is_busy()
  self:stop()
  self.closed = true
  self.view:close()
  if was_busy then self:save() end
end

--- At the end of the editor: stops, and saves what is not saved.
function Chat:leave()
  if not self.run then return self.writer:finish() end
  self:stop()
  self.writer:finish(self:_dump())
end

return M
