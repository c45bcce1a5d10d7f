--- Errors that the API or the way to it told: by status, inside a stream, or by an
--- answer that is none. Each gets the hint of the rule that knows its text.

local dates = require("claude.dates")
local errors = require("claude.errors")
local headers = require("claude.headers")
local json = require("claude.json")
local paths = require("claude.paths")
local rules = require("claude.check.rules")

local M = {}

-- How much of a body an error carries, and how much of it is read as JSON.
local MAX_BODY = 64 * 1024
local MAX_HEADERS = 64 * 1024
local MAX_DECODED = 1024 * 1024
local LONGEST_SECRET = 8 * 1024
-- How much of a body that is not JSON the message shows.
local MAX_SHOWN = 300

local TYPE_OF_STATUS = {
  [400] = "invalid_request_error",
  [401] = "authentication_error",
  [402] = "billing_error",
  [403] = "permission_error",
  [404] = "not_found_error",
  [409] = "conflict_error",
  [413] = "request_too_large",
  [422] = "invalid_request_error",
  [429] = "rate_limit_error",
  [504] = "timeout_error",
  [529] = "overloaded_error",
}

local HINT_OF_TYPE = {
  authentication_error = "check ANTHROPIC_API_KEY, or the api_key given to claude.new",
  billing_error = "check the plan and the credits of the account",
  permission_error = "the key may not do this: check its workspace and its rights",
  not_found_error = "check the model's name (client.models:list() gives them) and the base URL",
  request_too_large = "a request holds at most 32 MB: send files by id or by URL, or shorten",
  rate_limit_error = "wait, or send less at once; retry_after says how long",
  overloaded_error = "try again later: the API has too much to do",
}
local NOT_FOUND_HINT = "check the id, and the base URL"
local HINT_OF_CODE = {
  available_tools_limit_exceeded = "offer fewer tools at once, or defer_loading with tool search",
  file_expired = "upload the file again, and use its new id",
  image_dimensions_too_large = "make the images smaller: details has the largest side in pixels",
  organization_on_hold = "ask the organization's administrators: nothing is answered meanwhile",
  ramp_limit_exceeded = "send more only step by step; retry_after says how long to wait",
  request_body_timeout = "the request's body came too slowly: check the connection, or send less",
  tool_name_conflict = "give every tool a name of its own",
}
local NO_MESSAGE_HINT =
  "this is not how the API answers: check the base URL, and what stands between"
local SPEND_LIMIT_HINT = "a spend limit is reached: raise it; trying again does not help"

-- The API has one type for everything that is wrong with a request. What is wrong with
-- thinking blocks that came from it can be repaired, and so is told apart.
local TYPE_OF_RULE = {
  binding = "binding_error",
  signature = "signature_error",
  thinking_changed = "signature_error",
}

