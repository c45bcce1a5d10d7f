--- What streams and runs share: both are read by step functions, and by `for` loops
--- over them. Step functions return failures as `nil, text, err`; loops raise them.

local core = require("claude.core")
local errors = require("claude.errors")
local host = require("claude.host")

local M = {}

--- The next piece of text of something with a step function `next`.
---@param thing claude.Stream|claude.Run
---@return string? text
---@return string?
---@return claude.Error? err
function M.next_text(thing)
  while true do
    local kind, text, err = thing:next()
    if not kind then
      return nil, text, err --[[@as claude.Error?]]
    end
    if kind == "text" then return text end
  end
end

--- The API's event that `next` of a stream returned last, as a table.
---@param response userdata the claude.core response
---@return table? event
---@return claude.Error? err
function M.event(response)
  local event, problem = core.decode(response:event())
  if event then return event end
  return nil, errors.new({ kind = "protocol", message = problem })
end

-- An error that nobody catches is shown as text everywhere but in nginx.
local function raise(err)
  if host.tasks() then host.log("error", tostring(err)) end
  error(err, 0)
end

--- A `for` iterator over a step function.
---@param thing claude.Stream|claude.Run
---@param name "next"|"next_text"|"next_event"
---@param call string how the user writes the step, such as "stream:next()"
---@return fun(): any, any, any, any
function M.loop(thing, name, call)
  local step = thing[name]
  local function raising()
    local a, b, c, d = step(thing)
    if a == nil and c then raise(c) end
    return a, b, c, d
  end
  return require("claude.tasks").iterator(raising, call)
end

return M
