--- What streams and runs share: both are read by step functions, and by `for` loops
--- over them. Step functions return failures as `nil, text, err`; loops raise them.

local core = require("claude.core")
local errors = require("claude.errors")
local host = require("claude.host")

local M = {}

--- How a stream or a run is read.
---@class claude.ReadingOptions
---@field coalesce? boolean adjacent deltas of one block and kind that have arrived come as one
--- string
---@field budget? number seconds that reading, and what is done with each piece, may take before
--- other tasks and the host have their turn; 0.004 without it

local function is_seconds(value) return type(value) == "number" and value > 0 end

---@param options any
---@return string? problem
local function problem_of(options)
  if type(options) ~= "table" then return "options must be a table" end
  for name in pairs(options) do
    if name ~= "coalesce" and name ~= "budget" then
      return "there is no option " .. tostring(name)
    end
  end
  local coalesce, budget = options.coalesce, options.budget
  if coalesce ~= nil and type(coalesce) ~= "boolean" then return "coalesce must be a boolean" end
  if budget ~= nil and not is_seconds(budget) then return "budget must be seconds, more than 0" end
end

--- Raises at the line of whoever called the public method unless options are good.
---@param options any
---@param call string such as "stream:deltas"
function M.check(options, call)
  if options == nil then return end
  local problem = problem_of(options)
  if problem then error(("%s: %s"):format(call, problem), 3) end
end

--- The next piece of text of something with a step function `next`.
---@param thing claude.Stream|claude.Run
---@param options? claude.ReadingOptions
---@return string? text
---@return string?
---@return claude.Error? err
function M.next_text(thing, options)
  while true do
    local kind, text, err = thing:next(options)
    if not kind then
      return nil, text, err --[[@as claude.Error?]]
    end
    if kind == "text" then return text end
  end
end

--- The API's event that `next` of a stream returned last, as a table. Nil without an error
--- where it was none: half a character that no other half follows is said by no event.
---@param response userdata the claude.core response
---@return table? event
---@return claude.Error? err
function M.event(response)
  local delta = response:delta_event()
  if delta then return delta end
  local json = response:event()
  if not json then return nil end
  local event, problem = core.decode(json)
  if event then return event end
  return nil, errors.new({ kind = "protocol", message = problem })
end

--- Raises what a loop fails with. An error that nobody catches is shown as text everywhere but
--- in nginx.
---@param err claude.Error
function M.raise(err)
  if host.tasks() then host.log("error", tostring(err)) end
  error(err, 0)
end

--- A `for` iterator over a step function.
---@param thing claude.Stream|claude.Run
---@param name "next"|"next_text"|"next_event"
---@param call string how the user writes the step, such as "stream:next()"
---@param options? claude.ReadingOptions
---@return fun(): any, any, any, any
function M.loop(thing, name, call, options)
  local step = thing[name]
  local function raising()
    local a, b, c, d = step(thing, options)
    if a == nil and c then M.raise(c) end
    return a, b, c, d
  end
  return require("claude.tasks").iterator(raising, call)
end

local function read_nothing() end

-- core.deltas, where C cannot call what waits.
---@param step claude.DeltaStep
---@return fun(): string?, string?, integer?
local function lua_deltas(step)
  local response, read_plain, exchange = nil, read_nothing, nil
  return function()
    local kind, text, index = read_plain()
    if kind then return kind, text, index end
    while text and exchange and exchange:wait() do
      kind, text, index = read_plain()
      if kind then return kind, text, index end
    end
    local from
    kind, text, index, from, exchange = step()
    if from ~= response then
      response, read_plain = from, from and from:plain_reader() or read_nothing
    end
    return kind, text, index
  end
end

-- LuaJIT compiles no call of a C function: code up to the next of them would be entered and left
-- for each delta, which takes longer than to stay in the interpreter.
local jit = rawget(_G, "jit")
if type(jit) == "table" then jit.off(lua_deltas, true) end

---@alias claude.DeltaStep fun(): string?, string?, integer?, userdata?, claude.Exchange?

--- A `for` iterator that takes plain pieces from a response while its short cut is open, waits for
--- more with its exchange, and else calls the step, which says what these two are.
---@type fun(step: claude.DeltaStep): fun(): string?, string?, integer?
M.deltas = core.deltas or lua_deltas

return M
