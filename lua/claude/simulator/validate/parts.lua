--- Shapes that blocks, tools and parameters share.
local shape = require("claude.simulator.validate.shape")

local M = {}

local string = shape.string()

--- A string with this Lua pattern; `wanted` is the pattern as the API writes it.
local function matching(pattern, wanted, max)
  return shape.string({ pattern = pattern, wanted = wanted, max = max })
end

M.identifier = matching("^[%w_%-]+$", "^[a-zA-Z0-9_-]+$")
M.server_identifier = matching("^srvtoolu_[%w_]+$", "^srvtoolu_[a-zA-Z0-9_]+$")
M.tool_name = matching("^[%w_%-]+$", "^[a-zA-Z0-9_-]{1,128}$", 128)
M.reference_name = matching("^[%w_%-]+$", "^[a-zA-Z0-9_-]{1,256}$", 256)

M.cache_control = shape.tagged({
  ephemeral = shape.object({ ["type!"] = string, ttl = shape.one_of({ "5m", "1h" }) }),
})

M.citations_switch = shape.object({ enabled = shape.boolean })

local server_caller = shape.object({ ["type!"] = string, ["tool_id!"] = M.server_identifier })

--- Who called a tool: the model itself, or code that it runs.
M.caller = shape.tagged({
  direct = shape.object({ ["type!"] = string }),
  code_execution_20250825 = server_caller,
  code_execution_20260120 = server_caller,
  code_execution_20260521 = server_caller,
})

M.effort = shape.one_of({ "low", "medium", "high", "xhigh", "max" })

M.json_schema_format =
  shape.tagged({ json_schema = shape.object({ ["type!"] = string, ["schema!"] = shape.map }) })

M.model = shape.string({ min = 1, max = 256 })
M.speed = shape.one_of({ "standard", "fast" })

local display = shape.one_of({ "summarized", "omitted", "updates" })
local binding = shape.object({
  ["prefix_mismatch_behavior?"] = shape.one_of({ "error", "drop_block" }),
})

M.thinking = shape.tagged({
  enabled = shape.object({
    ["type!"] = string,
    ["budget_tokens!"] = shape.integer({ min = 1024 }),
    ["display?"] = display,
    ["block_binding?"] = binding,
  }),
  adaptive = shape.object({
    ["type!"] = string,
    ["display?"] = display,
    ["block_binding?"] = binding,
  }),
  disabled = shape.object({ ["type!"] = string }),
  between_tools = shape.object({ ["type!"] = string }),
})

M.output_config = shape.object({
  ["effort?"] = M.effort,
  ["format?"] = M.json_schema_format,
  ["task_budget?"] = shape.tagged({
    tokens = shape.object({
      ["type!"] = string,
      ["total!"] = shape.integer({ min = 1024 }),
      ["remaining?"] = shape.integer({ min = 0 }),
    }),
  }),
})

return M
