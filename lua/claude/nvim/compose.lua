--- A small window to write a question in, of any number of lines.
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

--- Opens the window below the current one.
---@param chat claude.nvim.Chat
function M.open(chat)
  local name = vim.api.nvim_buf_get_name(chat.buffer) .. "/question"
  local key = chat.options.keys.reply
  vim.cmd(("belowright %dnew"):format(HEIGHT))
  local buffer = vim.api.nvim_get_current_buf()
  local settings = vim.bo[buffer]
  settings.buftype, settings.bufhidden, settings.swapfile = "acwrite", "wipe", false
  local known = vim.fn.bufnr(name)
  if known ~= -1 and known ~= buffer then vim.api.nvim_buf_delete(known, { force = true }) end
  vim.api.nvim_buf_set_name(buffer, name)
  settings.syntax = "markdown"
  vim.api.nvim_create_autocmd("BufWriteCmd", {
    buffer = buffer,
    callback = function() send(chat, buffer) end,
  })
  if key then vim.keymap.set("n", key, function() send(chat, buffer) end, { buffer = buffer }) end
  hint(buffer, key)
  vim.cmd("startinsert")
end

return M
