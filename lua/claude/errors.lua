--- What a failed call returns after `nil`: a text that prints well on every Lua,
--- and a `claude.Error` that a program can look into.
---
--- Wrong types and wrong calls raise at the caller's line: they are bugs.
--- Whatever the outside world does comes back as `nil, text, err`.

---@alias claude.ErrorKind
---| "api"        # the API answered with an error, by status or inside a stream
---| "network"    # no answer, or the connection broke before one: DNS, TLS, refused, reset
---| "timeout"    # one of the limits on waiting was reached
---| "protocol"   # an answer that is not what the API's format allows
---| "incomplete" # a stream that ended before its message was whole
---| "cancelled"  # the caller cancelled or closed it
---| "storage"    # a journal could not be opened, read, written or synced
---| "invalid"    # refused before sending: the API would have answered with 400

---@class claude.Error
---@field kind claude.ErrorKind
---@field message string what went wrong
---@field type? string the API's name for it, such as "overloaded_error"; "binding_error" and
--- "signature_error" for thinking blocks that it refuses (it calls both invalid_request_error)
---@field status? integer HTTP status; nil for an error event inside a stream, whose status was 200
---@field hint? string what to do about it
---@field path? string the parameter it is about, such as "messages[2].content[1]"
---@field rule? string name of the rule that was broken, where one is known
---@field request_id? string
---@field retryable boolean whether the same request may succeed a little later
---@field retry_after? number seconds that the API asked to wait
---@field details? table the API's details, decoded
---@field error_code? string the API's code inside details
---@field partial? claude.Message what had arrived before the failure
---@field batches? table[] batches that had been created before the failure
---@field taken? integer how many requests those hold
---@field headers? table<string, string> response headers by lowercase name, without secrets
---@field rate_limit? claude.RateLimits what the headers tell of limits
---@field body? string the response body as it came, at most its first 64 KiB
local Error = {}
Error.__index = Error
Error.__name = "claude.Error"

local RETRYABLE_KIND = { network = true, timeout = true, incomplete = true }
-- Statuses below 500 for which the same request may well succeed a moment later.
local RETRYABLE_STATUS = { [408] = true, [409] = true, [429] = true }
-- In-stream errors come with status 200: only their type tells.
local RETRYABLE_TYPE = {
  api_error = true,
  conflict_error = true,
  overloaded_error = true,
  rate_limit_error = true,
  timeout_error = true,
}

local M = {}

--- Whether an error_code tells of a spend limit: it lasts until somebody raises it.
---@param code? string
---@return boolean
function M.is_spend_limit(code) return code ~= nil and code:find("spend_limit", 1, true) ~= nil end

---@param fields table
---@return boolean
local function may_be_retried(fields)
  if fields.kind ~= "api" then return RETRYABLE_KIND[fields.kind] or false end
  if M.is_spend_limit(fields.error_code) then return false end
  local status = fields.status
  if status and status >= 400 then return RETRYABLE_STATUS[status] or status >= 500 end
  return RETRYABLE_TYPE[fields.type] or false
end

---@param err claude.Error
---@return string
local function headline(err)
  local words = { err.kind }
  if err.kind == "invalid" then words = { "invalid request" } end
  if err.status and err.status >= 400 then words[#words + 1] = tostring(err.status) end
  if err.kind == "api" and err.type then words[#words + 1] = err.type end
  return table.concat(words, " ")
end

--- One line that says what, where and (on a second line) what to do.
---@return string
function Error:__tostring()
  -- The API's own texts begin with the path already, in its spelling.
  local path = self.path and self.kind == "invalid" and (self.path .. ": ") or ""
  local text = ("%s: %s%s"):format(headline(self), path, tostring(self.message))
  if self.request_id then text = ("%s (request %s)"):format(text, self.request_id) end
  if self.hint then text = ("%s\n  hint: %s"):format(text, self.hint) end
  return text
end

--- Makes a claude.Error of the table given; `retryable` is worked out when absent.
---@param fields table
---@return claude.Error
function M.new(fields)
  if fields.retryable == nil then fields.retryable = may_be_retried(fields) end
  return setmetatable(fields, Error)
end

--- The three values of a failed call.
---@param err claude.Error
---@return nil
---@return string
---@return claude.Error
function M.fail(err) return nil, tostring(err), err end

--- What was raised, as text, whatever it is: the __tostring of a user's error may raise.
---@param raised any
---@return string
function M.text_of(raised)
  local shown, text = pcall(tostring, raised)
  if shown and type(text) == "string" then return text end
  return "an error that has no text"
end

---@param value any
---@return boolean
function M.is(value) return type(value) == "table" and getmetatable(value) == Error end

return M
