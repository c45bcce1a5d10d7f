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
  [[highlight default link claudeCodeBlock String]],
  [[highlight default link claudeCode String]],
  [[highlight default claudeStrong gui=bold cterm=bold]],
  [[highlight default link claudeItem Statement]],
  [[highlight default link claudeTitle Title]],
}

--- Sets it up for a buffer.
---@param buffer integer
function M.apply(buffer)
  vim.api.nvim_buf_call(buffer, function()
    for _, command in ipairs(COMMANDS) do
      vim.cmd(command)
    end
  end)
end

return M
