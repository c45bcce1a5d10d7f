--- Inside the Neovim that is measured: chats that are being answered, and the longest time
--- for which the editor's loop did not turn.
local chats_module = require("claude.nvim.chat")
local claude = require("claude")
local options_module = require("claude.nvim.options")

local M = {}

local uv = vim.uv or vim.loop
local chats = {}
local count = 0

--- Begins so many chats, whose answers come from that address. One of them is shown.
---@param n integer
---@param url string
function M.begin(n, url)
  local options = options_module.complete({ tools = false, folder = FOLDER }, 1)
  local client = claude.new({ api_key = "k", base_url = url, max_retries = 0 })
  for i = 1, n do
    count = count + 1
    local conversation = client:conversation(options_module.params(options))
    local chat = chats_module.new(options, conversation, ("bench-%d"):format(count))
    chats[#chats + 1] = chat
    if i == 1 then M.show(chat.buffer) end
    chat:ask("Go on.")
  end
end

--- Shows a buffer in the lower window; keys are typed in the upper.
---@param buffer integer
function M.show(buffer)
  if vim.fn.winnr("$") == 1 then vim.cmd("belowright split") end
  vim.api.nvim_win_set_buf(vim.fn.win_getid(2), buffer)
  local last = vim.api.nvim_buf_line_count(buffer)
  vim.api.nvim_win_set_cursor(vim.fn.win_getid(2), { last, 0 })
  vim.api.nvim_set_current_win(vim.fn.win_getid(1))
end

--- How many answers are arriving.
---@return integer
function M.busy()
  local busy = 0
  for _, chat in ipairs(chats) do
    if chat:is_busy() then busy = busy + 1 end
  end
  return busy
end

--- Bytes that stand in the buffers.
---@return integer
function M.written()
  local sum = 0
  for _, chat in ipairs(chats) do
    local lines = vim.api.nvim_buf_line_count(chat.buffer)
    sum = sum + vim.api.nvim_buf_get_offset(chat.buffer, lines)
  end
  return sum
end

--- Stops and forgets all chats.
function M.clear()
  for _, chat in ipairs(chats) do
    vim.api.nvim_buf_delete(chat.buffer, { force = true })
  end
  chats = {}
end

local watch, longest, last

--- Measures from now on.
function M.watch()
  watch = watch or uv.new_timer()
  longest, last = 0, uv.hrtime()
  watch:start(1, 1, function()
    local now = uv.hrtime()
    longest, last = math.max(longest, now - last), now
  end)
end

--- Milliseconds of the longest time between two turns of the loop.
---@return number
function M.longest()
  watch:stop()
  return longest / 1e6
end

return M
