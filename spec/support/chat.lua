--- Conversations against the simulator, for specs.
local claude = require("claude")
local simulator = require("claude.simulator")

local M = {}

M.MODEL = "claude-opus-4-8"

---@class spec.Bench
---@field sim claude.simulator.Simulator
---@field client claude.Client
---@field warnings { code: string, text: string }[]

--- A simulator with a client for it; the warnings it gives are kept.
---@param options table? of the simulator
---@return spec.Bench
function M.bench(options)
  local bench = { warnings = {}, sim = assert(simulator.start(options)) }
  bench.client = claude.new({
    api_key = "key-of-the-spec",
    base_url = bench.sim.url,
    max_retries = 0,
    on_warning = function(text, code)
      bench.warnings[#bench.warnings + 1] = { code = code, text = text }
    end,
  })
  return bench
end

--- Codes of the warnings given so far.
---@param bench spec.Bench
---@return string[]
function M.codes(bench)
  local codes = {}
  for i, warning in ipairs(bench.warnings) do
    codes[i] = warning.code
  end
  return codes
end

--- Params of a conversation that thinks, with what differs.
---@param fields table?
---@return table
function M.params(fields)
  local params = {
    model = M.MODEL,
    max_tokens = 8000,
    thinking = { type = "adaptive", display = "summarized" },
  }
  for name, value in pairs(fields or {}) do
    params[name] = value
  end
  return params
end

--- A tool of one text parameter.
---@param name string
---@param run function?
---@return claude.Tool
function M.tool(name, run)
  return claude.tool({
    name = name,
    description = "For specs",
    input_schema = {
      type = "object",
      properties = { text = { type = "string" } },
      required = { "text" },
    },
    run = run,
  })
end

--- A call as a script says it.
---@param name string
---@param text string
---@param id string?
---@return table
function M.call(name, text, id)
  return { type = "tool_use", id = id, name = name, input = { text = text } }
end

--- A thinking block as a script says it.
---@param text string
---@return table
function M.thought(text) return { type = "thinking", thinking = text } end

--- The messages of the request with that number, as the text between the brackets.
---@param sim claude.simulator.Simulator
---@param number integer
---@return string
function M.sent_messages(sim, number)
  local body = sim.requests[number].body
  local from = assert(select(2, body:find('"messages":[', 1, true)))
  local to = assert(body:find('],"model":', from, true))
  return body:sub(from + 1, to - 1)
end

--- Reads a stream or run to its end: every piece as "kind text", the failure if any.
---@param reader table
---@return string[] pieces
---@return claude.Error? err
function M.read(reader)
  local pieces = {}
  while true do
    local kind, text, index = reader:next()
    if not kind then return pieces, index end
    pieces[#pieces + 1] = text and text ~= "" and (kind .. " " .. text) or kind
  end
end

return M
