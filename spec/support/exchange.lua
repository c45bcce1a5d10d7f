--- One exchange with a test server, from start to end.
local core = require("claude.core")
local hub = require("claude.loop")
local tasks = require("claude.tasks")
local transport = require("claude.transport")

local M = {}

--- Reads an exchange to its end: what was delivered, and how it ended.
---@param exchange claude.Exchange
---@return { kinds: string[], text: string, last: string, err: claude.Error? }
function M.drain(exchange)
  local response, seen, parts = exchange.response, { kinds = {} }, {}
  local function ended(how, err)
    seen.text, seen.last, seen.err = table.concat(parts), how, err
    return seen
  end
  while true do
    local kind, text = response:next()
    if kind then
      seen.kinds[#seen.kinds + 1] = kind
      if kind == "text" then parts[#parts + 1] = text end
    elseif text ~= "more" then
      return ended(text, exchange.failure)
    else
      local ok, _, err = exchange:wait()
      if not ok then return ended("failed", err) end
    end
  end
end

--- Starts an exchange with the options given and a new response.
---@param options table
---@return claude.Exchange?
---@return string?
---@return claude.Error?
function M.start(options)
  options.response = options.response or core.response({})
  options.headers = options.headers or { { "content-type", "application/json" } }
  return transport.start(options)
end

--- Starts and reads to the end.
---@param options table
---@return table seen what `drain` returns
---@return claude.Exchange
function M.run(options)
  local exchange = assert(M.start(options))
  local seen = M.drain(exchange)
  exchange:close()
  return seen, exchange
end

--- Waits until no exchange is under way any more.
function M.settle()
  local late = hub.now() + 30
  while hub.engine() and hub.engine():counts() > 0 do
    local live, watched = hub.engine():counts()
    local what = "%d exchanges did not end, %d descriptors are watched"
    assert(hub.now() < late, what:format(live, watched))
    tasks.sleep(0.005)
  end
  hub.poll() -- the engine is done; let the exchanges hear of it
end

return M
