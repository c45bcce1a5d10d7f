--- The shapes of tools: the user's own, and the API's by type.
local parts = require("claude.simulator.validate.parts")
local shape = require("claude.simulator.validate.shape")

local M = {}

local string, boolean = shape.string(), shape.boolean
local examples = shape.array(shape.map)
local positive = shape.integer({ above = 0 })
local pixels = shape.integer({ min = 1 })

--- A tool that may be a cache breakpoint; its type says which it is.
local function cached(fields)
  fields["cache_control?"] = parts.cache_control
  if not fields["type?"] then fields["type!"] = string end
  return shape.object(fields)
end

local callers = shape.array(shape.one_of({
  "direct",
  "code_execution_20250825",
  "code_execution_20260120",
  "code_execution_20260521",
}))

--- What every tool may have that is no toolset.
local function tool(fields)
  fields.allowed_callers = callers
  fields.defer_loading = boolean
  fields.strict = boolean
  return cached(fields)
end

M.custom = tool({
  ["type?"] = string,
  ["name!"] = parts.tool_name,
  description = string,
  ["input_schema!"] = shape.open_object({
    ["type!"] = shape.one_of({ "object" }),
    ["properties?"] = shape.map,
    ["required?"] = shape.array(string),
  }),
  input_examples = examples,
  ["eager_input_streaming?"] = boolean,
})

local KINDS = { custom = M.custom }

local function with(...)
  local fields = {}
  for i = 1, select("#", ...) do
    for name, value in pairs((select(i, ...))) do
      fields[name] = value
    end
  end
  return fields
end

--- Tools of the API's own, of one name and several dates.
local function builtin(kind, dates, name, more)
  for date in dates:gmatch("%S+") do
    KINDS[kind .. "_" .. date] = tool(with(more or {}, { ["name!"] = shape.one_of({ name }) }))
  end
end

local CLIENT = { input_examples = examples }
local SCREEN = {
  ["display_width_px!"] = pixels,
  ["display_height_px!"] = pixels,
  ["display_number?"] = shape.integer({ min = 0 }),
}

builtin("bash", "20241022 20250124", "bash", CLIENT)
builtin("memory", "20250818", "memory", CLIENT)
builtin("text_editor", "20241022 20250124", "str_replace_editor", CLIENT)
builtin("text_editor", "20250429", "str_replace_based_edit_tool", CLIENT)
builtin(
  "text_editor",
  "20250728",
  "str_replace_based_edit_tool",
  with(CLIENT, { ["max_characters?"] = shape.integer({ min = 1 }) })
)
builtin("computer", "20241022 20250124", "computer", with(CLIENT, SCREEN))
builtin("computer", "20251124", "computer", with(CLIENT, SCREEN, { enable_zoom = boolean }))

local DOMAINS = {
  ["allowed_domains?"] = shape.array(string),
  ["blocked_domains?"] = shape.array(string),
  ["max_uses?"] = positive,
}
local place = shape.string({ min = 1, max = 255 })
local SEARCH = with(DOMAINS, {
  ["user_location?"] = shape.tagged({
    approximate = shape.object({
      ["type!"] = string,
      ["city?"] = place,
      ["country?"] = shape.string({ min = 2, max = 2 }),
      ["region?"] = place,
      ["timezone?"] = place,
    }),
  }),
})
local INCLUSION = { response_inclusion = shape.one_of({ "full", "excluded" }) }

builtin("web_search", "20250305 20260209", "web_search", SEARCH)
builtin("web_search", "20260318", "web_search", with(SEARCH, INCLUSION))

local nothing_more = shape.object({ ["type!"] = string })
local named = shape.object({
  ["type!"] = string,
  ["tools!"] = shape.array(shape.tagged({
    tool_reference = shape.object({ ["type!"] = string, ["name!"] = string }),
  })),
})
local results = shape.tagged({
  all = nothing_more,
  none = nothing_more,
  only = named,
  except = named,
})
local FETCH = with(DOMAINS, {
  ["citations?"] = parts.citations_switch,
  ["max_content_tokens?"] = positive,
  ["url_sources?"] = shape.object({
    client_tool_results = results,
    server_tool_results = results,
    user_input = shape.tagged({ all = nothing_more, none = nothing_more }),
  }),
})
local FRESH = { use_cache = boolean }

builtin("web_fetch", "20250910 20260209", "web_fetch", FETCH)
builtin("web_fetch", "20260309", "web_fetch", with(FETCH, FRESH))
builtin("web_fetch", "20260318", "web_fetch", with(FETCH, FRESH, INCLUSION))

builtin("code_execution", "20250522 20250825 20260120 20260521", "code_execution")
builtin("advisor", "20260301", "advisor", {
  ["model!"] = parts.model,
  ["max_tokens?"] = positive,
  ["max_uses?"] = positive,
  ["caching?"] = parts.cache_control,
})
for _, method in ipairs({ "regex", "bm25" }) do
  local name = "tool_search_tool_" .. method
  builtin(name, "20251119", name)
  KINDS[name] = KINDS[name .. "_20251119"]
end

local switch = shape.object({ defer_loading = boolean, enabled = boolean })
local member = shape.object({ ["defer_loading?"] = boolean, ["enabled?"] = boolean })

KINDS.computer_toolset_20260801 = cached({ ["configs?"] = shape.map_of(member) })
KINDS.browser_toolset_20260801 = cached({ ["configs?"] = shape.map_of(member) })
KINDS.mcp_toolset = cached({
  ["mcp_server_name!"] = shape.string({ min = 1, max = 255 }),
  ["configs?"] = shape.map_of(switch),
  default_config = switch,
  ["tools?"] = shape.array(shape.object({
    ["name!"] = string,
    ["input_schema!"] = shape.map,
    ["description?"] = string,
  })),
})

--- A tool of any kind; one without a type is the user's own.
M.any = shape.tagged(KINDS, "custom")

return M
