--- What the scenarios of spec/alloc share. Requiring it loads what they use.
local claude = require("claude")
local core = require("claude.core")

-- Everything is loaded before memory fails, but for what is to be looked at: on LuaJIT a file
-- that was being loaded stays open.
for _, name in ipairs({
  "api_error",
  "check",
  "check.cache",
  "check.change",
  "check.content",
  "check.fields",
  "check.messages",
  "check.order",
  "check.output",
  "check.rule_table",
  "check.rules",
  "check.thinking",
  "client",
  "conversation",
  "conversation.order",
  "conversation.save",
  "conversation.store",
  "conversation.tool_changes",
  "conversation.turn",
  "error_shapes",
  "errors",
  "ledger",
  "loop.blocking",
  "loop.descriptors",
  "message",
  "messages",
  "net",
  "redact",
  "reply",
  "stream",
  "tasks",
  "tasks.group",
  "tasks.own",
  "tool_loop",
  "tool_loop.calls",
  "tool_loop.result",
  "transport",
  "transport.curl",
  "usage",
}) do
  require("claude." .. name)
end

local M = {}

function M.nothing() end

function M.new_client(options)
  return claude.new({
    api_key = "k",
    base_url = options and options.base_url or os.getenv("URL"),
    max_retries = options and options.max_retries or 0,
    limits = options and options.limits or { connect = 10, first_byte = 10, idle = 10 },
    on_warning = M.nothing,
  })
end

-- The bytes of its messages.
function M.remember(chat)
  local bytes = {}
  for i, message in ipairs(chat:messages()) do
    bytes[i] = assert(core.encode(message))
  end
  return bytes
end

-- What had been there is there, byte for byte.
function M.check_kept(chat, before)
  local now = M.remember(chat)
  for i, bytes in ipairs(before) do
    if now[i] ~= bytes then
      error(("message %d was %s, is %s"):format(i, bytes, tostring(now[i])))
    end
  end
end

--- All bytes of a file; nil when there is none.
function M.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read("*a")
  file:close()
  return bytes
end

return M
