--- What the API refuses, in one table: the text said before sending, what to do
--- about it, and how the API words the same refusal (claude/check/rules.lua).

---@class claude.Rule
---@field text? string what is wrong, a format; absent for rules that only the API can judge
---@field remedy string what to do
---@field api? string[] parts of the API's own text, in Lua patterns

local SCHEMA_REMEDY = "see the Messages API reference for the field's form"

---@type table<string, claude.Rule>
local M = {
  -- thinking
  budget_integer = {
    text = "budget_tokens is %s, and must be an integer",
    remedy = 'write thinking = { type = "enabled", budget_tokens = 4096 }',
    api = { "budget_tokens: Field required", "budget_tokens: Input should be a valid integer" },
  },
  budget_minimum = {
    text = "budget_tokens is %d, and must be at least 1024",
    remedy = "write budget_tokens = 1024 or more; 1024 to 4096 suits simple questions,"
      .. ' 10000 and up hard ones; thinking = { type = "disabled" } turns it off',
    api = { "budget_tokens: Input should be greater than or equal to 1024" },
  },
  budget_below_max = {
    text = "budget_tokens is %d, and must be less than max_tokens, which is %d",
    remedy = "raise max_tokens above budget_tokens, or lower budget_tokens: thinking and"
      .. " answer share max_tokens",
    api = { "`?max_tokens`? must be greater than `?thinking%.budget_tokens`?" },
  },
  thinking_type = {
    text = 'thinking type "%s" is not taken by %s, which takes %s',
    remedy = 'write thinking = { type = "adaptive", display = "summarized" } with'
      .. ' output_config = { effort = "high" }, or budget_tokens on models up to 4.6',
    api = {
      'thinking%.type%.enabled"? is not supported for this model',
      'thinking%.type%.disabled"? is not supported for this model',
      'thinking%.type%.%w+"? is not supported',
      "adaptive thinking is not supported on this model",
    },
  },
  thinking_fields = {
    text = 'thinking type "%s" does not take the field %s',
    remedy = "leave the field out",
    api = { "thinking%.[%w_]+%.[%w_]+: Extra inputs are not permitted" },
  },
  display_value = {
    text = 'display is "%s"',
    remedy = 'write display = "summarized" to read the thinking, or "omitted" to leave it out',
    api = { "thinking%.%w+%.display: Input should be" },
  },
  disabled_effort = {
    text = 'thinking cannot be disabled at effort "%s" on %s',
    remedy = 'lower output_config.effort to "high", "medium" or "low", or write'
      .. ' thinking = { type = "adaptive" }',
  },
  between_tools_effort = {
    text = 'thinking type "between_tools" does not go with effort "%s"',
    remedy = 'write output_config = { effort = "high" }, "medium" or "low"',
  },
  effort_value = {
    text = 'effort "%s" is not taken by %s, which takes %s',
    remedy = "write one of the efforts the model takes, or leave output_config.effort out",
    api = { "does not support effort level", "does not support the effort parameter" },
  },
  effort_none = {
    text = "%s takes no effort",
    remedy = "leave output_config.effort out; thinking.budget_tokens says how much to think",
    api = { "effort.- not supported" },
  },
  forced_tool_manual = {
    text = 'tool_choice "%s" forces a tool, which does not go with thinking type "enabled"',
    remedy = 'write tool_choice = { type = "auto" } or "none", or turn thinking off',
    api = { "Thinking may not be enabled when tool_choice forces tool use" },
  },
  forced_tool_model = {
    text = 'tool_choice "%s" forces a tool, which %s does not take',
    remedy = 'write tool_choice = { type = "auto" } and say in the prompt which tool to use',
    api = { 'tool_choice: type "?tool"? and "?any"? are not supported' },
  },
  tool_choice_missing = {
    text = 'tool_choice names the tool "%s", which is not among tools',
    remedy = "add the tool, or name one that is there",
    api = { "Tool '.-' not found in provided tools" },
  },
  sampling_version = {
    text = "%s is not a parameter of API version %s",
    remedy = "leave it out; on models up to 4.6 claude.new { version = "
      .. '"2023-06-01" } still takes it',
    api = { "^temperature: Extra inputs", "^top_p: Extra inputs", "^top_k: Extra inputs" },
  },
  sampling_model = {
    text = "%s = %s is not taken by %s%s",
    remedy = "leave it out",
    api = {
      "`?temperature`? .-deprecated",
      "`?top_[pk]`? .-deprecated",
      "`?top_[pk]`? .-not supported",
    },
  },
  sampling_thinking = {
    text = "%s = %s does not go with thinking%s",
    remedy = "leave it out while thinking is on, or turn thinking off",
    api = {
      "`?temperature`? may only be set to 1 when thinking",
      "`?top_[pk]`? .-when thinking is enabled",
    },
  },
  sampling_both = {
    text = "temperature and top_p together are not taken by %s",
    remedy = "keep one of the two",
    api = { "`?temperature`? and `?top_p`? cannot both" },
  },
  prefill_model = {
    text = "the last message is the assistant's, and %s does not go on from one",
    remedy = "end with a user message; for a fixed form use output_config.format",
    api = { "does not support assistant message prefill" },
  },
  prefill_thinking = {
    text = "the last message is the assistant's, which does not go with thinking",
    remedy = "end with a user message, or turn thinking off",
    api = { "When thinking is disabled, an `?assistant`? message in the final position" },
  },
  prefill_format = {
    text = "the last message is the assistant's, which does not go with output_config.format",
    remedy = "end with a user message",
  },
  schema_open = {
    remedy = "write additionalProperties = false into every object of the schema, or pass it"
      .. " through claude.transform_schema",
    api = { "additionalProperties'? must be explicitly set to false" },
  },
  schema_keyword = {
    remedy = "leave the keyword out, or pass the schema through claude.transform_schema, which"
      .. " tells it to the model in words",
    api = { "For '%w+' type, propert.- not supported", "format%.schema: .- not supported" },
  },
  max_tokens_model = {
    text = "max_tokens is %d, and %s writes at most %d",
    remedy = "lower max_tokens",
    api = { "max_tokens: .-> .-which is the maximum allowed" },
  },
  max_tokens_batch = {
    text = "max_tokens is %d, and %s writes at most %d in a batch without the beta %s",
    remedy = "lower max_tokens, or name the beta in betas",
  },
  batch_empty = {
    text = "there is no request",
    remedy = "give a list of requests, or an iterator that gives at least one",
  },
  batch_field = {
    text = "a batch takes no request with %s",
    remedy = "leave it out, or send this request with messages:create",
  },
  batch_id = {
    text = "%s is not 1 to 64 letters, digits, _ and -",
    remedy = "results come in any order: give each request a custom_id to know it by",
  },
  batch_id_twice = {
    text = "%s is the custom_id of request %d, too",
    remedy = "results come in any order: give each request a custom_id of its own",
  },
  batch_member = {
    text = "a request of a batch has custom_id and params, nothing else",
    remedy = "what messages:create takes stands in params",
  },
  batch_request_size = {
    text = "the request has %.0f bytes, and a batch holds at most %.0f",
    remedy = "send files by id or by URL, or shorten",
  },
  warm_up = {
    text = "max_tokens is 0 (fills the cache only), which does not go with %s",
    remedy = "leave it out, or write max_tokens of at least 1",
    api = { "max_tokens: .-0.-not.-supported" },
  },
  thinking_first = {
    remedy = "put the assistant's content back whole and in order, thinking blocks first:"
      .. " the table that message.content is, or client:conversation which does it",
    api = { "Expected `thinking` or `redacted_thinking`, but found" },
  },
  thinking_changed = {
    text = "a %s block was changed since it came from the API",
    remedy = "put it back as it came; what is shown to people can be a copy",
    api = { "blocks in the latest assistant message cannot be modified" },
  },
  thinking_unsigned = {
    text = "a thinking block without its signature cannot go back",
    remedy = "leave the block out: it comes from a reply that was interrupted",
    api = { "thinking%.signature: Field required" },
  },
  thinking_last = {
    text = "the last block of an assistant message cannot be %s",
    remedy = "leave the message's last thinking block out, or the whole message",
    api = { "The final block in an assistant message cannot be `?thinking" },
  },
  binding = {
    remedy = "a signature seals everything before its block: nothing earlier (system, tools,"
      .. " messages) may change; send the history as it was, or go on without the blocks that"
      .. " do not fit: chat:repair{} does it",
    api = { "bound to a different", "preceding thinking block is missing" },
  },
  signature = {
    remedy = "the block is not as the API wrote it, or another API wrote it: put it back"
      .. " byte for byte (client:conversation does), or leave out every thinking block:"
      .. ' chat:repair { recipe = "strip_thinking" } does it',
    api = { "Invalid `?signature`? in `?thinking`?", "Invalid `?data`? in `?redacted_thinking`?" },
  },
  thinking_in_turn = {
    text = "%s changes while tool calls of the turn are open",
    remedy = "change it once the turn has ended: until then the model goes on as it began",
  },
  -- caching
  cache_type = {
    text = "cache_control type is %s",
    remedy = 'write cache_control = { type = "ephemeral" }',
    api = { "cache_control%.?%w*: Input should be" },
  },
  cache_ttl = {
    text = "cache_control ttl is %s",
    remedy = 'write ttl = "5m" or ttl = "1h"',
    api = { "cache_control%..-ttl: Input should be" },
  },
  cache_setting = {
    text = "cache is %s",
    remedy = 'write cache = "auto", or a table such as cache = { ttl = "1h" }',
  },
  cache_field = {
    text = "cache has no setting %s",
    remedy = "it has ttl, tools, system, messages and diagnostics",
  },
  cache_level = {
    text = "cache.%s is %s",
    remedy = 'write true, false, "5m" or "1h"',
  },
  cache_diagnostics = {
    text = "cache.diagnostics needs to know the message before, and a single request has none",
    remedy = "use client:conversation, or write diagnostics = { previous_message_id = … }",
  },
  cache_count = {
    text = "%d blocks have cache_control, and 4 is the most",
    remedy = "keep the last ones of tools, system and messages; one at the top level moves"
      .. " by itself and counts as one",
    api = { "maximum of 4 blocks with cache_control" },
  },
  cache_order = {
    text = 'ttl "1h" comes after ttl "5m" at %s',
    remedy = "order is tools, system, messages, top level: longer times come first",
    api = { "ttl='?1h'? .-must not come after", "ttl.-must not come after" },
  },
  cache_thinking = {
    text = "a %s block cannot have cache_control",
    remedy = "put it on the block after",
    api = { "thinking%.cache_control: Extra inputs" },
  },
  cache_empty = {
    text = "an empty text block cannot have cache_control",
    remedy = "put it on a block with text",
    api = { "cache_control cannot be set for empty text blocks" },
  },
  -- messages
  tool_use_unanswered = {
    text = "tool_use %s has no tool_result in the next message",
    remedy = "answer every tool_use in one user message right after it;"
      .. " client:conversation does it",
    api = { "`?tool_use`? ids were found without `?tool_result`? blocks immediately after" },
  },
  tool_result_unasked = {
    text = "tool_result %s answers no tool_use of the message before",
    remedy = "put it right after the assistant message with that tool_use, or leave it out",
    api = { "unexpected `?tool_use_id`? found in `?tool_result`?" },
  },
  tool_result_twice = {
    text = "tool_use %s is answered twice",
    remedy = "keep one tool_result for each tool_use",
    api = { "each tool_use must have a single result" },
  },
  tool_result_late = {
    text = "a tool_result comes after other content",
    remedy = "put the results first, then text",
    api = { "tool_result.-must.-first" },
  },
  empty_text = {
    text = "a text block is empty",
    remedy = "leave the block out",
    api = { "text content blocks must be non%-empty" },
  },
  blank_text = {
    text = "a text holds nothing but blanks",
    remedy = "leave it out",
    api = { "text content blocks must contain non%-wh" },
  },
  empty_content = {
    text = "a %s message has no content",
    remedy = "leave the message out",
    api = { "must have non%-empty content" },
  },
  messages_empty = {
    text = "there is no message",
    remedy = 'write messages = { { role = "user", content = "…" } }',
    api = { "messages: at least one message is required" },
  },
  messages_many = {
    text = "there are %d messages, and 100000 is the most",
    remedy = "shorten the history",
  },
  role_unknown = {
    text = "role is %s",
    remedy = 'write role = "user" or role = "assistant"',
    api = { "role: Input should be" },
  },
  role_first = {
    remedy = "begin with a user message; instructions go into the system parameter",
    api = { "first message must use the .?user.? role" },
  },
  system_misplaced = {
    text = "a system message stands %s",
    remedy = "a system message follows a user turn, and comes before an assistant message or last",
    api = { "role 'system' must precede", "role 'system'" },
  },
  system_model = {
    text = "%s takes no messages of role system",
    remedy = "put the text into the system parameter, or into a user message",
  },
  field_type = {
    text = "must be %s, and is %s",
    remedy = SCHEMA_REMEDY,
    api = { "Input should be a valid", "String should " },
  },
  field_missing = {
    text = "is missing",
    remedy = "add it",
    api = { "Field required" },
  },
  tool_name_twice = {
    text = "two tools are named %s",
    remedy = "give every tool a name of its own",
    api = { "[Tt]ool names must be unique" },
  },
  field_order = {
    text = "must not be negative, and is %s",
    remedy = "write 0 or more",
  },
  encoding = {
    text = "%s",
    remedy = "the value cannot be written as JSON: mend it at this path"
      .. " (claude.core's utf8_scrub mends text)",
  },
  view_changed = { text = "%s", remedy = "" },
  -- images and documents
  media_unreadable = {
    text = "%s cannot be read: %s",
    remedy = "check the path; text that is in the program already is claude.document { text = … }",
  },
  media_empty = {
    text = "%s is empty",
    remedy = "leave it out",
  },
  media_size = {
    text = "%s has more than %d bytes, which are more than the %d in base64 that a request holds",
    remedy = "make it smaller, or upload it: claude.image and claude.document take what"
      .. " client.files:upload returns",
  },
  image_format = {
    text = "%s is none of JPEG, PNG, GIF and WebP%s",
    remedy = "convert it to one of these; claude.document takes PDF and text",
    api = { "Could not process image", "image%.source%.base64%.media_type: Input should be" },
  },
  image_count = {
    text = "there are %d images, and %d is the most for %s",
    remedy = "send fewer at once",
  },
  document_format = {
    text = "%s is neither PDF nor UTF-8 text%s",
    remedy = "convert it to PDF or to UTF-8 text; claude.image takes images",
    api = { "document%.source%.base64%.media_type: Input should be" },
  },
  source_type = {
    text = "%s is needed in a source of type %s",
    remedy = "claude.image and claude.document make blocks of paths, bytes, URLs and file ids",
  },
  source_media_type = {
    text = "media_type is %s, and the data is %s",
    remedy = "write the media_type that the data has: claude.image and claude.document find it",
    api = { "specified using the .- media type, but .- appears to be" },
  },
  source_base64 = {
    text = "the data is %s, and must be base64 alone",
    remedy = "write nothing before the base64; claude.image and claude.document encode bytes",
    api = { "base64%.data: .-base64" },
  },
  -- files
  file_unreadable = {
    text = "%s cannot be read: %s",
    remedy = "check the path; what the program holds already is { bytes = …, filename = … }",
  },
  file_unwritable = {
    text = "%s cannot be written: %s",
    remedy = "check the path, and the room on that disk; what was there before is unchanged",
  },
  file_name = {
    text = "is %s, and must have 1 to 255 characters, none of them one of"
      .. ' < > : " | ? * \\ / or a control character',
    remedy = "give another: { path = …, filename = … }",
    api = { "[Ff]ilename.-forbidden", "[Ff]ilename.-characters" },
  },
  file_size = {
    text = "%s has %.0f bytes, and a file may have %d",
    remedy = "split it",
  },
  file_type = {
    text = "is %s, and must be a media type, such as application/pdf",
    remedy = "leave it out: it is found in the file's beginning and its name",
  },
  file_expiry = {
    text = "is %s, and must be an integer from 3600 to 7776000",
    remedy = "write seconds from an hour to 90 days, or leave it out: the file then stays",
    api = { "expires_in_seconds: Input should be" },
  },
  -- what only the API can judge
  block_type = {
    remedy = "correct the block's type; the API takes newer types with their name in betas only",
    api = { "Input tag '.-' found using 'type' does not match" },
  },
  block_role = {
    remedy = "put the block into a message of that role",
    api = { "blocks can only be in `?%w+`? messages" },
  },
  tool_use_twice = {
    remedy = "give each tool_use an id of its own: a reply stands in the history once",
    api = { "`?tool_use`? ids must be unique" },
  },
  prefill_space = {
    remedy = "take the blanks off the end of the last message",
    api = { "final assistant content cannot end with trailing whitespace" },
  },
  tool_choice_alone = {
    remedy = "leave tool_choice out, or give tools",
    api = { "tool_choice may only be specified while providing tools" },
  },
  stop_sequence_blank = {
    remedy = "leave out stop sequences of nothing but blanks",
    api = { "each stop sequence must contain non%-whitespace" },
  },
  version_header = {
    remedy = "send a version: claude.new { version = … } does, unless headers take it away",
    api = { "anthropic%-version: " },
  },
  server_tool_gone = {
    remedy = "send the same tools again: a server tool of the paused turn is missing",
    api = { "but no `.-` tool was provided" },
  },
  server_tool_unresolved = {
    text = "what the user says comes before the result of the server's own tool call %s",
    remedy = "send only tool_result blocks after a reply that holds an unfinished server tool",
    api = { "tool use with id `?srvtoolu_.-was found without a corresponding" },
  },
  beta_unknown = {
    remedy = "take the name out of betas, or correct it",
    api = { "Unexpected value%(s%) .- for the `?anthropic%-beta`? header" },
  },
  tool_type_model = {
    remedy = "use the tool version that the model takes, or another model",
    api = { "does not support tool types" },
  },
  context_overflow = {
    remedy = "shorten the history or lower max_tokens",
    api = { "exceed context limit", "prompt is too long" },
  },
  model_unknown = {
    remedy = "correct the name; client.models:list() gives the names",
    api = { "^model: " },
  },
  extra_field = {
    remedy = "take the field out: the API does not know it here, or not without its beta",
    api = { "Extra inputs are not permitted" },
  },
}

return M
