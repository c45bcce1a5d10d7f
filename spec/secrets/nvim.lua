-- Neovim with the key in its environment, and `:Claude` as a user has it: a question, another
-- in the same chat, a saved chat that is resumed, the health check. What can be seen is written
-- out at the end. With the API that refuses, each of them shows its refusal.
--
--     nvim --headless -u spec/secrets/nvim.lua
vim.opt.runtimepath:prepend(vim.fn.getcwd())
package.path, package.cpath = "", "" -- those of another Lua

local BEAT, MOST_BEATS = 50, 1200 -- milliseconds, and how many of them a step may take

local function is_idle() return not require("claude.nvim").is_busy() end

local STEPS = {
  function() vim.cmd("Claude What is 2 * 3?") end,
  function() vim.cmd("Claude And 4?") end,
  function() vim.cmd("ClaudeRetry") end,
  function() vim.cmd("ClaudeResume") end,
  function() vim.cmd("checkhealth claude") end,
}

-- Not by print, which leaves out the middle of long lines.
local function show(...) io.stdout:write(table.concat({ ... }, " "), "\n") end

local function show_all()
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    show(vim.api.nvim_buf_get_name(buffer))
    show(table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), "\n"))
  end
  show(vim.api.nvim_exec("messages", true))
  for name, module in pairs(package.loaded) do
    if name:find("^claude%.nvim") then show(name, vim.inspect(module)) end
  end
end

local function finish()
  show_all()
  vim.cmd("qa!")
end

-- Each step once the answer of the one before is there.
local timer, number, beats = vim.loop.new_timer(), 0, 0
local function go_on()
  beats = beats + 1
  if beats > MOST_BEATS then vim.cmd("cquit") end
  if number > 0 and not is_idle() then return end
  number, beats = number + 1, 0
  if STEPS[number] then return STEPS[number]() end
  timer:close()
  finish()
end

vim.api.nvim_create_autocmd("VimEnter", {
  callback = function()
    local again = vim.schedule_wrap(function()
      if not timer:is_closing() then go_on() end
    end)
    timer:start(BEAT, BEAT, again)
  end,
})
