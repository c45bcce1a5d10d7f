--- How windows fold thinking and long results: a line's level, and what stands for a closed
--- fold.
---
--- Kept by line number, because Neovim asks for the level of a line while it is being
--- inserted. Chats only grow at their end, so that numbers stay.
local M = {}

local levels = {} -- by buffer: line number -> ">1" (a fold begins) or "1"
local names = {} -- by buffer: first line of a fold -> what it is

--- Says that a line, which is about to be written, is in a fold.
---@param buffer integer
---@param line integer from 1
---@param name string what is folded, such as "thinking"
---@param begins boolean whether a fold begins there
function M.mark(buffer, line, name, begins)
  levels[buffer], names[buffer] = levels[buffer] or {}, names[buffer] or {}
  levels[buffer][line] = begins and ">1" or levels[buffer][line] or "1"
  if begins then names[buffer][line] = name end
end

---@param buffer integer
function M.forget(buffer)
  levels[buffer], names[buffer] = nil, nil
end

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
  local known = names[vim.api.nvim_get_current_buf()]
  local name, words = known and known[first] or "folded", vim.trim(vim.fn.getline(first))
  local count = last - first + 1
  return ("▸ %s, %d %s: %s "):format(name, count, count == 1 and "line" or "lines", words)
end

local SETTINGS = {
  "foldmethod=expr",
  "foldexpr=v:lua.require'claude.nvim.folds'.level(v:lnum)",
  "foldtext=v:lua.require'claude.nvim.folds'.text()",
  "foldlevel=0",
  "foldminlines=0",
  "foldenable",
  "fillchars+=fold:\\ ",
  "winhighlight=Folded:ClaudeThinking",
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
