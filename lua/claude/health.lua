--- `:checkhealth claude`: what the doctor finds, and what only Neovim has. Sends nothing.
local doctor = require("claude.doctor")
local options_module = require("claude.nvim.options")

local M = {}

-- Before 0.9 the functions had other names, and before 0.8 another place.
local function reporter()
  local health = vim.health or require("health")
  return {
    start = health.start or health.report_start,
    ok = health.ok or health.report_ok,
    info = health.info or health.report_info,
    warn = health.warn or health.report_warn,
    error = health.error or health.report_error,
  }
end

local function tell(health, finding)
  local text = ("%s: %s"):format(finding.name, finding.text)
  if finding.ok then return health.ok(text) end
  if finding.ok == false then return health.error(text, finding.hint) end
  health.info(finding.hint and ("%s (%s)"):format(text, finding.hint) or text)
end

local function tell_editor(health)
  if vim.fn.has("nvim-0.7.2") == 1 then return health.ok("Neovim is 0.7.2 or newer") end
  health.warn("Neovim is older than 0.7.2, with which this is tested", "update Neovim")
end

-- The folder of saved chats, or the first above it that is there.
local function tell_folder(health)
  local folder = options_module.current().folder
  local there = folder
  while vim.fn.isdirectory(there) == 0 do
    there = vim.fn.fnamemodify(there, ":h")
  end
  if vim.fn.filewritable(there) == 2 then return health.ok("chats are saved in " .. folder) end
  health.error(
    ("chats cannot be saved in %s: %s is not writable"):format(folder, there),
    "change its permissions, or name another folder in setup"
  )
end

--- Reports; called by Neovim.
function M.check()
  local health = reporter()
  health.start("lua-claude")
  for _, finding in ipairs(doctor.run({ client = options_module.current().client })) do
    tell(health, finding)
  end
  health.start("lua-claude in Neovim")
  tell_editor(health)
  tell_folder(health)
end

return M
