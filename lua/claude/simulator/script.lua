--- What the simulated model says: the built-in model, a list of turns, or a
--- function of the request.
local words = require("claude.simulator.words")

local M = {}

---@alias claude.simulator.Script
---| claude.simulator.Turn[]
---| string
---| fun(request: table, info: claude.simulator.script.Info): claude.simulator.Turn|string

---@class claude.simulator.Cut
---@field at_byte? integer bytes of the body that still go out
---@field after_event? integer events that still go out
---@field how? "close"|"reset" default "close"

---@class claude.simulator.StreamError
---@field type? string default "overloaded_error"
---@field message? string default "Overloaded"
---@field after_event? integer default: half of the events

---@class claude.simulator.Turn
---@field content? (table|string)[] content blocks; a string stands for a text block
---@field stop_reason? string default: "tool_use" with tool calls, else "end_turn"
---@field stop_sequence? string
---@field stop_details? table
---@field usage? table numbers that replace the counted ones
---@field container? { id: string, expires_at?: string } where the server's code ran
---@field context_management? table such as { applied_edits = { … } }
---@field id? string message id
---@field model? string the model named in the reply
---@field error? claude.simulator.Fault an HTTP error instead of the message
---@field times? integer in a list, how often `error` is met before the turn's content, if it has
--- any, or the next turn; default 1
---@field stream_error? claude.simulator.StreamError an error event in the stream
---@field cut? claude.simulator.Cut the connection ends there
---@field chunk? integer bytes per write; overrides the server's
---@field pace? number seconds between writes
---@field ping_every? integer a ping after every so many events
---@field padding? integer|boolean blanks in events
---@field piece? integer bytes of text per delta
---@field headers? table<string, string> more response headers
---@field delay? number seconds before the response begins

--- A turn as table: a string is a turn that says it.
---@param turn claude.simulator.Turn|string
---@return claude.simulator.Turn
function M.turn(turn)
  if type(turn) == "string" then return { content = { turn } } end
  if type(turn) ~= "table" then
    error("a turn of the script is a table or a string, not a " .. type(turn), 0)
  end
  local problem = words.of_turn(turn)
  if problem then error("script: " .. problem, 0) end
  if type(turn.content) == "string" then
    local copy = {}
    for name, value in pairs(turn) do
      copy[name] = value
    end
    copy.content = { turn.content }
    return copy
  end
  return turn
end

local function exhausted(count)
  local text = "simulator: all turns of the script were said (%d in all)"
  return { error = { status = 400, type = "invalid_request_error", message = text:format(count) } }
end

local function from_list(list)
  local at, refused = 1, 0
  return function()
    local given = list[at]
    if given == nil then return exhausted(#list) end
    local turn = M.turn(given)
    if turn.error and refused < (turn.times or 1) then
      refused = refused + 1
      if refused == (turn.times or 1) and not turn.content then
        at, refused = at + 1, 0
      end
      return turn
    end
    at, refused = at + 1, 0
    if not turn.error then return turn end
    local said = {}
    for name, value in pairs(turn) do
      said[name] = value
    end
    said.error = nil
    return said
  end
end

---@class claude.simulator.script.Info what a script function learns besides the request
---@field count integer how many requests were answered before
---@field model claude.simulator.Model
---@field thinking "enabled"|"adaptive"|"between_tools"|"disabled" how the model thinks here
---@field seed string
---@field beta table<string, boolean> the beta headers
---@field request_headers string[] names of the request's headers

--- The next turn for each request that passes validation.
---@param script claude.simulator.Script|nil
---@return fun(request: table, info: claude.simulator.script.Info): claude.simulator.Turn
function M.source(script)
  if script == nil then return require("claude.simulator.model").answer end
  if type(script) == "string" then
    return function() return M.turn(script) end
  end
  if type(script) == "function" then
    return function(request, info) return M.turn(script(request, info)) end
  end
  if type(script) == "table" then
    for _, turn in ipairs(script) do
      M.turn(turn)
    end
    return from_list(script)
  end
  error("script: a list of turns, a string or a function expected, got " .. type(script), 0)
end

return M
