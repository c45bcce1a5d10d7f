--- Requests for the simulator's validation: words to write them with, and rows
--- of cases, one spec each.
local assert = require("luassert")
local core = require("claude.core")
local raw = require("spec.support.raw_http")
local simulator = require("claude.simulator")

local M = {}

M.EMPTY = core.object({})
M.ABSENT = {} -- a parameter left out
M.TOOL = { name = "t", input_schema = { type = "object" } }
M.CITATION = {
  type = "search_result_location",
  cited_text = "c",
  search_result_index = 0,
  start_block_index = 0,
  end_block_index = 1,
  source = "s",
  title = "t",
}
M.MANUAL = { type = "enabled", budget_tokens = 1024 }
M.HOUR = { type = "ephemeral", ttl = "1h" }
M.MINUTES = { type = "ephemeral" }

function M.user(content) return { role = "user", content = content } end
function M.assistant(content) return { role = "assistant", content = content } end
function M.system(content) return { role = "system", content = content } end
function M.text(words) return { type = "text", text = words } end
function M.call(id) return { type = "tool_use", id = id, name = "t", input = M.EMPTY } end
function M.result(id) return { type = "tool_result", tool_use_id = id, content = "r" } end

--- The block with a cache breakpoint.
function M.cached(block, control)
  local copy = { cache_control = control or M.MINUTES }
  for name, value in pairs(block) do
    copy[name] = value
  end
  return copy
end

--- A request that is right but for `fields`; a string stands for itself.
function M.body(fields)
  if type(fields) == "string" then return fields end
  local all = { model = "claude-sonnet-4-6", max_tokens = 4096, messages = { M.user("Hello") } }
  for name, value in pairs(fields) do
    if value == M.ABSENT then
      all[name] = nil
    else
      all[name] = value
    end
  end
  return all
end

--- A simulator that answers everything it takes.
function M.start()
  return assert(simulator.start({ script = function() return "ok" end }))
end

--- A row `{ name, parameters, text of the refusal [, headers] }` is refused with that text.
function M.refused(sim, row)
  local answer = raw.post(sim, "/v1/messages", M.body(row[2]), row[4])
  assert.same({ 400, "invalid_request_error" }, { answer.status, (answer.error or {}).type })
  assert.is_truthy(answer.error.message:find(row[3], 1, true), answer.error.message)
end

--- A row `{ name, parameters [, headers] }` is taken.
function M.taken(sim, row)
  local answer = raw.post(sim, "/v1/messages", M.body(row[2]), row[3])
  assert.equal(200, answer.status, answer.error and answer.error.message)
end

return M
