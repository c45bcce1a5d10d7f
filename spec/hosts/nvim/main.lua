-- What Neovim reads at its start: the tree as a plugin, and the suite as a task.
vim.opt.runtimepath:prepend(vim.fn.getcwd())

local claude = require("claude")
local runner = require("spec.hosts.runner")

local task = runner.run(runner.environment(false), runner.write)
claude.spawn(function()
  task:wait()
  vim.cmd("qa!")
end)
