--- Asks the API once: GET /v1/models?limit=1, through the transport that every request
--- takes, with short limits and no second try.

local api_error = require("claude.api_error")
local headers = require("claude.headers")
local tables = require("claude.tables")
local tasks = require("claude.tasks")

local M = {}

local PATH = "/v1/models?limit=1"
local LIMITS = { connect = 5, first_byte = 10, idle = 10 }

-- Statuses that tell that the key is not taken, whatever is asked for.
local REFUSED = { [401] = true, [403] = true }
local MODEL_LIST_HINT = "behind a gateway that may be all right: it may have no list of models"
local STRANGER_HINT = "something else answers there: check the base URL, and what stands between"

-- With the options given; without credentials where those cannot be sent: how far
-- requests get is worth knowing all the same.
---@param options claude.ClientOptions
---@return claude.Client
---@return boolean keyless
local function client_for(options)
  local given = tables.merged(options, { on_warning = function() end })
  local client = require("claude.client").new(given)
  if not client.problem then return client, options.api_key == false end
  given.api_key, given.auth_token = false, nil
  return require("claude.client").new(given), true
end

---@class claude.doctor.Answer
---@field response table
---@field exchange claude.Exchange
---@field seconds number

---@param client claude.Client
---@return claude.doctor.Answer?
---@return claude.Error? err
local function ask(client)
  local started = tasks.now()
  local exchange, err = require("claude.wire").start(client, {
    method = "GET",
    path = PATH,
    response = require("claude.core").response(client.response_limits),
    options = { limits = tables.merged(LIMITS, client.limits) },
  })
  if not exchange then return nil, err end
  local response = exchange.response
  while not response:finished() do
    local going, _, failure = exchange:wait()
    if not going then return nil, failure end
  end
  local seconds = tasks.now() - started
  if not response:status() then return nil, api_error.from_failure(response) end
  return { response = response, exchange = exchange, seconds = seconds }
end

---@param client claude.Client
---@param answer claude.doctor.Answer
---@return string
local function how_it_answered(client, answer)
  return ("%s answered %d after %d ms, over HTTP/%s%s"):format(
    client.base_url,
    answer.response:status(),
    math.floor(answer.seconds * 1000 + 0.5),
    answer.exchange.http_version or "1.1",
    client.base_url:find("^https:") and ", its certificate accepted" or ""
  )
end

---@param found claude.Report
---@param text string how it answered
---@param keyless boolean
---@param err claude.Error of a status of 400 and more
local function tell_refusal(found, text, keyless, err)
  local status = err.status
  if keyless and REFUSED[status] then
    found:add("reach", true, text .. " (no key was sent)")
  elseif REFUSED[status] then
    found:add("reach", true, text)
    found:add("key", false, "refused: " .. err.message, err.hint)
  elseif status == 404 then
    found:add("reach", nil, text .. ": " .. err.message, MODEL_LIST_HINT)
  else
    found:add("reach", nil, text .. ": " .. err.message, err.hint)
  end
end

---@param found claude.Report
---@param client claude.Client
---@param keyless boolean
---@param answer claude.doctor.Answer
local function tell_answer(found, client, keyless, answer)
  local text, response = how_it_answered(client, answer), answer.response
  local status = response:status()
  if status >= 300 then
    local err = api_error.from_status(response, headers.scrub_for(client))
    if status < 400 then return found:add("reach", false, text .. ": " .. err.message, err.hint) end
    return tell_refusal(found, text, keyless, err)
  end
  -- Our own reader: the host may have no JSON library, which is another finding.
  local list = require("claude.core").decode(response:body())
  if type(list) ~= "table" or type(list.data) ~= "table" then
    return found:add("reach", false, text .. ", but with no list of models", STRANGER_HINT)
  end
  found:add("reach", true, text)
  if not keyless then found:add("key", true, "accepted") end
end

--- Adds what it finds.
---@param found claude.Report
---@param options claude.ClientOptions
function M.look(found, options)
  if not found:find("claude.core").ok then
    return found:add("reach", nil, "not tried: claude.core does not load")
  end
  local client, keyless = client_for(options)
  if client.problem then return found:add("reach", nil, "not tried: " .. client.problem.message) end
  local answer, err = ask(client)
  if answer then return tell_answer(found, client, keyless, answer) end
  local scrub = headers.scrub_for(client)
  found:add("reach", false, ("%s: %s"):format(client.base_url, scrub(err.message)), err.hint)
end

return M
