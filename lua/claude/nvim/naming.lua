--- Names of our buffers.
local M = {}

local MOST = 100 -- names that are tried

--- Names a buffer, or nearly so where another buffer that is in use has the name: one that a
--- session brought back, say.
---@param buffer integer
---@param name string
function M.apply(buffer, name)
  local wanted = name
  for count = 2, MOST do
    pcall(vim.api.nvim_buf_set_name, buffer, wanted)
    -- Not what the call says: an error of the user's autocommands is one of it, too.
    if vim.api.nvim_buf_get_name(buffer) == wanted then return end
    wanted = ("%s-%d"):format(name, count)
  end
end

return M
