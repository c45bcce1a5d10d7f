--- How windows fold thinking: a line's level, and what stands for a closed fold.
---
--- Kept by line number, because Neovim asks for the level of a line while it is being
--- inserted. Chats only grow at their end, so that numbers stay.
local M = {}

local levels = {} -- by buffer: line number -> ">1" (a fold begins) or "1"

--- Says that a line, which is about to be written, is thinking.
---@param buffer integer
---@param line integer from 1
---@param begins boolean whether a block begins there
function M.mark(buffer, line, begins)
  levels[buffer] = levels[buffer] or {}
  levels[buffer][line] = begins and ">1" or levels[buffer][line] or "1"
end

---@param buffer integer
function M.forget(buffer) levels[buffer] = nil end

--- For 'foldexpr'.
---@param line integer
---@return string
function M.level(line)
  local known = levels[vim.api.nvim_get_current_buf()]
  return known and known[line] or "0"
end

--- For 'foldtext'.
---@return string
function M.text()
  local first, last = vim.v.foldstart, vim.v.foldend
  local words = vim.trim(vim.fn.getline(first))
  return ("▸ thinking, %d %s: %s "):format(
    last - first + 1,
    first == last and "line" or "lines",
    words
  )
end

local SETTINGS = {
  "foldmethod=expr",
  "foldexpr=v:lua.require'claude.nvim.folds'.level(v:lnum)",
  "foldtext=v:lua.require'claude.nvim.folds'.text()",
  "foldlevel=0",
  "foldminlines=0",
  "foldenable",
  "fillchars+=fold:\\ ",
  "wrap",
  "linebreak",
  "nonumber",
  "norelativenumber",
  "nolist",
  "nospell",
}

--- Makes the current window fold so.
function M.apply()
  for _, setting in ipairs(SETTINGS) do
    vim.cmd("setlocal " .. setting)
  end
end

return M
