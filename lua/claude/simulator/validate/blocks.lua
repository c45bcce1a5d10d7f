--- The shapes of content blocks, as requests may hold them.
local shape = require("claude.simulator.validate.shape")

local M = {}

local any, string, boolean = shape.any, shape.string(), shape.boolean
local identifier = shape.string({ pattern = "^[%w_%-]+$", wanted = "^[a-zA-Z0-9_-]+$" })

M.cache_control = shape.tagged({
  ephemeral = shape.object({ type = string, ttl = shape.one_of({ "5m", "1h" }) }),
})

--- A block of this type with these fields.
local function block(fields, cached)
  fields["type!"] = string
  if cached ~= false then fields.cache_control = M.cache_control end
  return shape.object(fields)
end

local image_source = shape.tagged({
  base64 = block({
    ["media_type!"] = shape.one_of({ "image/jpeg", "image/png", "image/gif", "image/webp" }),
    ["data!"] = shape.string({ min = 1 }),
  }, false),
  url = block({ ["url!"] = shape.string({ min = 1, max = 8192 }) }, false),
  file = block({ ["file_id!"] = string }, false),
})

M.text = block({
  ["text!"] = string,
  citations = shape.array(shape.map),
})

M.image = block({ ["source!"] = image_source, transformations = any })

local inner = shape.array(shape.tagged({ text = M.text, image = M.image }))

local document_source = shape.tagged({
  base64 = block({
    ["media_type!"] = shape.one_of({ "application/pdf" }),
    ["data!"] = shape.string({ min = 1 }),
  }, false),
  text = block({ ["media_type!"] = shape.one_of({ "text/plain" }), ["data!"] = string }, false),
  url = block({ ["url!"] = shape.string({ min = 1, max = 8192 }) }, false),
  file = block({ ["file_id!"] = string }, false),
  content = block({ ["content!"] = shape.string_or(string, inner) }, false),
})

local citations_switch = shape.object({ enabled = boolean })

M.document = block({
  ["source!"] = document_source,
  title = shape.string({ min = 1, max = 500 }),
  context = shape.string({ min = 1 }),
  citations = citations_switch,
})

M.search_result = block({
  ["source!"] = string,
  ["title!"] = string,
  ["content!"] = shape.array(M.text),
  citations = citations_switch,
})

M.thinking = block({ ["thinking!"] = string, ["signature!"] = string }, false)
M.redacted_thinking = block({ ["data!"] = string }, false)

M.tool_use = block({
  ["id!"] = identifier,
  ["name!"] = shape.string({ min = 1, max = 200 }),
  ["input!"] = shape.map,
  caller = shape.map,
  toolset_name = string,
})

M.tool_result = block({
  ["tool_use_id!"] = identifier,
  is_error = boolean,
  toolset_name = string,
  content = shape.string_or(
    string,
    shape.array(shape.tagged({
      text = M.text,
      image = M.image,
      document = M.document,
      search_result = M.search_result,
      tool_reference = block({ ["tool_name!"] = string }),
    }))
  ),
})

M.server_tool_use = block({
  ["id!"] = identifier,
  ["name!"] = string,
  ["input!"] = shape.map,
  caller = shape.map,
})

-- Results of server tools go back as they came; what is inside is the API's own.
local server_result =
  block({ ["tool_use_id!"] = identifier, ["content!"] = any, caller = shape.map })

M.container_upload = block({ ["file_id!"] = string })
M.mcp_tool_use = block({
  ["id!"] = identifier,
  ["name!"] = string,
  ["input!"] = shape.map,
  ["server_name!"] = string,
})
M.mcp_tool_result = block({ ["tool_use_id!"] = identifier, is_error = boolean, content = any })
M.compaction = block({
  content = any, -- null where the server kept it to itself
  encrypted_content = string,
  signature = string,
  tool_changes = shape.array(shape.map),
})
M.fallback = block({ ["from!"] = shape.map, ["to!"] = shape.map, trigger = any }, false)

local tool_change = block({ ["tool!"] = shape.map })

--- Blocks of user and assistant messages by type.
M.any_role = {
  text = M.text,
  image = M.image,
  document = M.document,
  search_result = M.search_result,
  thinking = M.thinking,
  redacted_thinking = M.redacted_thinking,
  tool_use = M.tool_use,
  tool_result = M.tool_result,
  server_tool_use = M.server_tool_use,
  container_upload = M.container_upload,
  mcp_tool_use = M.mcp_tool_use,
  mcp_tool_result = M.mcp_tool_result,
  compaction = M.compaction,
  fallback = M.fallback,
}
for _, name in ipairs({
  "web_search",
  "web_fetch",
  "code_execution",
  "bash_code_execution",
  "text_editor_code_execution",
  "tool_search",
  "advisor",
}) do
  M.any_role[name .. "_tool_result"] = server_result
end

--- Blocks of system messages by type.
M.system_role = { text = M.text, tool_addition = tool_change, tool_removal = tool_change }

return M
