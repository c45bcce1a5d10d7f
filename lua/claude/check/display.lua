--- Thinking that arrives without its text, though nobody asked for that.

local values = require("claude.check.values")

local M = {}

local TEXT = "thinking arrived without its text: this model leaves it out unless asked. Write"
  .. ' thinking = { type = %q, %sdisplay = "summarized" } to read it, or display = "omitted"'
  .. " to say that this is meant"
local SHOWN_AS = { enabled = "budget_tokens = …, ", adaptive = "" }

--- Tells about it once for each client, unless `display` was set.
---@param client claude.Client
---@param params table
function M.arrived_empty(client, params)
  local thinking = values.plain(params.thinking) or { type = "adaptive" }
  local fields = SHOWN_AS[thinking.type]
  -- Other types take no display.
  if not fields or values.given(thinking.display) then return end
  client:warn("empty_thinking", TEXT:format(thinking.type, fields), "")
end

return M
