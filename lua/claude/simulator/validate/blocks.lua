--- The shapes of content blocks, as requests may hold them.
local citation = require("claude.simulator.validate.citations")
local parts = require("claude.simulator.validate.parts")
local server_results = require("claude.simulator.validate.server_results")
local shape = require("claude.simulator.validate.shape")
local tool_shapes = require("claude.simulator.validate.tool_shapes")

local M = {}

local any, string, boolean = shape.any, shape.string(), shape.boolean

--- A block, or a part of one, with these fields.
local function part(fields)
  fields["type!"] = string
  return shape.object(fields)
end

--- A block that may be a cache breakpoint.
local function block(fields)
  fields["cache_control?"] = parts.cache_control
  return part(fields)
end

local function text_of(text)
  return block({ ["text!"] = text, ["citations?"] = shape.array(citation) })
end

-- Of empty text in a message the API complains in words of its own (validate/messages.lua).
M.text = text_of(string)
local inner_text = text_of(shape.string({ min = 1 }))

local data = shape.string({ min = 1 })
local url_source = part({ ["url!"] = shape.string({ min = 1, max = 8192 }) })
local file_source = part({ ["file_id!"] = string })

local image_source = shape.tagged({
  base64 = part({
    ["media_type!"] = shape.one_of({ "image/jpeg", "image/png", "image/gif", "image/webp" }),
    ["data!"] = data,
  }),
  url = url_source,
  file = file_source,
})

M.image = block({
  ["source!"] = image_source,
  ["transformations?"] = shape.object({
    oversized_image = shape.one_of({ "downsize", "error" }),
  }),
})

local document_source = shape.tagged({
  base64 = part({ ["media_type!"] = shape.one_of({ "application/pdf" }), ["data!"] = data }),
  text = part({ ["media_type!"] = shape.one_of({ "text/plain" }), ["data!"] = string }),
  url = url_source,
  file = file_source,
  content = part({
    ["content!"] = shape.string_or(
      string,
      shape.array(shape.tagged({ text = inner_text, image = M.image }))
    ),
  }),
})

M.document = block({
  ["source!"] = document_source,
  ["title?"] = shape.string({ min = 1, max = 500 }),
  ["context?"] = shape.string({ min = 1 }),
  ["citations?"] = parts.citations_switch,
})

M.search_result = block({
  ["source!"] = string,
  ["title!"] = string,
  ["content!"] = shape.array(shape.tagged({ text = inner_text })),
  citations = parts.citations_switch,
})

M.thinking = part({ ["thinking!"] = string, ["signature!"] = string })
M.redacted_thinking = part({ ["data!"] = string })

M.tool_use = block({
  ["id!"] = parts.identifier,
  ["name!"] = shape.string({ min = 1, max = 200 }),
  ["input!"] = shape.map,
  caller = parts.caller,
  ["toolset_name?"] = string,
})

local tool_reference = block({ ["tool_name!"] = parts.reference_name })

local browser_tab = shape.object({
  ["tab_id!"] = string,
  ["title!"] = string,
  ["url!"] = string,
  active = boolean,
})

local function download(more)
  more["download_id!"], more["url!"] = string, string
  return part(more)
end

local browser_change = shape.tagged({
  tab_opened = part({ ["tab_id!"] = string }),
  download_started = download({}),
  download_completed = download({ ["path?"] = string, ["size_bytes?"] = shape.integer() }),
  download_failed = download({ ["error?"] = string }),
})

M.tool_result = block({
  ["tool_use_id!"] = parts.identifier,
  is_error = boolean,
  ["toolset_name?"] = string,
  content = shape.string_or(
    string,
    shape.array(shape.tagged({
      text = inner_text,
      image = M.image,
      document = M.document,
      search_result = M.search_result,
      tool_reference = tool_reference,
      browser_state = block({
        ["tabs!"] = shape.array(browser_tab),
        ["state_changes?"] = shape.array(browser_change),
      }),
    }))
  ),
})

M.server_tool_use = block({
  ["id!"] = parts.server_identifier,
  ["name!"] = shape.one_of({
    "advisor",
    "web_search",
    "web_fetch",
    "code_execution",
    "bash_code_execution",
    "text_editor_code_execution",
    "tool_search_tool_regex",
    "tool_search_tool_bm25",
  }),
  ["input!"] = shape.map,
  caller = parts.caller,
})

M.container_upload = block({ ["file_id!"] = string })

M.mcp_tool_use = block({
  ["id!"] = parts.identifier,
  ["name!"] = string,
  ["input!"] = shape.map,
  ["server_name!"] = string,
})
M.mcp_tool_result = block({
  ["tool_use_id!"] = parts.identifier,
  is_error = boolean,
  content = shape.string_or(string, shape.array(shape.tagged({ text = inner_text }))),
})
M.mcp_tool_listing = part({
  ["mcp_server_name!"] = string,
  ["tools!"] = shape.array(shape.object({
    ["name!"] = string,
    ["input_schema!"] = shape.map,
    ["description?"] = string,
  })),
})

local tool_name = part({ ["name!"] = string })
local of_server = part({ ["server_name!"] = string, ["name!"] = string })
local whole_server = part({ ["server_name!"] = string })

M.tool_addition = block({
  ["tool!"] = shape.tagged({
    tool_reference = tool_name,
    mcp_tool_reference = of_server,
    mcp_toolset_reference = whole_server,
    tool_definition = part({ ["definition!"] = tool_shapes.any }),
  }),
})
M.tool_removal = block({
  ["tool!"] = shape.tagged({
    tool_reference = tool_name,
    mcp_tool_reference = of_server,
    mcp_toolset_reference = whole_server,
  }),
})

M.compaction = block({
  ["content?"] = string,
  ["encrypted_content?"] = string,
  ["signature?"] = string,
  ["tool_changes?"] = shape.array(shape.tagged({
    tool_addition = M.tool_addition,
    tool_removal = M.tool_removal,
  })),
})

local fallback_model = shape.object({ ["model!"] = string })
M.fallback = part({ ["from!"] = fallback_model, ["to!"] = fallback_model, trigger = any })

--- Blocks of user and assistant messages by type.
M.any_role = server_results.blocks(M.document, tool_reference)
for _, name in ipairs({
  "text",
  "image",
  "document",
  "search_result",
  "thinking",
  "redacted_thinking",
  "tool_use",
  "tool_result",
  "server_tool_use",
  "container_upload",
  "mcp_tool_use",
  "mcp_tool_result",
  "mcp_tool_listing",
  "compaction",
  "fallback",
}) do
  M.any_role[name] = M[name]
end

--- Blocks of system messages by type.
M.system_role = {
  text = M.text,
  tool_addition = M.tool_addition,
  tool_removal = M.tool_removal,
}

return M