--- The beginning of a body, without secrets. Cut last: half a secret would not be known as one,
--- so what stands before the cut may be one, however much shorter the text has become.
---@param body string
---@param scrub? fun(text: string): string
---@return string
function M.beginning(body, scrub)
  if not scrub then return body:sub(1, MAX_BODY) end
  local text = scrub(body:sub(1, MAX_BODY + LONGEST_SECRET))
  if #body <= MAX_BODY + LONGEST_SECRET then return text:sub(1, MAX_BODY) end
  return text:sub(1, math.max(0, math.min(MAX_BODY, #text - LONGEST_SECRET)))
end

---@param body string
---@param scrub? fun(text: string): string
---@return string
local function shown(body, scrub)
  local text = M.beginning(body, scrub):gsub("%s+", " "):match("^ ?(.-) ?$")
  if #text <= MAX_SHOWN then return text end
  return text:sub(1, MAX_SHOWN):gsub("[\192-\255][\128-\191]*$", "") .. "…"
end

---@param value any
---@return string?
local function text_or_nil(value)
  if type(value) == "string" and value ~= "" then return value end
  return nil
end

---@param message string
---@return string? path
local function path_in(message)
  local path = message:match("^(messages%.%d+[%w_.]*): ")
  return path and paths.from_api(path)
end

-- What the rule that knows the text of a refusal has to say.
---@param fields table
local function explain_refusal(fields)
  local hint, rule = rules.hint_for(fields.message)
  fields.hint, fields.rule, fields.path = hint, rule, path_in(fields.message)
  fields.type = TYPE_OF_RULE[rule] or fields.type
end

-- Other things than models can be missing.
---@param fields table
---@return boolean
local function misses_another_thing(fields)
  local message = fields.message or ""
  return fields.type == "not_found_error" and not message:find("model", 1, true)
end

---@param fields table
local function explain(fields)
  local status = fields.status
  if errors.is_spend_limit(fields.error_code) then
    fields.hint, fields.retryable = SPEND_LIMIT_HINT, false
  elseif HINT_OF_CODE[fields.error_code] then
    fields.hint = HINT_OF_CODE[fields.error_code]
  elseif status == 400 or status == 422 or fields.type == "invalid_request_error" then
    explain_refusal(fields)
  elseif misses_another_thing(fields) then
    fields.hint = NOT_FOUND_HINT
  else
    fields.hint = HINT_OF_TYPE[fields.type]
  end
end

-- A flood of headers says nothing: the longest of what does not fit are left out.
---@param given table<string, string>
---@return table<string, string>
local function without_flood(given)
  local names, kept, size = {}, {}, 0
  for name in pairs(given) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b) return #given[a] < #given[b] end)
  for _, name in ipairs(names) do
    size = size + #name + #given[name]
    if size <= MAX_HEADERS then kept[name] = given[name] end
  end
  return kept
end

---@param value any
---@param scrub fun(text: string): string
---@return any
local function scrubbed(value, scrub)
  if type(value) == "string" then return scrub(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, member in pairs(value) do
    copy[scrubbed(key, scrub)] = scrubbed(member, scrub)
  end
  return copy
end

-- What the official clients can wait for.
local LONGEST_WAIT = 2147483.647

---@param seconds? number
---@return number?
local function usable(seconds)
  return seconds and seconds > 0 and seconds <= LONGEST_WAIT and seconds or nil
end

local LONGEST_NUMBER = 100 -- characters: looking through more takes long, and says nothing

-- Lua's own reading of numbers takes "0x10", and "inf" on some versions.
---@param text? string
---@return number?
local function decimal(text)
  if not text or #text > LONGEST_NUMBER then return nil end
  return text:find("^%s*[+-]?%d*%.?%d+%s*$") and tonumber(text) or nil
end

--- How long the API asks to wait: retry-after-ms, else retry-after in seconds or as
--- a date. Nil when it does not say, or nothing that can be used.
---@param given table<string, string> headers by lowercase name
---@param now? number else when the answer was sent
---@return number? seconds
function M.retry_after(given, now)
  local ms = decimal(given["retry-after-ms"])
  ms = ms and usable(ms / 1000)
  if ms then return ms end
  local text = given["retry-after"]
  local seconds = decimal(text)
  if seconds or not text then return usable(seconds) end
  now = now or dates.of_answer(given.date)
  local date = dates.http(text, now)
  return usable(date and date - now)
end

---@param headers_given table<string, string>
---@return boolean?
local function told_to_retry(headers_given)
  local told = headers_given["x-should-retry"]
  if told == "true" then return true end
  if told == "false" then return false end
  return nil
end

-- What the API's own form does not say.
---@param fields table
---@param decoded any
local function read_other_shape(fields, decoded)
  local message, kind, code = require("claude.error_shapes").read(decoded)
  fields.message = fields.message or message
  fields.error_code = fields.error_code or code
  fields.type = kind or fields.type
end

-- The members of the API's error object, or the body as text where it is none.
---@param fields table
---@param body string
---@param scrub? fun(text: string): string
local function read_body(fields, body, scrub)
  local decoded = #body <= MAX_DECODED and json.decode(body)
  local told = type(decoded) == "table" and decoded.error
  if type(told) == "table" then
    fields.message = text_or_nil(told.message)
    fields.details = type(told.details) == "table" and told.details or nil
    fields.error_code = fields.details and text_or_nil(fields.details.error_code)
    fields.request_id = fields.request_id or text_or_nil(decoded.request_id)
  end
  read_other_shape(fields, decoded)
  fields.message = fields.message or text_or_nil(shown(body, scrub))
end

-- What a server had to say, in one way or another.
local TOLD = {
  "message",
  "type",
  "error_code",
  "path",
  "hint",
  "details",
  "headers",
  "request_id",
}

---@param fields table
---@param scrub? fun(text: string): string
---@return claude.Error
local function finished(fields, scrub)
  if not fields.hint then explain(fields) end
  fields.body = fields.body and M.beginning(fields.body, scrub)
  for _, name in ipairs(scrub and TOLD or {}) do
    fields[name] = scrubbed(fields[name], scrub)
  end
  fields.rate_limit = fields.headers and headers.rate_limit(fields.headers)
  return errors.new(fields)
end

-- What every answer tells, whatever its body is. Before its status there is none.
---@param response table
---@param kind claude.ErrorKind
---@return table fields
local function fields_of(response, kind)
  local given = response:headers()
  return {
    kind = kind,
    status = response:status(),
    request_id = given["request-id"],
    headers = response:status() and headers.redacted(without_flood(given)),
    body = response:body(),
  }
end

--- The error that an answer with an error status is.
---@param response table a finished claude.core response
---@param scrub? fun(text: string): string takes secrets out
---@return claude.Error
function M.from_status(response, scrub)
  local status, given = response:status(), response:headers()
  local fields = fields_of(response, "api")
  fields.body = fields.body or ""
  fields.type = TYPE_OF_STATUS[status] or (status >= 500 and "api_error" or nil)
  fields.retry_after = M.retry_after(given)
  fields.retryable = told_to_retry(given)
  if status >= 300 and status < 400 then
    local text = "the server answered with a redirect (%d), which is not followed"
    fields.message, fields.hint = text:format(status), "correct the base URL"
    return finished(fields, scrub)
  end
  read_body(fields, fields.body, scrub)
  fields.message = fields.message or ("status %d without a body"):format(status)
  return finished(fields, scrub)
end

--- The error that an answer with status 200 is when it is no message, or whatever else was
--- expected: an error after all, the page of a proxy, say, or of another server.
---@param response table a finished claude.core response
---@param scrub? fun(text: string): string
---@param expected? string "message" without it
---@return claude.Error
function M.from_no_message(response, scrub, expected)
  local fields = fields_of(response, "protocol")
  fields.body = fields.body or ""
  if require("claude.error_shapes").is_error(json.decode(fields.body)) then
    -- Some servers send their errors with status 200, which then says nothing about them.
    fields.kind, fields.status = "api", nil
    read_body(fields, fields.body, scrub)
    return finished(fields, scrub)
  end
  local what = fields.body ~= "" and shown(fields.body, scrub) or "it is empty"
  fields.message = ("the answer is no %s: %s"):format(expected or "message", what)
  fields.hint = NO_MESSAGE_HINT
  return finished(fields, scrub)
end

--- The error that the API's error object is, wherever it stands.
---@param body string JSON
---@param scrub? fun(text: string): string
---@return claude.Error
function M.from_told(body, scrub)
  local fields = { kind = "api", body = body }
  read_body(fields, body, scrub)
  return finished(fields, scrub)
end

--- The error that a response's own judgement is: an error event inside a stream, a
--- broken format, a stream without its end.
---@param response table a claude.core response that failed
---@param scrub? fun(text: string): string
---@return claude.Error
function M.from_failure(response, scrub)
  local failure = response:failure() or { kind = "incomplete", message = "the answer ended early" }
  local fields = fields_of(response, failure.kind)
  fields.type, fields.message = failure.type, failure.message
  fields.request_id = fields.request_id or failure.request_id
  if failure.kind == "api" then
    -- It came after the status, which was 200 and says nothing about it.
    fields.status, fields.message, fields.body = nil, nil, fields.body or ""
    read_body(fields, fields.body, scrub)
    fields.message = fields.message or "an error event without a text"
  else
    fields.body = nil
    if failure.kind == "protocol" and failure.offset then
      fields.message = ("%s (at byte %d of the answer)"):format(failure.message, failure.offset)
    end
  end
  return finished(fields, scrub)
end

return M
