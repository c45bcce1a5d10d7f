--- Errors that the API or the way to it told: by status, inside a stream, or by an
--- answer that is none. Each gets the hint of the rule that knows its text.

local errors = require("claude.errors")
local headers = require("claude.headers")
local json = require("claude.json")
local rules = require("claude.check.rules")

local M = {}

-- How much of a body an error carries.
local MAX_BODY = 64 * 1024
-- How much of a body that is not JSON the message shows.
local MAX_SHOWN = 300

local TYPE_OF_STATUS = {
  [400] = "invalid_request_error",
  [401] = "authentication_error",
  [402] = "billing_error",
  [403] = "permission_error",
  [404] = "not_found_error",
  [408] = "timeout_error",
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
local NO_MESSAGE_HINT =
  "this is not how the API answers: check the base URL, and what stands between"
local SPEND_LIMIT_HINT = "a spend limit is reached: raise it; trying again does not help"

---@param text string
---@return string
local function shown(text)
  text = text:gsub("%s+", " "):match("^ ?(.-) ?$")
  if #text <= MAX_SHOWN then return text end
  return text:sub(1, MAX_SHOWN):gsub("[\192-\255][\128-\191]*$", "") .. "…"
end

---@param value any
---@return string?
local function text_or_nil(value)
  if type(value) == "string" and value ~= "" then return value end
  return nil
end

---@param fields table
---@return string?
local function hint_for(fields)
  local code = fields.error_code
  if code and code:find("spend_limit", 1, true) then return SPEND_LIMIT_HINT end
  local status = fields.status
  if status == 400 or status == 422 or fields.type == "invalid_request_error" then
    return (rules.hint_for(fields.message))
  end
  -- Other things than models can be missing.
  local message = fields.message or ""
  if fields.type == "not_found_error" and not message:find("model", 1, true) then
    return NOT_FOUND_HINT
  end
  return HINT_OF_TYPE[fields.type]
end

---@param value any
---@param scrub fun(text: string): string
---@return any
local function scrubbed(value, scrub)
  if type(value) == "string" then return scrub(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, member in pairs(value) do
    copy[key] = scrubbed(member, scrub)
  end
  return copy
end

local MONTHS = {
  Jan = 1,
  Feb = 2,
  Mar = 3,
  Apr = 4,
  May = 5,
  Jun = 6,
  Jul = 7,
  Aug = 8,
  Sep = 9,
  Oct = 10,
  Nov = 11,
  Dec = 12,
}

--- Seconds since 1970 of a date as HTTP writes it, such as
--- "Sun, 06 Nov 1994 08:49:37 GMT".
---@param text string
---@return number?
function M.http_date(text)
  local day, name, year, hour, minute, second =
    text:match("^%a+, (%d+)[ -](%a+)[ -](%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  local month = MONTHS[name]
  if not month then return nil end
  -- Days since 1970 by the civil calendar, years counted from March.
  local y = tonumber(year) - (month <= 2 and 1 or 0)
  local era = math.floor(y / 400)
  local year_of_era = y - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + tonumber(day) - 1
  local day_of_era = year_of_era * 365
    + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100)
    + day_of_year
  local days = era * 146097 + day_of_era - 719468
  return ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60 + tonumber(second)
end

local LONGEST_WAIT = 2147483.647

--- How long the API asks to wait: retry-after-ms, else retry-after in seconds or as
--- a date. Nil when it does not say, or nothing that can be used.
---@param headers_given table<string, string>
---@param now? number
---@return number? seconds
function M.retry_after(headers_given, now)
  local ms = tonumber(headers_given["retry-after-ms"])
  local seconds = ms and ms / 1000
  local text = headers_given["retry-after"]
  if not seconds and text then
    seconds = tonumber(text)
    local date = not seconds and M.http_date(text)
    if date then seconds = date - (now or os.time()) end
  end
  if seconds and seconds > 0 and seconds <= LONGEST_WAIT then return seconds end
  return nil
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
local function read_body(fields, body)
  local decoded = json.decode(body)
  local told = type(decoded) == "table" and decoded.error
  if type(told) == "table" then
    fields.message = text_or_nil(told.message)
    fields.details = type(told.details) == "table" and told.details or nil
    fields.error_code = fields.details and text_or_nil(fields.details.error_code)
    fields.request_id = fields.request_id or text_or_nil(decoded.request_id)
  end
  read_other_shape(fields, decoded)
  if fields.message then return end
  local text = shown(body)
  local nothing = ("status %s without a body"):format(tostring(fields.status))
  fields.message = text ~= "" and text or nothing
end

---@param fields table
---@param scrub? fun(text: string): string
---@return claude.Error
local function finished(fields, scrub)
  fields.hint = fields.hint or hint_for(fields)
  if scrub then
    for _, name in ipairs({ "message", "details", "body", "headers", "request_id" }) do
      fields[name] = scrubbed(fields[name], scrub)
    end
  end
  return errors.new(fields)
end

--- The error that an answer with an error status is.
---@param response table a finished claude.core response
---@param scrub? fun(text: string): string takes secrets out
---@return claude.Error
function M.from_status(response, scrub)
  local status, given, body = response:status(), response:headers(), response:body() or ""
  local fields = {
    kind = "api",
    status = status,
    type = TYPE_OF_STATUS[status] or (status >= 500 and "api_error" or nil),
    request_id = given["request-id"],
    retry_after = M.retry_after(given),
    retryable = told_to_retry(given),
    headers = headers.redacted(given),
    body = body:sub(1, MAX_BODY),
  }
  if status >= 300 and status < 400 then
    fields.message = ("the server answered with a redirect (%d), which is not followed"):format(
      status
    )
    fields.hint = "correct the base URL"
    return finished(fields, scrub)
  end
  read_body(fields, body)
  return finished(fields, scrub)
end

-- Some servers send their errors with status 200, which then says nothing about them.
---@param given table<string, string> headers
---@param body string
---@return table fields
local function fields_of_hidden_error(given, body)
  local fields = {
    kind = "api",
    request_id = given["request-id"],
    headers = headers.redacted(given),
    body = body:sub(1, MAX_BODY),
  }
  read_body(fields, body)
  return fields
end

--- The error that an answer with status 200 is when it is no message: an error after all,
--- the page of a proxy, say, or of another server.
---@param response table a finished claude.core response
---@param scrub? fun(text: string): string
---@return claude.Error
function M.from_no_message(response, scrub)
  local given, body = response:headers(), response:body() or ""
  if require("claude.error_shapes").is_error(json.decode(body)) then
    return finished(fields_of_hidden_error(given, body), scrub)
  end
  return finished({
    kind = "protocol",
    status = response:status(),
    request_id = given["request-id"],
    message = "the answer is no message: " .. (body ~= "" and shown(body) or "it is empty"),
    hint = NO_MESSAGE_HINT,
    headers = headers.redacted(given),
    body = body:sub(1, MAX_BODY),
  }, scrub)
end

--- The error that the API's error object is, wherever it stands.
---@param body string JSON
---@return claude.Error
function M.from_told(body)
  local fields = { kind = "api", body = body:sub(1, MAX_BODY) }
  read_body(fields, body)
  return finished(fields)
end

--- The error that a response's own judgement is: an error event inside a stream, a
--- broken format, a stream without its end.
---@param response table a claude.core response that failed
---@param scrub? fun(text: string): string
---@return claude.Error
function M.from_failure(response, scrub)
  local failure = response:failure() or { kind = "incomplete", message = "the answer ended early" }
  local given = response:headers()
  local fields = {
    kind = failure.kind,
    type = failure.type,
    message = failure.message,
    status = response:status(),
    request_id = given["request-id"] or failure.request_id,
    headers = headers.redacted(given),
  }
  if failure.kind == "api" then
    fields.message = nil
    fields.body = response:body():sub(1, MAX_BODY)
    read_body(fields, fields.body)
  elseif failure.kind == "protocol" and failure.offset then
    fields.message = ("%s (at byte %d of the answer)"):format(failure.message, failure.offset)
  end
  return finished(fields, scrub)
end

return M
