--- Which program this Lua runs in, as far as waiting and talking to people differ.
---
--- A program that lends its event loop is served by an adapter of `claude.loop`, one that
--- owns its coroutines by an adapter of `claude.tasks`. Known ones are found by themselves;
--- `require("claude.loop").use` and `require("claude.tasks").use` choose another.
local M = {}

---@return table? ngx
local function nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and ngx.socket and ngx.thread and ngx or nil
end

---@return table? vim
local function neovim()
  local vim = rawget(_G, "vim")
  return type(vim) == "table" and vim.schedule and (vim.uv or vim.loop) and vim or nil
end

--- The adapter of `claude.tasks` for a program that owns its coroutines; nil elsewhere.
---@return string? name
function M.tasks() return nginx() and "nginx" or nil end

--- The adapter of `claude.loop` for this program.
---@return string name
function M.loop() return neovim() and "nvim" or "blocking" end

local OF_NGINX = { error = "ERR", warning = "WARN", info = "INFO", debug = "DEBUG" }
local OF_NEOVIM = { error = "ERROR", warning = "WARN", info = "INFO", debug = "DEBUG" }

--- Tells a person something that no caller can be given: where this program keeps its
--- warnings and errors, else standard error.
---@param level "error"|"warning"|"info"|"debug"
---@param text string
function M.log(level, text)
  local ngx, vim = nginx(), neovim()
  if ngx then return ngx.log(ngx[OF_NGINX[level]], "lua-claude: ", text) end
  if not vim then
    io.stderr:write("lua-claude: ", level == "error" and "" or level .. ": ", text, "\n")
    return
  end
  local shown_as = vim.log.levels[OF_NEOVIM[level]]
  vim.schedule(function() vim.notify("lua-claude: " .. text, shown_as) end)
end

return M
