--- What the command says on standard error: a server's words are in it, and are
--- kept from doing to a terminal what a model's are.
local terminal = require "claude.command.terminal"

local M = {}

--- Says `text` on standard error, after the command's name.
---@param text any
function M.say(text)
  text = tostring(text)
  if terminal.is_terminal(2) then text = terminal.harmless(text) end
  io.stderr:write("lua-claude: ", text, "\n")
end

--- A handler for a client's warnings: says each once.
---@return fun(text: string)
function M.warner()
  local said = {}
  return function(text)
    if said[text] then return end
    said[text] = true
    M.say("warning: " .. text)
  end
end

return M
