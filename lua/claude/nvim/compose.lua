--- A small window to write a question in, of any number of lines.
local naming = require("claude.nvim.naming")

local M = {}

local HEIGHT = 6

local function send(chat, buffer)
  local question = table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n")
  if not question:find("%S") or not chat:ask(question) then return end
  vim.bo[buffer].modified = false
  -- Not inside the command that wrote it: `:wq` still wants to close the window.
  vim.schedule(function()
    if vim.api.nvim_buf_is_valid(buffer) then vim.api.nvim_buf_delete(buffer, { force = true }) end
  end)
end

local function hint(buffer, key)
  local namespace = vim.api.nvim_create_namespace("claude.compose")
  local keys = key and (key .. " in normal mode, or :w, sends") or ":w sends"
  vim.api.nvim_buf_set_extmark(buffer, namespace, 0, 0, {
    virt_text = { { keys, "ClaudeNote" } },
    virt_text_pos = "right_align",
  })
end

-- A question that is being written is not thrown away for another.
local function go_on(chat)
  local buffer = chat.question_buffer
  local window = buffer and vim.fn.win_findbuf(buffer)[1]
  if not window then return false end
  vim.api.nvim_set_current_win(window)
  return true
end

local function make_buffer(chat)
  local buffer = vim.api.nvim_get_current_buf()
  local settings = vim.bo[buffer]
  settings.buftype, settings.bufhidden, settings.swapfile = "acwrite", "wipe", false
  naming.apply(buffer, vim.api.nvim_buf_get_name(chat.buffer) .. "/question")
  settings.syntax = "markdown"
  chat.question_buffer = buffer
  return buffer
end

--- Opens the window below the current one, or goes to it.
---@param chat claude.nvim.Chat
function M.open(chat)
  if go_on(chat) then return end
  local key = chat.options.keys.reply
  vim.cmd(("belowright %dnew"):format(HEIGHT))
  local buffer = make_buffer(chat)
  vim.api.nvim_create_autocmd("BufWriteCmd", {
    buffer = buffer,
    callback = function() send(chat, buffer) end,
  })
  if key then vim.keymap.set("n", key, function() send(chat, buffer) end, { buffer = buffer }) end
  hint(buffer, key)
  vim.cmd("startinsert")
end

return M
