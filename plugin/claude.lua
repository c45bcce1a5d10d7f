-- The commands. Nothing is loaded until one of them is used.
if vim.g.loaded_claude then return end
vim.g.loaded_claude = true

if vim.fn.has("nvim-0.7") == 0 then
  vim.notify("lua-claude needs Neovim 0.7 or newer", vim.log.levels.WARN)
  return
end

local function define(name, verb, options)
  local function run(arguments) require("claude.nvim.commands")[verb](arguments) end
  vim.api.nvim_create_user_command(name, function(arguments)
    local done, problem = pcall(run, arguments)
    -- It says what to do; a traceback would hide it.
    if not done then vim.notify("claude: " .. tostring(problem), vim.log.levels.ERROR) end
  end, options)
end

define("Claude", "ask", {
  nargs = "*",
  bang = true,
  range = true,
  desc = "Ask Claude, in the last chat or (with !) in a new one",
})
define("ClaudeStop", "stop", { desc = "Stop the answer that is arriving" })
define("ClaudeRetry", "retry", { desc = "Send the last question again" })
define("ClaudeResume", "resume", {
  nargs = "?",
  complete = function(lead) return require("claude.nvim.commands").complete(lead) end,
  desc = "Continue a saved chat, the last one if none is named",
})
