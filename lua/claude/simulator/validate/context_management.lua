--- The shapes of what manages the context: edits, compaction.
local shape = require("claude.simulator.validate.shape")

local M = {}

local string, boolean = shape.string(), shape.boolean

--- So many of something, by its type.
local function amount(least)
  return shape.object({ ["type!"] = string, ["value!"] = shape.integer({ min = least }) })
end

local input_tokens = shape.tagged({ input_tokens = amount(1) })

local clear_tool_uses = shape.object({
  ["type!"] = string,
  trigger = shape.tagged({ input_tokens = amount(1), tool_uses = amount(1) }),
  keep = shape.tagged({ tool_uses = amount(0) }),
  ["clear_at_least?"] = shape.tagged({ input_tokens = amount(0) }),
  ["clear_tool_inputs?"] = shape.by_kind({
    list = shape.array(string),
    otherwise = boolean,
  }),
  ["exclude_tools?"] = shape.array(string),
})

local clear_thinking = shape.object({
  ["type!"] = string,
  keep = shape.string_or(
    shape.one_of({ "all" }),
    shape.tagged({ thinking_turns = amount(1), all = shape.object({ ["type!"] = string }) })
  ),
})

local compact = shape.object({
  ["type!"] = string,
  ["trigger?"] = input_tokens,
  ["instructions?"] = string,
  pause_after_compaction = boolean,
})

M.edits = shape.object({
  edits = shape.array(shape.tagged({
    clear_tool_uses_20250919 = clear_tool_uses,
    clear_thinking_20251015 = clear_thinking,
    compact_20260112 = compact,
  })),
})

M.compaction = shape.tagged({
  summarize = shape.object({ ["type!"] = string, ["instructions?"] = string }),
})

return M
