--- Messages as Lua tables that remember the bytes they came from.
---
--- A decoded block is a view: put back into a request unchanged, it goes out as the
--- bytes the API sent, which is what signatures and caches need.

local check_receiver = require("claude.receiver").check
local core = require("claude.core")
local headers = require("claude.headers")

---@class claude.Message
---@field id string
---@field model string
---@field role "assistant"
---@field content table[] blocks, each with a type
---@field stop_reason? string
---@field stop_sequence? string
---@field usage table
---@field request_id? string
---@field rate_limit? claude.RateLimits what the answer's headers tell of limits
---@field input_transformations? table[] thinking blocks that the API did not take as they came:
--- `type`, `path` (as the API counts, from 0) and `reason`
---@field timings? { first_byte: number?, first_token: number?, total: number? } seconds
---@field parsed? any the answer's value, if the request had output_config.format
local Message = {}
Message.__index = Message
Message.__name = "claude.Message"

-- Views -> what they came from. Weak: a view that nobody holds needs no bytes.
local raw_blocks = setmetatable({}, { __mode = "k" })
local responses = setmetatable({}, { __mode = "k" })
local answers = setmetatable({}, { __mode = "k" })

---@param message claude.Message
---@param kind string
---@param field string
---@param between string
---@return string
local function joined(message, kind, field, between)
  local parts = {}
  for _, block in ipairs(message.content) do
    if block.type == kind and type(block[field]) == "string" and block[field] ~= "" then
      parts[#parts + 1] = block[field]
    end
  end
  return table.concat(parts, between)
end

--- The answer: all text blocks together.
---@return string
function Message:text()
  check_receiver(self, Message, "message:text()")
  return joined(self, "text", "text", "")
end

--- What the model thought, as far as it is shown; an empty line between blocks.
---@return string
function Message:thinking()
  check_receiver(self, Message, "message:thinking()")
  return joined(self, "thinking", "thinking", "\n\n")
end

--- The tool calls in order.
---@return table[]
function Message:tool_uses()
  check_receiver(self, Message, "message:tool_uses()")
  local calls = {}
  for _, block in ipairs(self.content) do
    if block.type == "tool_use" then calls[#calls + 1] = block end
  end
  return calls
end

--- The value of an answer that is JSON; `nil, text, err` when it was refused, cut off or is
--- no JSON. The text is `err.partial:text()`.
---@return any value
---@return string? text
---@return claude.Error? err
function Message:parse()
  check_receiver(self, Message, "message:parse()")
  return require("claude.structured_output").parse(self)
end

local M = {}

--- The message of a response, complete or what arrived of it. Nil when none began.
---@param response table a claude.core response
---@param given? string its headers, where somebody has them already
---@param limits? claude.RateLimits what those tell of limits
---@return claude.Message?
---@return string? problem
function M.view(response, given, limits)
  local message, raws = response:message()
  if not message then return nil, raws or "no message began" end
  message.content = message.content or {}
  for i, block in ipairs(message.content) do
    raw_blocks[block] = raws[i]
  end
  if not given then
    given = response:header_lines()
    limits = headers.rate_limit(given)
  end
  message.request_id, message.rate_limit = response:header("request-id"), limits
  answers[message] = { response:status(), given }
  if not response:complete() then responses[message] = response end
  return setmetatable(message, Message)
end

--- What arrived of a reply that will not be taken, whole or not: `chat:keep` may want it.
---@param response table a claude.core response
---@return claude.Message?
function M.partial(response)
  local message = M.view(response)
  if message then responses[message] = response end
  return message
end

---@param value any
---@return boolean
function M.is(value) return type(value) == "table" and getmetatable(value) == Message end

--- The bytes a block came from; nil for a table that is no view.
---@param block any
---@return string?
function M.raw_of(block) return raw_blocks[block] end

--- Makes a decoded block remember its bytes.
---@param block table
---@param raw string
---@return table block
function M.remember(block, raw)
  raw_blocks[block] = raw
  return block
end

--- The response that a message was read from which is not whole, or was not taken.
---@param message claude.Message
---@return table?
function M.response_of(message) return responses[message] end

--- The status and the headers that a message came with.
---@param message claude.Message
---@return integer? status
---@return table<string, string>? headers
function M.answer_of(message)
  local answer = answers[message]
  if answer then return answer[1], core.headers(answer[2]) end
end

-- Numbers that Lua cannot hold exactly and other raw values count by their text.
local function same(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then
    return core.is_raw(a) and core.is_raw(b) and tostring(a) == tostring(b)
  end
  if core.is_raw(a) or core.is_raw(b) then
    return core.is_raw(a) and core.is_raw(b) and tostring(a) == tostring(b)
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

--- Whether a view still says what its bytes say.
---@param block table a view
---@return boolean
function M.unchanged(block)
  local original = core.decode(raw_blocks[block])
  return original ~= nil and same(block, original)
end

return M
