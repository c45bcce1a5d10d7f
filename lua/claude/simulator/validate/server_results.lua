--- The shapes of what server tools answered, as it goes back to the API.
local parts = require("claude.simulator.validate.parts")
local shape = require("claude.simulator.validate.shape")

local M = {}

local string, boolean, integer = shape.string(), shape.boolean, shape.integer()

local function part(fields)
  fields["type!"] = string
  return shape.object(fields)
end

--- An error of a server tool: one of these codes, or one of those that all have.
local function failure(codes, more)
  local all = { "invalid_tool_input", "unavailable", "too_many_requests" }
  for code in codes:gmatch("%S+") do
    all[#all + 1] = code
  end
  local fields = more or {}
  fields["error_code!"] = shape.one_of(all)
  return part(fields)
end

--- A result block whose `content` is this.
local function result(content, more)
  local fields = more or {}
  fields["type!"] = string
  fields["tool_use_id!"] = parts.server_identifier
  fields["content!"] = content
  fields["cache_control?"] = parts.cache_control
  return shape.object(fields)
end

local function files(kind)
  return shape.array(shape.tagged({ [kind] = part({ ["file_id!"] = string }) }))
end

local function run_of(output, fields)
  fields["content!"] = files(output)
  fields["return_code!"] = integer
  fields["stderr!"] = string
  return part(fields)
end

local web_search = result(
  shape.by_kind({
    list = shape.array(shape.tagged({
      web_search_result = part({
        ["encrypted_content!"] = string,
        ["title!"] = string,
        ["url!"] = string,
        ["page_age?"] = string,
      }),
    })),
    otherwise = shape.tagged({
      web_search_tool_result_error = failure("max_uses_exceeded query_too_long request_too_large"),
    }),
  }),
  { caller = parts.caller }
)

local function web_fetch(document)
  return result(
    shape.tagged({
      web_fetch_result = part({
        ["content!"] = shape.tagged({ document = document }),
        ["url!"] = string,
        ["retrieved_at?"] = string,
      }),
      web_fetch_tool_result_error = failure(
        "url_too_long url_not_allowed url_not_in_prior_context url_not_accessible "
          .. "unsupported_content_type max_uses_exceeded content_too_large"
      ),
    }),
    { caller = parts.caller }
  )
end

local advisor = result(shape.tagged({
  advisor_result = part({ ["text!"] = string, ["stop_reason?"] = string }),
  advisor_redacted_result = part({ ["encrypted_content!"] = string, ["stop_reason?"] = string }),
  advisor_tool_result_error = part({
    ["error_code!"] = shape.one_of({
      "max_uses_exceeded",
      "prompt_too_long",
      "too_many_requests",
      "overloaded",
      "unavailable",
      "execution_time_exceeded",
      "model_not_found",
    }),
  }),
}))

local code_execution = result(shape.tagged({
  code_execution_result = run_of("code_execution_output", { ["stdout!"] = string }),
  encrypted_code_execution_result = run_of(
    "code_execution_output",
    { ["encrypted_stdout!"] = string }
  ),
  code_execution_tool_result_error = failure("execution_time_exceeded"),
}))

local bash_code_execution = result(shape.tagged({
  bash_code_execution_result = run_of("bash_code_execution_output", { ["stdout!"] = string }),
  bash_code_execution_tool_result_error = failure("execution_time_exceeded output_file_too_large"),
}))

local text_editor_code_execution = result(shape.tagged({
  text_editor_code_execution_view_result = part({
    ["content!"] = string,
    ["file_type!"] = shape.one_of({ "text", "image", "pdf" }),
    ["num_lines?"] = integer,
    ["start_line?"] = integer,
    ["total_lines?"] = integer,
  }),
  text_editor_code_execution_create_result = part({ ["is_file_update!"] = boolean }),
  text_editor_code_execution_str_replace_result = part({
    ["lines?"] = shape.array(string),
    ["new_lines?"] = integer,
    ["new_start?"] = integer,
    ["old_lines?"] = integer,
    ["old_start?"] = integer,
  }),
  text_editor_code_execution_tool_result_error = failure(
    "execution_time_exceeded file_not_found",
    { ["error_message?"] = string }
  ),
}))

local function tool_search(reference)
  return result(shape.tagged({
    tool_search_tool_search_result = part({
      ["tool_references!"] = shape.array(shape.tagged({ tool_reference = reference })),
    }),
    tool_search_tool_result_error = failure(
      "execution_time_exceeded",
      { ["error_message?"] = string }
    ),
  }))
end

--- The result blocks by type.
---@param document claude.simulator.Shape what a fetched page is
---@param reference claude.simulator.Shape what names a tool that was found
---@return table<string, claude.simulator.Shape>
function M.blocks(document, reference)
  return {
    web_search_tool_result = web_search,
    web_fetch_tool_result = web_fetch(document),
    advisor_tool_result = advisor,
    code_execution_tool_result = code_execution,
    bash_code_execution_tool_result = bash_code_execution,
    text_editor_code_execution_tool_result = text_editor_code_execution,
    tool_search_tool_result = tool_search(reference),
  }
end

return M
