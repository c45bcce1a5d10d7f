--- What is coloured in a chat by its form: code, lists, emphasis. Less than Markdown's own
--- syntax, which looks across lines: an underscore in one sentence would slant the next.
local M = {}

local COMMANDS = {
  [[syntax region claudeCodeBlock start=/^\s*```/ end=/^\s*```\s*$/ keepend]],
  [[syntax match claudeCode /`[^`]\+`/]],
  [[syntax match claudeStrong /\*\*[^* ][^*]*\*\*/]],
  [[syntax match claudeItem /^\s*\([-*+]\|\d\+\.\)\ze\s/]],
  [[syntax match claudeTitle /^#\{1,6} .*/]],
  [[syntax sync minlines=100]],
}

local HIGHLIGHTS = {
  [[highlight default link claudeCodeBlock String]],
  [[highlight default link claudeCode String]],
  [[highlight default claudeStrong gui=bold cterm=bold]],
  [[highlight default link claudeItem Statement]],
  [[highlight default link claudeTitle Title]],
}

local function highlight()
  for _, command in ipairs(HIGHLIGHTS) do
    vim.cmd(command)
  end
end

local is_watching = false

-- A colour scheme clears what is no link.
local function watch_colors()
  if is_watching then return end
  is_watching = true
  vim.api.nvim_create_autocmd("ColorScheme", { callback = highlight })
end

--- Sets it up for a buffer.
---@param buffer integer
function M.apply(buffer)
  highlight()
  watch_colors()
  vim.api.nvim_buf_call(buffer, function()
    for _, command in ipairs(COMMANDS) do
      vim.cmd(command)
    end
  end)
end

return M
