--- What the commands of plugin/claude.lua do.
local nvim = require("claude.nvim")

local M = {}

-- The lines of a range, so that the question can be about them.
local function context_of(arguments)
  if arguments.range == 0 then return nil end
  local lines = vim.api.nvim_buf_get_lines(0, arguments.line1 - 1, arguments.line2, false)
  local name = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(0), ":.")
  local from = name ~= ""
      and ("%s, lines %d to %d:\n\n"):format(name, arguments.line1, arguments.line2)
    or ""
  return ("%s```%s\n%s\n```"):format(from, vim.bo.filetype, table.concat(lines, "\n"))
end

--- `:[range]Claude[!] [question]`
---@param arguments table of nvim_create_user_command
function M.ask(arguments)
  local context = context_of(arguments)
  local question = arguments.args
  if context then question = question ~= "" and (question .. "\n\n" .. context) or context end
  if question:find("%S") then
    nvim.ask(question, { new = arguments.bang })
  else
    nvim.open({ new = arguments.bang })
  end
end

--- `:ClaudeStop`
function M.stop() nvim.stop() end

--- `:ClaudeRetry`
function M.retry() nvim.retry() end

--- `:ClaudeResume [name]`
---@param arguments table
function M.resume(arguments) nvim.resume(arguments.args ~= "" and arguments.args or nil) end

--- Names of saved chats that begin so, newest first.
---@param lead string
---@return string[]
function M.complete(lead)
  return vim.tbl_filter(function(name) return vim.startswith(name, lead) end, nvim.saved())
end

return M
