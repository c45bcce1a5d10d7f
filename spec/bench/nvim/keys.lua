--- In a Neovim of its own: types into another one, and measures until the key has arrived.
local M = {}

local uv = vim.uv or vim.loop
local PAUSE = 7 -- milliseconds between two keys, not in step with anything else
local LINE = 60 -- keys in a line

--- Types for so many seconds into the Neovim at that address.
---@param address string
---@param seconds number
---@return number[] milliseconds that each key took
function M.measure(address, seconds)
  local channel = vim.fn.sockconnect("pipe", address, { rpc = true })
  local function call(...) return vim.rpcrequest(channel, ...) end
  call("nvim_input", "<Esc>Go")
  local times, column = {}, 0
  local stop = uv.hrtime() + seconds * 1e9
  repeat
    if column == LINE then
      call("nvim_input", "<CR>")
      column = 0
      uv.sleep(PAUSE)
    end
    local began = uv.hrtime()
    column = column + 1
    call("nvim_input", "x")
    while call("nvim_win_get_cursor", 0)[2] ~= column do
    end
    times[#times + 1] = (uv.hrtime() - began) / 1e6
    uv.sleep(PAUSE)
  until uv.hrtime() > stop
  call("nvim_input", "<Esc>")
  vim.fn.chanclose(channel)
  return times
end

return M
